"""Key: which of 24 keys the pitches of a clip fit, and how far the asked one is from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from antiphon.analysis.chroma import Floats
from antiphon.analysis.sound import Sound

MIN_S = 12.0
"""Shorter windows may lie in one chord, or in a bridge that leaves the key."""
MIN_TONAL_FRAMES = 12

# Probe-tone ratings of Krumhansl & Kessler (1982), tonic first.
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


@dataclass(frozen=True, slots=True)
class Keys:
    """Correlation with each key: `[24]`, C major to B major, then C minor to B minor."""

    fit: Floats

    @property
    def best(self) -> int:
        return int(np.argmax(self.fit))

    def gap(self, tonic: int, mode: str | None) -> float:
        """How much worse the asked key fits than the best one; 0 = it is the best. Without a mode, either counts."""
        modes = [minor for minor, name in enumerate(("major", "minor")) if mode in (None, name)]
        return float(self.fit.max() - max(self.fit[tonic + 12 * minor] for minor in modes))


def keys_of(sound: Sound) -> Keys | None:
    """Fit to all keys, or None when there is too little pitch in the clip."""
    if np.count_nonzero(sound.chroma.sum(axis=1)) < MIN_TONAL_FRAMES:
        return None
    return Keys(profiles() @ standard(sound.chroma.mean(axis=0)))


def standard(values: Floats) -> Floats:
    """Without the mean of the last axis, and of length 1: products of two are correlations."""
    centred = values - values.mean(axis=-1, keepdims=True)
    scale = np.linalg.norm(centred, axis=-1, keepdims=True)
    return np.asarray(centred / np.maximum(scale, 1e-12))


@lru_cache(maxsize=1)
def profiles() -> Floats:
    """`[24, 12]` standard profiles of all keys, in the order of `Keys.fit`."""
    return standard(np.array([np.roll(profile, tonic) for profile in (_MAJOR, _MINOR) for tonic in range(12)]))
