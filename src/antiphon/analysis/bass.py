"""Whether a bass plays: power below 165 Hz (E3), beside the middle of the sound."""

from __future__ import annotations

import numpy as np

from antiphon.analysis.sound import LONG, RATE_HZ, Sound

MIN_S = 3.0
_LOWEST_HZ, _SPLIT_HZ, _HIGHEST_HZ = 40.0, 165.0, 2_000.0
_NONE_DB, _CLEAR_DB = -6.0, -2.0
"""Pieces of ours with a bass are at -1 dB or above (19 of 20), those without at -4.6 or below."""


def bass_of(sound: Sound) -> float | None:
    """0 no bass, 1 a clear one; None for silence."""
    power = np.square(sound.spectrum.mean(axis=0), dtype=np.float64)
    hertz = np.arange(power.shape[0]) * RATE_HZ / LONG
    low = float(power[(hertz > _LOWEST_HZ) & (hertz < _SPLIT_HZ)].sum())
    middle = float(power[(hertz > _SPLIT_HZ) & (hertz < _HIGHEST_HZ)].sum())
    if low + middle <= 0:
        return None
    decibels = 10 * np.log10(max(low, 1e-12) / max(middle, 1e-12))
    return float(np.clip((decibels - _NONE_DB) / (_CLEAR_DB - _NONE_DB), 0, 1))
