"""Voice mixes: `af_heart:0.6+bf_emma:0.4`. Only convex weights: styles outside the hull give noise or NaN."""

from __future__ import annotations

import math
from collections.abc import Collection

from antiphon.errors import InputError
from antiphon.plugins import unknown

MAX_VOICES = 8
"""Most voices in one mix; more only averages them into the same voice."""


def parse_mix(spec: str, known: Collection[str]) -> dict[str, float]:
    """Weights by voice, summing to 1, in the order written. A single name is a mix of one.

    A part without `:weight` weighs 1. Raises `InputError` for unknown voices (with the nearest name), weights that are
    not positive numbers, and more than `MAX_VOICES` voices.
    """
    parts = [part.strip() for part in spec.split("+")]
    if len(parts) > MAX_VOICES:
        raise InputError(f"The mix names {len(parts)} voices, more than {MAX_VOICES}")
    weights: dict[str, float] = {}
    for part in parts:
        name, _, weight = (piece.strip() for piece in part.partition(":"))
        if name not in known:
            raise unknown("voice", name, known)
        weights[name] = weights.get(name, 0.0) + _weight(part, weight)
    total = math.fsum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def _weight(part: str, text: str) -> float:
    if not text:
        if part.endswith(":"):
            raise InputError(f"The voice {part!r} ends in ':' without a weight", "Write for example af_heart:0.6.")
        return 1.0
    try:
        weight = float(text)
    except ValueError:
        raise InputError(
            f"The weight {text!r} is not a number", "Write for example af_heart:0.6+bf_emma:0.4."
        ) from None
    # An upper bound keeps the sum finite; only ratios matter.
    if not 0.0 < weight <= 1e6:
        raise InputError(
            f"The weight {text} of {part!r} is not between 0 and 1000000", "Mixes are convex: weights > 0."
        )
    return weight
