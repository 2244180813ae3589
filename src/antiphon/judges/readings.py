"""Readings: figures that prove that somebody listened.

A figure is a reading when machines agree on it and text, voice and engine do not tell it. Its metric says how far two
machines may be apart (`agrees_within`); docs/figures.md, "Listening pays", says what they were measured to be, and how
often a guess lies within. At least one reading comes from each model, so that none can be left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from antiphon.economy.measurement import Measurement
from antiphon.economy.types import READING_TOLERANCE, Reading
from antiphon.judges.metric import Metric, key_of


def readings_of(measurements: Iterable[Measurement], metrics: Iterable[Metric]) -> tuple[Reading, ...]:
    """Readings among these measurements, in thousandths of their tolerance. What could not be measured is left out."""
    known = {metric.key: metric for metric in metrics}
    found = []
    for one in measurements:
        metric = known.get(key_of(one))
        if metric is None or metric.agrees_within is None or one.value is None:
            continue
        if not metric.logarithmic:
            found.append(_reading(metric.key, one.value, metric.agrees_within))
        elif one.value < 0:  # certainty has no logarithm
            found.append(_reading(metric.key, math.log(-one.value), metric.agrees_within))
    return tuple(found)


def _reading(key: str, value: float, tolerance: float) -> Reading:
    return Reading(key=key, value=round(READING_TOLERANCE * value / tolerance))
