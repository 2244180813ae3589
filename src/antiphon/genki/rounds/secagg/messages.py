"""What is said in an attempt at a sum. Every answer is signed, and bound to federation, round, base and attempt."""

from __future__ import annotations

from typing import Final, TypeAlias, TypeVar

import msgspec
from blake3 import blake3

from antiphon.errors import ProtocolError
from antiphon.genki.rounds.task import Task
from antiphon.protocol import canonical
from antiphon.protocol.identity import SIGNATURE_BYTES, Identity, verify

DOMAIN: Final = b"antiphon/1 genki secagg\0"
MAX_STEP_BYTES: Final = 4 * 1024 * 1024

T = TypeVar("T")


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Offer(_Message, frozen=True):
    """A party has learnt, and takes part: its public keys for this attempt, and the hash of its own mask's seed."""

    cipher: bytes  # X25519
    mask: bytes  # X25519
    seed_hash: bytes


class Share(_Message, frozen=True, tag="share"):
    """Asks for shares of one's secrets, for everybody whose signed offer this is; ascending by contributor."""

    attempt: str
    offers: tuple[bytes, ...]


class Shares(_Message, frozen=True):
    """By receiver, sealed for it alone: `Pair`."""

    sealed: dict[str, bytes]


class Pair(_Message, frozen=True):
    """Shares of a party's two secrets. Never more than one of them is opened."""

    seed: bytes
    key: bytes


class Mask(_Message, frozen=True, tag="mask"):
    """Asks for the masked update; with the shares that others sealed for the receiver, by sender."""

    attempt: str
    sealed: dict[str, bytes]


class Masked(_Message, frozen=True):
    words: bytes  # little-endian uint32


class Confirm(_Message, frozen=True, tag="confirm"):
    """Asks to confirm whose masked updates are in the sum; ascending."""

    attempt: str
    summed: tuple[str, ...]


class Confirmed(_Message, frozen=True):
    summed: tuple[str, ...]


class Open(_Message, frozen=True, tag="open"):
    """Asks to open the sum, with the signed confirmations of others."""

    attempt: str
    confirmed: dict[str, bytes]


class Opened(_Message, frozen=True):
    """Shares of the seeds of those in the sum, and of the keys of those who are not."""

    seeds: dict[str, bytes]
    keys: dict[str, bytes]


Step: TypeAlias = Share | Mask | Confirm | Open


class _Signed(_Message, frozen=True):
    contributor: str
    body: bytes
    signature: bytes = b""


def context(task: Task) -> bytes:
    """32 bytes that bind everything of an attempt to it."""
    return blake3(DOMAIN + canonical.pack((task.plan.id, task.round, task.base, task.attempt))).digest()


def signed(answer: _Message, identity: Identity, about: bytes) -> bytes:
    body = canonical.pack(answer)
    signature = identity.sign(_said(answer.__class__, body, about))
    return canonical.pack(_Signed(contributor=identity.node_id, body=body, signature=signature))


def opened(kind: type[T], raw: bytes, about: bytes, contributor: str = "", *, limit: int) -> tuple[str, T]:
    """Who signed it, and what. Raises `ProtocolError` unless it is of `contributor` (empty: of anybody)."""
    said = canonical.decode(_Signed, raw, limit=limit)
    if len(said.signature) != SIGNATURE_BYTES:
        raise ProtocolError("The answer is unsigned", "A contributor signs what it hands in.")
    if contributor and said.contributor != contributor:
        raise ProtocolError(f"The answer is of {said.contributor[:12]}, who did not send it", "Send your own.")
    verify(said.contributor, said.signature, _said(kind, said.body, about))
    return said.contributor, canonical.decode(kind, said.body, limit=limit)


def _said(kind: type, body: bytes, about: bytes) -> bytes:
    return DOMAIN + about + canonical.pack(kind.__name__) + blake3(body).digest()
