"""Earnings to shares: integers in ppm that sum to a million exactly."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from antiphon.economy.types import PPM
from antiphon.errors import InputError


def shares(earned: Mapping[str, float]) -> dict[str, int]:
    """In proportion to what is positive; what rounding leaves goes to the largest remainders, of equal ones to the
    first. Empty where nobody earned. Raises `InputError` for what is no number."""
    if not all(math.isfinite(one) for one in earned.values()):
        raise InputError("Earnings must be numbers", "What could not be measured earns nothing: leave it out.")
    positive = {who: max(0.0, one) for who, one in earned.items()}
    total = math.fsum(positive.values())
    if total <= 0:
        return {}
    exact = {who: one / total * PPM for who, one in positive.items()}
    found = {who: math.floor(one) for who, one in exact.items()}
    rest = PPM - sum(found.values())
    ranked = sorted(exact, key=lambda who: found[who] - exact[who])
    for who in ranked[:rest] if rest > 0 else []:
        found[who] += 1
    for who in reversed(ranked):  # floats may round up by one
        step = min(found[who], sum(found.values()) - PPM)
        found[who] -= max(0, step)
    assert sum(found.values()) == PPM, "shares sum to a million"
    return found


def over_rounds(rounds: Iterable[Mapping[str, float]]) -> dict[str, int]:
    """Shares in an asset of several rounds: earnings of all of them, in nats, are comparable and add up."""
    total: dict[str, float] = {}
    for one in rounds:
        for who, earned in one.items():
            total[who] = total.get(who, 0.0) + max(0.0, earned)
    return shares(total)
