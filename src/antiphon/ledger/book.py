"""The book of a relay: every operation that it applied, in one order that it cannot change without being caught.

1. The digest at a place covers everything up to there: SHA-256(digest before || SHA-256(envelope)); before the first
   it is 32 zeros. 2. A head is (book, sequence, digest), signed (`relay.heads`). 3. Two signed heads of one book with
   the same sequence and other digests cost the relay its bond.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

EMPTY = bytes(32)
PAGE = 1_000
"""Most entries in one answer."""


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a book goes, signed."""

    book: bytes  # 32: the relay's Ed25519 key
    sequence: int
    digest: bytes  # 32
    signature: bytes  # 65: r, s, v


class BookPage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hashes of the envelopes from `first` on, and the head at the end of this page."""

    first: int
    hashes: tuple[bytes, ...]
    head: Head


def extend(digest: bytes, hashes: Iterable[bytes]) -> bytes:
    """Rule 1."""
    for one in hashes:
        digest = hashlib.sha256(digest + one).digest()
    return digest
