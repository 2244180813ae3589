"""Where a signal is sound and where it is pause, by the level of 10 ms frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon.analysis.features import HOP, framed
from antiphon.audio.waveform import Samples

FRAME_S = 0.01
FLOOR_DBFS = -60.0
"""Whatever is quieter is silence, however quiet the rest may be."""

RANGE_DB = 40.0
"""Whatever is this much below the clip's loud frames is a pause."""

Mask = npt.NDArray[np.bool_]


def levels_db(signal: Samples) -> Samples:
    """RMS level of 10 ms frames in dBFS, `[frames]`, at least -120."""
    if signal.shape[0] < HOP:
        return np.full(1 if signal.shape[0] else 0, -120.0, dtype=np.float32)
    power = np.mean(np.square(framed(signal, HOP), dtype=np.float32), axis=1)
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)), dtype=np.float32)


def active_frames(signal: Samples) -> Mask:
    """Frames within `RANGE_DB` of the loud ones (95th percentile) and above `FLOOR_DBFS`."""
    levels = levels_db(signal)
    if levels.size == 0:
        return np.zeros(0, dtype=np.bool_)
    return np.asarray(levels > max(FLOOR_DBFS, float(np.percentile(levels, 95)) - RANGE_DB))
