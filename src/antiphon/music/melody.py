"""The lead: a motif of one bar, and phrases that repeat, sequence, invert, vary and answer it.

Pitches are steps of a scale until the last moment, so that a motif keeps its shape over any chord; notes on strong
beats, long notes and notes left by a leap belong to the chord.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from antiphon.music import rhythm
from antiphon.music.harmony import chord_at, chord_index_near, index_near, scale_at
from antiphon.music.planning import Plan
from antiphon.music.score import TICKS, Chord

SIXTEENTH = TICKS // 4


LATE = 0.2
"""The chance that a motif begins after the beat."""

BREATH = TICKS // 2
"""What the last note of a phrase leaves free."""


class Motif(msgspec.Struct, frozen=True):
    """`cell` lengths in sixteenths; `steps[i]` scale steps of note i above the first. `late`: the first is a rest."""

    cell: tuple[int, ...]
    steps: tuple[int, ...]
    late: bool = False


class Drawn(msgspec.Struct, frozen=True):
    """A melody note as a scale step, before it is bent to the chord of its moment."""

    start: int
    length: int
    index: int


class Material(msgspec.Struct, frozen=True):
    """What a section's phrases are made of."""

    motif: Motif
    other: Motif
    centre: int  # scale step
    developments: tuple[str, ...]  # of bars 2 and 3


def centre_pitch(brightness: float) -> int:
    """The MIDI number about which the lead moves."""
    return round(66 + 13 * brightness)


def material(plan: Plan, letter: str) -> Material:
    """The motif of a section. Those of contrasting sections are derived from A's by inversion and a new rhythm."""
    rng = plan.generator(f"motif {letter}")
    bar_s = plan.meter * 60 / plan.tempo_bpm
    density = plan.density + (0.12 if letter in "BD" else 0.0)
    cell = rhythm.choose(plan.meter, bar_s, density, plan.style.syncopation, rng)
    other = rhythm.choose(plan.meter, bar_s, density * 0.8, plan.style.syncopation, rng)
    late = len(cell) > 3 and cell[0] <= 4 and rng.random() < LATE
    motif = Motif(cell, _contour(len(cell), plan.style.leaps, rng), late)
    if letter != "A":
        first = material(plan, "A").motif
        motif = Motif(cell, _fitted([-step for step in first.steps], len(cell), rng), late)
    shift = {"A": 0, "B": 2, "C": -1, "D": 3}.get(letter, 1)
    home = index_near(centre_pitch(plan.brightness), plan.tonic)
    return Material(
        motif,
        Motif(other, _contour(len(other), plan.style.leaps, rng)),
        home + shift + rng.choice((-1, 0, 0, 1)),
        rng.choice(_DEVELOPMENTS),
    )


_DEVELOPMENTS = (
    ("sequence up", "repeat"),
    ("sequence down", "sequence down"),
    ("answer", "repeat"),
    ("answer", "inversion"),
    ("repeat", "sequence up"),
    ("rhythm", "repeat"),
    ("repeat", "fragment"),
    ("sequence up", "fragment"),
    ("answer", "rhythm"),
)


def _contour(count: int, leaps: float, rng: random.Random) -> tuple[int, ...]:
    """A line of mostly seconds with a leap or two, which turns back after each."""
    steps = [0]
    direction = rng.choice((1, 1, -1))
    turn = rng.randrange(1, max(2, count))
    leapt = False
    for index in range(1, count):
        if index == turn:
            direction = -direction
        if leapt:
            direction, leapt, move = -direction, False, 1
        elif rng.random() < leaps and abs(steps[-1]) <= 3:
            leapt, move = True, rng.choice((2, 2, 3, 4))
        else:
            move = rng.choice((0, 1, 1, 1, 1)) if index != turn else 1
        following = steps[-1] + direction * move
        if abs(following) > 5:
            direction = -direction
            following = steps[-1] + direction * move
        steps.append(following)
    if count > 1 and len(set(steps)) == 1:
        steps[-1] += direction
    return tuple(steps)


def _fitted(steps: Sequence[int], count: int, rng: random.Random) -> tuple[int, ...]:
    """A contour stretched or cut to another number of notes; notes that would repeat become neighbours."""
    if len(steps) == 1:
        return _contour(count, 0.3, rng)
    stretched: list[int] = []
    for index in range(count):
        step = steps[round(index * (len(steps) - 1) / max(1, count - 1))]
        if stretched and stretched[-1] == step and rng.random() < 0.7:
            step += rng.choice((-1, 1))
        stretched.append(step)
    return tuple(stretched)


