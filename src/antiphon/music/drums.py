"""Drums: patterns of a bar in sixteenths, fills at the ends of phrases, a cymbal where a section begins."""

from __future__ import annotations

import random

from antiphon.music.meter import TICKS
from antiphon.music.planning import Plan
from antiphon.music.score import DRUM_NOTES, Note, Section

SIXTEENTH = TICKS // 4

Bar = dict[str, str]
"""Drum -> strokes: `X` accented, `x` plain, `-` soft, `.` none. One character per sixteenth, in beats
of four of them; it is repeated to fill a bar."""

PATTERNS: dict[str, tuple[Bar, ...]] = {
    "none": ({},),
    "soft": (
        {"kick": "X.......X.......", "snare": "....-.......-...", "hat": "X..."},
        {"kick": "X.......x.......", "snare": "............-...", "hat": "X..."},
    ),
    "sparse": (
        {"kick": "X.......x.......", "hat": "-..."},
        {"kick": "X.........x.....", "tom": "............x...", "hat": "-..."},
    ),
    "heartbeat": ({"kick": "X.-.....X.-.....", "hat": "x..."}, {"tom": "X.-.....X.-.....", "hat": "x..."}),
    "rock": (
        {"kick": "X.......X.x.....", "snare": "....X.......X...", "hat": "x.-."},
        {"kick": "X.x.....X.......", "snare": "....X.......X...", "hat": "x.-."},
        {"kick": "X.....x.X.......", "snare": "....X.......X..-", "hat": "x.-."},
    ),
    "battle": (
        {"kick": "X.x.X.x.", "snare": "....X.......X...", "hat": "x.--"},
        {"kick": "X..xX.x.", "snare": "....X.......X.-.", "hat": "x.-."},
    ),
    "double": (
        {"kick": "X.x.x.x.", "snare": "....X.......X...", "hat": "x..."},
        {"kick": "X.x.X.x.", "snare": "....X.......X...", "hat": "x.-."},
    ),
    "march": (
        {"kick": "X.......X.......", "snare": "x...x.--x...x---", "hat": "-..."},
        {"kick": "X.......X.......", "snare": "X.x.x.--X.--xxxx", "hat": "-..."},
    ),
    "halftime": (
        {"kick": "X.....x.........", "snare": "........X.......", "hat": "x.-."},
        {"kick": "X.........x.....", "snare": "........X.......", "hat": "x.-."},
    ),
    "four": (
        {"kick": "X...", "clap": "....X.......X...", "hat": "X.x."},
        {"kick": "X...", "snare": "....X.......X...", "hat": "X-x-"},
    ),
    "house": (
        {"kick": "X...", "clap": "....X.......X...", "hat": "X...", "open hat": "..-."},
        {"kick": "X...", "clap": "....X.......X..-", "hat": "X.x."},
    ),
    "swing": ({"kick": "X.......x.......", "snare": "....-.......-...", "hat": "x...x.x."},),
    "bossa": ({"kick": "X.....x.X.....x.", "snare": "-..-..-...-..-..", "hat": "x.-."},),
    "one drop": (
        {"kick": "........X.......", "snare": "........X.......", "hat": "X.x."},
        {"kick": "........X.......", "snare": "........X.....-.", "hat": "X.x-"},
    ),
    "ska": ({"kick": "X...x...X...x...", "snare": "....X.......X...", "hat": "..X."},),
    "polka": ({"kick": "X.......X.......", "snare": "....x.......x..."},),
    "tango": ({"kick": "X...x...X...x...", "snare": "............-.xX"},),
    "samba": ({"kick": "x..xX..xx..xX..x", "snare": "x.x..x.x.x.x..x.", "hat": "x-xx"},),
    "funk": (
        {"kick": "X..x..x...x..x..", "snare": "....X..-.-..X..-", "hat": "x-x-"},
        {"kick": "X.....x..x..x...", "snare": "....X..-....X-.-", "hat": "x-xx"},
    ),
    "train": ({"kick": "X.......X.......", "snare": "-.x.-.X.-.x.-.X."},),
    "shuffle": ({"kick": "X.......X.....x.", "snare": "....X.......X...", "hat": "X.x."},),
    "double kick": (
        {"kick": "XxxxXxxx", "snare": "....X.......X...", "hat": "X..."},
        {"kick": "X.xxX.xx", "snare": "....X.......X...", "hat": "X..."},
    ),
    "gated": ({"kick": "X.......X.......", "snare": "....X.......X...", "hat": "x.x."},),
    "breakbeat": (
        {"kick": "X.X.......XX....", "snare": "....X..-.-..X..-", "hat": "x.x."},
        {"kick": "X.........X.....", "snare": "....X.......X...", "hat": "x.x-"},
    ),
    "boom bap": (
        {"kick": "X.....x..xX.....", "snare": "....X.......X...", "hat": "x.x."},
        {"kick": "X.x.......x.....", "snare": "....X.......X..-", "hat": "x.x."},
    ),
    "brush": ({"kick": "X.......-.......", "hat": "x.-."},),
    "waltz": (
        {"kick": "X...........", "hat": "....x...x..."},
        {"kick": "X...........", "snare": "....-...-...", "hat": "x...x...x..."},
    ),
}
"""Name -> variants."""

