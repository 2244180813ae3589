"""Bass lines: patterns of chord notes per bar, by style."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from antiphon.music.harmony import scale_at
from antiphon.music.meter import TICKS, Meter
from antiphon.music.planning import Plan
from antiphon.music.score import Chord, Note

LOWEST = 33
"""A1: a triangle below it is hard to hear as a note."""

SIXTEENTH = TICKS // 4

Stroke = tuple[int, int, str]
"""Start and length in sixteenths within a beat or bar, and which note: `r`oot, `5`th, `3`rd, `8`ve, `a`pproach."""

PATTERNS: dict[str, tuple[tuple[Stroke, ...], ...]] = {
    "gallop": (
        ((0, 2, "r"), (2, 1, "r"), (3, 1, "r")),
        ((0, 2, "r"), (2, 1, "8"), (3, 1, "r")),
    ),
    "drive": (((0, 2, "r"), (2, 2, "r")), ((0, 2, "r"), (2, 2, "r"), (4, 2, "r"), (6, 2, "5"))),
    "octaves": (((0, 2, "r"), (2, 2, "8")), ((0, 2, "r"), (2, 2, "8"), (4, 2, "r"), (6, 2, "5"))),
    "offbeat": (((0, 1, "r"), (2, 2, "r")), ((0, 1, "r"), (2, 2, "8"))),
    "pulse": (((0, 4, "r"),),),
    "beats": (
        ((0, 4, "r"), (4, 4, "5"), (8, 4, "8"), (12, 4, "5")),
        ((0, 4, "r"), (4, 4, "8"), (8, 4, "5"), (12, 4, "8")),
    ),
    "two": (
        ((0, 4, "r"), (4, 4, "5"), (8, 4, "r"), (12, 4, "5")),
        ((0, 6, "r"), (6, 2, "r"), (8, 4, "5"), (12, 4, "r")),
    ),
    "bounce": (((0, 3, "r"), (3, 1, "r"), (4, 2, "5"), (6, 2, "8")), ((0, 2, "r"), (3, 1, "5"), (4, 3, "8"))),
    "walk": (
        ((0, 4, "r"), (4, 4, "3"), (8, 4, "5"), (12, 4, "a")),
        ((0, 4, "r"), (4, 4, "5"), (8, 4, "8"), (12, 4, "a")),
    ),
    "bossa": (((0, 6, "r"), (6, 2, "5"), (8, 6, "5"), (14, 2, "r")),),
    "oom": (((0, 8, "r"),), ((0, 4, "r"), (8, 4, "a"))),
    "oompah": (((0, 3, "r"), (8, 3, "5")),),
    "reggae": (((0, 2, "r"), (6, 2, "r"), (8, 2, "5"), (12, 3, "8")), ((0, 3, "r"), (8, 3, "r"), (12, 2, "5"))),
    "habanera": (((0, 3, "r"), (3, 1, "5"), (4, 2, "8"), (6, 2, "5")),),
    "marcato": (((0, 2, "r"), (4, 2, "r"), (8, 2, "5"), (12, 2, "r")),),
    "samba": (((0, 3, "r"), (3, 1, "5"), (4, 3, "5"), (7, 1, "r")),),
    "funk": (
        ((0, 3, "r"), (3, 1, "r"), (6, 2, "8"), (10, 1, "r"), (11, 1, "8"), (14, 2, "a")),
        ((0, 2, "r"), (3, 1, "8"), (6, 1, "r"), (7, 1, "r"), (10, 2, "5"), (14, 2, "a")),
    ),
    "boogie": (((0, 4, "r"), (4, 4, "3"), (8, 4, "5"), (12, 4, "8")),),
    "rolling": (((0, 2, "r"), (2, 2, "r"), (4, 2, "8"), (6, 2, "r")), ((0, 1, "r"), (1, 1, "r"), (2, 2, "8"))),
    "sub": (((0, 6, "r"), (10, 4, "r")), ((0, 10, "r"), (12, 4, "5"))),
    "long": (((0, 16, "r"),), ((0, 8, "r"), (8, 8, "5"))),
    "broken": (((0, 2, "r"), (2, 2, "5"), (4, 4, "8")), ((0, 2, "r"), (2, 2, "5"), (4, 2, "8"), (6, 2, "5"))),
    "pedal": (((0, 12, "r"), (12, 4, "r")), ((0, 16, "r"),)),
    "creep": (((0, 8, "r"), (8, 4, "r"), (12, 4, "a")), ((0, 4, "r"), (8, 4, "5"), (12, 4, "a"))),
}
"""Name -> variants. A pattern shorter than the bar repeats."""

SLOW_BPM = 100
"""Below this tempo the strokes between beats are much softer than those on them."""

FAST_S = 0.07
"""Shorter strokes than this are left out: gallops become eighths at high tempo."""


def bass_line(plan: Plan, name: str, chords: Sequence[Chord], rng: random.Random) -> list[Note]:
    """The bass under `chords` (whole bars): the root stands on every change of harmony."""
    variants = PATTERNS[name]
    pattern = variants[rng.randrange(len(variants))]
    notes: list[Note] = []
    for position, chord in enumerate(chords):
        following = chords[position + 1] if position + 1 < len(chords) else chord
        notes += _under(plan, pattern, chord, following)
    return notes


def _under(plan: Plan, pattern: Sequence[Stroke], chord: Chord, following: Chord) -> list[Note]:
    sixteenth_s = 60 / plan.quarter_bpm / 4
    notes = []
    for begin, start, length, which in laid(plan.meter, pattern, chord):
        if length * sixteenth_s / SIXTEENTH < FAST_S and start % 2:
            continue
        at = begin - chord.start
        last = at + length >= chord.length
        pitch = _pitch(plan, _told(plan, which if which != "a" or last else "5", chord, at), chord, following)
        ticks = min(length, chord.length - at)
        notes.append(Note(begin, ticks, pitch, _velocity(plan, begin), ""))
    return notes


def laid(meter: Meter, pattern: Sequence[Stroke], chord: Chord) -> Iterator[tuple[int, int, int, str]]:
    """The strokes of a pattern that goes round under a chord: tick, place in the pattern, ticks, note.

    Patterns are written in beats of four sixteenths; beats of three eighths stretch them.
    """
    period = -(-max(start + length for start, length, _ in pattern) // 4) * 4
    bar, inside = divmod(chord.start, meter.ticks)
    first = 4 * meter.beat_ticks.index(inside)
    for begin in range(0, 4 * meter.beats, period):
        for start, length, which in pattern:
            at, stop = (
                bar * meter.ticks + meter.warped(first + begin + place) * SIXTEENTH for place in (start, start + length)
            )
            if at < chord.start + chord.length:
                yield at, start, stop - at, which


def _told(plan: Plan, which: str, chord: Chord, at: int) -> str:
    """Fewer fifths, which overtones have anyway: in the bar's second half the third (tonic in minor) or the octave."""
    if which != "5" or at % plan.bar < plan.bar // 2:
        return which
    return "3" if plan.mode == "minor" and chord.root == plan.tonic else "8"


def root_pitch(chord: Chord) -> int:
    return LOWEST + (chord.root - LOWEST) % 12


def _pitch(plan: Plan, which: str, chord: Chord, following: Chord) -> int:
    root = root_pitch(chord)
    match which:
        case "8":
            return root + 12
        case "5":
            return root + chord.steps[2]
        case "3":
            return root + chord.steps[1]
        case "a" if following.root != chord.root:
            return _approach(plan, root_pitch(following), chord)
        case "a":
            return root + chord.steps[2]
        case _:
            return root


def _approach(plan: Plan, goal: int, chord: Chord) -> int:
    """The scale note just above or below the next root, whichever the present root is nearer to."""
    scale = scale_at(chord, plan.tonic, plan.scale)
    steps = (-1, -2) if root_pitch(chord) < goal else (1, 2)
    return next((goal + step for step in steps if (goal + step) % 12 in scale), goal + steps[0])


def _velocity(plan: Plan, at: int) -> int:
    force = 88
    if not plan.meter.on_beat(at):
        return round(force * (0.7 if plan.tempo_bpm < SLOW_BPM else 0.92))
    return round(force * (1.1 if at % plan.bar == 0 else 1.0))
