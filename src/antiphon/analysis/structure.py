"""Structure: does the music come back to what it said, and does it say more than one thing?

The structure function of the clip's features, `D(lag) = E|x(t) - x(t + lag)|^2 / 2 Var x`, is 0 where everything is
repeated after `lag` and 1 where nothing is (the mean of one diagonal of a self-similarity matrix: Foote, "Visualizing
music and audio using self-similarity", 1999).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antiphon.analysis.chroma import Floats
from antiphon.analysis.sound import FRAMES_PER_S, LONG_HOP, RATE_HZ, Sound

MIN_S = 8.0
"""Two bars of slow music and their return."""
LONGEST_BAR_S = 4.6
SHORTEST_BAR_S = 0.25
_POOL = 8  # frames of 11.6 ms: so that a loop that falls between two frames changes little
_FLOOR_DB = -50.0


@dataclass(frozen=True, slots=True)
class Structure:
    """`variety`: share of the sound that is new after the most similar lag of at most a bar; 0 for a loop of one bar.
    `repetition`: share that has been heard before at the most similar lag; 0 for noise."""

    variety: float
    repetition: float


def structure_of(sound: Sound) -> Structure | None:
    """None when nothing changes at all. The clip must last `MIN_S`."""
    timbre, harmony = timbre_change(sound), change(sound.chroma)
    if timbre is None or harmony is None:
        return None
    lags_s = np.arange(SHORTEST_BAR_S, 0.75 * sound.seconds, 1 / FRAMES_PER_S)
    new_timbre = np.interp(lags_s * FRAMES_PER_S, np.arange(timbre.size), timbre)
    new_harmony = np.interp(lags_s * RATE_HZ / LONG_HOP, np.arange(harmony.size), harmony)
    return Structure(
        variety=float(new_timbre[lags_s <= LONGEST_BAR_S].min()),
        repetition=float(max(0.0, 1.0 - (0.5 * (new_timbre + new_harmony)).min())),
    )


def timbre_change(sound: Sound) -> Floats | None:
    """`change` of the bands' levels, by frames of `FRAMES_PER_S`."""
    sums = np.cumsum(np.pad(np.maximum(sound.decibels, _FLOOR_DB), ((1, 0), (0, 0))), axis=0, dtype=np.float64)
    return change((sums[_POOL:] - sums[:-_POOL]) / _POOL)


def change(features: Floats) -> Floats | None:
    """D at each lag in frames; None for features that never change. `features` is `[frames, n]`."""
    centred = features - features.mean(axis=0)
    count = centred.shape[0]
    size = 1 << int(np.ceil(np.log2(2 * count)))
    spectrum = np.fft.rfft(centred, size, axis=0)
    products = np.fft.irfft((np.abs(spectrum) ** 2).sum(axis=1), size)[:count]
    energy = np.cumsum((centred**2).sum(axis=1))
    if energy[-1] < 1e-6 * features.size:
        return None
    lags = np.arange(count)
    first = energy[count - 1 - lags]  # of x(t), t < count - lag
    last = energy[-1] - np.concatenate([[0.0], energy[:-1]])[lags]  # of x(t + lag)
    return np.asarray((first + last - 2 * products) / np.maximum(first + last, 1e-12))
