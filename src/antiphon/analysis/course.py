"""Dynamics: how loud a piece is as it goes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antiphon.analysis.sound import RATE_HZ, Sound

MIN_S = 12.0
_SILENCE_DB = -60.0
"""Below the loudest second: pauses are no dynamics."""
_END_S = 2.0
"""The last chord dies away in any piece."""


@dataclass(frozen=True, slots=True)
class Course:
    """`rise_db`: level of the last third over the first; `range_db`: 10th to 90th percentile of its seconds."""

    rise_db: float
    range_db: float


def course_of(sound: Sound) -> Course | None:
    """None for silence. The clip must last `MIN_S`, and be a whole piece where the rise counts."""
    signal = sound.mono[: max(RATE_HZ, sound.mono.shape[0] - int(_END_S * RATE_HZ))]
    seconds = signal[: signal.shape[0] // RATE_HZ * RATE_HZ].reshape(-1, RATE_HZ)
    power = np.square(seconds, dtype=np.float64).mean(axis=1)
    loudest = float(power.max(initial=0.0))
    if loudest <= 0:
        return None
    levels = 10 * np.log10(power[power > loudest * 10 ** (_SILENCE_DB / 10)])
    third = max(1, levels.size // 3)
    low, high = np.percentile(levels, (10, 90))
    return Course(rise_db=float(levels[-third:].mean() - levels[:third].mean()), range_db=float(high - low))
