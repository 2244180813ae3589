"""Standard MIDI files to registers: what a small band of five voices can keep of any arrangement.

The percussion channel goes to the drums (hats to the noise channel, so that they sound together with a kick). Of the
other notes of each frame, the bass goes to the triangle, the highest, from the leading instrument if it plays, to
pulse 1, and all that remain take turns on pulse 2, two frames each.
"""

from __future__ import annotations

import io
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from antiphon.codecs.base import TokenGrid
from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip.macros import envelope
from antiphon.codecs.chip.registers import Floats, Ints, Registers, frames_of
from antiphon.errors import InputError

MAX_BYTES: Final = 4_000_000
MAX_S: Final = 900.0
MAX_NOTES: Final = 50_000

PERCUSSION = 9
_BEND_SEMITONES = 2.0
_POLYPHONY = 32
_TAIL_FRAMES = 30  # for the last drum to end
_TURN_FRAMES = 2
_LOW = 52  # the lowest of several notes is a bass below this
_PLUCKED = frozenset([*range(16), *range(24, 32), *range(104, 120)])  # General MIDI programs that fade by themselves
BASSES = frozenset(range(32, 40))
# General MIDI percussion: key -> drum and tuning. Keys that are not here sound as a high tom.
STROKES: Final = {
    **dict.fromkeys((35, 36), ("kick", 0)),
    **dict.fromkeys((38, 40), ("snare", 0)),
    37: ("snare", 6),
    39: ("clap", 0),
    54: ("clap", 6),
    41: ("tom", -6),
    43: ("tom", -4),
    45: ("tom", -2),
    47: ("tom", 0),
    48: ("tom", 2),
    50: ("tom", 4),
    **dict.fromkeys((49, 57, 52), ("cymbal", 0)),
    51: ("cymbal", 4),
    53: ("cymbal", 6),
    55: ("cymbal", 3),
    59: ("cymbal", 5),
}
HATS: Final = {42: 4, 44: 3, 46: 16, 69: 4, 70: 3, 82: 4}  # key -> frames of noise
OTHER_STROKE = ("tom", 6)


@dataclass(frozen=True, slots=True)
class _Note:
    channel: int
    key: int
    start: int  # frames
    end: int
    loudness: float  # 0..1
    program: int
    pan: int


@dataclass(slots=True)
class _Part:
    """One MIDI channel while it is read."""

    program: int = 0
    volume: float = 1.0
    expression: float = 1.0
    pan: int = lay.CENTRE
    sounding: dict[int, tuple[float, float]] = field(default_factory=dict)  # key -> start in seconds, loudness
    bends: list[tuple[float, float]] = field(default_factory=list)  # seconds, semitones


def from_midi(data: bytes) -> TokenGrid:
    """Registers of a Standard MIDI file of type 0 or 1, the loudest notes at full volume.

    Raises `InputError` for bytes that are no such file, have no notes, or are over `MAX_BYTES`, `MAX_S`, `MAX_NOTES`.
    """
    notes, parts = _read(data)
    if not notes:
        raise InputError("The MIDI file has no notes", "Export it with its note tracks.")
    loudest = max(float(np.quantile([note.loudness for note in notes], 0.95)), 1e-3)
    notes = [replace(note, loudness=min(note.loudness / loudest, 1.0)) for note in notes]
    registers = Registers.silent(max(note.end for note in notes) + _TAIL_FRAMES)
    registers = _drums(registers, [note for note in notes if note.channel == PERCUSSION])
    return _band(registers, [note for note in notes if note.channel != PERCUSSION], parts).grid()


def _read(data: bytes) -> tuple[list[_Note], dict[int, _Part]]:
    if len(data) > MAX_BYTES:
        raise InputError(f"The MIDI file has {len(data)} bytes, over {MAX_BYTES}", "Cut it into parts.")
    import mido

    notes: list[_Note] = []
    parts: dict[int, _Part] = defaultdict(_Part)
    now_s = 0.0
    try:
        for message in mido.MidiFile(file=io.BytesIO(data), clip=True):
            now_s += message.time
            if now_s > MAX_S or len(notes) > MAX_NOTES:
                break
            if not message.is_meta and hasattr(message, "channel"):
                notes.extend(_follow(parts[message.channel], message, now_s))
    except Exception as error:  # the reader raises whatever it stumbles over
        raise InputError("This is no readable MIDI file", "Give a Standard MIDI file (.mid) of type 0 or 1.") from error
    if now_s > MAX_S or len(notes) > MAX_NOTES:
        raise InputError(f"The MIDI file is over {MAX_S:.0f} s or {MAX_NOTES} notes", "Cut it into parts.")
    for channel, part in parts.items():
        notes.extend(_note(part, channel, key, now_s) for key in list(part.sounding))
    return notes, parts


def _follow(part: _Part, message: Any, now_s: float) -> list[_Note]:
    """Take in one message; returns the notes that ended with it."""
    ended = []
    if message.type in {"note_on", "note_off"}:
        if message.note in part.sounding:
            ended.append(_note(part, message.channel, message.note, now_s))
        if message.type == "note_on" and message.velocity:
            loudness = message.velocity / 127 * part.volume * part.expression
            part.sounding[message.note] = now_s, loudness
    elif message.type == "program_change":
        part.program = message.program
    elif message.type == "pitchwheel":
        part.bends.append((now_s, message.pitch / 8192 * _BEND_SEMITONES))
    elif message.type == "control_change" and message.control == 7:
        part.volume = message.value / 127
    elif message.type == "control_change" and message.control == 11:
        part.expression = message.value / 127
    elif message.type == "control_change" and message.control == 10:
        part.pan = round(message.value / 127 * (lay.PANS - 1))
    return ended


