"""Controlled music: clicks at a tempo, chords in a key, a small tune."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from antiphon.audio import Waveform

RATE_HZ = 44_100
MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
Signal = npt.NDArray[np.float64]


def wave(signal: Signal) -> Waveform:
    """Mono `[samples]` as a waveform."""
    return Waveform(np.ascontiguousarray(signal[None], dtype=np.float32), RATE_HZ)


def clicks(bpm: float, seconds: float, *, accent: int = 4) -> Signal:
    """A short tone on each beat, louder on every `accent`th."""
    out = np.zeros(int(seconds * RATE_HZ))
    click = np.sin(2 * np.pi * 1_000 * np.arange(2_000) / RATE_HZ) * np.exp(-np.arange(2_000) / 300)
    for beat in range(int(seconds * bpm / 60)):
        at = round(beat * 60 / bpm * RATE_HZ)
        loud = 0.6 if beat % accent == 0 else 0.35
        out[at : at + 2_000] += loud * click[: out.shape[0] - at]
    return out


@lru_cache(maxsize=256)
def note(midi: float, seconds: float, level: float = 0.1) -> Signal:
    """Six harmonics that fade."""
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    hertz = 440 * 2 ** ((midi - 69) / 12)
    return level * np.exp(-2 * time) * sum(np.sin(2 * np.pi * hertz * n * time) / n for n in range(1, 7))


def song(tonic: int, mode: str, bpm: float, seconds: float, *, seed: int = 0) -> Signal:
    """Chords of a cadence on the bars, a melody of the scale on the eighths, and it comes back after four bars."""
    rng = np.random.default_rng(seed)
    scale = MAJOR if mode == "major" else MINOR
    out = np.zeros(int(seconds * RATE_HZ) + 4 * RATE_HZ)
    melody = [int(rng.integers(0, 8)) for _ in range(32)]
    melody[0] = melody[-1] = 0
    beat_s = 60 / bpm
    for eighth in range(int(seconds / beat_s * 2)):
        at = round(eighth * beat_s / 2 * RATE_HZ)
        degree = melody[eighth % 32]
        sounds = [note(60 + tonic + scale[degree % 7] + 12 * (degree // 7), beat_s / 2, 0.15)]
        if eighth % 8 == 0:
            root = (0, 3, 4, 0)[eighth // 8 % 4]
            steps = [(scale[(root + third) % 7] + 12 * ((root + third) // 7)) for third in (0, 2, 4)]
            if mode == "minor" and root == 4:
                steps[1] += 1  # the leading note
            sounds += [note(48 + tonic + step, 4 * beat_s) for step in steps]
        for sound in sounds:
            out[at : at + sound.shape[0]] += sound[: out.shape[0] - at]
    return out[: int(seconds * RATE_HZ)]
