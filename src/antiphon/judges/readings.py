"""Readings: figures that prove that somebody listened.

A figure is a reading when machines agree on it and text, voice and engine do not tell it. `TOLERANCES` says how far two
machines may be apart; docs/figures.md, "Listening pays", says what they were measured to be, and how often a guess lies
within. At least one reading comes from each model, so that none can be left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from antiphon.economy.measurement import Measurement
from antiphon.economy.types import READING_TOLERANCE, Reading

TOLERANCES: Mapping[str, float] = {
    "words.echo_0": 0.06,
    "words.echo_1": 0.06,
    "words.echo_2": 0.06,
    "naturalness.distillmos": 0.05,
    "naturalness.dnsmos_sig": 0.03,
    "naturalness.dnsmos_bak": 0.03,
    "voice.similarity": 0.01,
    "clone.voice": 0.01,
    "audit.surprise": 0.05,
    "music.tonality": 0.01,
    "music.variety": 0.01,
    "music.repetition": 0.01,
    "music.key_fit": 0.01,
    "music.energy": 0.01,
    "music.brightness": 0.01,
}
"""`judge.name` of a measurement: how far honest validators may be apart, in the measurement's unit."""
LN_SURENESS = ("words.sureness", 0.35)
"""A mean log probability: machines differ by a share of it, so its own logarithm is read."""


def readings_of(measurements: Iterable[Measurement]) -> tuple[Reading, ...]:
    """Readings among these measurements, in thousandths of their tolerance. What could not be measured is left out."""
    found = []
    for one in measurements:
        key = f"{one.judge}.{one.name}"
        if one.value is None:
            continue
        if key in TOLERANCES:
            found.append(_reading(key, one.value, TOLERANCES[key]))
        elif key == LN_SURENESS[0] and one.value < 0:
            found.append(_reading(key, math.log(-one.value), LN_SURENESS[1]))
    return tuple(found)


def _reading(key: str, value: float, tolerance: float) -> Reading:
    return Reading(key=key, value=round(READING_TOLERANCE * value / tolerance))