def _note(part: _Part, channel: int, key: int, now_s: float) -> _Note:
    start_s, loudness = part.sounding.pop(key)
    start = frames_of(start_s)
    return _Note(channel, key, start, max(frames_of(now_s), start + 1), loudness, part.program, part.pan)


def _drums(registers: Registers, notes: list[_Note]) -> Registers:
    volume, pan = np.zeros(registers.frames), np.full(registers.frames, lay.CENTRE)
    strokes = registers.tokens.copy()
    for note in sorted(notes, key=lambda note: note.loudness):  # of strokes in one frame the loudest stays
        loud = _volume(note.loudness)
        if note.key in HATS:
            frames = HATS[note.key]
            volume[note.start : note.start + frames] = envelope(frames, volume=max(loud - 3, 1), release=frames)
            pan[note.start : note.start + frames] = note.pan
        else:
            drum, tuning = STROKES.get(note.key, OTHER_STROKE)
            stroke = Registers.silent(1).drum(0, drum, volume=loud, tuning=tuning, pan=note.pan)
            strokes[:, note.start] = stroke.tokens[:, 0]
    return Registers(strokes).noise(0, period=1, volume=volume, pan=pan)


def _band(registers: Registers, notes: list[_Note], parts: dict[int, _Part]) -> Registers:
    lead = _leading(notes)
    starting: dict[int, list[_Note]] = defaultdict(list)
    for note in notes:
        starting[note.start].append(note)
    score = np.zeros((3, 4, registers.frames))  # voice; midi, volume, duty, pan
    score[:, 2:] = np.array([[0.5], [lay.CENTRE]])
    curves: dict[_Note, tuple[Floats, Ints]] = {}
    active: list[_Note] = []
    for frame in range(registers.frames):
        active = ([note for note in active if note.end > frame] + starting[frame])[-_POLYPHONY:]
        for voice, note in _seats(active, lead, frame):
            if note not in curves:
                curves[note] = _curves(note, parts[note.channel])
            midi, volume = curves[note]
            at = frame - note.start
            score[voice, :, frame] = midi[at], volume[at], _duty(note.program), note.pan
    for pulse in range(lay.PULSES):
        midi, volume, duty, pan = score[pulse]
        registers = registers.pulse(pulse, 0, midi=midi, volume=volume, duty=duty, pan=pan)
    midi, volume, _, pan = score[lay.TRIANGLE]
    return registers.triangle(0, midi=midi, volume=volume, pan=pan)


def _leading(notes: list[_Note]) -> int:
    """The channel that is highest and busiest, basses aside."""
    keys: dict[int, list[int]] = defaultdict(list)
    for note in notes:
        if note.program not in BASSES:
            keys[note.channel].append(note.key)
    return max(keys, key=lambda channel: float(np.mean(keys[channel])) + np.log2(len(keys[channel])), default=0)


def _seats(active: list[_Note], lead: int, frame: int) -> list[tuple[int, _Note]]:
    """Which note each voice plays in a frame: (0, 1 pulses, 2 triangle; note)."""
    waiting = sorted(active, key=lambda note: (note.key, note.start))
    seats = []
    basses = [note for note in waiting if note.program in BASSES] or [
        note for note in waiting[:-1][:1] if note.key < _LOW
    ]
    if basses:
        seats.append((lay.TRIANGLE, basses[0]))
        waiting.remove(basses[0])
    if waiting:
        seats.append((0, max(waiting, key=lambda note: (note.channel == lead, note.key, note.start))))
        waiting.remove(seats[-1][1])
    if waiting:
        seats.append((1, waiting[frame // _TURN_FRAMES % len(waiting)]))
    return seats


def _curves(note: _Note, part: _Part) -> tuple[Floats, Ints]:
    """[frames] MIDI numbers with bends, octaves moved into the chip's range, and [frames] volumes."""
    frames = note.end - note.start
    seconds = (note.start + np.arange(frames)) / lay.FRAME_RATE_HZ
    times, bends = np.array([(-1.0, 0.0), *part.bends]).T
    midi = note.key + bends[np.searchsorted(times, seconds, side="right") - 1]
    lowest, highest = lay.LOWEST_MIDI, lay.LOWEST_MIDI + lay.PITCHES / lay.STEPS_PER_SEMITONE
    midi = (
        midi
        + 12.0 * np.ceil(np.maximum(lowest - midi, 0.0) / 12.0)
        - 12.0 * np.ceil(np.maximum(midi - highest, 0.0) / 12.0)
    )
    volume, release = _volume(note.loudness), min(2, frames // 4)
    if note.program in _PLUCKED:
        return midi, envelope(frames, volume=volume, decay=45, sustain=0.3, release=release)
    return midi, envelope(frames, volume=volume, attack=1, decay=8, sustain=0.8, release=release)


def _volume(loudness: float) -> int:
    """Volumes are amplitudes; MIDI loudness is nearer to their square root."""
    return max(1, round(lay.VOLUMES * float(loudness**1.5)))


def _duty(program: int) -> float:
    """Thin for plucked strings and keys, a quarter for bowed and blown ones, square for organs and synthesisers."""
    if program in _PLUCKED:
        return 0.125
    return 0.25 if 40 <= program < 72 else 0.5
