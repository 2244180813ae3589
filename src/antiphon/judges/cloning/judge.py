"""How enrolments and cloned speech are judged."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from antiphon.economy.measurement import Measurement
from antiphon.economy.scoring import ScoringProfile
from antiphon.errors import InputError
from antiphon.judges import metrics
from antiphon.judges.base import Delivery, JudgeCapabilities, Tools
from antiphon.judges.cloning.expectation import clone_expectation, enrolment_expectation
from antiphon.judges.cloning.meters import CloneMeters
from antiphon.judges.cloning.scoring import CLONE, ENROLMENT
from antiphon.judges.metric import Metric
from antiphon.judges.speech.judge import SpeechJudge
from antiphon.judges.speech.languages import judged_languages
from antiphon.services import CloneRequest, EnrolRequest, Request, Service, service_of


class CloningJudge:
    """Voice profiles, by trying them, and what is spoken with them. Hears with the models of the judge of speech."""

    name: ClassVar[str] = "clone"
    metrics: ClassVar[tuple[Metric, ...]] = (
        *metrics.HEARD,
        *metrics.OWN_RENDERING,
        *metrics.CLONE,
        *metrics.ENROLMENT,
    )

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """None."""

    def __init__(self, options: Options, tools: Tools) -> None:  # noqa: ARG002 - the contract's
        speech = tools.judge(SpeechJudge.name)
        assert isinstance(speech, SpeechJudge), "ours win over others of the same name"
        self._meters: CloneMeters = CloneMeters(speech.meters, tools.render)

    @property
    def capabilities(self) -> JudgeCapabilities:
        return JudgeCapabilities(service=Service.CLONE, languages=judged_languages())

    def measure(self, request: Request, delivery: Delivery) -> tuple[Measurement, ...]:
        match request:
            case EnrolRequest():
                return self._meters.measure_enrolment(request, delivery.data)
            case CloneRequest():
                audio = delivery.audio
                return self._meters.measure_clone(
                    request,
                    audio if audio is None else audio.mono(),
                    declared_rate_hz=delivery.declared_rate_hz,
                    declared_samples=delivery.declared_samples,
                    places=delivery.places,
                    seed=delivery.seed,
                )
        raise _other(request)

    def profile(self, request: Request) -> ScoringProfile:
        match request:
            case EnrolRequest():
                return ENROLMENT.expecting(enrolment_expectation(request))
            case CloneRequest():
                return CLONE.expecting(clone_expectation(request))
        raise _other(request)


def _other(request: Request) -> InputError:
    return InputError(f"A request of {service_of(request)} is no cloning", "Ask the judge of that service.")
