"""What is posted of an epoch: the consensus of its revealed weights, packed as `contracts/epochs.vy` keeps it.

The integers are `antiphon.economy.consensus`'s; the contract recomputes any column, and any validator's dividends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from antiphon.economy.consensus import MAX_WEIGHT, Options, Outcome, columns, reach
from antiphon.errors import ConflictError, InputError

MAX_COLUMNS, MAX_SEATS = 1_024, 64
PER_WORD = 16
"""Weights, of 16 bits each."""
_RANK, _SHARE, _HALF = (1 << 63) - 1, (1 << 32) - 1, (1 << 128) - 1


class Revealed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One validator's weights, as its event tells them."""

    seat: int
    validator: str
    stake: int  # in the registry's unit
    words: tuple[int, ...]  # 16 columns each, the first in the lowest bits


class Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A post: two columns a word (rank, consensus * 2^63, bonded * 2^95), and each seat's dividends."""

    columns: tuple[int, ...]
    dividends: tuple[int, ...]

    def column(self, number: int) -> int:
        """One column's 128 bits."""
        return self.columns[number >> 1] >> 128 * (number & 1) & _HALF

    def ranks(self) -> list[int]:
        """[2 * words]: what nodes are paid by."""
        return [self.column(number) & _RANK for number in range(2 * len(self.columns))]

    def consensus(self) -> list[int]:
        """[2 * words]: shares of `consensus.ONE`."""
        return [self.column(number) >> 63 & _SHARE for number in range(2 * len(self.columns))]


def packed(weights: Sequence[int]) -> tuple[int, ...]:
    """Weights by column, 16 a word. Raises InputError for what is no weight, or too many."""
    if any(isinstance(one, bool) or not isinstance(one, int) or not 0 <= one <= MAX_WEIGHT for one in weights):
        raise InputError(f"A weight is no whole number within 0..{MAX_WEIGHT}", "Scale them to the largest.")
    if len(weights) > MAX_COLUMNS:
        raise InputError(f"{len(weights)} weights are more than {MAX_COLUMNS}", "Leave the others out.")
    return tuple(
        sum(weight << 16 * place for place, weight in enumerate(weights[at : at + PER_WORD]))
        for at in range(0, len(weights), PER_WORD)
    )


def unpacked(words: Sequence[int], count: int) -> list[int]:
    """The first `count` weights of a row; those that it does not reach are 0."""
    found = [word >> 16 * place & 0xFFFF for word in words for place in range(PER_WORD)]
    return (found + [0] * count)[:count]


def content(reveals: Iterable[Revealed], seats: int, nodes: int, options: Options) -> Content:
    """What an honest poster posts. Raises ConflictError when the weights agree on nobody: then nothing is paid."""
    counted = sorted(reveals, key=lambda one: one.seat)
    rows = np.array([unpacked(one.words, nodes) for one in counted], dtype=np.int64).reshape(len(counted), nodes)
    found = reach(rows, [one.stake for one in counted], options=options)
    if not found.rank.any():
        raise ConflictError(
            f"The weights of {len(counted)} validators agree on nobody", "Nothing is posted, and nothing is issued."
        )
    dividends = [0] * seats
    for revealed, due in zip(counted, found.dividends.tolist(), strict=True):
        dividends[revealed.seat] = due
    return Content(columns=packed_columns(found), dividends=tuple(dividends))


def packed_columns(found: Outcome) -> tuple[int, ...]:
    """Two columns a word, the first in the lower half."""
    bonded = columns(found.share[:, None] * np.minimum(found.rows, found.consensus)).sum(axis=0)
    one = [
        int(rank) | int(agreed) << 63 | int(bond) << 95
        for rank, agreed, bond in zip(found.rank, found.consensus, bonded, strict=True)
    ]
    one += [0] * (len(one) % 2)
    return tuple(low | high << 128 for low, high in zip(one[::2], one[1::2], strict=True))
