"""What judges of speech look at: a delivery, and its 16 kHz signal and pauses, computed once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from antiphon.analysis.activity import Mask, active_frames
from antiphon.analysis.features import mono_16k
from antiphon.audio.waveform import Samples, Waveform
from antiphon.services import SpeechRequest


@dataclass(frozen=True, slots=True)
class VoiceReference:
    """What a voice is known to sound like, measured on its own samples.

    `embedding` is the unit-length speaker embedding of the judge's embedder; `mos` maps a predictor's name to
    (mean, standard deviation) over the voice's own samples.
    """

    embedding: Samples | None = None  # [D]
    mos: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that may be looked at: the request, the audio exactly as the client gets it, and what was declared."""

    request: SpeechRequest
    audio: Waveform | None  # None when it does not decode
    declared_rate_hz: int
    declared_samples: int
    reference: VoiceReference | None = None
    places: bytes = b""  # decides where a long clip is listened to; whoever made the clip could not know it
    seed: int = 0  # the order's
    cache: dict[str, np.ndarray] = field(default_factory=dict)  # shared intermediate results (16 kHz signal, mel)


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
