"""A local job and its outcome as bytes that another machine can work on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np

from antiphon.errors import AntiphonError, BusyError, InputError, ProtocolError
from antiphon.genki import learning
from antiphon.genki.learning import Learner, Portable
from antiphon.genki.rounds import compression
from antiphon.genki.rounds.compression import Flat
from antiphon.genki.rounds.local import LocalJob, trained
from antiphon.genki.rounds.plan import Plan
from antiphon.objects import MAX_OBJECT_BYTES
from antiphon.protocol import canonical

MAX_PIECES = 100_000
MAX_STEPS = 2_000
"""A step is a unit, written as a character of the order's text."""

LearnerOf = Callable[[Plan], Learner]


class Array(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """float32, little-endian."""

    name: str
    shape: tuple[int, ...]
    data: bytes


class PackedJob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No name of a federation, a contributor or a piece is in it."""

    model: str
    rank: int
    steps: int
    seed: int
    base: str  # `learning.digest` of the parameters
    parameters: tuple[Array, ...]
    own: tuple[bytes, ...]
    hand: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MAX_STEPS or not 0 <= self.seed < 2**31 or not 0 <= self.rank <= 512:
            raise InputError(f"A job to hand over has 1 to {MAX_STEPS:,} steps", "Train here: join without --rent.")
        if not 1 <= len(self.own) + len(self.hand) <= MAX_PIECES or not self.own:
            raise InputError(f"A job has 1 to {MAX_PIECES:,} pieces", "Train here: join without --rent.")


def packed(job: LocalJob, learner: Learner) -> bytes:
    """Raises `InputError` for a model whose pieces cannot travel, and for more than an object of a store holds."""
    if not isinstance(learner, Portable):
        raise InputError(f"Pieces of {learner.name} cannot be handed to others", "Train here: join without --rent.")
    made = PackedJob(
        model=job.plan.model,
        rank=job.plan.rank,
        steps=job.plan.local_steps,
        seed=job.seed,
        base=job.base,
        parameters=tuple(
            Array(name=name, shape=value.shape, data=np.ascontiguousarray(value, "<f4").tobytes())
            for name, value in sorted(job.parameters.items())
        ),
        own=tuple(map(learner.pack, job.own)),
        hand=tuple(map(learner.pack, job.hand)),
    )
    raw = canonical.pack(made)
    if len(raw) > MAX_OBJECT_BYTES - 2**20:
        raise InputError(f"The job has {len(raw):,} bytes, too many to hand over", "Train here: join without --rent.")
    return raw


class HandedJob:
    """A job that came from elsewhere, ready to be done."""

    def __init__(self, raw: bytes, learner_of: LearnerOf) -> None:
        """Raises `InputError` or `ProtocolError` for a job that does not hold together, `ModelError` without the
        model's libraries or weights."""
        told = canonical.decode(PackedJob, raw, limit=MAX_OBJECT_BYTES)
        self.model, self.steps = told.model, told.steps
        self._job, self._learner = _unpacked(told, learner_of)

    def done(self, steps: int = 0) -> Flat:
        """The difference that it leads to, or after so many steps only. Raises `InputError` where it leads to none,
        `BusyError` where this machine has no memory for it."""
        plan = msgspec.structs.replace(self._job.plan, local_steps=steps or self.steps)
        try:
            found = trained(self._learner, replace(self._job, plan=plan))
        except AntiphonError:
            raise
        except MemoryError:
            raise BusyError("There is no memory left for the job here", "Ask another node.") from None
        except Exception as error:  # whatever a stranger's job breaks in a training is the job's fault
            raise InputError(f"The job cannot be trained ({type(error).__name__})", "Order another.") from error
        compression.check_finite(found)
        return found


def _unpacked(told: PackedJob, learner_of: LearnerOf) -> tuple[LocalJob, Learner]:
    try:
        plan = Plan(model=told.model, rank=told.rank, local_steps=told.steps)
    except ValueError as error:
        raise InputError(f"The job is of no plan: {error}", "Order another.") from error
    learner = learner_of(plan)
    if not isinstance(learner, Portable):
        raise InputError(f"Pieces of {learner.name} cannot be handed to others", "Train here: join without --rent.")
    parameters = {one.name: _values(one) for one in told.parameters}
    learning.fits(parameters, learner.initial(), "The job's model")
    if learning.digest(parameters) != told.base:
        raise ProtocolError("The parameters are not those that the job names", "They were changed on their way.")
    own, hand = (list(map(learner.unpack, pieces)) for pieces in (told.own, told.hand))
    return LocalJob(plan, told.base, parameters, own, hand, told.seed), learner


def _values(one: Array) -> np.ndarray:
    if min(one.shape, default=1) < 0 or 4 * math.prod(one.shape) != len(one.data):
        raise InputError(f"{one.name[:80]} has not the bytes of its shape", "Order another.")
    return np.frombuffer(one.data, "<f4").reshape(one.shape).astype(np.float32)
