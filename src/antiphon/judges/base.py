"""The contract of a judge: what a validator measures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from antiphon.audio.waveform import Samples, Waveform
from antiphon.economy.measurement import Measurement
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
    """All a judge may look at: the request, the audio exactly as the client gets it, and what was declared."""

    request: SpeechRequest
    audio: Waveform | None  # None when it does not decode
    declared_rate_hz: int
    declared_samples: int
    reference: VoiceReference | None = None
    places: bytes = b""  # decides where a long clip is listened to; whoever made the clip could not know it
    cache: dict[str, np.ndarray] = field(default_factory=dict)  # shared intermediate results (16 kHz signal, mel)


class Judge(Protocol):
    """Measures; never decides. Score and verdict are pure functions of measurements (`antiphon.economy.scoring`)."""

    name: str

    def measure(self, evidence: Evidence) -> tuple[Measurement, ...]:
        """Never raises for bad audio: what cannot be measured is an inconclusive `Measurement` with its reason."""
