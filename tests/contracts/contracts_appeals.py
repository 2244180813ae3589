"""Disputes as their event tells them: what waits for an appeal, and what is given again with each step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import boa
from boa.contracts.abi.abi_contract import ABIContract
from contracts_deployed import APPEAL_TERMS
from contracts_economy import VERDICTS

from antiphon.economy import accounts
from antiphon.economy.appeal import Case, decide
from antiphon.economy.types import PPM, Candidate, Outcome, Role, Rules, Terms, Transfer, Vote


@dataclass(frozen=True)
class Dispute:
    """What one verdict has handed over."""

    appeal: ABIContract
    market: str
    reference: int
    held: tuple

    @classmethod
    def last(cls, appeal: ABIContract, market: ABIContract) -> Dispute | None:
        """What the market's last call has handed over; None = nothing."""
        for log in appeal.get_logs(market._computation):
            if type(log).__name__ == "Held":
                return cls(appeal, str(log.market), log.reference, log.held)
        return None

    @property
    def id(self) -> bytes:
        return self.appeal.id_of(self.market, self.reference)

    @property
    def what(self) -> tuple:
        return self.market, self.reference, self.held

    def lapse(self) -> None:
        """Nobody appeals in time: the fines are carried out."""
        boa.env.time_travel(seconds=APPEAL_TERMS[0] + 1)
        self.appeal.settle(*self.what, [], sender=boa.env.generate_address())


def lapse(appeal: ABIContract, market: ABIContract) -> None:
    """What the market's last call has handed over is carried out."""
    found = Dispute.last(appeal, market)
    assert found is not None, "nothing waits for an appeal"
    found.lapse()


@dataclass(frozen=True)
class Sums:
    """What an appeal moves: out of stakes, to whom, and how much of it to nobody."""

    overturned: bool
    taken: Counter[str]
    given: Counter[str]
    burnt: int


def jurors_of(held: tuple, tickets: Sequence[str]) -> list[str]:
    """Who may vote: everybody with a ticket that did not sit and has no part in it."""
    out = {str(held.client), str(held.producer), *(str(seat) for seat in held.seats)}
    return [str(node) for node in dict.fromkeys(tickets) if str(node) not in out]


def juror_fee(held: tuple) -> int:
    return max(held.asked)


def decided(held: tuple, tickets: Sequence[str], votes: Mapping[str, Vote | None], appellant: str) -> Sums:
    """What `economy.appeal` says. `votes`: of the jurors that committed; None = not revealed."""
    rules = Rules(audit_ppm=0, penalty_ppm=held.penalty_ppm, dissent_ppm=held.dissent_ppm)
    seats = [str(seat) for seat in held.seats if int(str(seat), 16)]
    cast = {
        node: Vote(verdict=VERDICTS[verdict], score_ppm=800_000 if verdict <= 2 else None)
        for node, verdict in zip(seats, held.verdicts, strict=False)
        if verdict
    }
    verdict = VERDICTS[held.verdict]
    sides = {True: [], False: []}
    for node, vote in cast.items():
        if vote.verdict.conclusive:
            sides[vote.verdict is verdict].append(node)
    weights = Counter(str(node) for node in tickets)
    fee, jury = juror_fee(held), jurors_of(held, tickets)
    panel = [_terms(node, asked) for node, asked in zip(seats, held.asked, strict=False)]
    pool = [
        Candidate(node=one.node, price_nano=one.price_nano, quality_ppm=PPM, weight_nano=weights[one.node])
        for one in (*panel, *(_terms(node, fee) for node in jury))
    ]
    fines = [
        Transfer(source=accounts.stake(node), target=accounts.BURNT, amount_nano=min(fine, lock), why="fine")
        for node, fine, lock in zip(seats, held.fines, held.locks, strict=False)
        if min(fine, lock)
    ]
    case = Case(
        client=str(held.client),
        producer=_terms(str(held.producer), held.reward),
        role=Role.PROCESSOR,
        outcome=Outcome(verdict=verdict, score_ppm=800_000, majority=tuple(sides[True]), minority=tuple(sides[False])),
        votes=cast,
        panel=tuple(panel),
        fees_nano=dict(zip(seats, held.paid, strict=False)),
        held=(*fines, *_penalty(held)),
        held_scores=(),
        pool=tuple(pool),
        jury=tuple(jury),
        appellant=appellant,
        hidden=tuple(sorted(node for node, vote in votes.items() if vote is None)),
    )
    stakes = dict.fromkeys(votes, fee * held.dissent_ppm // PPM)
    stakes |= dict(zip(seats, held.locks, strict=False)) | {str(held.producer): held.locked}
    done = decide(case, {node: vote for node, vote in votes.items() if vote}, stakes, rules)
    taken, given = Counter[str](), Counter[str]()
    for move in done.transfers:
        taken[move.source.removeprefix("stake:")] += move.amount_nano
        given[move.target.removeprefix("balance:")] += move.amount_nano
    burnt = given.pop(accounts.BURNT, 0)
    return Sums(done.overturned, taken, given, burnt)


def _terms(node: str, price: int) -> Terms:
    return Terms(node=node, price_nano=price, quality_ppm=PPM)


def _penalty(held: tuple) -> tuple[Transfer, ...]:
    taken = min(held.penalty, held.locked)
    to_client = min(taken, held.to_client)
    source, client = accounts.stake(str(held.producer)), accounts.balance(str(held.client))
    moves = ((client, to_client), (accounts.BURNT, taken - to_client))
    return tuple(Transfer(source=source, target=to, amount_nano=nano, why="penalty") for to, nano in moves if nano)
