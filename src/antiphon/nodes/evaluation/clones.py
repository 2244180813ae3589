"""How enrolments and cloned speech are judged."""

from __future__ import annotations

import numpy as np

from antiphon.audio import Waveform
from antiphon.clock import SystemClock
from antiphon.economy.scoring import decide
from antiphon.economy.types import Vote
from antiphon.engines import registry
from antiphon.engines.base import Cloner
from antiphon.errors import AntiphonError, UnavailableError
from antiphon.judges import cloning
from antiphon.judges.cloning import CloneJudge
from antiphon.judges.cloning.profiles import CLONE, ENROLMENT
from antiphon.judges.panel import JudgePanel
from antiphon.nodes.evaluation.base import Submission
from antiphon.nodes.evaluation.speech import judged_languages
from antiphon.protocol.consent import require_for
from antiphon.services import CloneRequest, EnrolRequest, Service, VoiceProfile


class CloneEvaluator:
    """Votes on voice profiles, by trying them, and on what is spoken with them."""

    def __init__(self, panel: JudgePanel) -> None:
        self._judge = CloneJudge(panel, render)

    @property
    def abilities(self) -> dict[str, tuple[str, ...]]:
        return {str(Service.CLONE): judged_languages()}

    def vote(self, submission: Submission) -> Vote:
        """Raises `TypeError` for work of another service."""
        request = submission.request
        if isinstance(request, EnrolRequest):
            result = None if submission.form.is_audio else submission.result
            figures = self._judge.measure_enrolment(request, result)
            return decide(ENROLMENT.expecting(cloning.enrolment_expectation(request)), figures)
        if not isinstance(request, CloneRequest):
            raise TypeError(f"{type(request).__name__} is no cloning")
        audio = submission.audio
        figures = self._judge.measure_clone(
            request,
            audio if audio is None else audio.mono(),
            declared_rate_hz=submission.form.rate_hz,
            declared_samples=submission.declared_samples,
            places=submission.places,
        )
        return decide(CLONE.expecting(cloning.clone_expectation(request)), figures)


def describe(request: EnrolRequest, data: bytes, engine: Cloner) -> VoiceProfile:
    """A trainer's profile: what its engine learnt, and how the reference and the engine's own test sentence sound."""
    return cloning.describe(request, engine.name, data, lambda order: _spoken(engine, order))


def render(request: CloneRequest) -> Waveform:
    """What the engine of a request's profile makes of it here. Raises `UnavailableError` when it is not installed."""
    name = request.profile.engine
    if name not in registry.names():
        raise UnavailableError(f"The engine {name} is not installed here", "Install it to judge its voices.")
    engine = registry.load(name)
    if not isinstance(engine, Cloner):
        raise UnavailableError(f"The engine {name} here is no cloner", "Install the one that made the profile.")
    try:
        require_for(request, at_ms=SystemClock().now_ms())
    except AntiphonError as error:  # such as one that ran out since the order: not the producer's fault
        raise UnavailableError(f"The profile may not be tried here: {error.what}", error.hint) from error
    return _spoken(engine, request)


def _spoken(engine: Cloner, request: CloneRequest) -> Waveform:
    chunks = [chunk.mono() for chunk in engine.generate(request, 0)]
    return Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)
