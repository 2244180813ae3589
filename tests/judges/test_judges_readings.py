from __future__ import annotations

import math

import pytest

from antiphon.economy.measurement import Measurement
from antiphon.economy.settlement import care
from antiphon.economy.types import DEFAULT_RULES, PPM, READING_TOLERANCE, Verdict, Vote
from antiphon.economy.votes import common_readings
from antiphon.judges.metric import Metric
from antiphon.judges.metrics import BUILT_IN, SURENESS
from antiphon.judges.readings import readings_of

READINGS = [metric for metric in BUILT_IN.values() if metric.agrees_within is not None]


def figure(key: str, value: float | None) -> Measurement:
    judge, name = key.split(".")
    return Measurement(judge=judge, name=name, unit="", value=value, reason=None if value is not None else "why")


@pytest.mark.parametrize("metric", [one for one in READINGS if not one.logarithmic], ids=lambda metric: metric.key)
def test_a_reading_is_in_thousandths_of_its_tolerance(metric: Metric) -> None:
    assert metric.agrees_within is not None
    (one,) = readings_of([figure(metric.key, 5 * metric.agrees_within)], [metric])
    assert (one.key, one.value) == (metric.key, 5 * READING_TOLERANCE)


def test_sureness_is_read_by_its_logarithm_because_machines_differ_by_a_share_of_it() -> None:
    assert SURENESS.agrees_within is not None
    values = (-0.1, -0.1 * math.exp(SURENESS.agrees_within))
    (one,), (other,) = (readings_of([SURENESS.measured(value)], [SURENESS]) for value in values)
    assert other.value - one.value == READING_TOLERANCE
    assert readings_of([SURENESS.measured(0.0)], [SURENESS]) == ()  # certainty has no logarithm


def test_what_could_not_be_measured_and_what_anybody_can_know_are_no_readings() -> None:
    assert readings_of([figure("naturalness.distillmos", None), figure("words.wer", 0.0)], BUILT_IN.values()) == ()


def test_machines_that_differ_by_less_than_the_tolerance_lose_nothing() -> None:
    def vote(off: float) -> Vote:
        heard = [figure(one.key, 1 + off * (one.agrees_within or 0)) for one in READINGS if not one.logarithmic]
        return Vote(verdict=Verdict.VALID, score_ppm=1, readings=readings_of(heard, READINGS))

    votes = [vote(off) for off in (-0.9, 0.0, 0.9)]
    assert [care(vote, common_readings(votes), DEFAULT_RULES) for vote in votes] == [PPM] * 3
