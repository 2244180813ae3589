"""How speech is judged: by which models, and by what is known of the ordered voice."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from antiphon import text
from antiphon.economy.measurement import Measurement
from antiphon.economy.scoring import ScoringProfile, violations
from antiphon.errors import InputError
from antiphon.judges.base import Delivery, JudgeCapabilities, Tools
from antiphon.judges.metric import Metric
from antiphon.judges.metrics import (
    CER,
    CHARS_PER_S,
    DISTILLMOS,
    DNSMOS,
    HEARD,
    OWN_RENDERING,
    SIMILARITY,
    WER,
)
from antiphon.judges.speech.cards import card
from antiphon.judges.speech.evidence import Evidence
from antiphon.judges.speech.expectation import SHORT_CHARS, expectation_of
from antiphon.judges.speech.languages import judged_languages
from antiphon.judges.speech.meters import SpeechMeters
from antiphon.judges.speech.rendering import Render
from antiphon.judges.speech.scoring import ANTIPHON, PROFILES
from antiphon.plugins import unknown
from antiphon.services import Request, Service, SpeechRequest, service_of

EXCUSABLE = frozenset(metric.key for metric in (WER, CER, DISTILLMOS, DNSMOS, SIMILARITY, CHARS_PER_S))


class SpeechJudge:
    """Words, naturalness, voice and integrity; in doubt also our own rendering of the order."""

    name: ClassVar[str] = "speech"
    metrics: ClassVar[tuple[Metric, ...]] = (*HEARD, *OWN_RENDERING)

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """`profile`: how measurements are weighed."""

        profile: str = ANTIPHON.name

    def __init__(self, options: Options, tools: Tools) -> None:
        if options.profile not in PROFILES:
            raise unknown("profile of speech", options.profile, PROFILES)
        self._profile = PROFILES[options.profile]
        self.meters = new_meters(tools.render)

    @property
    def capabilities(self) -> JudgeCapabilities:
        return JudgeCapabilities(service=Service.SPEECH, languages=judged_languages())

    def measure(self, request: Request, delivery: Delivery) -> tuple[Measurement, ...]:
        request = _speech(request)
        audio = delivery.audio
        evidence = Evidence(
            request=request,
            audio=audio if audio is None else audio.mono(),
            declared_rate_hz=delivery.declared_rate_hz,
            declared_samples=delivery.declared_samples,
            reference=card(request.voice),
            places=delivery.places,
            seed=delivery.seed,
        )
        measurements = self.meters.measure(evidence)
        if _wants_rendering(request, violations(self.profile(request), measurements)):
            measurements += self.meters.compare(evidence)
        return measurements

    def profile(self, request: Request) -> ScoringProfile:
        request = _speech(request)
        return self._profile.expecting(expectation_of(request, card(request.voice)))

    def warm_up(self) -> None:
        """Load the models. Raises `ModelError` if one is missing."""
        self.meters.warm_up().result()

    def close(self) -> None:
        self.meters.close()


def _speech(request: Request) -> SpeechRequest:
    if not isinstance(request, SpeechRequest):
        raise InputError(f"A request of {service_of(request)} is no speech", "Ask the judge of that service.")
    return request


def new_meters(render: Render) -> SpeechMeters:
    """Judges that know our text normaliser and voice cards. Models load when they are first needed."""
    return SpeechMeters(reference=card, normaliser=text.normalise, render=render)


def _wants_rendering(request: SpeechRequest, violated: set[str]) -> bool:
    """Texts too short for the models that listen, and whatever only our own rendering could excuse."""
    return len(request.text) < SHORT_CHARS or bool(violated and violated <= EXCUSABLE)
