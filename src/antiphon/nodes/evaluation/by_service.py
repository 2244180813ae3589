"""All that a validator judges: each service by an evaluator of its own."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future

import msgspec

from antiphon.economy.types import Vote
from antiphon.errors import InputError
from antiphon.judges.cards import card
from antiphon.judges.metrics import BUILT_IN
from antiphon.judges.panel import JudgePanel
from antiphon.judges.profiles import PROFILES
from antiphon.judges.readings import readings_of
from antiphon.nodes.evaluation.base import Evaluator, Submission
from antiphon.nodes.evaluation.clones import CloneEvaluator
from antiphon.nodes.evaluation.music import MusicEvaluator
from antiphon.nodes.evaluation.speech import SpeechEvaluator, new_panel
from antiphon.services import Service, service_of


class EvaluatorByService:
    """An evaluator made of one for each service."""

    def __init__(self, panel: JudgePanel, evaluators: Mapping[Service, Evaluator]) -> None:
        self._panel = panel
        self._evaluators = dict(evaluators)

    def warm_up(self) -> Future[None]:
        """Begin to load the speech judges' models in the background; the future tells when they are ready."""
        return self._panel.warm_up()

    @property
    def abilities(self) -> dict[str, tuple[str, ...]]:
        return {service: languages for one in self._evaluators.values() for service, languages in one.abilities.items()}

    def vote(self, submission: Submission) -> Vote:
        """With the readings that prove it was listened to. Raises `InputError` for work that nobody here judges."""
        service = service_of(submission.request)
        if service not in self._evaluators:
            raise InputError(f"Nobody here judges {service}", "Offer only what can be judged.")
        vote = self._evaluators[service].vote(submission)
        return msgspec.structs.replace(vote, readings=readings_of(vote.measurements, BUILT_IN.values()))


def evaluator_of(profile: str) -> EvaluatorByService:
    """Of every service, with one panel of judges between them. Raises `InputError` for an unknown profile."""
    if profile not in PROFILES:
        raise InputError(f"Unknown profile {profile!r}", f"Profiles: {', '.join(PROFILES)}.")
    panel = new_panel()
    return EvaluatorByService(
        panel,
        {
            Service.SPEECH: SpeechEvaluator(panel, PROFILES[profile], card),
            Service.CLONE: CloneEvaluator(panel),
            Service.MUSIC: MusicEvaluator(),
        },
    )
