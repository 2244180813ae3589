"""Who works on a part and who judges it: pure functions of the offers, the rules and randomness.

When a task opens (`assign`):

1. Shortlists: see `antiphon.economy.shortlist`. Of many validators `rules.pool` are drawn by free stake (`sample`).
2. First producer: least (load + 1) * C/Q, so cheap good nodes get more work and parallel parts spread over nodes.
   With a small probability the best newcomer instead, or nobody could ever earn a score; but newcomers together get no
   more parts so than a third of their share of all producers, or it would pay to be new for ever.
3. Failovers: the next producers by rule 2, as long as enough validators are left to fill a round.
4. The part's pool: all validators of the shortlist that are not its producers (no self-judging).
5. Stake that one part of a task locks is not available to the task's other parts.

After each delivery (`draw_seats`), from randomness that nobody knew when it was delivered:

6. As many seats in every round are drawn out of the pool, no key twice. Each key sits exactly as often as its part of
   the weight says (`seats` times its part, at most always): so an owner's seats do not grow by splitting its stake.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import TypeVar

from antiphon.economy.beacon import Draws
from antiphon.economy.prices import effective_price, sort_key, terms
from antiphon.economy.quote import reserve, seat_count
from antiphon.economy.settlement import exposure
from antiphon.economy.shortlist import Offers, Shortlist, has_stake, not_only_judge
from antiphon.economy.types import PPM, Assignment, Candidate, Offer, Part, Role, Rules
from antiphon.errors import UnavailableError

__all__ = ["assign", "draw_seats", "judging_cost", "sample", "weight"]


T = TypeVar("T")


def weight(offer: Offer, rules: Rules) -> int:
    """What a validator counts in a draw, in nano: its free stake, less what abstaining costs.

    Up to `abstain_ppm` of its seats costs nothing. Beyond it the weight falls in a straight line, to a twentieth for
    one that never gives a conclusive vote: it still is drawn now and then, and so can do better.
    """
    above_ppm = max(0, offer.abstained_ppm - rules.abstain_ppm)
    kept_ppm = max(PPM // 20, PPM - above_ppm * PPM // (PPM - rules.abstain_ppm))
    return max(1, offer.free_stake_nano * kept_ppm // PPM)


def draw_seats(pool: Sequence[Candidate], seats: int, beacon: bytes) -> tuple[Candidate, ...]:
    """The seats of one round: as many of the pool, or all of it when it is smaller.

    Systematic sampling in a shuffled order (W. G. Madow, 1949): whoever weighs a whole seat or more has one; of the
    others, laid end to end at random, those sit that the marks of a ruler with a random start fall into. So each sits
    with a probability of exactly seats * weight / whole weight.
    """
    draws = Draws(beacon, "seats")
    left = sorted(pool, key=lambda candidate: (-max(1, candidate.weight_nano), candidate.node))
    found: list[Candidate] = []
    while left and len(found) < seats:
        whole = sum(max(1, candidate.weight_nano) for candidate in left)
        if max(1, left[0].weight_nano) * (seats - len(found)) < whole:
            return (*found, *_marked(left, whole, seats - len(found), draws))
        found.append(left.pop(0))
    return tuple(found)


def sample(offers: Sequence[Offer], rules: Rules, beacon: bytes) -> tuple[Offer, ...]:
    """At most `rules.pool` of the validators, drawn by free stake."""
    if len(offers) <= rules.pool:
        return tuple(offers)
    ordered = sorted(offers, key=lambda offer: offer.node)
    return tuple(_drawn(ordered, [weight(offer, rules) for offer in ordered], rules.pool, Draws(beacon, "pool")))


def judging_cost(assignment: Assignment, rules: Rules) -> int:
    """The most that judging one delivery of the part can cost, in nano: what its producer owes if it is invalid."""
    seats = seat_count(len(assignment.validators), rules)
    return sum(sorted((judge.reward_nano for judge in assignment.validators), reverse=True)[:seats])


def assign(parts: Sequence[Part], offers: Offers, beacon: bytes, wanted: str = "") -> tuple[Assignment, ...]:
    """One assignment per part, in the order given. Depends on the set of offers, not on their order.

    `wanted`: the producer that comes first, whatever it asks within the market's reach (a validator's probe).

    Raises UnavailableError when a part cannot be filled, also because the task's own parts have used up the stake.
    """
    draw = _Draw(offers.rules, beacon, wanted)
    return tuple([draw.assign(part, offers.shortlist(part)) for part in parts])


class _Draw:
    """The draw of one task, part by part, and what it has already taken from each node."""

    def __init__(self, rules: Rules, beacon: bytes, wanted: str) -> None:
        self.rules = rules
        self.beacon = beacon
        self.wanted = wanted
        self.locked_nano: Counter[str] = Counter()
        self.load: Counter[str] = Counter()

    def assign(self, part: Part, listed: Shortlist) -> Assignment:
        judging_nano = listed.judging_nano
        judges = [judge for judge in listed.judges if self._free(judge, part.units)]
        makers = not_only_judge([m for m in listed.makers if self._free(m, part.units, judging_nano)], judges)
        if not makers or not judges:
            raise UnavailableError(
                f"Part {part.index} finds no {Role.VALIDATOR if makers else part.role} node with free stake: "
                "the task's other parts lock it",
                "Open a smaller task, or retry when running tasks have released their stake.",
            )
        ranked = self._ranked(part, makers, listed.floor)
        first = self._first(part, ranked)
        pool = {judge.node: judge for judge in judges if judge.node != first.node}
        seats = seat_count(len(pool), self.rules)
        team = [first]
        for maker in ranked:
            if len(team) > self.rules.failovers:
                break
            if maker is not first and (maker.node not in pool or len(pool) > seats):
                team.append(maker)
                pool.pop(maker.node, None)
        self._take(team, part.units, judging_nano)
        return self._assignment(part, team, sorted(pool.values(), key=lambda judge: judge.node))

    def _first(self, part: Part, ranked: Sequence[Offer]) -> Offer:
        if self.wanted:
            for maker in ranked:
                if maker.node == self.wanted:
                    return maker
            raise UnavailableError(f"The node {self.wanted[:8]} takes no such work now", "Ask for another one.")
        newcomers = [maker for maker in ranked if maker.settled < self.rules.newcomer_parts]
        # A third as often as their number: who is new again and again lives worse than who stays (decision record 16).
        chance_ppm = min(self.rules.exploration_ppm, PPM * len(newcomers) // (3 * len(ranked)))
        explore = Draws(self.beacon, f"part {part.index}").below(PPM) < chance_ppm
        return newcomers[0] if explore and newcomers else ranked[0]

    def _ranked(self, part: Part, makers: Iterable[Offer], floor: Fraction) -> list[Offer]:
        # Ties go by a hash that no node can choose in advance, or one id would win all of them for ever.
        floor_key = sort_key(floor)

        def key(maker: Offer) -> tuple[int, bytes, str]:
            price = effective_price(maker)
            counted = price if sort_key(price) >= floor_key else floor
            weight = sort_key(counted, maker.load + self.load[maker.node] + 1)
            lot = hashlib.sha256(b"%b|%d|%b" % (self.beacon, part.index, maker.node.encode())).digest()
            return weight, lot, maker.node

        return sorted(makers, key=key)

    def _free(self, offer: Offer, units: int, judging_nano: int = 0) -> bool:
        locked_nano = self.locked_nano[offer.node]
        return has_stake(offer, units, self.rules, locked_nano=locked_nano, judging_nano=judging_nano)

    def _take(self, team: Sequence[Offer], units: int, judging_nano: int) -> None:
        self.load[team[0].node] += 1
        for offer in team:
            self.locked_nano[offer.node] += exposure(terms(offer, units), self.rules, offer.role, judging_nano)

    def _assignment(self, part: Part, team: Sequence[Offer], pool: Sequence[Offer]) -> Assignment:
        makers = tuple(terms(offer, part.units) for offer in team)
        judges = tuple(_candidate(offer, part.units, self.rules) for offer in pool)
        dearest_first = sorted(judges, key=lambda judge: -judge.price_nano)
        return Assignment(
            index=part.index,
            producers=makers,
            validators=judges,
            reserve_nano=reserve(makers, dearest_first[: seat_count(len(judges), self.rules)], len(makers)),
        )


def _candidate(offer: Offer, units: int, rules: Rules) -> Candidate:
    asked = terms(offer, units)
    return Candidate(
        node=offer.node,
        price_nano=asked.price_nano,
        quality_ppm=asked.quality_ppm,
        weight_nano=weight(offer, rules),
    )


def _marked(pool: Sequence[Candidate], whole: int, seats: int, draws: Draws) -> list[Candidate]:
    """Whom a ruler's marks fall into, `whole` apart, when each is `seats` times its weight long: nobody twice."""
    order = list(pool)
    for place in range(len(order) - 1, 0, -1):
        other = draws.below(place + 1)
        order[place], order[other] = order[other], order[place]
    ends = list(accumulate(seats * max(1, candidate.weight_nano) for candidate in order))
    first = draws.below(whole)
    return [order[bisect_right(ends, first + mark * whole)] for mark in range(seats)]


def _drawn(items: Sequence[T], weights: Sequence[int], count: int, draws: Draws) -> list[T]:
    """`count` of the items without replacement, each with probability in proportion to its weight (at least 1).

    A ticket of an item that is drawn already is void; then the tickets are counted anew without it.
    """
    left = dict(enumerate(weights))
    found: list[T] = []
    while left and len(found) < count:
        places, sums = list(left), list(accumulate(max(1, weight) for weight in left.values()))
        while len(found) < count:
            place = places[bisect_right(sums, draws.below(sums[-1]))]
            if left.pop(place, None) is None:
                break
            found.append(items[place])
    return found
