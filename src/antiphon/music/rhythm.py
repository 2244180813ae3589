"""Rhythms of a bar, in sixteenths, and which of them suits a tempo and a density."""

from __future__ import annotations

import random

CELLS: dict[int, tuple[tuple[int, ...], ...]] = {
    4: (
        (16,),
        (8, 8),
        (12, 4),
        (4, 12),
        (8, 4, 4),
        (4, 4, 8),
        (4, 8, 4),
        (6, 2, 8),
        (4, 4, 4, 4),
        (6, 2, 4, 4),
        (4, 2, 2, 8),
        (4, 2, 2, 4, 4),
        (4, 4, 2, 2, 4),
        (2, 2, 4, 8),
        (2, 2, 4, 4, 4),
        (6, 2, 2, 2, 4),
        (3, 1, 4, 3, 1, 4),
        (3, 1, 4, 8),
        (2, 2, 2, 2, 8),
        (2, 2, 2, 2, 4, 4),
        (4, 2, 2, 4, 2, 2),
        (2, 2, 4, 2, 2, 4),
        (4, 2, 2, 2, 2, 4),
        (2, 2, 2, 2, 2, 2, 4),
        (2, 1, 1, 4, 2, 1, 1, 4),
        (1, 1, 2, 4, 1, 1, 2, 4),
        (2, 1, 1, 2, 2, 4, 4),
    ),
    3: (
        (12,),
        (8, 4),
        (4, 8),
        (6, 6),
        (4, 4, 4),
        (6, 2, 4),
        (4, 6, 2),
        (4, 2, 2, 4),
        (4, 4, 2, 2),
        (2, 2, 4, 4),
        (6, 2, 2, 2),
        (4, 2, 2, 2, 2),
        (2, 2, 2, 2, 4),
        (2, 2, 2, 2, 2, 2),
        (3, 1, 4, 4),
        (2, 1, 1, 4, 4),
    ),
}
"""Beats in a bar -> straight rhythms."""

SYNCOPATED: dict[int, tuple[tuple[int, ...], ...]] = {
    4: (
        (6, 6, 4),
        (3, 3, 2, 8),
        (3, 3, 2, 4, 4),
        (6, 4, 6),
        (2, 4, 2, 8),
        (2, 4, 2, 4, 4),
        (4, 6, 2, 4),
        (3, 3, 2, 3, 3, 2),
        (3, 3, 3, 3, 4),
        (2, 2, 4, 2, 4, 2),
        (4, 2, 4, 2, 4),
    ),
    3: ((6, 6), (4, 6, 2), (2, 4, 2, 4), (3, 3, 2, 4)),
}
"""Rhythms against the beat."""

CADENCES: dict[int, tuple[tuple[int, ...], ...]] = {
    4: ((4, 4, 8), (8, 8), (6, 2, 8), (4, 2, 2, 8), (2, 2, 4, 8), (4, 12), (2, 2, 12)),
    3: ((4, 8), (12,), (2, 2, 8), (6, 6)),
}
"""Rhythms that come to rest."""

_PAIRS = ((8,), (4, 4), (6, 2), (4, 2, 2), (2, 2, 4))
"""Two beats."""

CELLS[5] = tuple((*three, *two) for three in CELLS[3] for two in _PAIRS)
SYNCOPATED[5] = tuple((*three, *two) for three in SYNCOPATED[3] for two in _PAIRS)
CADENCES[5] = tuple((*three, 8) for three in ((4, 4, 4), (6, 6), (12,), (4, 8), (6, 2, 4)))

SLOW_UNIT_S = 0.09
"""Shortest note a listener follows in a melody; faster rhythms are not chosen."""


def choose(meter: int, bar_s: float, density: float, syncopation: float, rng: random.Random) -> tuple[int, ...]:
    """A rhythm for one bar whose notes a second suit `density` 0..1."""
    pool = SYNCOPATED[meter] if rng.random() < syncopation else CELLS[meter]
    unit_s = bar_s / (4 * meter)
    playable = [cell for cell in pool if min(cell) * unit_s >= SLOW_UNIT_S] or [CELLS[meter][0]]
    target = 0.9 + 3.6 * density

    def misfit(cell: tuple[int, ...]) -> float:
        return abs(len(cell) / bar_s - target)

    return rng.choice(sorted(playable, key=misfit)[:6])


def cadence(meter: int, bar_s: float, density: float, rng: random.Random) -> tuple[int, ...]:
    """A rhythm for the last bar of a phrase: it ends on a long note."""
    target = 0.6 + 1.8 * density
    return rng.choice(sorted(CADENCES[meter], key=lambda cell: abs(len(cell) / bar_s - target))[:3])


def varied(cell: tuple[int, ...], rng: random.Random) -> tuple[int, ...]:
    """The same rhythm with one note split or two joined; it keeps its length."""
    values = list(cell)
    long = [index for index, value in enumerate(values) if value >= 4 and value % 2 == 0]
    pairs = [index for index in range(len(values) - 1) if values[index] == values[index + 1] <= 4]
    if long and (not pairs or rng.random() < 0.6):
        index = rng.choice(long)
        half = values[index] // 2
        values[index : index + 1] = [half, half]
    elif pairs:
        index = rng.choice(pairs)
        values[index : index + 2] = [2 * values[index]]
    return tuple(values)
