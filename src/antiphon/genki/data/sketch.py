"""What may be told of clips so that others find out whether they hold the same ones, and nothing else.

A clip's sketch is 128 minima of its fingerprint's words under as many hash functions (Broder, "On the resemblance and
containment of documents", 1997), of each only 16 bits (Li & Koenig, "b-Bit minwise hashing", WWW 2010). Two clips agree
in about as many slots as they share words; others agree in a slot once in 65,536. Each slot fits 65,536 words, and says
neither which, nor when it sounded: audio cannot be made of it. Whoever has the recording finds that another has it:
that is its purpose. The hash functions come from a salt, so that sketches of two salts cannot be compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from antiphon.errors import InputError, ProtocolError
from antiphon.genki.data.collection import MAX_CLIPS, Collection
from antiphon.protocol import canonical

SLOTS = 128
SHARED = 4
"""Equal slots from which two clips are taken for the same: by chance one pair in 10^12 has so many, and different clips
have 1 at most (docs/data.md)."""

MAX_BYTES = 64 + MAX_CLIPS * (2 * SLOTS + 3) + 256
MAX_SALT_CHARS = 200
_NEAR = 2  # equal slots, in full, that make two of one's own clips worth a look

Slots = npt.NDArray[np.uint32]
Matrix = npt.NDArray[np.uint16]


class Sketch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A declaration: the salt, and `2 * SLOTS` bytes for each clip, sorted, so that their order tells nothing."""

    version: int
    salt: str
    clips: tuple[bytes, ...]

    def __post_init__(self) -> None:
        _check_salt(self.salt)
        if self.version != 1 or len(self.clips) > MAX_CLIPS or any(len(clip) != 2 * SLOTS for clip in self.clips):
            raise InputError("This is no sketch of version 1", "Ask for one: antiphon data sketch NAME -o FILE")

    def matrix(self) -> Matrix:
        """`[clips, SLOTS]`."""
        return np.frombuffer(b"".join(self.clips), dtype="<u2").reshape(-1, SLOTS)


def slots_of(fingerprint: bytes, salt: str = "") -> Slots:
    """Minima of a fingerprint, `[SLOTS]`; it must not be empty."""
    words = np.unique(np.frombuffer(fingerprint, dtype="<u4")).astype(np.uint64)
    seed = hashlib.shake_256(b"antiphon/1 clip sketch\n" + salt.encode()).digest(SLOTS * 16)
    factors, offsets = np.frombuffer(seed, dtype="<u8").reshape(2, SLOTS, 1)
    mixed = words * (factors | np.uint64(1)) + offsets
    mixed ^= mixed >> np.uint64(31)
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    return np.asarray(mixed.min(axis=1), dtype=np.uint64).astype(
        np.uint32
    )  # the low bits: those of a minimum's that are even


def declared(collection: Collection, salt: str = "") -> tuple[Sketch, list[str]]:
    """The sketch of a collection, and its clips' ids in the same order; clips without fingerprint are left out."""
    _check_salt(salt)
    prints = ((clip, collection.fingerprint(clip)) for clip in collection.ids())
    rows = sorted((slots_of(print_, salt).astype("<u2").tobytes(), clip) for clip, print_ in prints if print_)
    return Sketch(version=1, salt=salt, clips=tuple(row for row, _ in rows)), [clip for _, clip in rows]


def shared(own: Sketch, other: Sketch) -> list[int]:
    """Which clips of `own` the other declares too, as indices. Raises `InputError` for different salts."""
    if own.salt != other.salt:
        raise InputError("Sketches of two salts cannot be compared", "Make yours with the salt of the other one.")
    theirs = other.matrix()
    if not theirs.shape[0]:
        return []
    return [n for n, row in enumerate(own.matrix()) if int((theirs == row).sum(axis=1).max()) >= SHARED]


def encode_sketch(sketch: Sketch) -> bytes:
    return canonical.pack(sketch)


def read_sketch(file: Path) -> Sketch:
    """A sketch that somebody else made. Raises `InputError` for what is none."""
    try:
        with file.open("rb") as stream:
            return canonical.decode(Sketch, stream.read(MAX_BYTES + 1), limit=MAX_BYTES)
    except OSError as error:
        raise InputError(f"{str(file)!r} cannot be read: {error.strerror}", "Check its name and mode.") from error
    except ProtocolError as error:
        raise InputError(f"{str(file)!r} is no sketch", "Ask for one: antiphon data sketch NAME -o FILE") from error


def near_pairs(slots: Sequence[Slots]) -> Iterator[tuple[int, int]]:
    """Pairs that share slots, to be looked at: of a group that shares one, only neighbours, so that a word which all
    clips have costs no more than others."""
    if not slots:
        return
    matrix, counts = np.array(slots), dict[tuple[int, int], int]()
    for column in matrix.T:
        order = np.argsort(column, kind="stable")
        for first, second in pairwise(order.tolist()):
            if column[first] == column[second]:
                counts[first, second] = counts.get((first, second), 0) + 1
    yield from sorted(pair for pair, count in counts.items() if count >= _NEAR)


def _check_salt(salt: str) -> None:
    if len(salt) > MAX_SALT_CHARS or not salt.isprintable():
        raise InputError(f"A salt is at most {MAX_SALT_CHARS} printable characters", "Give the round's name.")
