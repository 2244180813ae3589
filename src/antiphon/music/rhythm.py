"""Rhythms of a bar, in sixteenths, and which of them suits a tempo and a density."""

from __future__ import annotations

import functools
import itertools
import random

from antiphon.music.meter import Meter

Cell = tuple[int, ...]
"""Lengths of notes in sixteenths."""

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
"""Quarters in a bar -> straight rhythms."""

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

CELLS[2], SYNCOPATED[2], CADENCES[2] = _PAIRS, ((2, 4, 2), (3, 3, 2)), ((8,), (4, 4), (2, 2, 4))
CELLS[5] = tuple((*three, *two) for three in CELLS[3] for two in _PAIRS)
SYNCOPATED[5] = tuple((*three, *two) for three in SYNCOPATED[3] for two in _PAIRS)
CADENCES[5] = tuple((*three, 8) for three in ((4, 4, 4), (6, 6), (12,), (4, 8), (6, 2, 4)))

_DOTTED: tuple[Cell, ...] = ((6,), (4, 2), (2, 2, 2), (3, 1, 2), (2, 4))
"""A beat of three eighths: whole, long and short as in a jig, even, siciliano, short and long."""

_TWO_DOTTED: tuple[Cell, ...] = (
    (12,),
    (6, 6),
    (4, 2, 6),
    (6, 4, 2),
    (4, 2, 4, 2),
    (2, 2, 2, 6),
    (4, 2, 2, 2, 2),
    (2, 2, 2, 4, 2),
    (2, 2, 2, 2, 2, 2),
    (3, 1, 2, 6),
    (3, 1, 2, 4, 2),
)
_AGAINST_DOTTED: tuple[Cell, ...] = ((4, 4, 4), (2, 4, 2, 4), (2, 4, 6), (6, 2, 4))
"""Hemiolas, and accents on the second eighth."""

_RESTING_DOTTED: tuple[Cell, ...] = ((6, 6), (12,), (4, 2, 6), (2, 2, 2, 6))

SLOW_UNIT_S = 0.09
"""Shortest note a listener follows in a melody; faster rhythms are not chosen."""


@functools.cache
def _pools(meter: Meter) -> tuple[tuple[Cell, ...], tuple[Cell, ...], tuple[Cell, ...]]:
    """Straight rhythms, those against the beat, and those that come to rest."""
    if all(group == 4 for group in meter.groups):
        return CELLS[meter.beats], SYNCOPATED[meter.beats], CADENCES[meter.beats]
    if meter.compound and meter.beats % 2 == 0:
        halves = meter.beats // 2
        return (
            _joined(*[_TWO_DOTTED] * halves),
            _joined(*[_TWO_DOTTED[1:]] * (halves - 1), _AGAINST_DOTTED),
            _joined(*[_TWO_DOTTED[1:]] * (halves - 1), _RESTING_DOTTED),
        )
    before = _TWO_DOTTED if meter.compound else _PAIRS
    against = _AGAINST_DOTTED if meter.compound else ((2, 4, 2), (3, 3, 2), (6, 2))
    return _joined(before, _DOTTED), _joined(against, _DOTTED), _joined(before, ((6,),))


def _joined(*parts: tuple[Cell, ...]) -> tuple[Cell, ...]:
    return tuple(tuple(itertools.chain(*cells)) for cells in itertools.product(*parts))


def choose(meter: Meter, bar_s: float, density: float, syncopation: float, rng: random.Random) -> tuple[int, ...]:
    """A rhythm for one bar whose notes a second suit `density` 0..1."""
    straight, against, _ = _pools(meter)
    pool = against if rng.random() < syncopation else straight
    unit_s = bar_s / meter.sixteenths
    playable = [cell for cell in pool if min(cell) * unit_s >= SLOW_UNIT_S] or [straight[0]]
    target = 0.9 + 3.6 * density

    def misfit(cell: tuple[int, ...]) -> float:
        return abs(len(cell) / bar_s - target)

    return rng.choice(sorted(playable, key=misfit)[:6])


def cadence(meter: Meter, bar_s: float, density: float, rng: random.Random) -> tuple[int, ...]:
    """A rhythm for the last bar of a phrase: it ends on a long note."""
    target = 0.6 + 1.8 * density
    return rng.choice(sorted(_pools(meter)[2], key=lambda cell: abs(len(cell) / bar_s - target))[:3])


def varied(cell: tuple[int, ...], meter: Meter, rng: random.Random) -> tuple[int, ...]:
    """The same rhythm with one note split or two joined; it keeps its length."""
    values = list(cell)
    long = [index for index, value in enumerate(values) if value >= 4 and value % 2 == 0]
    pairs = [index for index in range(len(values) - 1) if values[index] == values[index + 1] <= 4]
    if long and (not pairs or rng.random() < 0.6):
        index = rng.choice(long)
        first = 4 if meter.compound and values[index] == 6 else values[index] // 2
        values[index : index + 1] = [first, values[index] - first]
    elif pairs:
        index = rng.choice(pairs)
        values[index : index + 2] = [2 * values[index]]
    return tuple(values)
