"""How enrolments and cloned speech are judged."""

from __future__ import annotations

import numpy as np

from antiphon.audio import Waveform
from antiphon.engines.base import Cloner
from antiphon.services import CloneRequest, EnrolRequest, VoiceProfile


def describe(request: EnrolRequest, data: bytes, engine: Cloner) -> VoiceProfile:
    """A trainer's profile: what its engine learnt, and how the reference and the engine's own test sentences sound."""
    from antiphon.judges import cloning

    def render(profile: VoiceProfile, text: str) -> Waveform:
        return speak(
            engine, CloneRequest(profile=profile, consent=request.consent, text=text, language=request.language)
        )

    return cloning.describe(request.reference, engine.name, request.language, data, render)


def speak(engine: Cloner, request: CloneRequest) -> Waveform:
    """What an engine makes of a request, whole."""
    chunks = list(engine.generate(request, 0))
    return Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)
