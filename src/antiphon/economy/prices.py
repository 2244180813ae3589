"""Prices compared exactly: C/Q as a fraction, and R = ceil(C * units / Q) as the integer both sides agree on."""

from __future__ import annotations

from fractions import Fraction

from antiphon.economy.types import PPM, Offer, Terms


def effective_price(offer: Offer) -> Fraction:
    """C/Q in nano per unit: what a unit of *valid* work costs at this node's quality. Exact, so ties are ties."""
    return Fraction(offer.price_nano * PPM, offer.quality_ppm)


def terms(offer: Offer, units: int) -> Terms:
    """R = ceil(C * units / Q). Then R*Q, rounded down, is exactly the asking price C * units (for any Q <= 1)."""
    if units <= 0:
        raise ValueError(f"units must be positive, got {units}")
    price_nano = -(-offer.price_nano * units * PPM // offer.quality_ppm)
    return Terms(node=offer.node, price_nano=price_nano, quality_ppm=offer.quality_ppm)
