"""The judge of trainings: it does the job again, and finds the delivered difference the same, or another.

1. The delivery names an outcome. One that is no outcome of this order, or that does not open to finite numbers of the
   model's size, is wrong whatever else there is.
2. What the store lacks, or has other bytes of, is inconclusive: nobody here can tell whose fault that is.
3. So is a job that takes longer than a vote has time for.
"""

from __future__ import annotations

import time
from typing import ClassVar

import msgspec
import numpy as np

from antiphon.economy.measurement import Measurement
from antiphon.economy.scoring import Limit, ScoreTerm, ScoringProfile
from antiphon.errors import AntiphonError, InputError, ProtocolError, UnavailableError
from antiphon.genki.renting import sealed
from antiphon.genki.renting.job import MAX_STEPS, HandedJob, LearnerOf
from antiphon.genki.rounds.compression import Flat
from antiphon.genki.rounds.learners import learner_for
from antiphon.judges.base import Delivery, JudgeCapabilities, Tools
from antiphon.judges.memory import Memory
from antiphon.judges.metric import Metric, unmeasured
from antiphon.objects import ObjectStore, opened
from antiphon.protocol import TaskKey, canonical
from antiphon.services import CustomRequest, Request

SERVICE = "training"
WITHIN = 0.05
"""Of the difference's length. With equal threads of equal processors there is none (docs/genki.md has what was measured
with others)."""
LONGEST_S = 20.0
"""A validator has 30 s to judge and commit (`Rules.commit_s`)."""
_TRIED = 4

WHOLE = Metric(
    judge=SERVICE, name="whole", unit="bool", title="an outcome of this order that opens", better="higher",
    source="SHA-256 and the order's key",
)  # fmt: skip
OFF = Metric(
    judge=SERVICE, name="off", unit="ratio", title="distance from the training done again", better="lower",
    source="L2 norm of the difference of both, over that of the one done again",
)  # fmt: skip
PROFILE = ScoringProfile(
    name=SERVICE,
    source="a training is a function of its job",
    terms=(ScoreTerm(key=OFF.key, weight=1, zero=2 * WITHIN, one=0, source="the same job has the same outcome"),),
    limits=(
        Limit(key=WHOLE.key, min=1, certain=True, source="what does not open was not made for this order"),
        Limit(key=OFF.key, max=WITHIN, certain=True, required=True, source="another training, or none"),
    ),
)


class Outcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is delivered: which job was done, and where its difference lies in the store. The key is the learner's own,
    so whoever ordered has nothing of it before it is valid."""

    job: str
    outcome: str
    key: bytes


def order_of(job: str, key: TaskKey, model: str, steps: int) -> CustomRequest:
    """Do a sealed job: a unit for each step."""
    if steps > MAX_STEPS:
        raise InputError(f"{steps:,} steps are more than {MAX_STEPS:,}", "Train here: join without --rent.")
    options: dict[str, str | int | float | bool] = {"job": job, "key": key.reveal().hex()}
    return CustomRequest(service=SERVICE, text="." * steps, voice=model, options=options)


def ordered(request: Request) -> tuple[str, TaskKey]:
    """The job that an order names, and its key. Raises `InputError`."""
    if not isinstance(request, CustomRequest) or request.service != SERVICE:
        raise InputError("This is no order of a training", "Send it to another node.")
    job, key = request.options.get("job"), request.options.get("key")
    if not isinstance(job, str) or not sealed.is_id(job) or not isinstance(key, str) or not sealed.is_id(key):
        raise InputError("The order names no job and key", "Order by: antiphon genki join --rent")
    return job, TaskKey(bytes.fromhex(key))


class JobTrainer:
    """Does jobs out of one store, each once. Thread-safe."""

    def __init__(
        self, store: ObjectStore, learner_of: LearnerOf = learner_for, *, longest_s: float = LONGEST_S
    ) -> None:
        self.store, self._learner_of, self._longest_s = store, learner_of, longest_s
        self._known: Memory[Flat] = Memory(4)

    def difference(self, request: Request) -> Flat:
        """Raises `InputError` or `ProtocolError` for a job that does not hold together, does not open or is not the
        order's, `UnavailableError` for one that takes too long or that the store lacks, `UnreachableError`,
        `ModelError` without the model."""
        job, key = ordered(request)
        assert isinstance(request, CustomRequest), "it was an order of a training"
        model, steps = request.voice, len(request.text)
        return self._known.get(f"{job} {model} {steps}".encode(), lambda: self._made(job, key, model, steps))

    def _made(self, job: str, key: TaskKey, model: str, steps: int) -> Flat:
        handed = HandedJob(sealed.get(self.store, "jobs", job, key), self._learner_of)
        if (handed.model, handed.steps) != (model, steps):
            raise InputError(
                f"The job has {handed.steps} steps of {handed.model}, and {steps} of {model} are ordered",
                "Order what the job is.",
            )
        if steps > _TRIED and (needed := self._needed_s(handed)) > self._longest_s:
            raise UnavailableError(
                f"The job would take {needed:.0f} s here, and votes have time for {self._longest_s:.0f}",
                "Plan fewer local steps.",
            )
        return handed.done()

    def _needed_s(self, handed: HandedJob) -> float:
        handed.done(1)  # what is loaded once
        began = time.monotonic()
        handed.done(_TRIED)
        return (time.monotonic() - began) / _TRIED * handed.steps


class TrainingJudge:
    """Reads the store that its machine names, and no address out of an order."""

    name: ClassVar[str] = SERVICE
    metrics: ClassVar[tuple[Metric, ...]] = (WHOLE, OFF)
    capabilities = JudgeCapabilities(service=SERVICE)

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        store: str = ""  # a folder or a URL

    def __init__(self, options: Options, tools: Tools, trainer: JobTrainer | None = None) -> None:  # noqa: ARG002
        self._trainer = trainer or (JobTrainer(opened(options.store)) if options.store else None)

    def measure(self, request: Request, delivery: Delivery) -> tuple[Measurement, ...]:
        job, _ = ordered(request)
        if self._trainer is None:
            return unmeasured(self.metrics, "this validator has no store: --judge-option training.store=PLACE")
        try:
            found = delivered(delivery.data or b"", job, self._trainer.store)
        except ProtocolError:
            return WHOLE.measured(0), OFF.unmeasured("there is no outcome")  # 1
        except AntiphonError as error:
            return unmeasured(self.metrics, error.what[:200])  # 2
        try:
            own = self._trainer.difference(request)
        except AntiphonError as error:
            return WHOLE.measured(1), OFF.unmeasured(error.what[:200])  # 3
        return WHOLE.measured(found.size == own.size), OFF.measured(distance(found, own))

    def profile(self, request: Request) -> ScoringProfile:  # noqa: ARG002 - a judge's shape
        return PROFILE


def deliver(difference: Flat, job: str, store: ObjectStore) -> bytes:
    """Keep a difference in the store, sealed; the delivery."""
    with TaskKey.generate() as key:
        outcome = sealed.put(store, "outcomes", sealed.bytes_of(difference), key)
        return canonical.encode(Outcome(job=job, outcome=outcome, key=key.reveal()))


def delivered(raw: bytes, job: str, store: ObjectStore) -> Flat:
    """The difference that a delivery names. Raises `ProtocolError` where it is the deliverer's fault that there is
    none, `UnavailableError` where it may be the store's."""
    told = canonical.decode(Outcome, raw)
    if told.job != job or not sealed.is_id(told.outcome):
        raise ProtocolError("The outcome is of another job", "Do not pay for it.")
    return sealed.difference_in(sealed.get(store, "outcomes", told.outcome, TaskKey(told.key)))


def distance(found: Flat, own: Flat) -> float:
    """Of `found` from `own`, over the length of `own`; 1 for another size."""
    if found.size != own.size:
        return 1.0
    length = float(np.linalg.norm(own.astype(np.float64)))
    apart = float(np.linalg.norm(found.astype(np.float64) - own))
    return apart / length if length else float(apart > 0)
