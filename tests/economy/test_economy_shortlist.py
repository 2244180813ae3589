from __future__ import annotations

from fractions import Fraction

import msgspec
import pytest
from economy_market import judges, makers, node, offers
from hypothesis import given
from hypothesis import strategies as st

from antiphon.economy.prices import market_price
from antiphon.economy.shortlist import Offers, shortlist
from antiphon.economy.types import DEFAULT_RULES, NANO, PPM, Offer, Part, Role
from antiphon.errors import UnavailableError


def names(found: tuple[Offer, ...]) -> list[str]:
    return [offer.node for offer in found]


def test_cheapest_per_quality_comes_first_and_ties_go_by_name() -> None:
    field = [node("c", price=100), node("b", price=90, quality=300_000), node("a", price=100)]
    assert names(shortlist(field, 10, DEFAULT_RULES)) == ["a", "c", "b"]


def test_a_price_beyond_the_tolerance_is_left_out() -> None:
    field = [node("a", price=100), node("b", price=300), node("c", price=301), node("d", price=100)]
    assert names(shortlist(field, 10, DEFAULT_RULES)) == ["a", "d", "b"]


def test_less_than_the_minimum_stake_gets_no_work() -> None:
    field = [node("a", stake=10 * NANO), node("b", stake=10 * NANO - 1)]
    assert names(shortlist(field, 10, DEFAULT_RULES)) == ["a"]


def test_a_penalty_that_the_stake_does_not_cover_gets_no_work() -> None:
    field = [node("a", price=NANO, stake=20 * NANO)]
    assert names(shortlist(field, 10, DEFAULT_RULES)) == ["a"]  # penalty: 2 x 10 ANT
    assert names(shortlist(field, 11, DEFAULT_RULES)) == []


def test_one_node_that_asks_nothing_shuts_nobody_out() -> None:
    field = [*judges(3), node("crook", Role.VALIDATOR, 0)]
    assert names(shortlist(field, 10, DEFAULT_RULES)) == ["crook", "v0", "v1", "v2"]


def test_many_nodes_with_little_stake_do_not_move_the_market_price() -> None:
    crooks = [node(f"crook{i}", Role.VALIDATOR, 0, stake=10 * NANO) for i in range(9)]
    honest = [node(f"v{i}", Role.VALIDATOR, 10, stake=40 * NANO) for i in range(3)]
    assert market_price([*crooks, *honest]) == Fraction(20)


def test_nobody_has_no_market_price() -> None:
    with pytest.raises(ValueError, match="nobody"):
        market_price([])


@given(offers(Role.PROCESSOR, "p"), st.randoms())
def test_the_order_of_offers_does_not_matter(field: list[Offer], dice: object) -> None:
    shuffled = list(field)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert shortlist(shuffled, 10, DEFAULT_RULES) == shortlist(field, 10, DEFAULT_RULES)


@given(offers(Role.PROCESSOR, "p"), st.integers(0, PPM))
def test_more_quality_never_drops_a_node_from_the_shortlist(field: list[Offer], gain: int) -> None:
    first = field[0]
    better = msgspec.structs.replace(first, quality_ppm=min(PPM, first.quality_ppm + gain))
    if first in shortlist(field, 10, DEFAULT_RULES):
        assert better in shortlist([better, *field[1:]], 10, DEFAULT_RULES)


def test_a_role_without_offers_is_named() -> None:
    with pytest.raises(UnavailableError, match="No processor node offers"):
        Offers({}, judges(1), DEFAULT_RULES).shortlist(Part(index=0, units=1))
    with pytest.raises(UnavailableError, match="No trainer node offers"):
        Offers(makers(1), judges(1), DEFAULT_RULES).shortlist(Part(index=0, units=1, role=Role.TRAINER))
    with pytest.raises(UnavailableError, match="No validator node offers"):
        Offers(makers(1), [], DEFAULT_RULES).shortlist(Part(index=0, units=1))


def test_a_role_without_enough_stake_is_named_with_what_it_has() -> None:
    with pytest.raises(UnavailableError, match=r"None of 2 validator nodes has enough free stake.*most: 7 nano"):
        Offers(makers(1), judges(2, stake=7), DEFAULT_RULES).shortlist(Part(index=0, units=1))


def test_a_node_alone_in_both_roles_is_told_that_nobody_judges_itself() -> None:
    alone = {Role.PROCESSOR: [node("n")]}
    with pytest.raises(UnavailableError, match="no node judges itself"):
        Offers(alone, [node("n", Role.VALIDATOR)], DEFAULT_RULES).shortlist(Part(index=0, units=1))


def test_what_one_client_may_have_locked_is_enough_when_it_is_just_enough() -> None:
    field = [
        node("a", price=100, stake=20 * NANO, room_nano=2_000),
        node("b", price=100, stake=20 * NANO, room_nano=1_999),
    ]
    assert names(shortlist(field, 10, DEFAULT_RULES)) == ["a"]  # the penalty: 2 x 100 x 10


def test_a_producer_is_listed_when_it_can_pay_for_the_dearest_round() -> None:
    dear = [node(f"v{i}", Role.VALIDATOR, price=price, stake=100 * NANO) for i, price in enumerate((1, 5, 3, 4, 2))]
    field = [node("rich", price=0, stake=12 * NANO), node("poor", price=0, stake=12 * NANO - 1)]
    listed = Offers({Role.PROCESSOR: field}, dear, DEFAULT_RULES).shortlist(Part(index=0, units=NANO))
    assert listed.judging_nano == (5 + 4 + 3) * NANO
    assert names(listed.makers) == ["rich"]
    assert names(listed.judges) == ["v0", "v4", "v2", "v3", "v1"]


def test_a_client_that_holds_all_it_may_is_told_so() -> None:
    def asked(**more: int) -> None:
        Offers(makers(1), judges(2, stake=7, **more), DEFAULT_RULES).shortlist(Part(index=0, units=1))

    with pytest.raises(UnavailableError, match="hold all that one client may hold of the stake of 2 validator nodes"):
        asked(room_nano=6)
    with pytest.raises(UnavailableError, match="None of 2 validator nodes has enough free stake"):
        asked(room_nano=7)
