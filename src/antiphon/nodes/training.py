"""What a node runs that trains for contributors of federations: their local jobs, sealed in and sealed out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from antiphon.errors import InputError
from antiphon.genki.renting.judge import SERVICE, JobTrainer, deliver, ordered
from antiphon.genki.rounds.learners import KNOWN
from antiphon.ledger.operations import ServiceOffer
from antiphon.parties.messages import DATA
from antiphon.services import CustomRequest, Request

ENGINE = "learner"
PRICE_NANO = 50_000


class TrainingRunner:
    """An `EngineRunner`. The ledger knows a model as a voice of the service."""

    form = DATA

    def __init__(self, trainer: JobTrainer, price_nano: int = PRICE_NANO, models: Sequence[str] = ()) -> None:
        self._trainer, self._price_nano, self._models = trainer, price_nano, tuple(models) or tuple(sorted(KNOWN))

    @property
    def offers(self) -> tuple[ServiceOffer, ...]:
        return (ServiceOffer(service=SERVICE, price_nano=self._price_nano, engine=ENGINE, voices=self._models),)

    def check(self, request: Request) -> None:
        ordered(request)
        assert isinstance(request, CustomRequest), "it was an order of a training"
        if request.voice not in self._models:
            raise InputError(f"{request.voice[:80]!r} is not trained here", f"Models: {', '.join(self._models)}.")

    def produce(self, request: Request, seed: int) -> Iterator[bytes]:  # noqa: ARG002 - the job has its own
        self.check(request)
        job, _ = ordered(request)
        yield deliver(self._trainer.difference(request), job, self._trainer.store)
