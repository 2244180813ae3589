from __future__ import annotations

import math

import pytest

from antiphon.economy.measurement import Measurement
from antiphon.economy.settlement import care
from antiphon.economy.types import DEFAULT_RULES, PPM, READING_TOLERANCE, Verdict, Vote
from antiphon.economy.votes import common_readings
from antiphon.judges.readings import LN_SURENESS, TOLERANCES, readings_of


def figure(key: str, value: float | None) -> Measurement:
    judge, name = key.split(".")
    return Measurement(judge=judge, name=name, unit="", value=value, reason=None if value is not None else "why")


@pytest.mark.parametrize("key", sorted(TOLERANCES))
def test_a_reading_is_in_thousandths_of_its_tolerance(key: str) -> None:
    (one,) = readings_of([figure(key, 5 * TOLERANCES[key])])
    assert (one.key, one.value) == (key, 5 * READING_TOLERANCE)


def test_sureness_is_read_by_its_logarithm_because_machines_differ_by_a_share_of_it() -> None:
    key, tolerance = LN_SURENESS
    (one,), (other,) = (readings_of([figure(key, value)]) for value in (-0.1, -0.1 * math.exp(tolerance)))
    assert other.value - one.value == READING_TOLERANCE
    assert readings_of([figure(key, 0.0)]) == ()  # certainty has no logarithm


def test_what_could_not_be_measured_and_what_anybody_can_know_are_no_readings() -> None:
    assert readings_of([figure("naturalness.distillmos", None), figure("words.wer", 0.0)]) == ()


def test_machines_that_differ_by_less_than_the_tolerance_lose_nothing() -> None:
    def vote(off: float) -> Vote:
        heard = [figure(key, 1 + off * tolerance) for key, tolerance in TOLERANCES.items()]
        return Vote(verdict=Verdict.VALID, score_ppm=1, readings=readings_of(heard))

    votes = [vote(off) for off in (-0.9, 0.0, 0.9)]
    assert [care(vote, common_readings(votes), DEFAULT_RULES) for vote in votes] == [PPM] * 3
