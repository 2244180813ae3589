"""The motif: a rhythm of one bar and a shape, and what a composer does with it.

Shapes are made as A. Schoenberg describes them (*Fundamentals of Musical Composition*, ch. 3): notes of a chord, and
passing and neighbour notes between them. A leap is filled or turned back afterwards (J. J. Fux, *Gradus*; also found
by D. Huron, *Sweet Anticipation*, ch. 5). Steps are those of the scale, so that the shape stands over any chord.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from antiphon.music import rhythm
from antiphon.music.meter import SIXTEENTH, Meter

_SKELETON = (-3, 0, 2, 4, 7)
"""Steps of a triad about its root: a motif's accented notes."""

_WINDOW = 3
"""Of them a motif uses those within an octave."""


class Motif(msgspec.Struct, frozen=True):
    """`cell` lengths in sixteenths; `steps[i]` steps of note i above a chord's root. `late`: begins with a rest."""

    cell: tuple[int, ...]
    steps: tuple[int, ...]
    late: bool = False


def accented(cell: Sequence[int], meter: Meter) -> list[bool]:
    """Which notes of a bar are accented: on every other beat, of a beat or more, or held over a beat; and the last.

    In compound metres every beat counts, for it has three eighths.
    """
    beats = [tick // SIXTEENTH for tick in meter.beat_ticks]
    main = beats if meter.compound else beats[::2]
    found, at = [], 0
    for value in cell:
        held = at not in beats and any(at < beat < at + value for beat in beats)
        found.append(at in main or value >= 4 or held)
        at += value
    found[-1] = True
    return found


def contour(cell: Sequence[int], meter: Meter, leaps: float, rng: random.Random) -> tuple[int, ...]:
    """Accented notes from a chord, which move to its next note or, by `leaps` 0..1, further; seconds between them."""
    strong = accented(cell, meter)
    low = rng.choice((0, 1, 1))
    high = low + _WINDOW
    place = rng.choice((1, 1, 2, 2, 3))
    way = rng.choice((1, 1, -1))
    turn = rng.randrange(1, max(2, sum(strong)))
    bones: list[int] = []
    reach = 0
    for count in range(sum(strong)):
        if count:
            way = -way if count == turn or reach == 2 else way  # a leap turns back
            reach = 2 if rng.random() < 0.15 * leaps and reach < 2 else 1 if rng.random() < 0.8 else 0
            if not low <= place + way * reach <= high:
                way = -way
            place = min(max(place + way * reach, low), high)
        bones.append(_SKELETON[place])
    return _fleshed(strong, bones, rng)


def _fleshed(strong: Sequence[bool], bones: Sequence[int], rng: random.Random) -> tuple[int, ...]:
    """Unaccented notes: they pass by step to the next accented note, or turn about one that stays."""
    steps: list[int] = []
    left = list(bones)
    for index, accent in enumerate(strong):
        if accent:
            steps.append(left.pop(0))
            continue
        goal = left[0] if left else steps[-1]
        before = steps[-1] if steps else goal + rng.choice((-1, 1))
        distance = next(n for n in range(1, len(strong)) if index + n >= len(strong) - 1 or strong[index + n])
        if goal == before:
            steps.append(goal + (rng.choice((-1, 1, 1)) if distance % 2 else 0))
        else:
            side = 1 if goal > before else -1
            steps.append(goal - side * distance if rng.random() < 0.8 else before)
    return tuple(min(max(step, min(bones) - 1), max(bones) + 1) for step in steps)


def refitted(motif: Motif, cell: tuple[int, ...], meter: Meter, rng: random.Random) -> Motif:
    """The shape over another rhythm: stretched or cut, ends kept."""
    count, steps = len(cell), motif.steps
    if len(steps) == 1:
        return Motif(cell, contour(cell, meter, 0.3, rng), motif.late)
    places = [round(index * (len(steps) - 1) / max(1, count - 1)) for index in range(count)]
    return Motif(cell, tuple(steps[place] for place in places), motif.late)


def inverted(motif: Motif) -> Motif:
    """Upside down about its first note."""
    return Motif(motif.cell, tuple(2 * motif.steps[0] - step for step in motif.steps), motif.late)


def varied(motif: Motif, meter: Meter, rng: random.Random) -> Motif:
    """The same shape with one note split or two joined."""
    return refitted(motif, rhythm.varied(motif.cell, meter, rng), meter, rng)


def fragment(motif: Motif) -> Motif:
    """The head of a motif twice, the second time a step higher; motifs that do not halve stay whole.

    The fragmentation of a sentence's continuation: W. Caplin, *Classical Form*, ch. 3.
    """
    half, total = sum(motif.cell) // 2, 0
    for count, value in enumerate(motif.cell, start=1):
        total += value
        if total == half and count > 1:
            head = motif.steps[:count]
            return Motif(motif.cell[:count] * 2, (*head, *(step + 1 for step in head)))
    return motif
