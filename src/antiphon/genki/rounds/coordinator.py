"""The loop of a federation: ask, wait until the deadline, check, aggregate, write down, and again.

1. Whoever is there is asked; whoever comes within a round, or comes back, is asked too, and asked again.
2. An update counts if `learning.opened` opens it for this contributor, round and base, and it decompresses to finite
   numbers of the model's size. The first that does is kept; whoever sends something else is named with the reason.
3. At the deadline those that have come count. Too few: the round is repeated, and keeps those it has.
4. All count alike. What they say of themselves weighs nothing. With held-out pieces, copies, repeats and what does harm
   are left out (`screening`); where too few are left for the plan's strategy, the round changes nothing. What each of
   the others brought is appraised (`contribution`), and kept beside the round.
5. A round is over when the store says so; a coordinator that was killed goes on from there.
6. With secure aggregation, 2 to 4 are those of `secagg.summing`: a sum comes, and no update is seen.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

import numpy as np
from flwr.app import Message

from antiphon.errors import ProtocolError, UnavailableError
from antiphon.genki import learning
from antiphon.genki.contribution import appraise, screen
from antiphon.genki.learning import Learner, Parameters, Piece
from antiphon.genki.rounds import flower
from antiphon.genki.rounds.accounting import epsilon
from antiphon.genki.rounds.asking import ASK_AGAIN_S, Parties, Stage, collect
from antiphon.genki.rounds.contributor import check_pool
from antiphon.genki.rounds.plan import Plan
from antiphon.genki.rounds.screening import EXACTLY, committed, delta_of
from antiphon.genki.rounds.secagg.summing import Summed, summed
from antiphon.genki.rounds.store import Report, Store
from antiphon.genki.rounds.task import Task

_log = logging.getLogger(__name__)

STEP_S = 60.0
"""How long a step of secure aggregation after the first may take: nothing is learnt in it."""


class Coordinator:
    """Runs the rounds of `store.plan` with `parties`. `held_out` pieces, if there are any, are only measured on."""

    def __init__(
        self,
        learner: Learner,
        store: Store,
        parties: Parties,
        *,
        held_out: Sequence[Piece] = (),
        pool: Sequence[Piece] = (),
        tell: Callable[[Report], None] | None = None,
        ask_again_s: float = ASK_AGAIN_S,
    ) -> None:
        check_pool(store.plan, pool)
        self._learner, self._store, self._parties, self._pool = learner, store, parties, pool
        self._held_out, self._tell, self._ask_again_s = held_out, tell or (lambda _: None), ask_again_s

    @property
    def plan(self) -> Plan:
        return self._store.plan

    def run(self, *, attempts: int = 0) -> Parameters:
        """All rounds that are left; the parameters after the last.

        Raises `UnavailableError` when too few have answered in `attempts` tries at one round (0: it tries for ever).
        """
        self._store.begin(self._learner.initial())
        while self._store.state.round < self.plan.rounds:
            if self.plan.max_epsilon and self._epsilon_after() > self.plan.max_epsilon:
                _log.warning("one more round would spend over epsilon %g: the federation ends", self.plan.max_epsilon)
                break
            self._round(attempts)
        return self._store.parameters()

    def _epsilon_after(self) -> float:
        """What will have been spent when one more round is released."""
        return epsilon((*self._store.state.releases, self.plan.noise), self.plan.delta)

    def _round(self, attempts: int) -> None:
        began, base = time.monotonic(), self._store.parameters()
        found = self._summed(base, attempts) if self.plan.secure else self._aggregated(base, attempts)
        learning.fits(found.parameters, base, "The aggregate")
        report = Report(
            round=self._store.state.round + 1,
            base=self._store.state.digest,
            digest=learning.digest(found.parameters),
            accepted=found.parties,
            refused=found.refused,
            bytes=found.lengths,
            seconds=round(time.monotonic() - began, 3),
            attempts=found.attempts,
            loss=float(np.mean(self._learner.losses(found.parameters, self._held_out))) if self._held_out else None,
            epsilon=self._epsilon_after() if self.plan.noise else None,
        )
        self._store.commit(report, found.parameters, released=self.plan.noise or None)
        self._tell(report)

    def _summed(self, base: Parameters, attempts: int) -> Summed:
        def ask(stage: Stage, learning_: bool) -> None:
            limit = self.plan.deadline_s if learning_ else min(STEP_S, self.plan.deadline_s)
            collect(self._parties, stage, deadline_s=limit, ask_again_s=self._ask_again_s)

        return summed(self._store, base, self._learner, self._held_out, ask, attempts)

    def _aggregated(self, base: Parameters, attempts: int) -> Summed:
        round_, tried = _Round(self.plan, self._store, base), 0
        while True:
            tried += 1
            collect(self._parties, round_, deadline_s=self.plan.deadline_s, ask_again_s=self._ask_again_s)
            if round_.enough:
                break
            _log.warning(
                "round %d: %d of at least %d updates came", round_.number, len(round_.deltas), self.plan.min_parties
            )
            if tried == attempts:
                raise UnavailableError(
                    f"Round {round_.number} had {len(round_.deltas)} of at least {self.plan.min_parties} updates, "
                    f"{tried} times{round_.reasons()}",
                    "Wait for more contributors, and start again: it goes on from here.",
                )
        counted, enough = self._counted(round_, base)
        made = flower.aggregate(self.plan, base, [counted[one] for one in sorted(counted)]) if enough else base
        return Summed(made, tried, tuple(sorted(counted)), round_.refused, round_.lengths)

    def _counted(self, round_: _Round, base: Parameters) -> tuple[dict[str, Parameters], bool]:
        """The updates to aggregate, and whether they are enough; those that are left out are named among the refused,
        and what the others brought is written down."""
        if not (self.plan.screen and self._held_out) or self.plan.noise:
            return round_.deltas, len(round_.deltas) >= self.plan.needed
        all_ = committed(self._store, self._learner, base, round_.deltas, self._held_out, self._pool)
        found = screen(all_)
        round_.refused |= found.left_out
        enough = len(found.counted) >= self.plan.needed
        if enough:
            self._store.appraised(round_.number, appraise(all_, exactly=EXACTLY, screened=found))
        return found.counted, enough


class _Round:
    """What has come in one round."""

    def __init__(self, plan: Plan, store: Store, base: Parameters) -> None:
        self.number = store.state.round + 1
        self.base = store.state.digest
        self.deltas: dict[str, Parameters] = {}
        self.refused: dict[str, str] = {}
        self.lengths: dict[str, int] = {}
        self._plan, self._store, self._parameters = plan, store, base
        self._counted = store.state.counted
        for contributor, raw in store.updates(self.number).items():  # of a coordinator that was interrupted
            try:
                self._open(contributor, raw)
            except ProtocolError as error:  # it will be asked for again
                _log.warning("round %d: the stored update of %s: %s", self.number, contributor[:12], error.what)

    @property
    def enough(self) -> bool:
        return len(self.deltas) >= self._plan.min_parties

    def answered(self, contributor: str) -> bool:
        return contributor in self.deltas or contributor in self.refused

    def requests(self, nodes: dict[int, str], *, ttl_s: float) -> list[Message]:
        """A message for each node; those with as much history share their content."""
        counted = self._counted
        contents = {
            last: flower.content_of(
                Task(plan=self._plan, round=self.number, base=self.base, counted=last), self._parameters
            )
            for last in {counted.get(one, 0) for one in nodes.values()}
        }
        return [
            flower.request(node, contents[counted.get(one, 0)], round_=self.number, ttl_s=ttl_s)
            for node, one in nodes.items()
        ]

    def take(self, contributor: str, reply: Message) -> None:
        """Check a reply, and keep it on disk or its reason in `refused`."""
        if contributor in self.deltas:
            return
        try:
            raw = flower.update_in(reply)
            self._open(contributor, raw)
            self._store.arrived(self.number, contributor, raw)
            self.refused.pop(contributor, None)
        except ProtocolError as error:
            _log.warning("round %d: %s: %s", self.number, contributor[:12], error.what)
            self.refused[contributor] = error.what

    def reasons(self) -> str:
        return "".join(f"; {one[:12]}: {why}" for one, why in sorted(self.refused.items()))

    def _open(self, contributor: str, raw: bytes) -> None:
        self.deltas[contributor] = delta_of(
            self._plan, raw, contributor, round_=self.number, base=self.base, like=self._parameters
        )
        self.lengths[contributor] = len(raw)
