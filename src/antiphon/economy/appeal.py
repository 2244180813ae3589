"""What follows from an appeal: a larger jury counts again, and the side that was wrong pays for it.

1. The jury is everybody in the pool who did not sit. Its votes count together with the first panel's, each by its
   weight in the draw. A verdict falls when more than half of the whole pool's weight is against it, and enough jurors
   were conclusive. Who does not vote counts for the verdict: a jury hears only what somebody shows it, so an appellant
   could else show its own people the work, and nobody else.
2. Upheld: what was held back is carried out, and the appellant pays each juror that agreed with the verdict its fee.
   When there is none, one fee is burnt: it held everybody's stake, and let nobody hear the work.
3. Overturned: nothing that was held back happens. Each of the first majority pays its fee and the price of dissent. If
   the work was found valid, its producer pays what invalid work costs, and first of all the client's whole loss.
   Out of the fines, as far as they reach: the fee of each that was outvoted, then the jurors that were right in equal
   parts of their fees, then the reward of a producer that was wrongly fined. The rest is burnt.
4. A juror against whom more than half of the pool's weight voted, or that hid the vote that it committed to, pays the
   price of dissent like a seat: the panel's votes and readings are told already, so who repeats them unheard must not
   be paid by the rest. Not one that a verdict outlasted only because too few heard the work. Who does not commit pays
   nothing. What upheld verdicts bring so is burnt.
5. Nobody pays more than what is locked of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from antiphon.economy import accounts
from antiphon.economy.settlement import dissent, penalty, royalties
from antiphon.economy.types import PPM, Candidate, Outcome, Role, Rules, ScoreEvent, Terms, Transfer, Verdict, Vote


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """How an appeal ended."""

    overturned: bool
    transfers: tuple[Transfer, ...]
    scores: tuple[ScoreEvent, ...]


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """All that an appeal is decided by."""

    client: str
    producer: Terms
    role: Role
    outcome: Outcome  # of the first panel
    votes: dict[str, Vote]  # of the first panel
    panel: tuple[Terms, ...]
    fees_nano: dict[str, int]  # what each of the panel was paid
    held: tuple[Transfer, ...]  # what the first verdict would take
    held_scores: tuple[ScoreEvent, ...]
    pool: tuple[Candidate, ...]  # with everybody's weight
    jury: tuple[str, ...]
    appellant: str
    hidden: tuple[str, ...] = ()  # jurors that committed to a vote and did not reveal it


def bond(jury: Sequence[Terms]) -> int:
    """What an appellant puts at stake, in nano: one fee for each juror."""
    return max(1, sum(juror.reward_nano for juror in jury))


def overturns(case: Case, reveals: Mapping[str, Vote], rules: Rules) -> bool:
    """Rule 1."""
    conclusive = [node for node in case.jury if node in reveals and reveals[node].verdict.conclusive]
    return len(conclusive) >= rules.jury and _most_say(case, reveals, so=False)


def _most_say(case: Case, reveals: Mapping[str, Vote], *, so: bool) -> bool:
    """Whether more than half of the whole pool's weight has voted for the verdict (`so`), or against it."""
    cast = {**case.votes, **{node: reveals[node] for node in case.jury if node in reveals}}
    side = {n for n, v in cast.items() if v.verdict.conclusive and (v.verdict is case.outcome.verdict) is so}
    weights = {judge.node: judge.weight_nano for judge in case.pool}
    return 2 * sum(weights[node] for node in side) > sum(weights.values())


def decide(case: Case, reveals: Mapping[str, Vote], stakes: Mapping[str, int], rules: Rules) -> Decision:
    """Money and scores at the end of an appeal. `stakes`: what is locked of each node for it."""
    if overturns(case, reveals, rules):
        return _overturned(case, reveals, stakes, rules)
    terms = {judge.node: judge for judge in case.pool}
    agreed = [node for node in case.jury if node in reveals and reveals[node].verdict is case.outcome.verdict]
    source, why = accounts.stake(case.appellant), "the appeal was in vain: its jury"
    paid = [
        Transfer(source=source, target=accounts.balance(node), amount_nano=terms[node].reward_nano, why=why)
        for node in agreed
        if terms[node].reward_nano
    ]
    if not agreed and (fee_nano := terms[case.jury[0]].reward_nano):
        why = "an appeal that nobody heard but who asked for it"
        paid = [Transfer(source=source, target=accounts.BURNT, amount_nano=fee_nano, why=why)]
    wrong = _Pot()
    for node in _wrong(case, reveals, lost_by=False):
        wrong.add(accounts.stake(node), min(dissent(terms[node], rules), stakes.get(node, 0)))
    wrong.pay(accounts.BURNT, wrong.nano, "a juror's dissent")
    return Decision(overturned=False, transfers=(*case.held, *paid, *wrong.moves), scores=case.held_scores)


