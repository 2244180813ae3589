"""Movements of registers within a note, frame by frame (1/60 s): what trackers call macros. Add them up freely.

midi = 69 + vibrato(60, depth=0.3, delay=20) + arpeggio(60, (0, 4, 7))
registers.pulse(0, start, midi=midi, volume=envelope(60, attack=2, decay=8, sustain=0.6, release=10))
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip.registers import Floats, Ints


def envelope(
    frames: int, *, volume: float = 15, attack: int = 0, decay: int = 0, sustain: float = 1.0, release: int = 0
) -> Ints:
    """[frames] volumes 0..15: up to `volume` in `attack` frames, down to `sustain` of it in `decay`, held, and down to
    0 in the last `release` frames. A note shorter than its envelope is released from wherever it is."""
    at = np.arange(frames)
    rise = np.minimum((at + 1) / (attack + 1), 1.0)
    fall = 1.0 - (1.0 - sustain) * np.clip((at - attack) / max(decay, 1), 0.0, 1.0)
    end = np.minimum((frames - at) / (release + 1), 1.0)
    return np.clip(np.rint(volume * rise * fall * end), 0, lay.VOLUMES).astype(np.int64)


def vibrato(frames: int, *, depth: float, rate_hz: float = 6.0, delay: int = 0) -> Floats:
    """[frames] semitones: a sine of +-`depth` that begins after `delay` frames and grows over its first turn."""
    at = np.maximum(np.arange(frames) - delay, 0) / lay.FRAME_RATE_HZ
    return np.asarray(depth * np.minimum(at * rate_hz, 1.0) * np.sin(2 * np.pi * rate_hz * at))


def arpeggio(frames: int, offsets: Sequence[float], *, step: int = 2) -> Floats:
    """[frames] semitones: `offsets` in turn, `step` frames each."""
    if not offsets or step < 1:
        raise ValueError(f"an arpeggio needs offsets and a step of 1 frame or more, got {offsets!r} and {step}")
    return np.asarray(offsets, dtype=np.float64)[np.arange(frames) // step % len(offsets)]


def slide(frames: int, from_midi: float, to_midi: float, *, over: int | None = None) -> Floats:
    """[frames] MIDI numbers: from one pitch to another in `over` frames (default: all), then held."""
    return from_midi + (to_midi - from_midi) * np.clip(np.arange(frames) / max(over or frames - 1, 1), 0.0, 1.0)


def sweep(frames: int, from_midi: float, *, semitones_per_s: float) -> Floats:
    """[frames] MIDI numbers at a constant rate; NaN (silent) once the pitch has left the chip's range."""
    midi = from_midi + semitones_per_s * np.arange(frames) / lay.FRAME_RATE_HZ
    inside = (midi >= lay.LOWEST_MIDI) & (midi < lay.LOWEST_MIDI + lay.PITCHES / lay.STEPS_PER_SEMITONE)
    return np.where(inside, midi, np.nan)
