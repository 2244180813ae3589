from __future__ import annotations

from fractions import Fraction

import msgspec
import pytest
from economy_market import node
from hypothesis import given
from hypothesis import strategies as st

from antiphon.economy.prices import effective_price, market_price, sort_key, terms
from antiphon.economy.types import PPM, Offer, Role, Rules


def test_prices_are_compared_exactly() -> None:
    third = node("a", price=1, quality=300_000)
    assert effective_price(third) == Fraction(10, 3)
    assert effective_price(third) > Fraction(3_333_333, 1_000_000)


def test_a_worked_price() -> None:
    asked = terms(node("a", price=90, quality=700_000), 7)
    assert asked.price_nano == 900  # 90 * 7 / 0.7
    assert asked.reward_nano == 630


@given(st.integers(0, 10**12), st.integers(1, 10**6), st.integers(1, PPM))
def test_the_reward_of_valid_work_is_exactly_the_asking_price(price: int, units: int, quality: int) -> None:
    asked = terms(node("a", price=price, quality=quality), units)
    assert asked.reward_nano == price * units
    assert asked.price_nano >= asked.reward_nano


@given(st.integers(0, 10**9), st.integers(1, 10**4), st.integers(1, PPM - 1))
def test_more_quality_never_costs_more(price: int, units: int, quality: int) -> None:
    worse, better = (terms(node("a", price=price, quality=q), units) for q in (quality, quality + 1))
    assert better.price_nano <= worse.price_nano


def test_work_without_units_is_refused() -> None:
    with pytest.raises(ValueError, match="units must be positive"):
        terms(node("a"), 0)


@pytest.mark.parametrize("quality", [0, PPM + 1])
def test_an_offer_has_a_quality_above_0_and_up_to_1(quality: int) -> None:
    with pytest.raises(ValueError, match="is no offer"):
        Offer(node="a", role=Role.PROCESSOR, price_nano=1, quality_ppm=quality, free_stake_nano=0)


@pytest.mark.parametrize(
    "wrong", [{"seats": 0}, {"redraws": -1}, {"floor_quality_ppm": 0}, {"price_tolerance_ppm": 999_999}]
)
def test_rules_that_cannot_work_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"must|needs"):
        Rules(**wrong)


prices = st.builds(
    Fraction, st.integers(0, 10**15), st.integers(1, PPM) | st.integers(1, PPM).map(lambda quality: quality * 3 * PPM)
)


@given(prices, st.integers(1, 1_000), prices, st.integers(1, 1_000))
def test_sort_keys_order_and_equate_exactly_as_the_fractions_do(a: Fraction, m: int, b: Fraction, n: int) -> None:
    assert (sort_key(a, m) < sort_key(b, n)) == (m * a < n * b)
    assert (sort_key(a, m) == sort_key(b, n)) == (m * a == n * b)


@given(st.integers(1, 10**9), st.integers(1, PPM - 1))
def test_the_closest_prices_have_different_keys(price: int, quality: int) -> None:
    near, far = Fraction(price, quality), Fraction(price, quality + 1)
    assert sort_key(near) > sort_key(far)


def test_the_market_price_is_the_one_by_which_half_of_the_stake_is_reached() -> None:
    cheap, dear = node("a", price=100, stake=1), node("b", price=300, stake=2)
    assert market_price([cheap, dear]) == Fraction(600)  # a third of the stake is below half of it
    assert market_price([msgspec.structs.replace(cheap, free_stake_nano=2), dear]) == Fraction(200)


def test_a_sort_key_counts_a_price_so_many_times() -> None:
    assert sort_key(Fraction(3, 7)) == (3 << 96) // 7
    assert sort_key(Fraction(3, 7), 2) == (6 << 96) // 7
