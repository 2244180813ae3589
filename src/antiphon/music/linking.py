"""Music between pieces: a transition that leads from one into another, and stingers in a piece's key, as MIDI files.

A transition modulates by a chord that both keys have (W. Piston, *Harmony*, on pivot chords), then the dominant seventh
of the new key; its tempo goes in equal steps from the old to the new, and its line runs to the leading note. Where a
piece begins with its tonic, the next bar is that piece's first.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from typing import Final

import msgspec

from antiphon.errors import InputError
from antiphon.music.meter import SIXTEENTH, TICKS, Meter
from antiphon.music.midi import CHANNELS, PROGRAMS, SCALE
from antiphon.music.score import DRUM_NOTES

MAX_BARS: Final = 4
SCALES: Final = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
_TRIADS: Final = {
    "major": ((0, 4, 7), (2, 5, 9), (4, 7, 11), (5, 9, 12), (7, 11, 14), (9, 12, 16)),
    "minor": ((0, 3, 7), (3, 7, 10), (5, 8, 12), (7, 10, 14), (8, 12, 15), (10, 14, 17)),
}
"""Semitones from the tonic; diminished ones are left out."""
_PREDOMINANTS: Final = {"major": (5, 2, 9), "minor": (5, 8, 2)}
"""Roots above the new tonic that lead to its dominant, the best first."""
_LEAD_FROM: Final = 67
_BASS_FROM: Final = 36


class Place(msgspec.Struct, frozen=True):
    """What of a piece matters to its neighbour: tempo, metre, key, and whether it has drums."""

    quarter_bpm: float
    meter: Meter
    tonic: int
    mode: str
    drums: bool


class Link(msgspec.Struct, frozen=True):
    """A MIDI file and its exact length."""

    midi: bytes
    seconds: float


class _Event(msgspec.Struct, frozen=True):
    part: str
    start: int  # ticks
    length: int
    pitch: int
    velocity: int


_Chord = tuple[int, ...]


def transition(before: Place, after: Place, bars: int = 2) -> Link:
    """`bars` 1 to `MAX_BARS`: the last in the metre of `after`, the others in that of `before`. Raises `InputError`."""
    if not 1 <= bars <= MAX_BARS:
        raise InputError(f"{bars} bars are outside 1-{MAX_BARS}", "A transition is short.")
    meters = [before.meter] * (bars - 1) + [after.meter]
    starts = [sum(meter.ticks for meter in meters[:number]) for number in range(bars)]
    end = sum(meter.ticks for meter in meters)
    tonic = tuple(before.tonic + step for step in _TRIADS[before.mode][0])
    dominant = tuple(after.tonic + step for step in (7, 11, 14, 17))
    half = starts[-1] if bars > 1 else _half(after.meter)
    middle = starts[-2] + _half(before.meter) if bars > 1 else half
    chords = [(0, middle, tonic), (middle, half, pivot(before, after)), (half, end, dominant)]
    chords = [chord for chord in chords if chord[1] > chord[0]]
    events = [event for chord in chords for event in _accompanied(*chord)]
    events += _run(chords, before, after, end)
    if before.drums or after.drums:
        events += _fill(meters, starts, end)
    beats = [start + beat for start, meter in zip(starts, meters, strict=True) for beat in meter.beat_ticks]
    steps = len(beats)
    tempi = [
        (beat, before.quarter_bpm * (after.quarter_bpm / before.quarter_bpm) ** ((number + 1) / (steps + 1)))
        for number, beat in enumerate(beats)
    ]
    return _written(events, tempi, end)


def pivot(before: Place, after: Place) -> _Chord:
    """A triad that both keys have and that leads to the new dominant; else the new subdominant."""
    old = {tuple(sorted((before.tonic + step) % 12 for step in triad)) for triad in _TRIADS[before.mode]}
    leading = sorted(
        (triad for triad in _TRIADS[after.mode] if triad[0] in _PREDOMINANTS[after.mode]),
        key=lambda triad: _PREDOMINANTS[after.mode].index(triad[0]),
    )
    for triad in leading:
        if tuple(sorted((after.tonic + step) % 12 for step in triad)) in old:
            return tuple(after.tonic + step for step in triad)
    return tuple(after.tonic + step for step in leading[0])


def _half(meter: Meter) -> int:
    """The beat nearest to the middle of a bar."""
    return min(meter.beat_ticks[1:], key=lambda beat: abs(beat - meter.ticks / 2))


def _accompanied(start: int, stop: int, chord: _Chord) -> Iterator[_Event]:
    """Root in quarters, chord tones in turn above."""
    root = _BASS_FROM + (chord[0] - _BASS_FROM) % 12
    for at in range(start, stop, TICKS):
        yield _Event("bass", at, min(TICKS, stop - at), root, 96)
    tones = [60 + (pitch - 60) % 12 for pitch in chord]
    for number, at in enumerate(range(start, stop, TICKS // 2)):
        yield _Event("counter", at, min(TICKS // 2, stop - at), sorted(tones)[number % len(tones)], 70)


def _run(chords: list[tuple[int, int, _Chord]], before: Place, after: Place, end: int) -> Iterator[_Event]:
    """In eighths from the old tonic to the new leading note, chord tones on beats."""
    first = _LEAD_FROM + (before.tonic - _LEAD_FROM) % 12
    last = first + 3 + (after.tonic + 11 - first - 3) % 12
    places = range(0, end, TICKS // 2)
    for at in places:
        wanted = first + (last - first) * at / max(places[-1], 1)
        chord = next(chord for start, stop, chord in chords if start <= at < stop)
        key = after if chord is chords[-1][2] else before
        scale = {(key.tonic + step) % 12 for step in SCALES[key.mode]} | {pitch % 12 for pitch in chord}
        allowed = {pitch % 12 for pitch in chord} if at % TICKS == 0 else scale
        pitch = last if at == places[-1] else _nearest(wanted, allowed)
        yield _Event("lead", at, min(TICKS // 2, end - at), pitch, 80 + 35 * at // end)


def _nearest(wanted: float, classes: set[int]) -> int:
    return min((pitch for pitch in range(48, 108) if pitch % 12 in classes), key=lambda one: abs(one - wanted))


def _fill(meters: list[Meter], starts: list[int], end: int) -> Iterator[_Event]:
    """Hats, then in the second half of the last bar a roll that grows."""
    roll = starts[-1] + _half(meters[-1])
    for at in range(0, roll, TICKS // 2):
        yield _Event("drums", at, SIXTEENTH, DRUM_NOTES["hat"], 70)
    for start in starts:
        yield _Event("drums", start, SIXTEENTH, DRUM_NOTES["kick"], 100)
    for at in range(roll, end, SIXTEENTH):
        yield _Event("drums", at, SIXTEENTH, DRUM_NOTES["snare"], 60 + 60 * (at - roll) // (end - roll))


STINGERS: Final = ("win", "lose", "item", "danger")


def stinger(kind: str, place: Place, seed: int = 0) -> Link:
    """A signal in a piece's key and near its tempo. Raises `InputError` for a `kind` that is none of `STINGERS`."""
    if kind not in STINGERS:
        raise InputError(f"There is no stinger {kind!r}", f"Name one of: {', '.join(STINGERS)}.")
    rng = random.Random(f"{seed}/{kind}")  # noqa: S311 - music, not secrets
    events, bpm = {"win": _win, "lose": _lose, "item": _item, "danger": _danger}[kind](place, rng)
    end = max(event.start + event.length for event in events)
    return _written(events, [(0, bpm)], end)


