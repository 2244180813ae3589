"""Sweeps: what is played agrees with the formulas beside it."""

from __future__ import annotations

import pytest

from antiphon.simulation.profiles import profile
from antiphon.simulation.rounds import Strategy
from antiphon.simulation.sweeps import by_copying, by_quorum, by_sampling, by_stake, gain

WORLD = profile("default")


def test_an_honest_producer_nets_half_of_its_reward_a_part() -> None:
    value, error = gain(WORLD, Strategy(), 0.0, 20, seed=1)
    assert value == pytest.approx(0.5)
    assert error == 0


def test_a_league_gains_what_the_chance_of_the_panel_says() -> None:
    near, far = by_stake(WORLD, (0.1, 0.33, 0.9), 600, seed=1)
    for point in near.points:
        assert point.formula is not None
        assert abs(point.gain - point.formula) < 4 * point.error + 0.1
    assert [point.gain < 0 for point in near.points] == [True, True, False]
    assert all(one.gain <= two.gain + 0.1 for one, two in zip(far.points[:2], near.points[:2], strict=True))


def test_more_seats_help_against_a_third_of_the_stake() -> None:
    (curve,) = by_quorum(WORLD, (1, 9), (0.33,), 600, seed=1)
    assert curve.points[0].gain > curve.points[1].gain


def test_audits_deter_from_the_break_even_stake_on() -> None:
    one, two = by_sampling(WORLD, (0.2, 0.6), (1.0, 2.0), 1_500, seed=1)
    for point in one.points:
        assert point.formula == pytest.approx(0.0, abs=1e-4)
        assert abs(point.gain) < 4 * point.error
    assert all(point.gain < 0 for point in two.points)


def test_copying_weights_pays_where_they_count_as_declared_and_not_where_they_need_judgements() -> None:
    (declared,) = by_copying(profile("declared"), (1,), (0.0,), 60, 40, seed=1)
    (backed,) = by_copying(WORLD, (1, 20), (0.0,), 60, 40, seed=1)
    assert declared.points[0].gain > 0.95
    assert all(point.gain < 0.5 for point in backed.points)
