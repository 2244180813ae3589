"""What is posted and paid on the chain for one epoch, as `antiphon.economy` computes it. Needs no EVM."""

from __future__ import annotations

import numpy as np
from eth_abi import encode
from eth_utils import keccak

from antiphon.economy.consensus import Outcome, columns

ZERO = bytes(32)


def packed_rows(weights: list[int]) -> list[int]:
    """16 weights a word, the first in the lowest bits."""
    return [
        sum(weight << 16 * n for n, weight in enumerate(weights[at : at + 16])) for at in range(0, len(weights), 16)
    ]


def content(found: Outcome) -> tuple[list[int], list[int]]:
    """What an honest poster posts of it."""
    clipped = np.minimum(found.rows, found.consensus)
    bonded = columns(found.share[:, None] * clipped).sum(axis=0)
    one = [
        int(rank) | int(agreed) << 63 | int(bond) << 95
        for rank, agreed, bond in zip(found.rank, found.consensus, bonded, strict=True)
    ]
    one += [0] * (len(one) % 2)
    words = [low | high << 128 for low, high in zip(one[::2], one[1::2], strict=True)]
    return words, [int(dividend) for dividend in found.dividends]


class Tree:
    """The payments of an epoch, and their proofs."""

    def __init__(self, epoch: int, amounts: dict[int, int]) -> None:
        self.levels = [
            [self._leaf(epoch, place, amounts[place]) if place in amounts else ZERO for place in range(2048)]
        ]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            self.levels.append([keccak(below[n] + below[n + 1]) for n in range(0, len(below), 2)])

    @staticmethod
    def _leaf(epoch: int, place: int, amount: int) -> bytes:
        return keccak(encode(["uint256"] * 3, [epoch, place, amount]))

    @property
    def root(self) -> bytes:
        return self.levels[-1][0]

    def proof(self, place: int) -> list[bytes]:
        return [level[place >> depth ^ 1] for depth, level in enumerate(self.levels[:-1])]
