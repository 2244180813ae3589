"""What a task costs: Cost = min_P(C/Q) + min_V(C/Q) + min_T(C/Q) (spchless, step 2), and the ceiling in escrow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from antiphon.economy.prices import terms
from antiphon.economy.shortlist import Offers
from antiphon.economy.types import Part, PartQuote, Quote, Rules, Terms


def quote(parts: Sequence[Part], offers: Offers) -> Quote:
    """Expected cost and ceiling, part by part. Raises UnavailableError naming the role that is missing and why.

    A part names its role (processor or trainer), so a task that also trains a voice sums all three minima.
    No assignment drawn from the same offers reserves more than this ceiling.
    """
    return Quote(parts=tuple(_quote_part(part, offers) for part in parts))


def _quote_part(part: Part, offers: Offers) -> PartQuote:
    listed, rules = offers.shortlist(part), offers.rules
    seats = seat_count(len(listed.judges), rules)
    asked = [terms(maker, part.units) for maker in listed.makers]
    dearest_first = sorted((terms(judge, part.units) for judge in listed.judges), key=lambda judge: -judge.price_nano)
    return PartQuote(
        index=part.index,
        producer_nano=asked[0].price_nano,
        validators_nano=seats * terms(listed.judges[0], part.units).price_nano,
        reserve_nano=reserve(asked, dearest_first[:seats], min(len(asked), 1 + rules.failovers)),
    )


def seat_count(available: int, rules: Rules) -> int:
    """Seats of one round: the largest odd number up to `rules.seats` that can be filled, 0 if nobody is there."""
    seats = min(available, rules.seats)
    return max(0, seats - 1 + seats % 2)


def reserve(producers: Iterable[Terms], dearest_round: Sequence[Terms], attempts: int) -> int:
    """The most a part can cost, in nano: one producer's R, and the dearest round's R for each judged delivery.

    Only the part's last producer can be valid, so one is paid; of the rounds on one delivery only the one that found
    a majority is paid. Q <= 1, so R is never less than the payment R*Q.
    """
    round_nano = sum(seat.price_nano for seat in dearest_round)
    return max(maker.price_nano for maker in producers) + attempts * round_nano
