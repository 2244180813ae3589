from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from economy_market import judges, makers, markets, node, rule_sets, separate, tasks
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.economy.selection import assign, judging_cost, seat_count, seated
from antiphon.economy.settlement import exposure
from antiphon.economy.types import DEFAULT_RULES, NANO, PPM, Assignment, Offer, Part, Role, Rules
from antiphon.errors import UnavailableError

Market = tuple[list[Offer], list[Offer]]


def try_assign(parts: list[Part], market: Market, rules: Rules, beacon: bytes) -> tuple[Assignment, ...]:
    """The draw, or nothing where the market cannot fill the task."""
    try:
        return assign(parts, {Role.PROCESSOR: market[0]}, market[1], rules, beacon)
    except UnavailableError:
        return ()


def one(validators: list[Offer], rules: Rules = DEFAULT_RULES, beacon: bytes = b"b") -> Assignment:
    return assign([Part(index=0, units=1)], makers(1), validators, rules, beacon)[0]


def firsts(drawn: tuple[Assignment, ...]) -> Counter[str]:
    return Counter(part.producers[0].node for part in drawn)


@given(tasks, markets, rule_sets, st.binary(max_size=8), st.randoms())
def test_the_draw_depends_on_the_set_of_offers_only(
    parts: list[Part], market: Market, rules: Rules, beacon: bytes, dice: object
) -> None:
    drawn = try_assign(parts, market, rules, beacon)
    for side in market:
        dice.shuffle(side)  # type: ignore[attr-defined]
    assert try_assign(parts, market, rules, beacon) == drawn


@given(tasks, markets, rule_sets, st.binary(max_size=8))
def test_nobody_judges_a_part_that_it_may_produce_and_nobody_sits_twice(
    parts: list[Part], market: Market, rules: Rules, beacon: bytes
) -> None:
    for part in try_assign(parts, market, rules, beacon):
        everybody = [who.node for who in (*part.producers, *part.validators)]
        assert len(set(everybody)) == len(everybody)
        assert 1 <= len(part.producers) <= 1 + rules.failovers


@given(tasks, markets, rule_sets, st.binary(max_size=8))
def test_every_round_has_an_odd_number_of_seats_and_later_ones_are_full(
    parts: list[Part], market: Market, rules: Rules, beacon: bytes
) -> None:
    for part in try_assign(parts, market, rules, beacon):
        sizes = [len(seated(part, r, rules)) for r in range(2 + rules.redraws)]
        assert sizes[0] % 2 == 1
        assert all(size in {0, sizes[0]} for size in sizes)
        assert sizes[-1] == 0


@given(tasks, markets, rule_sets, st.binary(max_size=8))
def test_a_task_never_puts_more_at_risk_than_a_node_has(
    parts: list[Part], market: Market, rules: Rules, beacon: bytes
) -> None:
    locked: Counter[str] = Counter()
    for part in try_assign(parts, market, rules, beacon):
        for who in part.producers:
            locked[who.node] += exposure(who, rules, judging_nano=judging_cost(part, rules))
        for who in part.validators:
            locked[who.node] += exposure(who, rules, Role.VALIDATOR)
    for offer in (*market[0], *market[1]):
        others = [o.free_stake_nano for o in (*market[0], *market[1]) if o.node == offer.node]
        assert locked[offer.node] <= max(others)


@given(tasks, separate, st.binary(max_size=8), st.integers(1, PPM))
@settings(max_examples=200, deadline=None)
def test_more_quality_never_brings_less_work(parts: list[Part], market: Market, beacon: bytes, gain: int) -> None:
    # Where stake is not scarce and roles are apart; else a node's own work as a validator may stand in its way.
    rules = Rules(exploration_ppm=0)
    parts = [Part(index=part.index, units=100) for part in parts]
    producers, validators = market
    before = try_assign(parts, market, rules, beacon)
    better = msgspec.structs.replace(producers[0], quality_ppm=min(PPM, producers[0].quality_ppm + gain))
    after = try_assign(parts, ([better, *producers[1:]], validators), rules, beacon)
    assert firsts(after)[better.node] >= firsts(before)[better.node]


def test_parallel_parts_spread_over_nodes_in_proportion_to_price() -> None:
    parts = [Part(index=i, units=10) for i in range(9)]
    field = {Role.PROCESSOR: [node("a", price=100), node("b", price=200)]}
    assert firsts(assign(parts, field, judges(3), Rules(exploration_ppm=0), b"b")) == {"a": 6, "b": 3}


