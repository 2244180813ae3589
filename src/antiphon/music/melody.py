"""The lead: phrases that state a motif, answer it and come to rest. Pitches are steps of a scale until they are sung.

What a phrase of four bars does is a sentence or a period (W. Caplin, *Classical Form*, ch. 3-4): an idea, the idea
again (on the new harmony, or a step away), a continuation that shortens it; or an idea, a contrast, the idea. Its last
bar walks to a cadence. Each bar is a gesture with a breath after it: singers and winds breathe, and a figure is heard
as one because silence bounds it (F. Lerdahl and R. Jackendoff, *A Generative Theory of Tonal Music*, GPR 2).
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from antiphon.music import motif as motives
from antiphon.music import rhythm
from antiphon.music.harmony import chord_at, chord_index_near, index_near, scale_at
from antiphon.music.meter import TICKS
from antiphon.music.motif import Motif
from antiphon.music.planning import Plan
from antiphon.music.score import Chord

SIXTEENTH = TICKS // 4

LATE = 0.2
"""The chance that a motif begins after the beat."""

CLIMAX = 3
"""Steps by which the last phrase of a section rises before its cadence: one climax, late."""


class Drawn(msgspec.Struct, frozen=True):
    """A melody note as a scale step, before it is bent to the chord of its moment. `head`: a gesture begins here."""

    start: int
    length: int
    index: int
    head: bool = False


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
    """The motif of a section. Those of contrasting sections are A's, upside down and in a new rhythm."""
    rng = plan.generator(f"motif {letter} {plan.style_name}")
    meter, bar_s = plan.meter, plan.bar_s
    density = plan.density + (0.12 if letter in "BD" else 0.0)
    cell = rhythm.choose(meter, bar_s, density, plan.style.syncopation, rng)
    answer = rhythm.choose(meter, bar_s, density * 0.8, plan.style.syncopation, rng)
    late = len(cell) > 3 and cell[0] <= 4 and rng.random() < LATE
    motif = Motif(cell, motives.contour(cell, meter, plan.style.leaps, rng), late)
    if letter != "A":
        first = material(plan, "A").motif
        drawn = [rhythm.choose(meter, bar_s, density, plan.style.syncopation, rng) for _ in range(6)]
        cell = next((one for one in (cell, *drawn) if one != first.cell), rhythm.varied(cell, meter, rng))
        motif = motives.refitted(motives.inverted(first), cell, meter, rng)
    shift = {"A": 0, "B": 3, "C": -2, "D": 4}.get(letter, 1)
    home = index_near(centre_pitch(plan.brightness), plan.tonic)
    other = Motif(answer, motives.contour(answer, meter, plan.style.leaps, rng))
    return Material(motif, other, home + shift + rng.choice((-1, 0, 0, 1)), rng.choice(_DEVELOPMENTS))


_DEVELOPMENTS = (
    # sentences
    ("repeat", "fragment"),
    ("sequence up", "fragment"),
    ("sequence down", "fragment"),
    ("repeat", "sequence up"),
    ("sequence down", "sequence down"),
    # periods
    ("answer", "repeat"),
    ("answer", "repeat"),
    ("answer", "rhythm"),
    ("answer", "inversion"),
    ("repeat", "answer"),
)


def phrase(
    plan: Plan, stuff: Material, chords: Sequence[Chord], start: int, bars: int, ending: str, *, climax: bool = False
) -> list[Drawn]:
    """`bars` of melody over `chords`. `ending` is `open` (asks), `closed` (answers, on the tonic) or `onward`."""
    rng = plan.generator(f"phrase {stuff.motif} {bars}")
    drawn: list[Drawn] = []
    for index in range(bars):
        at = start + index * plan.bar
        if index == bars - 1 and (bars > 1 or ending == "closed"):
            drawn += _cadence(plan, stuff, chords, at, ending, drawn, rng)
            continue
        motif, shift = _developed(plan, stuff, index, rng)
        if climax and index == bars - 2:
            shift += CLIMAX
        drawn += _breathing(_laid(motif, _anchor(plan, stuff, motif, shift, chord_at(chords, at), drawn), at))
    return drawn


