"""Plain levels in decibels relative to full scale (0 dBFS = amplitude 1)."""

from __future__ import annotations

import math

import numpy as np

from antiphon.audio.waveform import Waveform

SILENCE_DBFS = -120.0
"""What digital silence and an empty waveform measure: a finite floor, below every 16-bit signal."""


def peak_dbfs(waveform: Waveform) -> float:
    """The largest absolute sample, in dBFS; at least `SILENCE_DBFS`."""
    return _dbfs(float(np.max(np.abs(waveform.samples), initial=0.0)))


def rms_dbfs(waveform: Waveform) -> float:
    """The root mean square over all channels, in dBFS (a full-scale sine is -3.01); at least `SILENCE_DBFS`."""
    if not waveform.samples.size:
        return SILENCE_DBFS
    return _dbfs(math.sqrt(float(np.mean(np.square(waveform.samples, dtype=np.float64)))))


def _dbfs(amplitude: float) -> float:
    return max(SILENCE_DBFS, 20.0 * math.log10(amplitude)) if amplitude > 0 else SILENCE_DBFS
