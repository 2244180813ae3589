"""Tones against noise: how much of a clip is pitched, and how many pitches it has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antiphon.analysis.sound import LONG, RATE_HZ, Sound

MIN_S = 1.0
MIN_PITCHES_S = 8.0
"""A shorter window may be one held chord."""
_BLOCK = 32  # bins, 86 Hz: room for a partial and the noise beside it
_OVER_MEDIAN = 12.0  # power; of white noise 0.2% is higher
_RANGE_HZ = (250.0, 5_000.0)
_AUDIBLE = 0.01


@dataclass(frozen=True, slots=True)
class Tones:
    """`tonality`: share of the power between 250 and 5,000 Hz that lies in narrow spectral lines (below, even bands of
    noise are narrow). `pitches`: semitones that sound for at least 1% of the
    tonal energy. `bandwidth_hz`: 99% of the magnitude lies below."""

    tonality: float
    pitches: int
    bandwidth_hz: float


def percussion(tonality: float) -> float:
    """How sure it is that drums play, 0..1: they are noise. Chip pieces without drums have .06 of it, with drums
    .13. Recordings hold other noise, so this may only colour a score."""
    return float(np.clip((1 - tonality - 0.05) / 0.07, 0, 1))


def tones_of(sound: Sound) -> Tones:
    spectrum = sound.spectrum
    low, high = (int(hertz * LONG / RATE_HZ) // _BLOCK * _BLOCK for hertz in _RANGE_HZ)
    power = np.square(spectrum[:, low:high]).reshape(spectrum.shape[0], -1, _BLOCK)
    lines = power > _OVER_MEDIAN * np.median(power, axis=2, keepdims=True)
    tonality = float(power[lines].sum() / max(float(power.sum()), 1e-12))
    energy = np.bincount(np.round(sound.peaks.pitch).astype(np.intp), sound.peaks.height**2, minlength=1)
    mean = spectrum.mean(axis=0)
    below = int(np.searchsorted(np.cumsum(mean), 0.99 * mean.sum()))
    return Tones(tonality, int(np.count_nonzero(energy > _AUDIBLE * energy.sum())), below * RATE_HZ / LONG)