THREE: dict[str, Bar] = {
    "soft": {"kick": "X...........", "hat": "X..."},
    "sparse": {"kick": "X...........", "hat": "-...-...x..."},
    "heartbeat": {"kick": "X.-.........", "hat": "x..."},
    "brush": {"kick": "X...........", "hat": "x...x.-.x..."},
    "rock": {"kick": "X.......x...", "snare": "....X...X...", "hat": "x.-."},
    "march": {"kick": "X...........", "snare": "x...x.--x...", "hat": "-..."},
    "four": {"kick": "X...", "hat": "..x."},
}
"""The same in bars of three beats; others take `rock`."""

FILLS: tuple[Bar, ...] = (
    {"snare": "x.x.xxxX"},
    {"tom": "x.x.....", "snare": "....xxXX"},
    {"snare": "x..x..x.", "kick": "X......."},
    {"tom": "xx..xx..", "snare": "..xx..xX"},
    {"snare": "....x.xx"},
)
"""The last two beats of a phrase."""

SLOW_BPM, FAST_BPM = 90, 150
"""Below and above these tempos only beats are struck on metal."""

_LOUDNESS = {"X": 1.0, "x": 0.78, "-": 0.48}
_VELOCITY = {"kick": 116, "snare": 108, "hat": 74, "open hat": 78, "tom": 104, "clap": 104, "cymbal": 96}


def drum_part(plan: Plan, name: str, section: Section, rng: random.Random, *, fill: bool) -> list[Note]:
    """A section's drums; `fill` leads from its last bar into what follows."""
    pattern = _pattern(plan, name, rng)
    notes: list[Note] = []
    for index in range(section.bars):
        at = section.start + index * plan.bar
        last = index == section.bars - 1
        leads_on = fill and last and name not in ("none", "soft", "heartbeat", "sparse") and section.bars > 1
        end = 4 * plan.meter.beats
        stop = end - 8 if leads_on else end
        notes += _struck(pattern, at, 0, stop, plan)
        if leads_on:
            notes += _struck(FILLS[rng.randrange(len(FILLS))], at, stop, end, plan)
            notes += _struck({"hat": "x..."}, at, stop, end, plan)
    if name not in ("none", "soft", "waltz", "brush") and section.letter != "intro" and plan.energy > 0.3:
        notes.append(Note(section.start, 2 * TICKS, DRUM_NOTES["cymbal"], _VELOCITY["cymbal"]))
    return sorted(notes, key=lambda note: (note.start, note.pitch))


def _pattern(plan: Plan, name: str, rng: random.Random) -> Bar:
    if plan.meter.beats == 3 and name not in ("waltz", "none"):
        return THREE.get(name, THREE["rock"])
    variants = PATTERNS[name]
    chosen = dict(variants[rng.randrange(len(variants))])
    # Eighths of cymbals hide a slow beat, and nobody could play them fast.
    if "hat" in chosen and not SLOW_BPM <= plan.tempo_bpm <= FAST_BPM:
        chosen["hat"] = _on_beats(chosen["hat"], "X")
    if plan.tempo_bpm < SLOW_BPM:
        chosen = {drum: _on_beats(strokes, "X") if drum == "kick" else strokes for drum, strokes in chosen.items()}
    if plan.tempo_bpm > FAST_BPM:  # feet play eighths there, hands may play sixteenths
        chosen = {drum: _on_eighths(strokes) if drum == "kick" else strokes for drum, strokes in chosen.items()}
    return chosen


def _on_eighths(strokes: str) -> str:
    return "".join(stroke if index % 2 == 0 else "." for index, stroke in enumerate(strokes))


def _on_beats(strokes: str, force: str) -> str:
    """Only the strokes on beats, with that force."""
    return "".join(force if stroke != "." and index % 4 == 0 else "." for index, stroke in enumerate(strokes))


def _struck(pattern: Bar, at: int, start: int, stop: int, plan: Plan) -> list[Note]:
    """The strokes between two places of the bar that begins at tick `at`; beats of three eighths stretch them."""
    notes = []
    for drum, strokes in pattern.items():
        for index in range(start, stop):
            # Fills are written from their own start, bars from the bar line.
            stroke = strokes[(index - start) % len(strokes)]
            if stroke != ".":
                force = _LOUDNESS[stroke] * (0.85 + 0.15 * plan.energy)
                tick = at + plan.meter.warped(index) * SIXTEENTH
                notes.append(Note(tick, SIXTEENTH, DRUM_NOTES[drum], round(_VELOCITY[drum] * force)))
    return notes