def _wrong(case: Case, reveals: Mapping[str, Vote], *, lost_by: bool) -> list[str]:
    """Jurors that voted against most of the pool (`lost_by`: the verdict fell), and those that hid their votes."""
    cast = {node: reveals[node].verdict for node in case.jury if node in reveals and reveals[node].verdict.conclusive}
    lost = [node for node, verdict in cast.items() if (verdict is case.outcome.verdict) is lost_by]
    told = lost if _most_say(case, reveals, so=not lost_by) else []
    return [*told, *(node for node in case.jury if node in case.hidden)]


def _overturned(case: Case, reveals: Mapping[str, Vote], stakes: Mapping[str, int], rules: Rules) -> Decision:
    pot = _Pot()
    seats = {seat.node: seat for seat in case.panel}
    terms = {judge.node: judge for judge in case.pool}
    for node in case.outcome.majority:
        owed = case.fees_nano.get(node, 0) + dissent(seats[node], rules)
        pot.add(accounts.stake(node), min(owed, stakes.get(node, 0)))
    for node in _wrong(case, reveals, lost_by=True):
        pot.add(accounts.stake(node), min(dissent(terms[node], rules), stakes.get(node, 0)))
    found_valid = case.outcome.verdict is Verdict.VALID
    if found_valid:
        loss = case.producer.reward_nano + sum(case.fees_nano.values())
        taken = min(max(penalty(case.producer, rules), loss), stakes.get(case.producer.node, 0))
        bad = _Pot()
        bad.add(accounts.stake(case.producer.node), taken)
        bad.pay(accounts.balance(case.client), loss, "overturned: the client's whole cost")
        pot.take(bad)
    for node in case.outcome.minority:
        pot.pay(accounts.balance(node), seats[node].reward_nano, "overturned: fee of who was outvoted")
    right = [
        node
        for node in case.jury
        if node in reveals and reveals[node].verdict.conclusive and reveals[node].verdict is not case.outcome.verdict
    ]
    owed_nano, there_nano = sum(terms[node].reward_nano for node in right), pot.nano
    for node in right:
        fee = terms[node].reward_nano
        share = fee if owed_nano <= there_nano else fee * there_nano // owed_nano
        pot.pay(accounts.balance(node), share, "overturned: fee of a juror")
    if not found_valid:
        reward_nano = min(case.producer.reward_nano, pot.nano)
        shares = royalties(case.producer, reward_nano, rules)
        own_nano = reward_nano - sum(nano for _, nano, _ in shares)
        pot.pay(accounts.balance(case.producer.node), own_nano, "overturned: reward R*Q")
        for account, nano, why in shares:
            pot.pay(account, nano, why)
    pot.pay(accounts.BURNT, pot.nano, "overturned: the rest of the fines")
    return Decision(overturned=True, transfers=tuple(pot.moves), scores=_scores(case, reveals, right, rules))


def _scores(case: Case, reveals: Mapping[str, Vote], right: Sequence[str], rules: Rules) -> tuple[ScoreEvent, ...]:
    wrong = [ScoreEvent(node=node, role=Role.VALIDATOR, score_ppm=0) for node in case.outcome.majority]
    kept = [ScoreEvent(node=node, role=Role.VALIDATOR, score_ppm=PPM) for node in case.outcome.minority]
    if case.outcome.verdict is Verdict.VALID:
        maker_ppm = rules.punish_score_ppm
    else:
        scores = sorted(vote.score_ppm or 0 for vote in [reveals[n] for n in right] + _of(case, case.outcome.minority))
        maker_ppm = scores[(len(scores) - 1) // 2]
    return (*wrong, *kept, ScoreEvent(node=case.producer.node, role=case.role, score_ppm=maker_ppm))


def _of(case: Case, nodes: Sequence[str]) -> list[Vote]:
    return [case.votes[node] for node in nodes]


class _Pot:
    """Fines, paid out as far as they reach."""

    def __init__(self) -> None:
        self._left: list[tuple[str, int]] = []
        self.moves: list[Transfer] = []

    @property
    def nano(self) -> int:
        return sum(nano for _, nano in self._left)

    def add(self, source: str, nano: int) -> None:
        if nano > 0:
            self._left.append((source, nano))

    def take(self, other: _Pot) -> None:
        """All that is left in another one, and what it paid already."""
        self._left += other._left
        self.moves += other.moves
        other._left = []

    def pay(self, target: str, nano: int, why: str) -> None:
        """From each source in turn, until it is paid or nothing is left."""
        while nano > 0 and self._left:
            source, there = self._left[0]
            paid = min(nano, there)
            self.moves.append(Transfer(source=source, target=target, amount_nano=paid, why=why))
            nano -= paid
            self._left[0] = (source, there - paid)
            if there == paid:
                self._left.pop(0)
