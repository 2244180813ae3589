"""Shapley values of a game: each player's mean marginal value over all orders in which players may come.

Exact by all 2^n groups for up to `EXACT` players. Beyond, truncated Monte Carlo (Ghorbani & Zou, "Data Shapley", 2019)
over pairs of an order and its reverse (Mitchell et al., "Sampling permutations for Shapley value estimation", 2022):
such a pair is exact already where no more than two players interact.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, sqrt
from typing import Protocol

import numpy as np
import numpy.typing as npt

EXACT = 8
TOLERANCE = 0.001
"""Share of everybody's value: an order whose rest is worth less is cut off."""

Values = npt.NDArray[np.float64]


class Valued(Protocol):
    """`game.Game`, or any other: value 0 for nobody."""

    @property
    def everybody(self) -> int: ...

    @property
    def evaluations(self) -> int: ...

    def value(self, group: int) -> float: ...


@dataclass(frozen=True)
class Estimate:
    """`values` and their standard `errors`, `[players]`, in the game's unit; errors are 0 where it is exact."""

    values: Values
    errors: Values
    evaluations: int


def shapley(game: Valued, *, pairs: int = 4, seed: int = 0, exactly: int = EXACT) -> Estimate:
    """Exact for up to `exactly` players, else by `pairs` of orders."""
    return exact(game) if game.everybody < 1 << exactly else truncated(game, pairs=pairs, seed=seed)


def exact(game: Valued) -> Estimate:
    """Over all groups: 2^n - 1 evaluations."""
    players = game.everybody.bit_length()
    values = np.zeros(players)
    for group in range(game.everybody + 1):
        size = group.bit_count()
        for player in range(players):
            if not group >> player & 1:
                gain = game.value(group | 1 << player) - game.value(group)
                values[player] += gain / (players * comb(players - 1, size))
    return Estimate(values, np.zeros(players), game.evaluations)


def truncated(game: Valued, *, pairs: int = 4, seed: int = 0) -> Estimate:
    """By `pairs` of orders: about 2 n evaluations each, fewer where orders are cut off. The error is that of a mean of
    pairs; of a single pair it is not known, and NaN."""
    players, rng, sums = game.everybody.bit_length(), np.random.default_rng(seed), []
    for _ in range(pairs):
        order = rng.permutation(players)
        sums.append((_gains(game, order) + _gains(game, order[::-1])) / 2)
    spread = np.std(sums, axis=0, ddof=1) / sqrt(pairs) if pairs > 1 else np.full(players, np.nan)
    return Estimate(np.mean(sums, axis=0), spread, game.evaluations)


def _gains(game: Valued, order: npt.NDArray[np.int64]) -> Values:
    """Marginal values along one order; 0 from where it is cut off."""
    gains, whole = np.zeros(len(order)), game.value(game.everybody)
    group, before, idle = 0, 0.0, 0
    for player in order:
        idle = idle + 1 if abs(whole - before) <= TOLERANCE * abs(whole) else 0
        if idle == 3:  # once may be a value on its way down
            break
        group |= 1 << int(player)
        now = game.value(group)
        gains[player], before = now - before, now
    return gains
