from __future__ import annotations

from fractions import Fraction

import pytest

from antiphon.economy.incentives import (
    MARKET,
    Market,
    breakeven_stake,
    capture,
    simulate_producers,
    simulate_validators,
)
from antiphon.economy.types import Rules


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("cheat_rate", [0.0, 0.05, 0.3])
def test_an_honest_validator_earns_more_than_any_that_does_not_listen(seed: int, cheat_rate: float) -> None:
    earned = simulate_validators(seed, 1_500, cheat_rate)
    assert earned["honest"] > 1.3 * max(earned["lazy"], 0)
    assert earned["coin"] < 0
    assert earned["copier"] < 0


def test_the_same_seed_gives_the_same_figures() -> None:
    assert simulate_validators(7, 200, 0.1) == simulate_validators(7, 200, 0.1)


def test_a_wide_tolerance_pays_laziness() -> None:
    """Why the tolerance is 0.05: at 0.15 the usual score is close enough."""
    earned = simulate_validators(1, 1_500, 0.0, rules=Rules(score_tolerance_ppm=150_000))
    assert earned["lazy"] > 0.95 * earned["honest"]


def test_validators_that_disagree_about_scores_are_beaten_by_a_lazy_one() -> None:
    """The limit of the design: honest validators have to run the same judges."""
    earned = simulate_validators(1, 1_500, 0.05, market=Market(noise=40_000))
    assert earned["lazy"] > earned["honest"]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_producer_that_cheats_loses_money(seed: int) -> None:
    earned = simulate_producers(seed, 500)
    assert earned["honest"] > 0.9 * (MARKET.reward_nano - MARKET.making_nano)
    assert earned["cheat"] < -1.9 * MARKET.reward_nano


@pytest.mark.parametrize(
    ("share", "seats", "chance"),
    [("1/3", 1, "1/3"), ("1/3", 3, "7/27"), ("1/2", 5, "1/2"), ("1/4", 3, "5/32"), ("0", 3, "0"), ("1", 3, "1")],
)
def test_the_chance_of_a_captured_round(share: str, seats: int, chance: str) -> None:
    assert capture(Fraction(share), seats) == Fraction(chance)


def test_the_break_even_stake_of_sampled_and_of_full_judgement() -> None:
    assert breakeven_stake(100, Fraction(1), Fraction(7, 27)) == 35
    assert breakeven_stake(100, Fraction(1, 10), Fraction(0)) == 900  # one in ten is checked: nine fees
