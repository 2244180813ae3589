"""Rhythm without bar lines: how onsets in low, middle and high bands answer each other, measured in beats.

Correlations over lags need no downbeat, which is the hardest thing to hear (after Peeters, "Rhythm classification
using spectral rhythm patterns", ISMIR 2005, and Tzanetakis & Cook, "Musical genre classification", 2002).
"""

from __future__ import annotations

import itertools

import numpy as np

from antiphon.analysis.chroma import Floats
from antiphon.analysis.sound import BANDS, FRAMES_PER_S, Sound

SPLITS = (0, 10, 26, BANDS)
"""Bass and kick below 150 Hz, snares and voices to 2 kHz, hats above."""
_BACK = 2  # frames an onset is compared with
_FLOOR_DB = -55.0
_BLUR = (0.25, 0.5, 0.25)
"""Onsets fall between frames: the neighbours' mean forgives half a frame."""


def onsets(sound: Sound) -> Floats:
    """Onset strength in three bands, `[3, frames]`, without its slow part (the mean of a second)."""
    levels = np.maximum(sound.decibels, _FLOOR_DB).astype(np.float64)
    widened = np.maximum(levels, np.maximum(np.roll(levels, 1, axis=1), np.roll(levels, -1, axis=1)))
    rises = np.zeros_like(levels)
    rises[_BACK:] = np.maximum(0.0, levels[_BACK:] - widened[:-_BACK])
    flux = np.stack([rises[:, low:high].mean(axis=1) for low, high in itertools.pairwise(SPLITS)])
    width = int(FRAMES_PER_S)
    mean = np.stack([np.convolve(band, np.ones(width) / width, "same") for band in flux])
    return np.asarray(flux - mean)


def correlations(first: Floats, second: Floats, lags: Floats) -> Floats:
    """Correlation of `first` with `second` later by each lag in frames (fractions are interpolated), -1 to 1."""
    count = first.shape[0]
    size = 1 << int(np.ceil(np.log2(2 * count)))
    product = np.fft.irfft(np.conj(np.fft.rfft(first, size)) * np.fft.rfft(second, size), size)
    scale = max(float(np.linalg.norm(first) * np.linalg.norm(second)), 1e-9)
    reach = int(np.ceil(np.abs(lags).max())) + 2
    raw = np.concatenate([product[-reach:], product[: reach + 1]]) / scale
    shares = 1 - np.abs(np.arange(-reach, reach + 1)) / count
    even = np.convolve(raw / np.maximum(shares, 0.1), _BLUR, "same")
    return np.interp(lags, np.arange(-reach, reach + 1), even)
