"""What all judges share: making measurements, and looking at a clip's 16 kHz signal and its pauses once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon.audio.waveform import Samples
from antiphon.economy.measurement import Measurement
from antiphon.judges.base import Evidence
from antiphon.judges.features import HOP, framed, mono_16k

FRAME_S = 0.01
FLOOR_DBFS = -60.0
"""Whatever is quieter is silence, however quiet the rest may be."""

RANGE_DB = 40.0
"""Whatever is this much below the clip's loud frames is a pause."""

Mask = npt.NDArray[np.bool_]


def measured(judge: str, name: str, unit: str, value: float) -> Measurement:
    """A finite value, or inconclusive: not-a-number never reaches the economy."""
    if not np.isfinite(value):
        return unmeasured(judge, name, unit, f"the result is {value}")
    return Measurement(judge=judge, name=name, unit=unit, value=float(value))


def unmeasured(judge: str, name: str, unit: str, reason: str) -> Measurement:
    return Measurement(judge=judge, name=name, unit=unit, reason=reason)


def signal_of(evidence: Evidence) -> Samples:
    """Mono at 16 kHz, computed once per evidence. The audio must be there."""
    if "signal" not in evidence.cache:
        assert evidence.audio is not None
        evidence.cache["signal"] = mono_16k(evidence.audio)
    signal: Samples = evidence.cache["signal"]
    return signal


def active_of(evidence: Evidence) -> Mask:
    """Which 10 ms frames are sound, not silence, `[frames]`; computed once per evidence."""
    if "active" not in evidence.cache:
        evidence.cache["active"] = active_frames(signal_of(evidence))
    active: Mask = evidence.cache["active"]
    return active


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


def missing_audio(evidence: Evidence) -> str | None:
    """Why nothing can be measured, or None."""
    if evidence.audio is None:
        return "the audio does not decode"
    if evidence.audio.samples.shape[1] == 0:
        return "the audio holds no samples"
    return None
