"""A difference of parameters in under 1.5% of its float32 bytes: the largest of every chunk, with two bits each.

All arrays, flat and in the order of their names, are cut into chunks of 4,096. Of each, the `keep` largest by absolute
value stay: 12 bits say where, one the sign, one which of the chunk's two magnitudes (the means of the smaller and the
larger half). What was dropped or rounded is not lost: `compress` returns it, and it is added to the next difference
(SparseLoCo, arXiv:2508.15706: chunks of 4,096, 64 kept, 2 bits, error feedback with decay .95).
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from antiphon.errors import InputError, ProtocolError
from antiphon.genki.learning import Parameters
from antiphon.protocol import canonical

CHUNK: Final = 4_096
MAX_KEEP: Final = 128
"""Of a chunk: 1.42% of its float32 bytes."""
DECAY: Final = 0.95
MAX_CHANGE: Final = 1e3
"""Of one parameter in one round: far above what training makes, and far below what sums to infinity."""
_INDEX_BITS: Final = 12

Flat: TypeAlias = npt.NDArray[np.float32]


class Compressed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Packed bits, most significant first; `scales` are two little-endian float32 for each chunk."""

    keep: int
    index: bytes
    sign: bytes
    large: bytes
    scales: bytes


def flat(parameters: Parameters) -> Flat:
    """All values in one float32 vector, in the order of names."""
    parts = [np.ravel(parameters[name]) for name in sorted(parameters)]
    return np.concatenate(parts).astype(np.float32, copy=False) if parts else np.zeros(0, np.float32)


def shaped(values: Flat, like: Parameters) -> Parameters:
    """The reverse of `flat`."""
    made, start = {}, 0
    for name in sorted(like):
        made[name] = values[start : start + like[name].size].reshape(like[name].shape).astype(np.float32)
        start += like[name].size
    return made


def compress(delta: Flat, residual: Flat, keep: int) -> tuple[bytes, Flat]:
    """The bytes of `delta` and what is left of it, to be handed in as `residual` the next time.

    Raises `InputError` for a difference that is not finite: it would stay in the residual for ever.
    """
    wanted = delta + np.float32(DECAY) * residual
    check_finite(wanted)
    counts = _counts(len(wanted), keep)
    padded = np.pad(wanted, (0, -len(wanted) % CHUNK)).reshape(-1, CHUNK)
    order = np.argsort(-np.abs(padded), axis=1, kind="stable")
    kept = [np.sort(row[:count]) for row, count in zip(order, counts, strict=True)]
    index = np.concatenate(kept) if kept else np.zeros(0, np.int64)
    chunk = np.repeat(np.arange(len(counts)), counts)
    values = padded[chunk, index]
    large, scales = _levels(np.abs(values), counts)
    bits = (index[:, None] >> np.arange(_INDEX_BITS - 1, -1, -1)) & 1
    made = Compressed(
        keep=keep,
        index=np.packbits(bits.astype(np.uint8).ravel()).tobytes(),
        sign=np.packbits(values < 0).tobytes(),
        large=np.packbits(large).tobytes(),
        scales=scales.astype("<f4").tobytes(),
    )
    raw = canonical.pack(made)
    return raw, wanted - decompress(raw, len(wanted), keep)


def check_finite(change: Flat) -> None:
    if not np.isfinite(change).all():
        raise InputError("The training ended in numbers that are not finite", "Take a smaller learning rate.")


def decompress(raw: bytes, size: int, keep: int) -> Flat:
    """The difference `[size]` in `raw`. Raises `ProtocolError` unless it is exactly as long as it must be, names each
    place once and holds finite numbers."""
    told = canonical.decode(Compressed, raw, limit=max_bytes(size, keep))
    counts = _counts(size, keep)
    total = int(counts.sum())
    lengths = {"index": -(-total * _INDEX_BITS // 8), "sign": -(-total // 8), "large": -(-total // 8)}
    lengths["scales"] = 8 * len(counts)
    for name, length in lengths.items():
        if told.keep != keep or len(getattr(told, name)) != length:
            raise ProtocolError(
                f"The update is of another architecture or plan: {len(getattr(told, name))} bytes of {name}, "
                f"not {length}",
                "Join with the plan's model.",
            )
    bits = np.unpackbits(np.frombuffer(told.index, np.uint8))[: total * _INDEX_BITS].reshape(total, _INDEX_BITS)
    chunk = np.repeat(np.arange(len(counts)), counts)
    place = chunk * CHUNK + bits.astype(np.int64) @ (1 << np.arange(_INDEX_BITS - 1, -1, -1))
    scales = np.frombuffer(told.scales, "<f4").reshape(-1, 2)
    if total and ((np.diff(place) <= 0).any() or place[-1] >= size):
        raise ProtocolError("The update names places twice, or beyond the model", "It counts for nothing.")
    if not (np.isfinite(scales).all() and (scales >= 0).all() and (scales <= MAX_CHANGE).all()):
        raise ProtocolError(
            f"The update holds numbers that are not finite, or above {MAX_CHANGE:g}", "It counts for nothing."
        )
    if not scales.any():
        raise ProtocolError("The update changes nothing", "It counts for nothing.")
    large, sign = (np.unpackbits(np.frombuffer(one, np.uint8))[:total].astype(bool) for one in (told.large, told.sign))
    made = np.zeros(size, np.float32)
    made[place] = np.where(large, scales[chunk, 1], scales[chunk, 0]) * np.where(sign, np.float32(-1), np.float32(1))
    return made


def max_bytes(size: int, keep: int) -> int:
    """The longest compressed difference of `size` parameters, with its field names."""
    counts = _counts(size, keep)
    return int(counts.sum()) * (_INDEX_BITS + 2) // 8 + 8 * len(counts) + 128


def _counts(size: int, keep: int) -> npt.NDArray[np.int64]:
    """How many places of each chunk are kept; of the last, shorter one, its share."""
    if not 1 <= keep <= MAX_KEEP:
        raise InputError(f"keep is {keep}", f"Keep 1 to {MAX_KEEP} of each {CHUNK} parameters.")
    whole, rest = divmod(size, CHUNK)
    return np.array([keep] * whole + ([-(-keep * rest // CHUNK)] if rest else []), np.int64)


def _levels(magnitudes: Flat, counts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    """Which values are of the larger half of their chunk, and the mean of each half `[chunks, 2]`."""
    large, scales, start = np.zeros(len(magnitudes), bool), np.zeros((len(counts), 2), np.float32), 0
    for row, count in enumerate(counts):
        part = magnitudes[start : start + count]
        above = part > np.median(part)
        large[start : start + count] = above
        scales[row] = [part[~above].mean(), part[above].mean() if above.any() else 0.0]
        start += count
    return large, scales
