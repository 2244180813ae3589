"""Numbers that may be added under masks, the masks, and what masks are made of."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from antiphon.errors import ProtocolError
from antiphon.genki.rounds.compression import CHUNK, Flat
from antiphon.protocol.identity import derive

KEY_BYTES: Final = 32
BITS: Final = 20
"""Of a value beside its sign: the step is the bound over 2^20."""
MAX_ADDED: Final = 2 ** (31 - BITS) - 1
"""2,047 values of 21 bits add up in 32."""
MAX_PARTIES: Final = 48
"""Of one sum: shares cost the square of it for each party, and the cube for the coordinator, in Python."""

SHARE_BYTES: Final = 256
"""Of one party's shares for another, sealed, with its name: at most."""

Words: TypeAlias = npt.NDArray[np.uint32]
"""Integers modulo 2^32."""


def threshold(parties: int) -> int:
    """Parties without which nothing can be opened: more than two thirds. Two sums of one round that both have so many
    confirmations share an honest party, if less than a third are dishonest, and that confirms one sum only."""
    return 2 * parties // 3 + 1


def places(base: str, size: int, keep: int) -> npt.NDArray[np.int64]:
    """Which parameters a round is about, ascending: `keep` of each 4,096, drawn by the hash of what it begins with.

    They are the same for all: numbers of other places do not add up, and would tell where a party changed most.
    """
    if keep >= CHUNK:
        return np.arange(size)
    draw = np.random.default_rng(int(base, 16))
    found = []
    for start in range(0, size, CHUNK):
        length = min(CHUNK, size - start)
        found.append(start + np.sort(draw.permutation(length)[: -(-keep * length // CHUNK)]))
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def words_in(size: int, keep: int) -> int:
    """How many there are of `places`."""
    whole, rest = divmod(size, CHUNK)
    return size if keep >= CHUNK else whole * keep + -(-keep * rest // CHUNK)


def step(bound: float) -> float:
    """What one unit of a word is worth, for values within `bound`."""
    return float(bound / 2**BITS)


def fixed(values: Flat, bound: float) -> Words:
    """The nearest multiples of `step(bound)`, negative ones as 2^32 less."""
    units = np.rint(np.clip(values.astype(np.float64) / step(bound), -(2**BITS), 2**BITS))
    return units.astype(np.int64).astype(np.uint32)


def floats(total: Words, bound: float) -> Flat:
    """The reverse, of one's words or of a sum of up to `MAX_ADDED`."""
    return (total.astype(np.int32).astype(np.float64) * step(bound)).astype(np.float32)


def taken(wanted: Flat, where: npt.NDArray[np.int64], bound: float) -> tuple[Words, Flat]:
    """The words of the change `wanted` at these places, their L2 norm at most `bound`, and what they leave of it."""
    part = wanted[where]
    norm = float(np.linalg.norm(part.astype(np.float64)))
    words = fixed(part * np.float32(bound / norm) if norm > bound else part, bound)
    left = wanted.copy()
    left[where] -= floats(words, bound)
    return words, left


def mask(key: bytes, count: int) -> Words:
    """`count` words of ChaCha20's key stream (RFC 8439). A key serves one mask only."""
    stream = Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor().update(bytes(4 * count))
    return np.frombuffer(stream, "<u4").astype(np.uint32)


def agreed(private: X25519PrivateKey, public: bytes, context: bytes, label: bytes) -> bytes:
    """A key that only two parties know, of this context and for what `label` says. Raises `ProtocolError`."""
    try:
        shared = private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:  # a length, or a point of small order
        raise ProtocolError("A party's X25519 key is none", "The round goes on without it.") from error
    return derive(shared, salt=context, info=b"antiphon/1 genki secagg " + label)


def split(secret: bytes, needed: int, count: int) -> list[bytes]:
    """Shares of 32 bytes for parties 1..count, any `needed` of which give it back."""
    from flwr.common.secure_aggregation.crypto.shamir import create_shares

    return create_shares(secret, needed, count)


def joined(shares: list[bytes]) -> bytes:
    """The secret. Raises `ProtocolError` for what are no shares of one; false ones may give anything."""
    from flwr.common.secure_aggregation.crypto.shamir import combine_shares

    try:
        return combine_shares(shares)
    except (ValueError, IndexError, TypeError) as error:
        raise ProtocolError(f"The shares do not fit together: {error}", "One of them is false.") from error
