"""One part from its assignment to its last transfer, by the ledger's rules and the real functions of `economy`.

1. The producers of the assignment have their turns. One that delivers nothing is passed over (its hold fee is burnt).
2. A client may leave at once, and an operator may drop the client's link: then the delivery is paid unjudged.
3. Seats are drawn after the delivery; the draw also says whether the round audits it.
4. `tally` and `settle`. Fines wait: whoever was fined and is sure of its vote appeals to the rest of the pool.
5. Without a majority fresh seats are drawn, then the client is refunded. After invalid work the next producer follows.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from antiphon.economy import accounts, appeal, evidence
from antiphon.economy.audits import audit_beacon
from antiphon.economy.beacon import both
from antiphon.economy.quote import seat_count
from antiphon.economy.scores import attend, remember
from antiphon.economy.selection import draw_seats, judging_cost
from antiphon.economy.settlement import hold_fee, late_cancel, refund, settle, unused
from antiphon.economy.types import (
    PPM,
    Assignment,
    Candidate,
    Outcome,
    Role,
    Rules,
    ScoreEvent,
    Settlement,
    Transfer,
    Verdict,
    Vote,
)
from antiphon.economy.votes import tally
from antiphon.simulation import measured
from antiphon.simulation.balances import Balances
from antiphon.simulation.rounds import Client, Job, Node, Round, Strategy, Work

SURE = 4
"""A validator's program appeals when its score is so many tolerances from the majority's (`nodes.appealing`)."""


@dataclass(slots=True)
class Counts:
    """What happened to parts and deliveries."""

    parts: int = 0
    valid: int = 0
    refunded: int = 0
    honest: int = 0  # deliveries of honest work that were judged
    wronged: int = 0  # of these: the producer was fined
    votes: int = 0  # of honest seats
    fined: int = 0  # of these: dissent was fined
    cheats: int = 0
    passed: int = 0  # cheats that were paid
    appeals: int = 0
    overturned: int = 0
    held_nano: int = 0  # stake that griefing clients held


class Play:
    """Plays parts over the nodes of one network."""

    def __init__(
        self, nodes: dict[str, Node], balances: Balances, rules: Rules, costs: tuple[int, int], dice: random.Random
    ):
        self.nodes, self.balances, self.rules, self.dice = nodes, balances, rules, dice
        self.making_nano, self.listening_nano = costs
        self.counts = Counts()
        self.lost = False  # whether some client has left for good
        self.operator: Strategy | None = None  # the strategy that runs the ledger, if it is not an honest one

    def part(self, task: str, client: Client, opened: Assignment, units: int) -> list[tuple[Node, Node, int]]:
        """Plays it whole. Gives who scored whom: (validator, producer, score in ppm)."""
        self.balances.lock(client.name, task, opened.reserve_nano)
        self.counts.parts += 1
        job, left, lapsed_nano = Job(client), opened.reserve_nano, 0
        seen: list[tuple[Node, Node, int]] = []
        first = self.nodes[opened.producers[0].node]
        if first.strategy.leaves(job) or client.strategy.leaves(job):
            self.counts.held_nano += sum(self.rules.penalty_ppm * one.reward_nano // PPM for one in opened.producers)
            self._end(unused(task, client.name, opened.producers, 0, left, self.rules, "cancelled"))
            return []
        delivered = False
        for attempt, terms in enumerate(opened.producers):
            maker, after = self.nodes[terms.node], opened.producers[attempt + 1 :]
            work = maker.strategy.make(job, maker)
            maker.made += 1
            if work is None:
                lapsed_nano += hold_fee(terms, self.rules)
                continue
            maker.spent_nano += self.making_nano * units * work.cost_ppm // PPM
            if self.operator is not None and self.operator.drops_draw(maker):
                standing = (*after, *opened.validators)
                fees, rules = judging_cost(opened, self.rules), self.rules
                self._end(
                    late_cancel(
                        task, client.name, terms, left, "no link", standing=standing, judging_nano=fees, rules=rules
                    )
                )
                self.lost = client.gone = client.gone or bool(work.kind)
                self._count(work, paid=True)
                return seen
            delivered = True
            done = self._judged(task, client, opened, attempt, work, units, left)
            seen += [(seat, maker, score) for seat, score in done.seen]
            left = done.left_nano
            if done.ended:
                return seen
        if delivered:
            self._end(refund(task, client.name, left, "nobody is left"))
        else:
            self._end(unused(task, client.name, (), lapsed_nano, left, self.rules, "nobody delivered"))
        return seen

    def _judged(
        self, task: str, client: Client, opened: Assignment, attempt: int, work: Work, units: int, left: int
    ) -> _Judgement:
        """All rounds on one delivery."""
        terms, rules = opened.producers[attempt], self.rules
        maker, size = self.nodes[terms.node], seat_count(len(opened.validators), rules)
        clip = self.dice.choice(measured.clips())
        told = self.dice.choice(measured.counted().cheats[work.kind]) if work.kind else None
        sat: set[str] = set()
        draws: list[bytes] = []
        for round_ in range(1 + rules.redraws):
            links = self.dice.randbytes(32), self.dice.randbytes(32)
            draw = both(*links, task=task, index=opened.index, attempt=attempt, round_=round_)
            seats = _seats(opened, size, sat, draw)
            sat |= {seat.node for seat in seats}
            audited = work.altered and told is None and audit_beacon(draw, rules, draws) is not None
            if audited and self.dice.random() * PPM < rules.audit_seen_ppm:
                told = measured.Judged(verdict=Verdict.INVALID, score_ppm=0)
            draws.append(draw)
            view = Round(clip=clip, maker=maker, seats=[self.nodes[seat.node] for seat in seats], told=told)
            votes, hidden = self._votes(view, view.seats, units)
            outcome = tally(votes, [seat.node for seat in seats], size, len(hidden))
            again = outcome.verdict is None and round_ < rules.redraws
            done = settle(
                client=client.name,
                task=task,
                producer=terms,
                units=units,
                seats=seats,
                votes=votes,
                outcome=outcome,
                reserve_nano=left,
                stakes={node: self.nodes[node].stake_nano for node in (terms.node, *(s.node for s in seats))},
                rules=rules,
                last=not again and (not opened.producers[attempt + 1 :] or outcome.verdict is not Verdict.INVALID),
                hidden=hidden,
            )
            left = done.remaining_nano
            verdict = self._carry_out(done, client, opened, attempt, seats, votes, outcome, view, units)
            if not again:
                break
        self._count(work, paid=outcome.verdict is Verdict.VALID and verdict is Verdict.VALID, verdict=verdict)
        self.counts.refunded += outcome.verdict is None
        return _Judgement(seen=self._evidence(votes, outcome), left_nano=left, ended=left == 0)

    def _evidence(self, votes: dict[str, Vote], outcome: Outcome) -> list[tuple[Node, int]]:
        """Who has judged the producer, and what the round says of it."""
        judges = evidence.seats(votes, outcome, self.rules)
        return [(self.nodes[node], evidence.score(outcome, self.rules)) for node in judges]

    def _votes(self, view: Round, judges: Sequence[Node], units: int) -> tuple[dict[str, Vote], list[str]]:
        votes, hidden = {}, []
        for seat in judges:
            listening_ppm = seat.strategy.listening(seat, view)
            if seat.strategy.shares_ears and id(seat.strategy) in view.ears:
                listening_ppm = 0
            view.ears.add(id(seat.strategy))
            seat.spent_nano += self.listening_nano * units * listening_ppm // PPM
            vote = seat.strategy.vote(seat, view)
            if vote is None:
                hidden.append(seat.name)
            else:
                votes[seat.name] = vote
        return votes, hidden

    def _carry_out(
        self,
        done: Settlement,
        client: Client,
        opened: Assignment,
        attempt: int,
        seats: Sequence[Candidate],
        votes: dict[str, Vote],
        outcome: Outcome,
        view: Round,
        units: int,
    ) -> Verdict | None:
        """Rule 4. The verdict after an appeal."""
        terms = opened.producers[attempt]
        fined = set(outcome.minority) | ({terms.node} if outcome.verdict is Verdict.INVALID else set())
        self._count_votes(view, outcome)
        held = tuple(move for move in done.transfers if move.source in {accounts.stake(node) for node in fined})
        jury = [judge for judge in opened.validators if judge.node not in {seat.node for seat in seats}]
        appellant = self._appellant(outcome, votes, view) if held and outcome.majority else None
        if appellant is None or not self.rules.appeal_s or len(jury) < self.rules.jury:
            self._end(done)
            return outcome.verdict
        reveals, hidden = self._votes(view, [self.nodes[judge.node] for judge in jury], units)
        case = appeal.Case(
            client=client.name,
            producer=terms,
            role=Role.PROCESSOR,
            outcome=outcome,
            votes=votes,
            panel=tuple(seats),
            fees_nano={seat.node: _paid(done, seat.node) for seat in seats},
            held=held,
            held_scores=done.scores,
            pool=opened.validators,
            jury=tuple(judge.node for judge in jury),
            appellant=appellant,
            hidden=tuple(hidden),
        )
        self._move([move for move in done.transfers if move not in held])
        stakes = {node: self.nodes[node].stake_nano for node in (terms.node, *(one.node for one in opened.validators))}
        found = appeal.decide(case, reveals, stakes, self.rules)
        self.counts.appeals += 1
        self.counts.overturned += found.overturned
        self._move(found.transfers)
        self._remember(found.scores)
        self._attend(done)
        if not found.overturned:
            return outcome.verdict
        return Verdict.INVALID if outcome.verdict is Verdict.VALID else Verdict.VALID

    def _appellant(self, outcome: Outcome, votes: dict[str, Vote], view: Round) -> str | None:
        """The first that was fined for its vote, means it, and is sure of it."""
        sure, median = SURE * self.rules.score_tolerance_ppm, outcome.score_ppm or 0
        for node in outcome.minority:
            far = abs((votes[node].score_ppm or 0) - median) >= sure
            if far and self.nodes[node].strategy.appeals(view):
                return node
        return None

    def _move(self, transfers: Sequence[Transfer]) -> None:
        self.balances.carry_out(transfers)
        for one in transfers:
            kind, _, node = one.source.partition(":")
            if kind == "stake":
                self.nodes[node].stake_nano -= one.amount_nano
                self.nodes[node].changed()

    def _end(self, done: Settlement) -> None:
        self._move(done.transfers)
        self._remember(done.scores)
        self._attend(done)

    def _attend(self, done: Settlement) -> None:
        for one in done.turnout:
            node = self.nodes[one.node]
            node.abstained_ppm = attend(node.abstained_ppm, self.rules, voted=one.voted)
            node.changed()

    def _remember(self, scores: Sequence[ScoreEvent]) -> None:
        for event in scores:
            node = self.nodes[event.node]
            node.quality_ppm = remember(node.quality_ppm, event.score_ppm, self.rules)
            node.settled += 1
            node.changed()

    def _count_votes(self, view: Round, outcome: Outcome) -> None:
        honest = [seat.name for seat in view.seats if type(seat.strategy).name == "honest"]
        self.counts.votes += len(honest)
        self.counts.fined += len(set(honest) & set(outcome.minority))

    def _count(self, work: Work, *, paid: bool, verdict: Verdict | None = None) -> None:
        self.counts.valid += paid
        if work.kind or work.altered:
            self.counts.cheats += 1
            self.counts.passed += paid
        else:
            self.counts.honest += 1
            self.counts.wronged += verdict is Verdict.INVALID


@dataclass(frozen=True, slots=True)
class _Judgement:
    seen: list[tuple[Node, int]]
    left_nano: int
    ended: bool


def _seats(opened: Assignment, size: int, sat: set[str], draw: bytes) -> tuple[Candidate, ...]:
    """Who judges next: those that have not sat yet, or anybody where they are too few."""
    fresh = [judge for judge in opened.validators if judge.node not in sat]
    return draw_seats(fresh if len(fresh) >= size else list(opened.validators), size, draw)


def _paid(done: Settlement, node: str) -> int:
    """What a node's balance got, in nano."""
    return sum(move.amount_nano for move in done.transfers if move.target == accounts.balance(node))
