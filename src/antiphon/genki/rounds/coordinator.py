"""The loop of a federation: ask, wait until the deadline, check, aggregate, write down, and again.

1. Whoever is there is asked; whoever comes within a round, or comes back, is asked too, and asked again.
2. An update counts if `learning.opened` opens it for this contributor, round and base, and it decompresses to finite
   numbers of the model's size. The first that does is kept; whoever sends something else is named with the reason.
3. At the deadline those that have come count. Too few: the round is repeated, and keeps those it has.
4. All count alike. What they say of themselves weighs nothing. With held-out pieces, copies, repeats and what does harm
   are left out (`screening`); where too few are left for the plan's strategy, the round changes nothing. What each of
   the others brought is appraised (`contribution`), and kept beside the round.
5. A round is over when the store says so; a coordinator that was killed goes on from there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np
from flwr.app import Message

from antiphon.errors import ProtocolError, UnavailableError
from antiphon.genki import learning
from antiphon.genki.contribution import appraise, screen
from antiphon.genki.learning import Learner, Parameters, Piece
from antiphon.genki.rounds import flower
from antiphon.genki.rounds.accounting import epsilon
from antiphon.genki.rounds.contributor import check_pool
from antiphon.genki.rounds.plan import Plan
from antiphon.genki.rounds.screening import committed, delta_of
from antiphon.genki.rounds.store import Report, Store
from antiphon.genki.rounds.task import Task

_log = logging.getLogger(__name__)

POLL_S = 0.05
ASK_AGAIN_S = 20.0
EXACTLY = 5
"""Contributors up to which shares are exact, by 31 evaluations; of more they are estimated by about 8 for each."""


class Parties(Protocol):
    """Who is there, and the way to them: Flower's grid, and whose nodes these are."""

    def contributors(self) -> dict[int, str]:
        """Grid nodes that are online, with the contributor of each."""

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]: ...

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]: ...


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
        began, base, tried = time.monotonic(), self._store.parameters(), 0
        round_ = _Round(self.plan, self._store, base)
        while True:
            tried += 1
            self._collect(round_)
            if len(round_.deltas) >= self.plan.min_parties:
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
        learning.fits(made, base, "The aggregate")
        report = Report(
            round=round_.number,
            base=round_.base,
            digest=learning.digest(made),
            accepted=tuple(sorted(counted)),
            refused=round_.refused,
            bytes=round_.lengths,
            seconds=round(time.monotonic() - began, 3),
            attempts=tried,
            loss=float(np.mean(self._learner.losses(made, self._held_out))) if self._held_out else None,
            epsilon=self._epsilon_after() if self.plan.noise else None,
        )
        self._store.commit(report, made, released=self.plan.noise or None)
        self._tell(report)

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

    def _collect(self, round_: _Round) -> None:
        """Ask and wait until all that are there have answered, or the deadline."""
        deadline = time.monotonic() + self.plan.deadline_s
        asked: dict[str, int] = {}  # messages that wait for an answer, and the node of each
        last: dict[int, float] = {}  # node to when it was asked
        while (now := time.monotonic()) < deadline:
            there = self._parties.contributors()
            waiting = {node: one for node, one in there.items() if not round_.answered(one)}
            due = {node: one for node, one in waiting.items() if now - last.get(node, -np.inf) >= self._ask_again_s}
            if due:
                messages = round_.requests(due, self._store.state.counted, ttl_s=deadline - now + 1)
                for (node, _), message in zip(due.items(), self._parties.push_messages(messages), strict=True):
                    last[node] = now
                    if message:
                        asked[message] = node
            for reply in self._parties.pull_messages(list(asked)):
                node = asked.pop(reply.metadata.reply_to_message_id, 0)
                if node in there:
                    round_.take(there[node], reply)
            if len(round_.deltas) >= self.plan.min_parties and there and all(map(round_.answered, there.values())):
                return
            time.sleep(POLL_S)


class _Round:
    """What has come in one round."""

    def __init__(self, plan: Plan, store: Store, base: Parameters) -> None:
        self.number = store.state.round + 1
        self.base = store.state.digest
        self.deltas: dict[str, Parameters] = {}
        self.refused: dict[str, str] = {}
        self.lengths: dict[str, int] = {}
        self._plan, self._store, self._parameters = plan, store, base
        for contributor, raw in store.updates(self.number).items():  # of a coordinator that was interrupted
            try:
                self._open(contributor, raw)
            except ProtocolError as error:  # it will be asked for again
                _log.warning("round %d: the stored update of %s: %s", self.number, contributor[:12], error.what)

    def answered(self, contributor: str) -> bool:
        return contributor in self.deltas or contributor in self.refused

    def requests(self, nodes: dict[int, str], counted: dict[str, int], *, ttl_s: float) -> list[Message]:
        """A message for each node; those with as much history share their content."""
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
