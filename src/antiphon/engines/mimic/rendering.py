"""A score in a cloned voice: pitch moved into its range, formants by its tract, colour by its filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from antiphon.audio.waveform import Samples
from antiphon.engines.mimic import timbre
from antiphon.engines.mimic.halves import RATE_HZ, VOICED_HZ, Halves, Score
from antiphon.engines.mimic.likeness import Likeness

HIGHEST_HZ, LOWEST_HZ = 500.0, 50.0


def render(halves: Halves, likeness: Likeness, score: Score, mix: Mapping[str, float] | None = None) -> Samples:
    """Samples at 24 kHz. `mix` takes the place of the likeness' own timbre."""
    pitched = replace(score, pitch_hz=moved(score.pitch_hz, likeness.pitch_hz, likeness.pitch_range))
    samples = halves.sing(pitched, likeness.timbre_mix if mix is None else mix)
    return timbre.filtered(samples, np.asarray(likeness.colour_db), RATE_HZ)


def moved(pitch_hz: Samples, median_hz: float, spread: float) -> Samples:
    """A melody with its median at `median_hz` and its intervals scaled; unvoiced frames stay."""
    voiced = pitch_hz > VOICED_HZ
    if not voiced.any():
        return pitch_hz
    octaves = np.log2(pitch_hz[voiced])
    around = np.median(octaves)
    out = pitch_hz.copy()
    out[voiced] = np.clip(median_hz * 2 ** (spread * (octaves - around)), LOWEST_HZ, HIGHEST_HZ)
    return out
