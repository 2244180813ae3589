"""What all judges of speech share: looking at a clip's 16 kHz signal and its pauses once."""

from __future__ import annotations

from antiphon.analysis.activity import Mask, active_frames
from antiphon.analysis.features import mono_16k
from antiphon.audio.waveform import Samples
from antiphon.judges.base import Evidence


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


def missing_audio(evidence: Evidence) -> str | None:
    """Why nothing can be measured, or None."""
    if evidence.audio is None:
        return "the audio does not decode"
    if evidence.audio.samples.shape[1] == 0:
        return "the audio holds no samples"
    return None
