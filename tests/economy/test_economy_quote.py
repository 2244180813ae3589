from __future__ import annotations

import msgspec
import pytest
from economy_market import judges, makers, markets, node, numbers, rule_sets, separate, tasks
from hypothesis import given
from hypothesis import strategies as st

from antiphon.economy.quote import quote
from antiphon.economy.selection import assign
from antiphon.economy.shortlist import Offers
from antiphon.economy.types import DEFAULT_RULES, PPM, Offer, Part, Role, Rules
from antiphon.errors import UnavailableError

Market = tuple[list[Offer], list[Offer]]


def test_the_expected_cost_is_the_least_price_of_each_role() -> None:
    field = {Role.PROCESSOR: [node("a", price=100, quality=800_000), node("b", price=90)]}
    validators = [node(f"v{i}", Role.VALIDATOR, 10 + i) for i in range(3)]
    part = quote([Part(index=0, units=200)], Offers(field, validators, DEFAULT_RULES)).parts[0]
    assert part.producer_nano == 25_000
    assert part.validators_nano == 3 * 4_000
    assert part.reserve_nano == 36_000 + 2 * (4_000 + 4_400 + 4_800)  # b's R, and two producers to be judged


def test_a_task_that_trains_first_sums_three_roles() -> None:
    field = makers(2) | {Role.TRAINER: [node("t", Role.TRAINER, price=1_000)]}
    parts = [Part(index=0, units=5, role=Role.TRAINER), Part(index=1, units=10, phase=1)]
    quoted = quote(parts, Offers(field, judges(3), DEFAULT_RULES))
    assert [part.producer_nano for part in quoted.parts] == [10_000, 2_000]
    assert quoted.expected_nano == 10_000 + 2_000 + 3 * (100 + 200)


def test_a_network_with_two_validators_pays_for_one_seat() -> None:
    quoted = quote([Part(index=0, units=10)], Offers(makers(1), judges(2), DEFAULT_RULES))
    assert quoted.parts[0].validators_nano == 200


@given(tasks, markets, rule_sets, st.binary(max_size=8))
def test_a_draw_never_reserves_more_than_the_quote(
    parts: list[Part], market: Market, rules: Rules, beacon: bytes
) -> None:
    field = {Role.PROCESSOR: market[0]}
    try:
        drawn = assign(parts, Offers(field, market[1], rules), beacon)
    except UnavailableError:
        return
    quoted = quote(parts, Offers(field, market[1], rules))  # what can be drawn can be quoted
    for mine, ceiling in zip(drawn, quoted.parts, strict=True):
        assert mine.reserve_nano <= ceiling.reserve_nano
    assert quoted.expected_nano <= quoted.total_nano
    assert all(type(number) is int for number in numbers((drawn, quoted)))


@given(separate, st.integers(1, PPM))
def test_more_quality_of_anybody_never_raises_the_expected_cost(market: Market, gain: int) -> None:
    field, validators = market
    better = msgspec.structs.replace(field[0], quality_ppm=min(PPM, field[0].quality_ppm + gain))
    parts = [Part(index=0, units=100)]
    try:
        before = quote(parts, Offers({Role.PROCESSOR: field}, validators, DEFAULT_RULES))
    except UnavailableError:
        return
    after = quote(parts, Offers({Role.PROCESSOR: [better, *field[1:]]}, validators, DEFAULT_RULES))
    assert after.expected_nano <= before.expected_nano


@pytest.mark.parametrize(("makers_there", "judged"), [(1, 1), (2, 2), (3, 3), (4, 3), (7, 3)])
def test_a_quote_holds_a_round_for_each_producer_that_may_deliver(makers_there: int, judged: int) -> None:
    quoted = quote([Part(index=0, units=10)], Offers(makers(makers_there), judges(3), DEFAULT_RULES))
    assert quoted.total_nano == 2_000 + judged * 3 * 200


def test_a_quote_reckons_with_the_dearest_round() -> None:
    field = [node(f"v{i}", Role.VALIDATOR, price, PPM) for i, price in enumerate((11, 13, 10, 12, 14))]
    quoted = quote([Part(index=0, units=10)], Offers(makers(1), field, DEFAULT_RULES)).parts[0]
    assert (quoted.validators_nano, quoted.reserve_nano) == (300, 2_000 + 140 + 130 + 120)