def _anchor(plan: Plan, stuff: Material, motif: Motif, shift: int, chord: Chord, before: Sequence[Drawn]) -> int:
    """The step of the chord's root that puts the motif near the phrase's centre, and its start near what was before."""
    scale = scale_at(chord, plan.tonic, plan.scale)
    root = next((step for step in range(7) if scale[step] == chord.root), 0)
    middle = round(sum(motif.steps) / len(motif.steps))
    wanted = stuff.centre + shift - middle
    octaves = (root + 7 * round((wanted - root) / 7) + 7 * octave for octave in (0, -1, 1))

    def misfit(anchor: int) -> float:
        joint = abs(anchor + motif.steps[0] - before[-1].index) if before else 0
        return abs(anchor - wanted) + 0.5 * joint

    return min(octaves, key=misfit)


def _developed(plan: Plan, stuff: Material, index: int, rng: random.Random) -> tuple[Motif, int]:
    """The motif of the phrase's bar `index`, and by how many steps it is shifted."""
    motif = stuff.motif
    development = stuff.developments[(index - 1) % 2] if index else "repeat"
    match development:
        case "sequence up" | "sequence down":
            return motif, (1 if development == "sequence up" else -1) * (index if index < 3 else 1)
        case "inversion":
            return motives.inverted(motif), 1
        case "rhythm":
            return motives.varied(motif, plan.meter, rng), 0
        case "answer":
            return stuff.other, 0
        case "fragment":
            return motives.fragment(motif), 1
        case _:
            return motif, 0


def _laid(motif: Motif, anchor: int, at: int) -> list[Drawn]:
    drawn = []
    for value, step in zip(motif.cell, motif.steps, strict=True):
        drawn.append(Drawn(at, value * SIXTEENTH, anchor + step))
        at += value * SIXTEENTH
    return drawn[1:] if motif.late else drawn


def _breathing(drawn: list[Drawn]) -> list[Drawn]:
    """A gesture: its last note gives half of its length to a breath; a short last note leads on instead (an upbeat)."""
    if not drawn:
        return []
    first, last = drawn[0], drawn[-1]
    if last.length >= TICKS:
        drawn[-1] = Drawn(last.start, last.length - last.length // 12 * 6, last.index)
    elif len(drawn) > 2 and drawn[-2].length >= TICKS:
        before = drawn[-2]
        drawn[-2] = Drawn(before.start, before.length // 2, before.index)
    drawn[0] = Drawn(first.start, drawn[0].length, first.index, head=True)
    return drawn


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
    cell = rhythm.cadence(plan.meter, plan.bar_s, plan.density, rng)
    if ending == "onward":  # into the next section without rest
        cell = rhythm.varied(cell, plan.meter, rng)
    chord = chord_at(chords, at + plan.bar - 1)
    scale = scale_at(chord, plan.tonic, plan.scale)
    near = before[-1].index if before else stuff.centre
    near = round((near + stuff.centre) / 2)
    goal = (
        7 * round(near / 7) if ending == "closed" else chord_index_near(near, chord, scale, upward=rng.random() < 0.4)
    )
    side = 1 if goal < near or (goal == near and rng.random() < 0.5) else -1
    starts = [sum(cell[:index]) for index in range(len(cell))]
    drawn = [
        Drawn(at + begin * SIXTEENTH, value * SIXTEENTH, goal + side * (len(cell) - 1 - index), head=index == 0)
        for index, (begin, value) in enumerate(zip(starts, cell, strict=True))
    ]
    last = drawn[-1]
    if ending != "onward" and last.length >= TICKS:  # half of it, a beat of silence at most two
        rest = min(last.length // 2, 2 * TICKS)
        drawn[-1] = Drawn(last.start, last.length - rest, last.index, last.head)
    return drawn


def ornamented(drawn: Sequence[Drawn], chance: float, rng: random.Random) -> list[Drawn]:
    """A section that returns: some long notes get a neighbour or a passing note, never the last of a gesture."""
    out: list[Drawn] = []
    for index, note in enumerate(drawn):
        following = drawn[index + 1] if index + 1 < len(drawn) else None
        inside = following is not None and not following.head and following.start == note.start + note.length
        if following and inside and TICKS <= note.length <= 2 * TICKS and rng.random() < chance:
            half, gap = note.length // 2, following.index - note.index
            step = 1 if gap > 1 else -1 if gap < -1 else rng.choice((1, -1))
            out += [Drawn(note.start, half, note.index, note.head), Drawn(note.start + half, half, note.index + step)]
        else:
            out.append(note)
    return out
