"""Energy, brightness and density of a clip on the scale 0..1 on which prompts ask for them.

0 and 1 are where the lowest and the highest tenth of recorded music begin (scripts/measure_music_judges.py --levels).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antiphon.judges.music.sound import FRAMES_PER_S, HOP, LONG, RATE_HZ, Sound

MIN_S = 3.0
_NEIGHBOURS = 3  # frames each side in which an onset is the highest
_OVER_MEAN = 1.5
_MIN_FLUX_DB = 1.0
_FRAME = 2_048


@dataclass(frozen=True, slots=True)
class Features:
    """`onsets_per_s`; `flux_db`, mean rise of the bands per frame; `centroid_octaves` over 55 Hz; `crest_db`, peaks
    over RMS."""

    onsets_per_s: float
    flux_db: float
    centroid_octaves: float
    crest_db: float


def features_of(sound: Sound) -> Features:
    mean = sound.spectrum.mean(axis=0)
    hertz = np.arange(1, mean.shape[0]) * RATE_HZ / LONG
    octaves = np.log2(np.maximum(hertz, 55.0) / 55.0)
    # Each octave counts the same: the density per octave, not per hertz.
    weight = mean[1:] / hertz
    samples = sound.mono[: sound.mono.shape[0] // HOP * HOP].astype(np.float64)
    rms = float(np.sqrt(np.mean(samples**2))) if samples.size else 0.0
    peak = float(np.percentile(np.abs(samples), 99.9)) if samples.size else 0.0
    return Features(
        onsets_per_s=onsets(sound).size / max(sound.seconds, 1e-9),
        flux_db=float(sound.flux.mean()),
        centroid_octaves=float((weight * octaves).sum() / max(float(weight.sum()), 1e-12)),
        crest_db=float(20 * np.log10(max(peak, 1e-9) / max(rms, 1e-9))),
    )


def onsets(sound: Sound) -> np.ndarray:
    """Frames at which something begins: peaks of the flux above its surroundings."""
    flux = sound.flux
    if flux.size < 2 * _NEIGHBOURS + 1:
        return np.empty(0, dtype=np.intp)
    width = int(0.4 * FRAMES_PER_S)
    around = np.convolve(flux, np.ones(width) / width, "same")
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(flux, _NEIGHBOURS), 2 * _NEIGHBOURS + 1)
    highest = flux >= windows.max(axis=1)
    return np.flatnonzero(highest & (flux > _OVER_MEAN * around) & (flux > _MIN_FLUX_DB))