def phrase(plan: Plan, stuff: Material, chords: Sequence[Chord], start: int, bars: int, ending: str) -> list[Drawn]:
    """`bars` of melody over `chords`. `ending` is `open` (asks), `closed` (answers, on the tonic) or `onward`."""
    rng = plan.generator(f"phrase {stuff.motif} {bars}")
    drawn: list[Drawn] = []
    for index in range(bars):
        at = start + index * plan.bar
        if index == bars - 1 and (bars > 1 or ending == "closed"):
            drawn += _cadence(plan, stuff, chords, at, ending, drawn, rng)
            continue
        motif, shift = _developed(stuff, index, rng)
        chord = chord_at(chords, at)
        scale = scale_at(chord, plan.tonic, plan.mode)
        target = stuff.centre + shift
        if drawn and index:
            target = round((2 * target + drawn[-1].index) / 3)
        middle = round(sum(motif.steps) / len(motif.steps))
        anchor = chord_index_near(target - middle, chord, scale, upward=rng.random() < 0.5)
        drawn += _laid(motif, anchor, at)
    return drawn


def _developed(stuff: Material, index: int, rng: random.Random) -> tuple[Motif, int]:
    """The motif of the phrase's bar `index`, and by how many steps it is shifted."""
    motif = stuff.motif
    development = stuff.developments[(index - 1) % 2] if index else "repeat"
    if development.startswith("sequence"):
        way = 1 if development == "sequence up" else -1
        return motif, way * (index if index < 3 else 1)
    if development == "inversion":
        return Motif(motif.cell, tuple(-step for step in motif.steps), motif.late), 1
    if development == "rhythm":
        cell = rhythm.varied(motif.cell, rng)
        return Motif(cell, _fitted(motif.steps, len(cell), rng), motif.late), 0
    return {"answer": (stuff.other, 1), "fragment": (_fragment(motif), 1)}.get(development, (motif, 0))


def _fragment(motif: Motif) -> Motif:
    """The head of a motif twice, the second time a step higher; motifs that do not halve stay whole."""
    half, total = sum(motif.cell) // 2, 0
    for count, value in enumerate(motif.cell, start=1):
        total += value
        if total == half and count > 1:
            head = motif.steps[:count]
            return Motif(motif.cell[:count] * 2, (*head, *(step + 1 for step in head)))
    return motif


def _laid(motif: Motif, anchor: int, at: int) -> list[Drawn]:
    drawn = []
    for value, step in zip(motif.cell, motif.steps, strict=True):
        drawn.append(Drawn(at, value * SIXTEENTH, anchor + step))
        at += value * SIXTEENTH
    return drawn[1:] if motif.late else drawn


def _cadence(
    plan: Plan,
    stuff: Material,
    chords: Sequence[Chord],
    at: int,
    ending: str,
    before: Sequence[Drawn],
    rng: random.Random,
) -> list[Drawn]:
    """The last bar of a phrase: it walks by step to its goal, the tonic (closed) or a note of the last chord."""
    cell = rhythm.cadence(plan.meter, plan.meter * 60 / plan.tempo_bpm, plan.density, rng)
    if ending == "onward":  # into the next section without rest
        cell = rhythm.varied(cell, rng)
    chord = chord_at(chords, at + plan.bar - 1)
    scale = scale_at(chord, plan.tonic, plan.mode)
    near = before[-1].index if before else stuff.centre
    near = round((near + stuff.centre) / 2)
    goal = (
        7 * round(near / 7) if ending == "closed" else chord_index_near(near, chord, scale, upward=rng.random() < 0.4)
    )
    side = 1 if goal < near or (goal == near and rng.random() < 0.5) else -1
    starts = [sum(cell[:index]) for index in range(len(cell))]
    drawn = [
        Drawn(at + begin * SIXTEENTH, value * SIXTEENTH, goal + side * (len(cell) - 1 - index))
        for index, (begin, value) in enumerate(zip(starts, cell, strict=True))
    ]
    last = drawn[-1]
    if ending != "onward" and last.length > TICKS:
        drawn[-1] = Drawn(last.start, last.length - BREATH, last.index)
    return drawn


def ornamented(drawn: Sequence[Drawn], chance: float, rng: random.Random) -> list[Drawn]:
    """A returning phrase: some long notes get a neighbour or a passing note."""
    out: list[Drawn] = []
    for index, note in enumerate(drawn):
        following = drawn[index + 1].index if index + 1 < len(drawn) else note.index
        if note.length >= TICKS and note.length % 2 == 0 and note.length <= 2 * TICKS and rng.random() < chance:
            half = note.length // 2
            gap = following - note.index
            step = 1 if gap > 1 else -1 if gap < -1 else rng.choice((1, -1))
            out += [Drawn(note.start, half, note.index), Drawn(note.start + half, half, note.index + step)]
        else:
            out.append(note)
    return out
