"""What a task costs: Cost = min_P(C/Q) + min_V(C/Q) + min_T(C/Q) (spchless, step 2), and the ceiling in escrow."""

from __future__ import annotations

from collections.abc import Sequence

from antiphon.economy.prices import terms
from antiphon.economy.selection import reserve, seat_count
from antiphon.economy.shortlist import Offers
from antiphon.economy.types import Part, PartQuote, Quote


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
