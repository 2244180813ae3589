"""How loud a piece is as it goes: a level for each section, swells between them, and what they do to velocities.

Sections stand apart by terraces, as in music for instruments that cannot swell; an introduction or a break grows into
what follows. Levels are counted in steps of dynamics (p, mp, mf, f).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from antiphon.music.forms import LETTERS
from antiphon.music.score import Note, Section

STEP_DB = 5.0
_EXPONENT = 0.8
"""Of the sound chip: its volume is the velocity to this power."""

_PLANS = {
    # Steps below the loudest, of A, B, C, D, E.
    "calm": (0.6, 0.0, 1.4, 0.4, 1.0),
    "usual": (0.9, 0.0, 1.7, 0.3, 1.2),
    "contrast": (2.0, 0.0, 2.2, 0.0, 1.4),
}
_INTRO, _BREAK = 1.5, 2.0
_SOFT = 1.5
"""Steps by which a piece is softer that is asked to be soft."""


class Dynamics(msgspec.Struct, frozen=True):
    """Steps below the loudest, 0 or more, at `ticks`; between them in a straight line."""

    ticks: tuple[int, ...]
    steps: tuple[float, ...]

    def at(self, tick: int) -> float:
        """Steps below the loudest at a tick."""
        if tick <= self.ticks[0]:
            return self.steps[0]
        for index in range(1, len(self.ticks)):
            if tick < self.ticks[index]:
                before, after = self.ticks[index - 1], self.ticks[index]
                share = (tick - before) / (after - before)
                return self.steps[index - 1] + share * (self.steps[index] - self.steps[index - 1])
        return self.steps[-1]


def planned(sections: Sequence[Section], wish: str | None, end: int, bar: int) -> Dynamics:
    """The dynamics of a form. `wish` is `crescendo`, `diminuendo`, `soft`, `loud` or `contrast`, or None."""
    soft = _SOFT if wish == "soft" else 0.0
    if wish in ("crescendo", "diminuendo"):
        return Dynamics((0, max(1, end)), (3.5, 0.0) if wish == "crescendo" else (0.0, 3.5))
    table = _PLANS["contrast" if wish == "contrast" else "calm" if wish in ("soft", "loud") else "usual"]
    ticks: list[int] = []
    steps: list[float] = []
    for index, section in enumerate(sections):
        stop = section.start + section.bars * bar
        first = _INTRO if section.letter == "intro" else _BREAK
        own = table[LETTERS.index(section.letter)] if section.letter in LETTERS else first
        if section.letter in LETTERS and index == len(sections) - 1 and index:
            own = 0.0
        elif section.repeat and own:
            own -= 0.3
        grows = section.letter not in LETTERS and section.bars > 1
        ticks += [section.start, stop]
        steps += [own + soft, (own / 3 if grows else own) + soft]
    return Dynamics(tuple(ticks) or (0,), tuple(steps) or (soft,))


def shaded(notes: Sequence[Note], dynamics: Dynamics) -> list[Note]:
    """The notes at the loudness of their moment."""
    return [
        msgspec.structs.replace(note, velocity=max(8, min(127, round(note.velocity * _gain(dynamics.at(note.start))))))
        for note in notes
    ]


def _gain(steps: float) -> float:
    return math.pow(10, -steps * STEP_DB / 20 / _EXPONENT)
