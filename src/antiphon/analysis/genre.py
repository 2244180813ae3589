"""What a style is heard by: rhythm of three bands in beats, degrees of the scale in use, harmonic rhythm, balance.

Nothing of it depends on the key, and of the tempo only that pulses are folded into one octave.
"""

from __future__ import annotations

import itertools

import numpy as np

from antiphon.analysis.accents import SPLITS, correlations, onsets
from antiphon.analysis.chroma import Floats
from antiphon.analysis.key import keys_of
from antiphon.analysis.sound import FRAMES_PER_S, LONG_HOP, RATE_HZ, Sound
from antiphon.analysis.structure import change
from antiphon.analysis.tones import tones_of

MIN_S = 12.0
SLOWEST_BPM = 84.0
"""Pulses are folded into the octave from here."""
_OWN = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1.0, 4 / 3, 3 / 2, 2.0, 5 / 2, 3.0, 7 / 2, 4.0)
_BETWEEN = (-3 / 2, -1.0, -1 / 2, -1 / 4, 0.0, 1 / 4, 1 / 2, 1.0, 3 / 2, 2.0)
_HARMONIC = (1.0, 2.0, 4.0, 8.0)
_BALANCE = 6
"""Bands in one sixth of the balance."""


def features(sound: Sound, bpm: float) -> Floats | None:
    """`[FEATURES]` of a clip with that pulse; None where too little is pitched or nothing changes."""
    keys, harmony = keys_of(sound), change(sound.chroma)
    if keys is None or harmony is None:
        return None
    beat_s = 60.0 / folded(bpm)
    beat = beat_s * FRAMES_PER_S
    bands = onsets(sound)
    own = np.concatenate([correlations(band, band, beat * np.array(_OWN)) for band in bands])
    lags = beat * np.array(_BETWEEN)
    between = np.concatenate([correlations(bands[a], bands[b], lags) for a, b in ((0, 1), (0, 2), (1, 2))])
    degrees = np.roll(sound.chroma.mean(axis=0), -(keys.best % 12))
    slow = np.interp(beat_s * np.array(_HARMONIC) * RATE_HZ / LONG_HOP, np.arange(harmony.size), harmony)
    levels = np.maximum(sound.decibels.astype(np.float64), -60.0)
    balance = levels.mean(axis=0).reshape(-1, _BALANCE).mean(axis=1)
    spread = [levels[:, low:high].mean(axis=1).std() for low, high in itertools.pairwise(SPLITS)]
    busy = [float(np.mean(band > 2 * band.std())) * beat for band in bands]
    tones = tones_of(sound)
    rest = (tones.tonality, float(np.log2(max(1, tones.pitches))), float(keys.best >= 12))
    return np.concatenate([own, between, degrees / max(float(degrees.sum()), 1e-9), slow, balance, spread, busy, rest])


def folded(bpm: float) -> float:
    """The tempo's double or half in the octave from `SLOWEST_BPM`."""
    return float(SLOWEST_BPM * 2 ** (np.log2(bpm / SLOWEST_BPM) % 1))
