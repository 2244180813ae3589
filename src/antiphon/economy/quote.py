"""What a task costs: Cost = min_P(C/Q) + min_V(C/Q) + min_T(C/Q) (spchless, step 2), and the ceiling in escrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from antiphon.economy.prices import effective_price, terms
from antiphon.economy.selection import reserve, seat_count
from antiphon.economy.shortlist import eligible
from antiphon.economy.types import Offer, Part, PartQuote, Quote, Role, Rules

__all__ = ["effective_price", "quote", "terms"]


def quote(
    parts: Sequence[Part], producers: Mapping[Role, Sequence[Offer]], validators: Sequence[Offer], rules: Rules
) -> Quote:
    """Expected cost and ceiling, part by part. Raises UnavailableError naming the role that is missing and why.

    A part names its role (processor or trainer), so a task that also trains a voice sums all three minima.
    No assignment drawn from the same offers reserves more than this ceiling.
    """
    return Quote(parts=tuple(_quote_part(part, producers, validators, rules) for part in parts))


def _quote_part(
    part: Part, producers: Mapping[Role, Sequence[Offer]], validators: Sequence[Offer], rules: Rules
) -> PartQuote:
    makers, judges = eligible(part, producers, validators, rules)
    seats = seat_count(len(judges), rules)
    asked = [terms(maker, part.units) for maker in makers]
    dearest_first = sorted((terms(judge, part.units) for judge in judges), key=lambda judge: -judge.price_nano)
    return PartQuote(
        index=part.index,
        producer_nano=asked[0].price_nano,
        validators_nano=seats * terms(judges[0], part.units).price_nano,
        reserve_nano=reserve(asked, dearest_first[:seats], min(len(asked), 1 + rules.failovers)),
    )
