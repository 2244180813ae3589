"""Who works on a part and who judges it: a pure function of the offers, the rules and the ledger's randomness.

1. Shortlists: see `antiphon.economy.shortlist`.
2. First producer: least (load + 1) * C/Q, so cheap good nodes get more work and parallel parts spread over nodes.
   With a small probability the best newcomer instead, or nobody could ever earn a score.
3. Round 0 of validators: drawn by free stake without replacement, never a producer of the part (no self-judging).
4. Failovers: the next producers by rule 2.
5. Further rounds of validators, each in full or not at all: a small round would be cheaper to capture than the first.
6. Stake that one part of a task locks is not available to the task's other parts.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from antiphon.economy.beacon import Draws
from antiphon.economy.prices import effective_price, sort_key, terms
from antiphon.economy.settlement import exposure
from antiphon.economy.shortlist import dearest_round, eligible, has_stake, not_only_judge, price_floor, shortlist
from antiphon.economy.types import PPM, Assignment, Offer, Part, Role, Rules, Terms
from antiphon.errors import UnavailableError

__all__ = ["assign", "judging_cost", "reserve", "seat_count", "seated", "shortlist"]


def seat_count(available: int, rules: Rules) -> int:
    """Seats of one round: the largest odd number up to `rules.seats` that can be filled, 0 if nobody is there."""
    seats = min(available, rules.seats)
    return max(0, seats - 1 + seats % 2)


def seated(assignment: Assignment, round_: int, rules: Rules) -> tuple[Terms, ...]:
    """The validators of one round; empty when there is no such round."""
    return assignment.validators[round_ * rules.seats : (round_ + 1) * rules.seats]


def judging_cost(assignment: Assignment, rules: Rules) -> int:
    """The most that judging one delivery of the part can cost, in nano: what its producer owes if it is invalid."""
    starts = range(0, len(assignment.validators), rules.seats)
    return max(sum(seat.reward_nano for seat in assignment.validators[i : i + rules.seats]) for i in starts)


def reserve(producers: Iterable[Terms], rounds: Iterable[Sequence[Terms]], attempts: int) -> int:
    """The most a part can cost, in nano: one producer's R, and one full round's R for each judged delivery.

    Only the part's last producer can be valid, so one is paid; of the rounds on one delivery only the one that found
    a majority is paid. Q <= 1, so R is never less than the payment R*Q.
    """
    round_nano = max((sum(seat.price_nano for seat in seats) for seats in rounds), default=0)
    return max(maker.price_nano for maker in producers) + attempts * round_nano


def assign(
    parts: Sequence[Part],
    producers: Mapping[Role, Sequence[Offer]],
    validators: Sequence[Offer],
    rules: Rules,
    beacon: bytes,
) -> tuple[Assignment, ...]:
    """One assignment per part, in the order given. Depends on the set of offers, not on their order.

    Raises UnavailableError when a part cannot be filled, also because the task's own parts have used up the stake.
    """
    book = _Book(rules, beacon)
    drawn = []
    for part in parts:
        makers, judges = eligible(part, producers, validators, rules)
        judging_nano = dearest_round(judges, part.units, rules.seats)
        floor = price_floor(producers[part.role], part.units, rules, judging_nano)
        drawn.append(book.assign(part, makers, judges, floor))
    return tuple(drawn)


class _Book:
    """What the task being assigned has already taken from each node."""

    def __init__(self, rules: Rules, beacon: bytes) -> None:
        self.rules = rules
        self.beacon = beacon
        self.locked_nano: Counter[str] = Counter()
        self.load: Counter[str] = Counter()

    def assign(self, part: Part, makers: Sequence[Offer], judges: Sequence[Offer], floor: Fraction) -> Assignment:
        draws = Draws(self.beacon, f"part {part.index}")
        judging_nano = dearest_round(judges, part.units, self.rules.seats)
        judges = [judge for judge in judges if self._free(judge, part.units)]
        makers = not_only_judge([maker for maker in makers if self._free(maker, part.units, judging_nano)], judges)
        if not makers or not judges:
            raise UnavailableError(
                f"Part {part.index} finds no {Role.VALIDATOR if makers else part.role} node with free stake: "
                "the task's other parts lock it",
                "Open a smaller task, or retry when running tasks have released their stake.",
            )
        ranked = self._ranked(part, makers, floor)
        first = self._first(ranked, draws)
        pool = [judge for judge in judges if judge.node != first.node]
        seats = seat_count(len(pool), self.rules)
        drawn = [_draw(pool, draws) for _ in range(seats)]
        taken = {first.node, *(judge.node for judge in drawn)}
        team = [first, *[maker for maker in ranked if maker.node not in taken][: self.rules.failovers]]
        names = {maker.node for maker in team}
        pool = [judge for judge in pool if judge.node not in names]
        if seats == self.rules.seats:
            more = seats * min(self.rules.redraws, len(pool) // seats)
            drawn += [_draw(pool, draws) for _ in range(more)]
        self._take(team, drawn, part.units, judging_nano)
        return self._assignment(part, team, drawn)

    def _first(self, ranked: Sequence[Offer], draws: Draws) -> Offer:
        newcomers = [maker for maker in ranked if maker.settled < self.rules.newcomer_parts]
        explore = draws.below(PPM) < self.rules.exploration_ppm
        return newcomers[0] if explore and newcomers else ranked[0]

    def _ranked(self, part: Part, makers: Iterable[Offer], floor: Fraction) -> list[Offer]:
        # Ties go by a hash that no node can choose in advance, or one id would win all of them for ever.
        least = sort_key(floor)

        def key(maker: Offer) -> tuple[int, bytes, str]:
            price = effective_price(maker)
            counted = price if sort_key(price) >= least else floor
            weight = sort_key(counted, maker.load + self.load[maker.node] + 1)
            lot = hashlib.sha256(b"%b|%d|%b" % (self.beacon, part.index, maker.node.encode())).digest()
            return weight, lot, maker.node

        return sorted(makers, key=key)

    def _free(self, offer: Offer, units: int, judging_nano: int = 0) -> bool:
        locked_nano = self.locked_nano[offer.node]
        return has_stake(offer, units, self.rules, locked_nano=locked_nano, judging_nano=judging_nano)

    def _take(self, team: Sequence[Offer], drawn: Sequence[Offer], units: int, judging_nano: int) -> None:
        self.load[team[0].node] += 1
        for offer in (*team, *drawn):
            self.locked_nano[offer.node] += exposure(terms(offer, units), self.rules, offer.role, judging_nano)

    def _assignment(self, part: Part, team: Sequence[Offer], drawn: Sequence[Offer]) -> Assignment:
        makers = tuple(terms(offer, part.units) for offer in team)
        judges = tuple(terms(offer, part.units) for offer in drawn)
        step = self.rules.seats
        rounds = [judges[start : start + step] for start in range(0, len(judges), step)]
        return Assignment(
            index=part.index,
            producers=makers,
            validators=judges,
            reserve_nano=reserve(makers, rounds, len(makers)),
        )


def _draw(pool: list[Offer], draws: Draws) -> Offer:
    """Take one out of the pool, with probability proportional to free stake."""
    pool.sort(key=lambda offer: offer.node)
    ticket = draws.below(sum(max(1, offer.free_stake_nano) for offer in pool))
    for place, offer in enumerate(pool):
        ticket -= max(1, offer.free_stake_nano)
        if ticket < 0:
            return pool.pop(place)
    raise AssertionError("the tickets are as many as the stake")
