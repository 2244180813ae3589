"""What the second pulse plays: broken chords, strokes, long chords, and counter-melodies below the lead."""

from __future__ import annotations

import random
from collections.abc import Sequence

from antiphon.music.harmony import chord_at, scale_at
from antiphon.music.meter import TICKS
from antiphon.music.planning import Plan
from antiphon.music.score import Chord, Note

SIXTEENTH = TICKS // 4
LOW, HIGH = 52, 59
"""Lowest note of the backing in the darkest and the brightest piece: below the lead, above the bass."""

FAST_S = 0.085
"""Broken chords in notes shorter than this become eighths."""

SLOW_BPM = 100

ORDERS = ((0, 1, 2, 3), (0, 2, 1, 2), (3, 2, 1, 0), (0, 1, 2, 1), (0, 2, 3, 2), (2, 1, 0, 1))
"""Ways to break a chord: indices into its notes."""

STROKES: dict[str, tuple[tuple[int, int], ...]] = {
    "stabs": ((0, 2), (6, 2), (8, 2), (14, 2)),
    "offbeat": ((2, 2), (6, 2), (10, 2), (14, 2)),
    "comp": ((0, 3), (4, 2), (8, 3), (14, 2)),
    "gate": ((0, 1), (2, 1), (3, 1), (6, 1), (8, 1), (10, 1), (11, 1), (14, 1)),
    "pah": ((4, 3), (8, 3)),
    "power": ((0, 2), (2, 2), (4, 2), (6, 2), (8, 2), (10, 2), (12, 2), (14, 2)),
    "skank": ((4, 2), (12, 2)),
    "pah2": ((4, 2), (12, 2)),
    "bossa": ((0, 2), (6, 2), (10, 2), (14, 2)),
    "charleston": ((0, 3), (6, 2)),
    "marcato": ((0, 2), (4, 2), (8, 2), (12, 2)),
    "habanera": ((0, 2), (6, 2), (8, 2), (12, 2)),
    "partido": ((0, 1), (3, 1), (6, 1), (8, 1), (11, 1), (14, 1)),
    "chank": ((2, 1), (3, 1), (7, 1), (10, 1), (11, 1), (15, 1)),
    "long": ((0, 16),),
}
"""Strokes of the whole chord in a bar: start and length in sixteenths, in beats of four of them."""


def backing(plan: Plan, name: str, chords: Sequence[Chord], rng: random.Random) -> list[Note]:
    """The pattern `name` over whole bars of harmony."""
    if name in ("arp8", "arp16", "echoes"):
        return _broken(plan, name, chords, rng)
    return _strokes(plan, name, chords)


def voiced(plan: Plan, chord: Chord) -> list[int]:
    """The chord's notes upward, close together."""
    lowest = round(LOW + (HIGH - LOW) * plan.brightness)
    return sorted(lowest + (chord.root + step - lowest) % 12 for step in chord.steps)


def _broken(plan: Plan, name: str, chords: Sequence[Chord], rng: random.Random) -> list[Note]:
    unit = SIXTEENTH if name == "arp16" and 15 / plan.quarter_bpm >= FAST_S else 2 * SIXTEENTH
    if name == "echoes":
        unit = TICKS
    order = ORDERS[rng.randrange(len(ORDERS))]
    notes = []
    for chord in chords:
        tones = voiced(plan, chord)
        tones.append(tones[0] + 12)
        if plan.density < 0.35 or plan.tempo_bpm < 80:
            unit = max(unit, 2 * SIXTEENTH)
        for index, at in enumerate(range(0, chord.length, unit)):
            if name == "echoes" and index % 2 == 0:
                continue
            length = min(unit, chord.length - at)
            pitch = tones[order[index % len(order)] % len(tones)]
            notes.append(Note(chord.start + at, length, pitch, _velocity(plan, chord.start + at)))
    return notes


def _strokes(plan: Plan, name: str, chords: Sequence[Chord]) -> list[Note]:
    notes = []
    for chord in chords:
        tones = voiced(plan, chord)
        steps = tuple(tone - tones[0] for tone in tones[1:])
        if name == "power":
            tones, steps = [_fifth_root(chord)], (7,)
        first = chord.start // plan.bar * plan.bar
        for start, length in STROKES[name]:
            at, stop = (first + plan.meter.warped(place) * SIXTEENTH for place in (start, start + length))
            # A harmony that begins in the middle of a bar takes the strokes that fall on it.
            if name == "long":
                at, stop = chord.start, chord.start + chord.length
            if not chord.start <= at < chord.start + chord.length:
                continue
            ticks = min(stop, chord.start + chord.length) - at
            style = "" if name in ("long", "comp") else "staccato"
            notes.append(Note(at, ticks, tones[0], _velocity(plan, at), style, steps))
    return notes


def _fifth_root(chord: Chord) -> int:
    return 50 + (chord.root - 50) % 12


def counter(plan: Plan, lead: Sequence[Note], chords: Sequence[Chord]) -> list[Note]:
    """A second voice in long notes that moves least from chord to chord, and walks where the lead rests."""
    notes: list[Note] = []
    before = 64
    for chord in chords:
        taken = {note.pitch % 12 for note in lead if note.start <= chord.start < note.stop}
        free = [tone for octave in (0, 12) for tone in voiced(plan, chord) if (tone + octave) % 12 not in taken]
        tones = [
            tone for base in (free or voiced(plan, chord)) for tone in (base - 12, base, base + 12) if 55 <= tone <= 72
        ]
        pitch = min(tones, key=lambda tone: (abs(tone - before), tone))
        half = (
            chord.length // 2
            if chord.length >= plan.bar and plan.meter.beats == 4 and plan.density > 0.3
            else chord.length
        )
        for at in range(0, chord.length, half):
            if at:
                others = [tone for tone in tones if tone != pitch and abs(tone - pitch) <= 5]
                pitch = min(others, key=lambda tone: (abs(tone - before - 2), tone)) if others else pitch
            length = min(half, chord.length - at)
            notes.append(Note(chord.start + at, length, pitch, _velocity(plan, chord.start + at) + 6, "vibrato"))
        before = pitch
    return notes


def harmonised(plan: Plan, lead: Sequence[Note], chords: Sequence[Chord]) -> list[Note]:
    """The lead's rhythm a third or sixth below it, in notes of the chord where the lead has one."""
    notes = []
    for note in lead:
        chord = chord_at(chords, note.start)
        scale = set(scale_at(chord, plan.tonic, plan.scale))
        wanted = chord.classes if note.pitch % 12 in chord.classes else scale
        below = [note.pitch - step for step in (3, 4, 5, 8, 9) if (note.pitch - step) % 12 in wanted]
        pitch = below[0] if below else note.pitch - 12
        notes.append(Note(note.start, note.length, pitch, max(1, note.velocity - 18), note.articulation))
    return notes


def _velocity(plan: Plan, at: int) -> int:
    """Louder on the beat. In slow pieces much louder: their beat must not drown in what lies between."""
    force = 52 + 12 * plan.energy
    if not plan.meter.on_beat(at):
        return round(force * (0.45 if plan.tempo_bpm < SLOW_BPM else 0.85))
    return round(force * (1.15 if at % plan.bar == 0 else 1.05))
