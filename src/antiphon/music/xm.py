"""A score as an Extended Module (XM), which trackers edit and game engines play: notes, not registers.

Source: "The XM module format" (Triton 1994, with the remarks of OpenMPT's wiki). A row is a thirty-second and has three
ticks of the player, so that every tick of ours is one of its own. Chords are its arpeggio, the waves cycles of 32
samples. What the chip does beside (echo, pan, band limits) is not kept.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip.drums import drum_frames
from antiphon.music.arranger import PATCHES, duties
from antiphon.music.meter import TICKS
from antiphon.music.percussion import METAL, RANK, SAMPLES
from antiphon.music.score import Note, Score

ROW = 3
"""Ticks of a score in a row."""

ROWS, MOST_ROWS = 64, 256
"""Of a pattern; the longer ones where a piece has more than `PATTERNS` of the others. The last ends with the piece."""

PATTERNS = 256

_SPEED = 3
_FASTEST, _SLOWEST = 255, 32
_CYCLE = 32
_C4_HZ = 8363.0
_NOTE_SHIFT = -11
"""A cycle of 32 samples at 8,363 Hz is MIDI note 60, which the format counts as 49."""

_CYCLE_FINETUNE = round(128 * 12 * np.log2(261.6256 / (_C4_HZ / _CYCLE)))
_KEY_OFF = 97
_ARPEGGIO, _VIBRATO, _DELAY = 0x0, 0x4, 0xE
_VIBRATO_SLOW_AND_NARROW = 0x42
_FULL = 64

Bytes8 = npt.NDArray[np.int8]


class Cell(NamedTuple):
    """What one channel does in one row: note 1-97 or 0, instrument, volume 0-64 or -1, effect and its parameter."""

    note: int = 0
    instrument: int = 0
    volume: int = -1
    effect: int = 0
    parameter: int = 0


class _Instrument(NamedTuple):
    name: str
    samples: Bytes8
    looped: bool
    relative: int  # semitones
    finetune: int  # 1/128 of a semitone
    envelope: tuple[tuple[int, int], ...]  # (tick, 0-64); sustained at the last but one


Rows = list[dict[int, Cell]]
"""For each row, channel -> cell."""


def to_xm(score: Score) -> bytes:
    """The bytes of an `.xm` file. Its tempo is a whole number of beats a minute: the nearest to the score's."""
    ticks, bpm = _clock(score)
    instruments = _instruments(ticks)
    names = [instrument.name for instrument in instruments]
    rows: Rows = [{} for _ in range(max(1, -(-score.ticks // (ROW * ticks))))]
    for channel, part in enumerate(("lead", "counter", "bass")):
        _play(score, part, channel, names, rows, ticks)
    _strike(score, names, rows, ticks)
    first = score.loop_start // (ROW * ticks)
    size = ROWS if len(rows) <= ROWS * (PATTERNS - 2) else MOST_ROWS
    before, after = _cut(rows[:first], size), _cut(rows[first:], size)
    patterns = [*before, *after]
    head = _head(score, len(patterns), len(instruments), bpm, restart=len(before))
    return head + b"".join(map(_pattern, patterns)) + b"".join(map(_written, instruments))


def _cut(rows: Rows, size: int) -> list[Rows]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _clock(score: Score) -> tuple[int, int]:
    """Ticks of the score in one of the player's, and its tempo; at more than 255 quarters a minute two of them."""
    quarters = score.ticks_a_minute / TICKS
    ticks = 1 if quarters <= _FASTEST else 2
    return ticks, max(_SLOWEST, round(quarters / ticks))


# --- notes -----------------------------------------------------------------------------------------------------------


def _play(score: Score, part: str, channel: int, names: Sequence[str], rows: Rows, ticks: int) -> None:
    """One part's notes, chords and vibrato. A note's end is rounded to the row; its start is exact."""
    duty_at = duties(score, part)
    for note in score.track(part).notes:
        row, late = _place(score, note.start, ticks)
        stop = min(_place(score, note.stop, ticks)[0], len(rows))
        if row >= len(rows):
            continue
        wave = "triangle" if part == "bass" else f"pulse {duty_at(note.start):g}"
        volume = round(_FULL * PATCHES[part].volume / lay.VOLUMES * (note.velocity / 127) ** 0.8)
        cell = Cell(note.pitch + _NOTE_SHIFT, names.index(wave) + 1, min(volume, _FULL))
        effect, parameter = _movement(note)
        rows[row][channel] = _delayed(cell, late) if late else cell._replace(effect=effect, parameter=parameter)
        first = row + (8 if effect == _VIBRATO else 1)
        for held in range(first, stop):
            rows[held][channel] = Cell(effect=effect, parameter=parameter)
        if row < stop < len(rows):
            rows[stop][channel] = Cell(_KEY_OFF)


def _movement(note: Note) -> tuple[int, int]:
    if note.chord:
        second, *others = [step for step in note.chord if step < 16]
        return _ARPEGGIO, second << 4 | (others[0] if others else 0)
    return (_VIBRATO, _VIBRATO_SLOW_AND_NARROW) if note.articulation == "vibrato" else (0, 0)


def _delayed(cell: Cell, late: int) -> Cell:
    return cell._replace(effect=_DELAY, parameter=0xD0 | late)


def _place(score: Score, tick: int, ticks: int) -> tuple[int, int]:
    """Row, and ticks of the player after its beginning."""
    return divmod(score.played(tick) // ticks, ROW)


def _strike(score: Score, names: Sequence[str], rows: Rows, ticks: int) -> None:
    """Drums: skins on two channels, so that a kick and a snare sound together, metal on a third."""
    for note in score.track("drums").notes:
        row, late = _place(score, note.start, ticks)
        if row >= len(rows):
            continue
        name = SAMPLES.get(note.pitch, "metal")
        channel = 5 if name == "metal" else 3 if RANK.index(name) < 2 else 4
        if name == "metal":
            name = f"metal {METAL[note.pitch][0]}"
        before = rows[row].get(channel)
        volume = min(_FULL, round(_FULL * note.velocity / 127))
        if before is None or before.volume < volume:
            cell = Cell(49, names.index(name) + 1, volume)
            rows[row][channel] = _delayed(cell, late) if late else cell


# --- instruments -----------------------------------------------------------------------------------------------------


def _instruments(ticks: int) -> list[_Instrument]:
    """Three duties, the triangle, metal of three lengths and the drums; `ticks` scales the envelopes."""
    at = np.arange(_CYCLE)
    lead = _envelope(0.72)
    waves = [
        _Instrument(f"pulse {duty:g}", _eight(np.where(at < duty * _CYCLE, 1.0, -1.0)), True, 0, _CYCLE_FINETUNE, lead)
        for duty in (0.125, 0.25, 0.5, 0.75)
    ]
    triangle = 2 * np.abs(2 * ((at / _CYCLE + 0.25) % 1) - 1) - 1
    waves.append(_Instrument("triangle", _eight(triangle), True, 0, _CYCLE_FINETUNE, _envelope(0.75)))
    hiss = np.random.default_rng(7).choice([-0.5, 0.5], 8_192)
    metal = [
        _Instrument(f"metal {frames}", _eight(hiss), True, 17, 0, ((0, _FULL), (max(1, frames // ticks), 0)))
        for frames, _ in METAL.values()
    ]
    shift = 12 * np.log2(lay.RATE_HZ / _C4_HZ)
    skins = [
        _Instrument(name, _eight(_drum(name)), False, round(shift), round(128 * (shift - round(shift))), ())
        for name in RANK
    ]
    return [*waves, *metal, *skins]


def _envelope(sustain: float) -> tuple[tuple[int, int], ...]:
    """Struck, held, and gone soon after the key is let go."""
    return ((0, _FULL), (10, round(_FULL * sustain)), (13, 0))


def _drum(name: str) -> npt.NDArray[np.float64]:
    token = 1 + lay.DRUMS.index(name) * lay.TUNINGS - lay.LOWEST_TUNING
    return np.asarray(drum_frames(token).reshape(-1), dtype=np.float64)


def _eight(wave: npt.NDArray[np.float64]) -> Bytes8:
    return np.clip(np.rint(wave * 100), -128, 127).astype(np.int8)


# --- bytes -----------------------------------------------------------------------------------------------------------

_CHANNELS = 6
_LINEAR = 1


def _text(text: str, length: int) -> bytes:
    return text.encode("ascii", "replace")[:length].ljust(length, b"\0")


def _head(score: Score, patterns: int, instruments: int, bpm: int, restart: int) -> bytes:
    fixed = b"Extended Module: " + _text(score.prompt, 20) + b"\x1a" + _text("Antiphon", 20) + struct.pack("<H", 0x0104)
    counts = (patterns, restart, _CHANNELS, patterns, instruments, _LINEAR, _SPEED, bpm)
    return fixed + struct.pack("<I8H", 276, *counts) + bytes(range(patterns)).ljust(256, b"\0")


def _pattern(rows: Rows) -> bytes:
    data = b"".join(_cell(row.get(channel, Cell())) for row in rows for channel in range(_CHANNELS))
    return struct.pack("<IBHH", 9, 0, len(rows), len(data)) + data


def _cell(cell: Cell) -> bytes:
    volume = 0 if cell.volume < 0 else 0x10 + cell.volume
    fields = (cell.note, cell.instrument, volume, cell.effect, cell.parameter)
    mask = sum(1 << bit for bit, value in enumerate(fields) if value)
    return bytes([0x80 | mask, *(value for value in fields if value)])


def _written(instrument: _Instrument) -> bytes:
    points = [*instrument.envelope, *[(0, 0)] * (12 - len(instrument.envelope))]
    count = len(instrument.envelope)
    envelopes = struct.pack("<24H", *(value for point in points for value in point)) + bytes(48)
    kind = 0 if not count else 3 if count > 2 else 1  # on; held at its sustain point
    settings = struct.pack("<14B", count, 0, max(0, count - 2), 0, 0, 0, 0, 0, kind, 0, 0, 0, 0, 0)
    body = struct.pack("<I", 40) + bytes(96) + envelopes + settings + struct.pack("<H", 0)
    head = (struct.pack("<I", 263) + _text(instrument.name, 22) + struct.pack("<BH", 0, 1) + body).ljust(263, b"\0")
    size = len(instrument.samples)
    loop = (0, size) if instrument.looped else (0, 0)
    sample = struct.pack(
        "<3I B b B B b B", size, *loop, _FULL, instrument.finetune, int(instrument.looped), 128, instrument.relative, 0
    )
    deltas = np.diff(instrument.samples.astype(np.int16), prepend=np.int16(0)).astype(np.int8)
    return head + sample + _text(instrument.name, 22) + deltas.tobytes()
