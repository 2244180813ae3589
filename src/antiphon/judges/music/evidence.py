"""What the judges of music look at."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.audio.waveform import Waveform
from antiphon.services import MusicRequest


@dataclass(frozen=True, slots=True)
class MusicEvidence:
    """The request, the audio exactly as the client gets it (None when it does not decode), and what was declared."""

    request: MusicRequest
    audio: Waveform | None
    declared_rate_hz: int
    declared_samples: int
