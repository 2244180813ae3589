"""Metre: how long a bar is, and where its beats are.

A simple metre's beats are quarters, which halve; a compound metre's are dotted quarters, which have three eighths; an
additive one mixes both (W. Piston, *Harmony*; H. Cowell, *New Musical Resources*, on 7/8 as 2 + 2 + 3).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec

TICKS = 24
"""Ticks a quarter note: sixteenths are 6, triplet eighths 8."""

SIXTEENTH = TICKS // 4
_SIMPLE, _COMPOUND = 4, 6
"""Sixteenths of a beat that halves, and of one of three eighths."""


class Meter(msgspec.Struct, frozen=True):
    """`count` notes of 1/`unit` a bar; `groups` are its beats in sixteenths, `strong` the indices of accented beats."""

    count: int
    unit: int
    groups: tuple[int, ...]
    strong: tuple[int, ...] = (0,)

    def __str__(self) -> str:
        return f"{self.count}/{self.unit}"

    @property
    def sixteenths(self) -> int:
        return sum(self.groups)

    @property
    def ticks(self) -> int:
        """Ticks a bar."""
        return self.sixteenths * SIXTEENTH

    @property
    def beats(self) -> int:
        return len(self.groups)

    @property
    def compound(self) -> bool:
        """Every beat has three eighths; then the tempo counts dotted quarters."""
        return set(self.groups) == {_COMPOUND}

    @property
    def pulse(self) -> int:
        """Ticks of what a tempo counts."""
        return (_COMPOUND if self.compound else _SIMPLE) * SIXTEENTH

    @property
    def beat_ticks(self) -> tuple[int, ...]:
        """Where each beat begins, in ticks of a bar."""
        return tuple(itertools.accumulate((group * SIXTEENTH for group in self.groups[:-1]), initial=0))

    @property
    def strong_ticks(self) -> tuple[int, ...]:
        """Where the accented beats begin, in ticks of a bar."""
        return tuple(self.beat_ticks[index] for index in self.strong)

    def on_beat(self, tick: int) -> bool:
        """Whether a beat begins at a tick that is counted from a bar line."""
        return tick % self.ticks in self.beat_ticks

    def warped(self, position: int) -> int:
        """Sixteenths from the bar line at which a stroke falls that is written in beats of four sixteenths.

        A beat of three eighths stretches them: patterns of simple metres lilt in compound ones.
        """
        bar, inside = divmod(position, _SIMPLE * self.beats)
        beat, part = divmod(inside, _SIMPLE)
        start = sum(self.groups[:beat])
        return bar * self.sixteenths + start + (part if self.groups[beat] == _SIMPLE else (0, 2, 4, 5)[part])


def _beats(count: int, *groups: int, unit: int = 8, strong: Sequence[int] = (0,)) -> Meter:
    return Meter(count, unit, groups, tuple(strong))


METERS: dict[str, Meter] = {
    str(meter): meter
    for meter in (
        _beats(2, 4, 4, unit=4),
        _beats(3, 4, 4, 4, unit=4),
        _beats(4, 4, 4, 4, 4, unit=4, strong=(0, 2)),
        _beats(5, 4, 4, 4, 4, 4, unit=4, strong=(0, 3)),
        _beats(6, 6, 6, strong=(0,)),
        _beats(7, 4, 4, 6, strong=(0, 2)),
        _beats(9, 6, 6, 6),
        _beats(12, 6, 6, 6, 6, strong=(0, 2)),
    )
}
"""Name -> metre: those that are played as themselves."""

COMMON = METERS["4/4"]
