"""Prices compared exactly: C/Q as a fraction, and R = ceil(C * units / Q) as the integer both sides agree on."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from antiphon.economy.types import PPM, Offer, Terms


def effective_price(offer: Offer) -> Fraction:
    """C/Q in nano per unit: what a unit of *valid* work costs at this node's quality. Exact, so ties are ties."""
    return _ratio(offer.price_nano, offer.quality_ppm)


def terms(offer: Offer, units: int) -> Terms:
    """R = ceil(C * units / Q). Then R*Q, rounded down, is exactly the asking price C * units (for any Q <= 1)."""
    if units <= 0:
        raise ValueError(f"units must be positive, got {units}")
    price_nano = -(-offer.price_nano * units * PPM // offer.quality_ppm)
    return Terms(
        node=offer.node,
        price_nano=price_nano,
        quality_ppm=offer.quality_ppm,
        asset=offer.asset,
        lineage=offer.lineage,
    )


def by_price(offer: Offer) -> tuple[int, str]:
    """Sorts the cheapest C/Q first, ties by node id."""
    return sort_key(effective_price(offer)), offer.node


def market_price(offers: Sequence[Offer]) -> Fraction:
    """The lower median of C/Q in nano per unit, weighted by free stake: half of the stake asks at most this.

    Not the cheapest C/Q: one node that asks next to nothing would then exclude everybody else, and sit alone as the
    judge of all work. To move a stake-weighted median takes half of the stake.
    """
    ordered = sorted(offers, key=by_price)
    half = sum(map(_weight, ordered))
    for offer in ordered:
        half -= 2 * _weight(offer)
        if half <= 0:
            return effective_price(offer)
    raise ValueError("nobody offers anything")


def _weight(offer: Offer) -> int:
    return max(1, offer.free_stake_nano)


def sort_key(price: Fraction, times: int = 1) -> int:
    """Integer that orders, and equates, exactly as `times * price` does, and compares ten times faster.

    Denominators here are at most Q times a tolerance, below 2^42, so two different prices differ by more than 2^-84.
    """
    return ((times * price.numerator) << _KEY_BITS) // price.denominator


_KEY_BITS = 96


@lru_cache(maxsize=4096)  # a draw compares the same few prices for every part
def _ratio(price_nano: int, quality_ppm: int) -> Fraction:
    return Fraction(price_nano * PPM, quality_ppm)