def test_a_loaded_node_is_passed_over() -> None:
    field = {Role.PROCESSOR: [node("a", price=100, load=2), node("b", price=200)]}
    drawn = assign([Part(index=0, units=1)], field, judges(3), Rules(exploration_ppm=0), b"b")
    assert [who.node for who in drawn[0].producers] == ["b", "a"]


def test_dumping_buys_no_monopoly() -> None:
    parts = [Part(index=i, units=10) for i in range(40)]
    field = {Role.PROCESSOR: [node("crook", price=0), node("a"), node("b"), node("c")]}
    assert firsts(assign(parts, field, judges(3), Rules(exploration_ppm=0), b"b"))["crook"] <= 21  # 3 : 1 : 1 : 1


def test_equal_nodes_share_the_first_place() -> None:
    seen = Counter[str]()
    for i in range(300):
        seen += firsts(assign([Part(index=0, units=1)], makers(3), judges(3), DEFAULT_RULES, b"%d" % i))
    assert min(seen.values()) > 60  # 100 each, sd 8


def test_newcomers_are_explored_at_the_stated_rate() -> None:
    field = {Role.PROCESSOR: [node("old", price=10, settled=9), node("new", price=20, settled=0)]}
    hits = sum(
        firsts(assign([Part(index=0, units=1)], field, judges(3), Rules(exploration_ppm=200_000), b"%d" % i))["new"]
        for i in range(500)
    )
    assert 70 < hits < 130  # 100, sd 9


def test_seats_are_drawn_in_proportion_to_stake() -> None:
    field = [
        node("rich", Role.VALIDATOR, 10, stake=60 * NANO),
        node("poor", Role.VALIDATOR, 10, stake=20 * NANO),
    ]
    hits = sum(one(field, Rules(seats=1), b"%d" % i).validators[0].node == "rich" for i in range(800))
    assert 550 < hits < 650  # 600, sd 12


@pytest.mark.parametrize(("available", "seats"), [(0, 0), (1, 1), (2, 1), (3, 3), (4, 3), (9, 3)])
def test_the_largest_odd_number_of_seats_is_drawn(available: int, seats: int) -> None:
    assert seat_count(available, DEFAULT_RULES) == seats
    if available:
        assert len(seated(one(judges(available)), 0, DEFAULT_RULES)) == seats


@pytest.mark.parametrize(("available", "second"), [(2, 0), (5, 0), (6, 3), (7, 3)])
def test_a_second_round_is_drawn_in_full_or_not_at_all(available: int, second: int) -> None:
    assert len(seated(one(judges(available)), 1, DEFAULT_RULES)) == second


def test_a_producer_must_be_able_to_pay_its_judges() -> None:
    dear = [node(f"v{i}", Role.VALIDATOR, price=NANO, stake=100 * NANO) for i in range(3)]
    poor, rich = node("poor", price=0, stake=29 * NANO), node("rich", price=200, stake=30 * NANO)
    drawn = assign([Part(index=0, units=10)], {Role.PROCESSOR: [poor, rich]}, dear, DEFAULT_RULES, b"b")[0]
    assert [who.node for who in drawn.producers] == ["rich"]
    assert judging_cost(drawn, DEFAULT_RULES) == 30 * NANO


def test_two_nodes_in_both_roles_can_serve_each_other() -> None:
    field = [node("a"), node("b")]
    validators = [node("a", Role.VALIDATOR), node("b", Role.VALIDATOR)]
    drawn = assign([Part(index=0, units=1)], {Role.PROCESSOR: field}, validators, DEFAULT_RULES, b"b")[0]
    assert {drawn.producers[0].node, drawn.validators[0].node} == {"a", "b"}


def test_the_only_validator_does_not_produce() -> None:
    field = {Role.PROCESSOR: [node("a", price=1), node("b", price=3)]}
    drawn = assign([Part(index=0, units=1)], field, [node("a", Role.VALIDATOR)], DEFAULT_RULES, b"b")[0]
    assert [who.node for who in drawn.producers] == ["b"]


def test_a_task_that_uses_up_the_stake_of_all_nodes_says_so() -> None:
    field = {Role.PROCESSOR: [node("a", price=NANO, stake=20 * NANO)]}
    parts = [Part(index=i, units=6) for i in range(2)]
    with pytest.raises(UnavailableError, match=r"Part 1 finds no processor node.*the task's other parts lock it"):
        assign(parts, field, judges(3), DEFAULT_RULES, b"b")
