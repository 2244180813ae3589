"""All that a validator judges: each service by its judge."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path

import msgspec

from antiphon.economy.scoring import decide
from antiphon.economy.types import Vote
from antiphon.errors import InputError, ModelError
from antiphon.judges import registry
from antiphon.judges.base import Delivery, Judge
from antiphon.judges.metric import key_of
from antiphon.judges.readings import readings_of
from antiphon.nodes.evaluation.base import Submission
from antiphon.nodes.evaluation.rendering import render
from antiphon.services import service_of

STORED = ("data", "contribution", "training")
"""Judges of what lies in a store."""
STORE = "store"
"""In a data folder: the store of assets and offers that is its owner's."""


class JudgingEvaluator:
    """An `Evaluator` made of judges, one for each service."""

    def __init__(self, judges: Mapping[str, Judge]) -> None:
        self._judges = dict(judges)

    def warm_up(self) -> Future[None]:
        """Begin to load the judges' models in the background; the future tells when they are ready."""
        done: Future[None] = Future()

        def load() -> None:
            try:
                for judge in self._judges.values():
                    if (warm_up := getattr(judge, "warm_up", None)) is not None:
                        warm_up()
            except SystemExit as error:  # a stranger's: whoever waits would wait for ever, or end with it
                done.set_exception(ModelError(f"A judge ended its warm-up with {error!r}", "Mend it, or leave it out."))
            except Exception as error:  # noqa: BLE001 - handed to whoever waits
                done.set_exception(error)
            else:
                done.set_result(None)

        threading.Thread(target=load, name="judge-warm-up", daemon=True).start()
        return done

    @property
    def abilities(self) -> dict[str, tuple[str, ...]]:
        return {service: judge.capabilities.languages for service, judge in self._judges.items()}

    def vote(self, submission: Submission) -> Vote:
        """With the readings that prove it was listened to. Raises `InputError` for work that nobody here judges."""
        request = submission.request
        service = service_of(request)
        if service not in self._judges:
            raise InputError(f"Nobody here judges {service}", "Offer only what can be judged.")
        judge = self._judges[service]
        figures = judge.measure(request, _delivery(submission))
        if strange := {key_of(figure) for figure in figures} - {metric.key for metric in judge.metrics}:
            raise ModelError(f"The judge {judge.name} gives {', '.join(sorted(strange))}, which it does not declare")
        vote = decide(judge.profile(request), figures)
        return msgspec.structs.replace(vote, readings=readings_of(figures, judge.metrics))


def evaluator_of(
    profile: str, options: registry.GivenOptions | None = None, *, home: Path | None = None
) -> JudgingEvaluator:
    """Of every service that an installed judge is of, over shared models. `profile` is how speech is weighed; sold data
    and rounds of federations are looked at in the store of the data folder `home`, unless the options name another.

    Raises `InputError` for an unknown profile, and for options that are not there.
    """
    given = {**(options or {})}
    given["speech"] = {"profile": profile, **given.get("speech", {})}
    if home is not None:
        for name in {*STORED} & {*registry.installed().names()}:
            given[name] = {"store": str(home / STORE), **given.get(name, {})}
    return JudgingEvaluator(registry.JudgeSet(registry.installed(), render, given).by_service())


def _delivery(submission: Submission) -> Delivery:
    return Delivery(
        audio=submission.audio,
        declared_rate_hz=submission.form.rate_hz,
        declared_samples=submission.declared_samples,
        data=None if submission.form.is_audio else submission.result,
        places=submission.places,
        seed=submission.seed,
    )
