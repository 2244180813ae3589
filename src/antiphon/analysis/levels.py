"""Energy and brightness of a clip on the scale 0..1 on which prompts ask for them.

Both are read from the long-term spectrum, which listeners' ratings of arousal and brightness follow (Eerola,
"Are the emotions expressed in music genre-specific?", 2011; Schubert & Wolfe, "Does timbral brightness scale with
frequency and spectral centroid?", 2006). Loudness says nothing: it is normalised. Density is not judged: the number
of onsets told *busy* from *sparse* hardly better than chance (docs/judging.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antiphon.analysis.sound import LONG, RATE_HZ, Sound

MIN_S = 3.0
_SHARP_HZ = 4_000.0
_CALM_DB, _WILD_DB = -23.0, -15.5  # power above 4 kHz: calm recordings -22, gentle pieces -19, energetic ones -16.5
_DARK_HZ, _BRIGHT_HZ = 180.0, 1_000.0  # centroid of power: warm pieces 350, bright ones 490


@dataclass(frozen=True, slots=True)
class Levels:
    """0 calm, dark; 1 wild, bright."""

    energy: float
    brightness: float


def levels_of(sound: Sound) -> Levels | None:
    """None for silence."""
    power = np.square(sound.spectrum, dtype=np.float64).mean(axis=0)
    total = float(power.sum())
    if total <= 0:
        return None
    hertz = np.arange(power.shape[0]) * RATE_HZ / LONG
    sharp_db = 10 * np.log10(max(float(power[hertz > _SHARP_HZ].sum()) / total, 1e-9))
    octaves = np.log2(max(float((power * hertz).sum()) / total, 1.0) / _DARK_HZ) / np.log2(_BRIGHT_HZ / _DARK_HZ)
    return Levels(
        energy=float(np.clip((sharp_db - _CALM_DB) / (_WILD_DB - _CALM_DB), 0, 1)),
        brightness=float(np.clip(octaves, 0, 1)),
    )


def shortfall(found: float, asked: float) -> float:
    """How far `found` stays behind what was asked for: nothing is too energetic for *energetic*."""
    return max(0.0, asked - found) if asked >= 0.5 else max(0.0, found - asked)
