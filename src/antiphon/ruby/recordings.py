"""A chip recording as notes in beats: registers first, exactly, then who begins what, then where the beats are."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from antiphon.analysis.sound import Sound
from antiphon.analysis.tempo import pulse_of
from antiphon.audio.waveform import Waveform
from antiphon.codecs.chip import ChipCodec, rows
from antiphon.codecs.chip.layout import DRUMS, FRAME_RATE_HZ
from antiphon.codecs.chip.registers import Row
from antiphon.errors import InputError
from antiphon.music.meter import COMMON, SIXTEENTH, TICKS
from antiphon.ruby.arranging import Played, Reading

MAX_S: Final = 120.0
_ORNAMENT: Final = 3
"""Frames: what is shorter belongs to a broken chord."""

_STRUCK: Final = 3
"""So much louder than the frame before, a held pitch begins again."""

_HELD_HAT: Final = 8  # frames
_TEMPO_STEPS: Final = np.linspace(0.98, 1.02, 81)

Floats = npt.NDArray[np.float64]


def read_recording(wave: Waveform) -> Reading:
    """Raises `InputError` for sound that is too long, or in which nothing begins."""
    if wave.duration_s > MAX_S:
        raise InputError(f"The recording lasts {wave.duration_s:.0f} s, over {MAX_S:.0f}", "Give a shorter stretch.")
    grid = ChipCodec().encode(wave)
    pulse1, pulse2, triangle, noise, sample = rows(grid)
    voices = [(0, pulse1, False), (1, pulse2, False), (2, triangle, True)]
    found = [note for part, row, bass in voices for note in _notes(row, part, bass=bass)]
    found += _hats(noise) + _strokes(sample)
    if not found:
        raise InputError("Nothing begins in this recording", "Give a recording of music.")
    starts = np.array(sorted(note.start for note in found))
    bpm, first = _beats(starts, pulse_of(Sound(wave)).best_bpm)
    scale = bpm * TICKS / 60 / FRAME_RATE_HZ
    moved = [
        Played(
            max(0.0, (note.start - first) * scale), note.length * scale, note.pitch, note.velocity, note.part,
            note.bass, note.drum,
        )
        for note in found
    ]  # fmt: skip
    return Reading(tuple(moved), bpm, COMMON)


def _notes(row: Row, part: int, *, bass: bool) -> list[Played]:
    """Stretches of one pitch, in frames; a run of very short ones is a broken chord, of which the lowest counts."""
    pitch = np.where(row.volume > 0, np.rint(np.nan_to_num(row.pitch)), -1).astype(int)
    begins = np.flatnonzero(
        (np.diff(pitch, prepend=-2) != 0) | ((np.diff(row.volume, prepend=0) >= _STRUCK) & (pitch >= 0))
    )
    ends = np.append(begins[1:], len(pitch))
    made: list[Played] = []
    brief = False
    for start, stop in zip(begins.tolist(), ends.tolist(), strict=True):
        key, loud = int(pitch[start]), float(row.volume[start])
        short = stop - start < _ORNAMENT
        if key < 0:
            brief = False
            continue
        last = made[-1] if made else None
        if last is not None and short and brief and last.start + last.length == start:
            made[-1] = Played(last.start, stop - last.start, min(last.pitch, key), last.velocity, part, bass)
        else:
            made.append(Played(start, stop - start, key, _velocity(loud), part, bass))
        brief = short
    return made


def _hats(row: Row) -> list[Played]:
    risen = np.flatnonzero(np.diff(row.volume, prepend=0) > 0)
    made = []
    for start in risen.tolist():
        held = int(np.argmin(np.append(row.volume[start:] > 0, False)))
        name = "cymbal" if held > 3 * _HELD_HAT else "open hat" if held >= _HELD_HAT else "hat"
        made.append(Played(start, 1, 0, _velocity(float(row.volume[start])), 3, drum=name))
    return made


def _strokes(row: Row) -> list[Played]:
    return [
        Played(start, 1, 0, _velocity(float(row.volume[start])), 4, drum=DRUMS[int(row.kind[start])])
        for start in np.flatnonzero(row.volume > 0).tolist()
    ]


def _velocity(volume: float) -> int:
    return min(127, max(1, round(volume / 15 * 120)))


def _beats(starts: Floats, bpm: float) -> tuple[float, float]:
    """The tempo near `bpm`, and the frame of a beat, by which starts lie nearest to sixteenths."""
    best, found, first = np.inf, bpm, 0.0
    for candidate in bpm * _TEMPO_STEPS:
        step = 60 * FRAME_RATE_HZ / candidate / (TICKS // SIXTEENTH)
        turns = np.exp(2j * np.pi * starts / step)
        offset = float(np.angle(turns.mean()) / (2 * np.pi) * step)
        away = float(np.abs((starts - offset) / step - np.rint((starts - offset) / step)).mean())
        if away < best - 1e-9:
            best, found, first = away, float(candidate), offset
    step = 60 * FRAME_RATE_HZ / found / (TICKS // SIXTEENTH)
    return found, first + step * round((float(starts[0]) - first) / step)