_Signal = tuple[list[_Event], float]


def _sung(place: Place, steps: list[tuple[int, int]], begin: int, velocity: int = 105) -> list[_Event]:
    """(semitones above the tonic at or above `begin`, sixteenths) one after the other."""
    tonic, at, events = begin + (place.tonic - begin) % 12, 0, []
    for step, length in steps:
        events.append(_Event("lead", at, length * SIXTEENTH, tonic + step, velocity))
        at += length * SIXTEENTH
    return events


def _held(place: Place, chord: _Chord, start: int, length: int) -> list[_Event]:
    """A chord under the last note: its root as bass, its other notes in turn."""
    root = _BASS_FROM + (place.tonic + chord[0] - _BASS_FROM) % 12
    tones = [60 + (place.tonic + step - 60) % 12 for step in chord[1:]]
    return [_Event("bass", start, length, root, 100)] + [
        _Event("counter", at, SIXTEENTH, tones[(at - start) // SIXTEENTH % len(tones)], 80)
        for at in range(start, start + length, SIXTEENTH)
    ]


def _struck(place: Place, name: str, at: int) -> list[_Event]:
    return [_Event("drums", at, SIXTEENTH, DRUM_NOTES[name], 110)] if place.drums else []


def _win(place: Place, rng: random.Random) -> _Signal:
    """A fanfare on the major tonic, in minor too (the Picardy third), over IV-V-I or bVI-bVII-I."""
    rise = rng.choice(([0, 4, 7], [7, 4, 7], [0, 0, 4]))
    steps = [(rise[0], 2), (rise[1], 1), (rise[2], 1), (9, 2), (11, 2), (12, 8)]
    under = rng.choice([((5, 9, 12), (7, 11, 14)), ((8, 12, 15), (10, 14, 17))])
    events = _sung(place, steps, 67)
    for number, chord in enumerate(under):
        events += _held(place, chord, (4 + 2 * number) * SIXTEENTH, 2 * SIXTEENTH)
    last = 8 * SIXTEENTH
    events += _held(place, (0, 4, 7), last, 8 * SIXTEENTH) + _struck(place, "cymbal", last)
    return events, _moderate(place, 100, 150)


def _lose(place: Place, rng: random.Random) -> _Signal:
    """A line that falls by half steps to the minor tonic."""
    top = rng.choice((7, 8))
    steps = [(top - number, 3) for number in range(3)] + [(rng.choice((3, 2)), 3), (0, 8)]
    events = _sung(place, steps, 57, 95)
    events += _held(place, (0, 3, 6), 0, 12 * SIXTEENTH)
    events += _held(place, (0, 3, 7), 12 * SIXTEENTH, 8 * SIXTEENTH)
    return events, _moderate(place, 80, 110)


def _item(place: Place, rng: random.Random) -> _Signal:
    """Up the piece's own tonic chord, to the octave."""
    third = 4 if place.mode == "major" else 3
    rise = rng.choice(([0, third, 7], [7, 12, 12 + third], [0, 7, third + 12]))
    steps = [(step, 1) for step in rise] + [(rise[-1] + (5 if rise[-1] == 7 else 0), 1), (12 + 7, 5)]
    last = 4 * SIXTEENTH
    return _sung(place, steps, 67) + _held(place, (0, third, 7), last, 5 * SIXTEENTH), _moderate(place, 110, 150)


def _danger(place: Place, rng: random.Random) -> _Signal:
    """Tonic and tritone in turn, growing, over a pedal; the diminished seventh at its end."""
    pair = rng.choice(((0, 6), (0, 1)))
    count = 12
    events = [
        msgspec.structs.replace(event, velocity=70 + 4 * number)
        for number, event in enumerate(_sung(place, [(pair[number % 2], 1) for number in range(count)], 60))
    ]
    events.append(_Event("bass", 0, count * SIXTEENTH, _BASS_FROM + (place.tonic - _BASS_FROM) % 12, 100))
    last = count * SIXTEENTH
    high = 72 + (place.tonic + 6 - 72) % 12
    events.append(_Event("lead", last, 4 * SIXTEENTH, high, 120))
    return events + _held(place, (0, 3, 6, 9), last, 4 * SIXTEENTH) + _struck(place, "tom", last), _moderate(
        place, 110, 160
    )


def _moderate(place: Place, lowest: float, highest: float) -> float:
    """The piece's tempo, halved or doubled where that is nearer to what a signal has."""
    bpm = place.quarter_bpm
    while bpm < lowest and bpm * 2 <= highest * 1.5:
        bpm *= 2
    while bpm > highest and bpm / 2 >= lowest / 1.5:
        bpm /= 2
    return min(max(bpm, lowest), highest)


def _written(events: list[_Event], tempi: list[tuple[int, float]], end: int) -> Link:
    import mido

    file = mido.MidiFile(type=1, ticks_per_beat=TICKS * SCALE, charset="utf-8")
    file.tracks.append(
        _track([(tick, 0, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm))) for tick, bpm in tempi], end)
    )
    for name in dict.fromkeys(event.part for event in events):
        channel = CHANNELS[name]
        told = [(0, 0, mido.MetaMessage("track_name", name=name))]
        if name in PROGRAMS:
            told.append((0, 0, mido.Message("program_change", channel=channel, program=PROGRAMS[name])))
        for event in events:
            if event.part == name:
                on = mido.Message("note_on", channel=channel, note=event.pitch, velocity=min(127, event.velocity))
                off = mido.Message("note_off", channel=channel, note=event.pitch)
                told += [(event.start, 2, on), (event.start + event.length, 1, off)]
        file.tracks.append(_track(told, end))
    out = io.BytesIO()
    file.save(file=out)
    ends = [tick for tick, _ in tempi[1:]] + [end]
    seconds = sum(
        (stop - tick) / TICKS * mido.bpm2tempo(bpm) / 1e6 for (tick, bpm), stop in zip(tempi, ends, strict=True)
    )
    return Link(out.getvalue(), seconds)


def _track(told: list[tuple[int, int, object]], end: int) -> object:
    import mido

    track, before = mido.MidiTrack(), 0
    for tick, _, message in sorted(told, key=lambda one: one[:2]):
        track.append(message.copy(time=(tick - before) * SCALE))  # type: ignore[attr-defined]
        before = tick
    track.append(mido.MetaMessage("end_of_track", time=(end - before) * SCALE))
    return track
