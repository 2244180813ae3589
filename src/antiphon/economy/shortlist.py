"""Which offers may get a part at all: enough stake to lose, and a price in reach of the market's.

`Offers` works a shortlist out once for each kind of part; the quote and the draw of a task both read it there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import msgspec

from antiphon.economy.prices import by_price, effective_price, market_price, sort_key, terms
from antiphon.economy.settlement import exposure
from antiphon.economy.types import PPM, Offer, Part, Role, Rules
from antiphon.errors import UnavailableError


def shortlist(offers: Sequence[Offer], units: int, rules: Rules) -> tuple[Offer, ...]:
    """Offers that may get a part of `units`: enough free stake, C/Q at most `price_tolerance` times the market price.

    Cheapest C/Q first, ties by node id.
    """
    return _in_reach(offers, units, rules)[0]


def _in_reach(
    offers: Sequence[Offer], units: int, rules: Rules, judging_nano: int = 0
) -> tuple[tuple[Offer, ...], Fraction]:
    """The shortlist, and the market price that it was measured by: of everybody with enough stake.

    `judging_nano`: what a producer of invalid work may owe for its judges.
    """
    able = [offer for offer in offers if has_stake(offer, units, rules, judging_nano=judging_nano)]
    if not able:
        return (), Fraction(0)
    market = market_price(able)
    limit = sort_key(market * Fraction(rules.price_tolerance_ppm, PPM))
    found = sorted((offer for offer in able if sort_key(effective_price(offer)) <= limit), key=by_price)
    return tuple(found), market


def has_stake(offer: Offer, units: int, rules: Rules, *, locked_nano: int = 0, judging_nano: int = 0) -> bool:
    """Whether the free stake, less what the task already locks, covers the minimum and this part's worst penalty, and
    the client may have so much of it locked."""
    needed_nano = locked_nano + exposure(terms(offer, units), rules, offer.role, judging_nano)
    return offer.free_stake_nano >= max(rules.min_stake_nano, needed_nano) and offer.room_nano >= needed_nano


def dearest_round(judges: Sequence[Offer], units: int, seats: int) -> int:
    """The most that one round of `seats` of these validators can be paid, in nano."""
    return sum(sorted((judge.price_nano * units for judge in judges), reverse=True)[:seats])


class Shortlist(msgspec.Struct, frozen=True, kw_only=True):
    """Who may make and who may judge one part, each cheapest C/Q first."""

    makers: tuple[Offer, ...]
    judges: tuple[Offer, ...]
    judging_nano: int  # the most that one round of these judges can be paid
    floor: Fraction
    """Least C/Q that counts when work is spread: asking less than market / tolerance buys no more work than that. The
    market is everybody with enough stake, not the shortlist, or leaving it would move the floor."""


class Offers:
    """What a task is quoted and drawn from: producers by role, validators, and the rules."""

    def __init__(self, producers: Mapping[Role, Sequence[Offer]], validators: Sequence[Offer], rules: Rules) -> None:
        self.producers, self.validators, self.rules = producers, validators, rules
        self._known: dict[tuple[Role, int], Shortlist] = {}

    def shortlist(self, part: Part) -> Shortlist:
        """Worked out once for all parts of its role and size. UnavailableError when they cannot fill it, saying why."""
        kind = part.role, part.units
        if kind not in self._known:
            self._known[kind] = self._shortlist(*kind)
        return self._known[kind]

    def _shortlist(self, role: Role, units: int) -> Shortlist:
        rules, offered = self.rules, self.producers.get(role, ())
        judges = shortlist(self.validators, units, rules)
        judging_nano = dearest_round(judges, units, rules.seats)
        makers, market = _in_reach(offered, units, rules, judging_nano)
        for asked, found, offers in ((role, makers, offered), (Role.VALIDATOR, judges, self.validators)):
            if not found:
                raise _nobody(asked, offers, units, rules)
        makers = not_only_judge(makers, judges)
        if not makers:
            raise UnavailableError(
                f"The only {role} node is also the only validator, and no node judges itself",
                "Start one more node, or retry when more nodes are free.",
            )
        floor = market * Fraction(PPM, rules.price_tolerance_ppm)
        return Shortlist(makers=makers, judges=judges, judging_nano=judging_nano, floor=floor)


def not_only_judge(makers: Sequence[Offer], judges: Sequence[Offer]) -> tuple[Offer, ...]:
    """Producers whose choice leaves at least one other node to judge them."""
    return tuple(maker for maker in makers if len(judges) != 1 or maker.node != judges[0].node)


def _nobody(role: Role, offers: Sequence[Offer], units: int, rules: Rules) -> UnavailableError:
    if not offers:
        return UnavailableError(
            f"No {role} node offers this service, language, engine and voice",
            "Widen the request, or retry when such a node has joined.",
        )
    if all(offer.room_nano < offer.free_stake_nano for offer in offers):
        return UnavailableError(
            f"The client's open tasks hold all that one client may hold of the stake of {len(offers)} {role} nodes",
            "Wait until some of them are done.",
        )
    richest = max(offer.free_stake_nano for offer in offers)
    return UnavailableError(
        f"None of {len(offers)} {role} nodes has enough free stake for a part of {units} units "
        f"(most: {richest} nano, minimum: {rules.min_stake_nano})",
        "Split the text into smaller parts, or retry when running tasks have released their stake.",
    )
