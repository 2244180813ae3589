"""Timing: does a converted recording keep the time of its source? By the rise and fall of loudness."""

from __future__ import annotations

import numpy as np

from antiphon.analysis.activity import levels_db
from antiphon.analysis.features import mono_16k
from antiphon.audio.waveform import Samples, Waveform

SHIFT_FRAMES = 8
"""A converter may be late or early by 80 ms as a whole."""

_RANGE_DB = 35.0
_SMOOTH = 9  # frames of 10 ms: syllables stay, the pitch's own ripple goes


def duration_error(audio: Waveform, source: Waveform) -> float:
    """How much longer or shorter, as a share of the source's length."""
    return abs(audio.duration_s - source.duration_s) / source.duration_s


def same_time(audio: Waveform, source: Waveform) -> float | None:
    """Correlation of both loudness contours at the best shift, in [-1, 1]. None: one of them does not vary."""
    first, second = _contour(audio), _contour(source)
    size = min(first.shape[0], second.shape[0])
    if size <= 4 * SHIFT_FRAMES:
        return None
    found = []
    for shift in range(-SHIFT_FRAMES, SHIFT_FRAMES + 1):
        a, b = first[max(0, shift) : size + min(0, shift)], second[max(0, -shift) : size + min(0, -shift)]
        spread = float(a.std() * b.std())
        if spread < 1.0:  # dB squared
            return None
        found.append(float(np.mean((a - a.mean()) * (b - b.mean()))) / spread)
    return max(found)


def _contour(audio: Waveform) -> Samples:
    """Level in dB every 10 ms, smoothed, at most 35 dB below the loudest."""
    levels = levels_db(mono_16k(audio))
    if levels.size < _SMOOTH:
        return levels[:0]
    levels = np.maximum(levels, levels.max() - _RANGE_DB)
    return np.asarray(np.convolve(levels, np.hanning(_SMOOTH + 2)[1:-1] / np.hanning(_SMOOTH + 2).sum(), "valid"))
