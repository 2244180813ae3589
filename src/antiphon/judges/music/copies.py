"""Copies that a fingerprint misses: played faster or slower, or in another key.

A piece is an image of semitones against beats, so that tempo does not matter; two images are laid over each other at
every transposition and every offset at once, by their two-dimensional spectra (after Ellis & Poliner, "Identifying
'cover songs' with chroma features and dynamic programming beat tracking", 2007).
"""

from __future__ import annotations

import threading
from collections import deque

import numpy as np
import numpy.typing as npt

from antiphon.analysis.chroma import Floats
from antiphon.analysis.sound import LONG_HOP, RATE_HZ, Sound

MIN_S = 8.0
CAPACITY = 200
"""Windows that are remembered: 27 MB, and 0.3 s to compare."""

_SEMITONES, _LOWEST = 64, 33  # A1 to C7
_STEPS_A_BEAT = 2
_SLOWEST_BPM = 80.0  # tempi are folded into one octave from here
_SHAPE = (256, 2 * _SEMITONES)
_COUNTED = (1.0, 0.5, 2.0, 2 / 3, 1.5)
"""Pulses that may be heard instead of the beat."""

Spectrum = npt.NDArray[np.complex64]


class Tunes:
    """The tunes of the last windows delivered. Thread-safe."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._lock = threading.Lock()
        self._known: deque[tuple[str, Spectrum]] = deque(maxlen=capacity)

    def likeness(self, sound: Sound, bpm: float, work: str) -> float:
        """The highest correlation with a tune of another work, 0..1. The clip must last `MIN_S`."""
        with self._lock:
            others = [tune for other, tune in self._known if other != work]
        if not others:
            return 0.0
        stack = np.stack(others)
        return max(
            float(np.fft.irfft2(stack * np.conj(_spectrum(sound, bpm * factor)), _SHAPE, axes=(1, 2)).max())
            for factor in _COUNTED
        )

    def add(self, sound: Sound, bpm: float, work: str) -> None:
        """Remember a window of a work; the oldest is forgotten."""
        spectrum = _spectrum(sound, bpm)
        with self._lock:
            self._known.append((work, spectrum))


def folded(bpm: float) -> float:
    """The tempo's double or half that lies in the octave from 80 bpm."""
    return float(_SLOWEST_BPM * 2 ** (np.log2(bpm / _SLOWEST_BPM) % 1))


def _spectrum(sound: Sound, bpm: float) -> Spectrum:
    """Of the image, which has mean 0 and length 1, `[256, 65]`."""
    image = _image(sound, bpm)
    image = image - image.mean(axis=0)
    image /= max(float(np.linalg.norm(image)), 1e-12)
    return np.asarray(np.fft.rfft2(image, _SHAPE), dtype=np.complex64)


def _image(sound: Sound, bpm: float) -> Floats:
    """How strongly each semitone sounds at each half beat, `[steps, 64]`."""
    peaks = sound.peaks
    semitone = np.round(peaks.pitch - peaks.tuning).astype(np.intp) - _LOWEST
    inside = (semitone >= 0) & (semitone < _SEMITONES)
    frames = sound.spectrum.shape[0]
    level = np.zeros((frames, _SEMITONES))
    np.add.at(level, (peaks.frame[inside], semitone[inside]), np.sqrt(peaks.height[inside]))
    step = 60.0 / bpm / _STEPS_A_BEAT * RATE_HZ / LONG_HOP
    places = np.arange(0, frames - 1, step)[: _SHAPE[0]]
    before = places.astype(np.intp)
    share = (places - before)[:, None]
    return np.asarray(level[before] * (1 - share) + level[before + 1] * share)
