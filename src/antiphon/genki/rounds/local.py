"""A round's local training as a value: all that its outcome follows from, and nothing of whose it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from antiphon.genki import learning
from antiphon.genki.contribution.working import learnt
from antiphon.genki.learning import Learner, Parameters, Piece
from antiphon.genki.rounds import compression
from antiphon.genki.rounds.compression import Flat
from antiphon.genki.rounds.plan import Plan


@dataclass(frozen=True, slots=True)
class LocalJob:
    """`own` are the contributor's pieces, `hand` those dealt to it in this round."""

    plan: Plan
    base: str  # `learning.digest` of the parameters
    parameters: Parameters
    own: Sequence[Piece]
    hand: Sequence[Piece]
    seed: int


Train: TypeAlias = Callable[[LocalJob], Flat]
"""Who does local jobs: the difference of parameters `[size]`. Raises an `AntiphonError` where it cannot."""


def trained(learner: Learner, job: LocalJob) -> Flat:
    """The difference after the job's steps, done here."""
    after = learnt(learner, job.parameters, job.own, job.hand, steps=job.plan.local_steps, seed=job.seed)
    return compression.flat(learning.difference(after, job.parameters))
