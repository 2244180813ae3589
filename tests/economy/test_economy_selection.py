from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from economy_market import judges, makers, markets, node, rule_sets, separate, tasks
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.economy.beacon import Draws
from antiphon.economy.quote import seat_count
from antiphon.economy.selection import assign, draw_seats, judging_cost, sample, weight
from antiphon.economy.settlement import exposure
from antiphon.economy.shortlist import Offers
from antiphon.economy.types import DEFAULT_RULES, NANO, PPM, Assignment, Candidate, Offer, Part, Role, Rules
from antiphon.errors import UnavailableError

Market = tuple[list[Offer], list[Offer]]


def try_assign(parts: list[Part], market: Market, rules: Rules, beacon: bytes) -> tuple[Assignment, ...]:
    """The draw, or nothing where the market cannot fill the task."""
    try:
        return assign(parts, Offers({Role.PROCESSOR: market[0]}, market[1], rules), beacon)
    except UnavailableError:
        return ()


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
def test_the_pool_fills_a_round_that_the_first_producer_leaves_possible(
    parts: list[Part], market: Market, rules: Rules, beacon: bytes
) -> None:
    for part in try_assign(parts, market, rules, beacon):
        seats = seat_count(len(part.validators), rules)
        assert seats % 2 == 1
        drawn = draw_seats(part.validators, seats, beacon)
        assert len({seat.node for seat in drawn}) == seats
        assert {seat.node for seat in drawn} <= {judge.node for judge in part.validators}


@given(tasks, markets, rule_sets, st.binary(max_size=8))
def test_a_task_never_puts_more_at_risk_than_a_node_has(
    parts: list[Part], market: Market, rules: Rules, beacon: bytes
) -> None:
    locked: Counter[str] = Counter()
    for part in try_assign(parts, market, rules, beacon):
        for who in part.producers:
            locked[who.node] += exposure(who, rules, judging_nano=judging_cost(part, rules))
    for offer in (*market[0], *market[1]):
        others = [o.free_stake_nano for o in (*market[0], *market[1]) if o.node == offer.node]
        assert locked[offer.node] <= max(others)


@given(tasks, separate, st.binary(max_size=8), st.integers(1, PPM))
@settings(max_examples=200)
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
    assert firsts(assign(parts, Offers(field, judges(3), Rules(exploration_ppm=0)), b"b")) == {"a": 6, "b": 3}


def test_a_loaded_node_is_passed_over() -> None:
    field = {Role.PROCESSOR: [node("a", price=100, load=2), node("b", price=200)]}
    drawn = assign([Part(index=0, units=1)], Offers(field, judges(3), Rules(exploration_ppm=0)), b"b")
    assert [who.node for who in drawn[0].producers] == ["b", "a"]


def test_dumping_buys_no_monopoly() -> None:
    parts = [Part(index=i, units=10) for i in range(40)]
    field = {Role.PROCESSOR: [node("crook", price=0), node("a"), node("b"), node("c")]}
    drawn = assign(parts, Offers(field, judges(3), Rules(exploration_ppm=0)), b"b")
    assert firsts(drawn)["crook"] <= 21  # 3 : 1 : 1 : 1


def test_equal_nodes_share_the_first_place() -> None:
    seen = Counter[str]()
    for i in range(300):
        seen += firsts(assign([Part(index=0, units=1)], Offers(makers(3), judges(3), DEFAULT_RULES), b"%d" % i))
    assert min(seen.values()) > 60  # 100 each, sd 8


def test_newcomers_are_explored_at_the_stated_rate() -> None:
    field = {Role.PROCESSOR: [node("old", price=10, settled=9), node("new", price=20, settled=0)]}
    offers = Offers(field, judges(3), Rules(exploration_ppm=200_000))
    hits = sum(firsts(assign([Part(index=0, units=1)], offers, b"%d" % i))["new"] for i in range(500))
    assert 70 < hits < 130  # 100, sd 9


def candidate(name: str, weight_nano: int) -> Candidate:
    return Candidate(node=name, price_nano=10, quality_ppm=PPM, weight_nano=weight_nano)


def test_seats_are_drawn_in_proportion_to_stake() -> None:
    field = [candidate("rich", 60 * NANO), candidate("poor", 20 * NANO)]
    hits = sum(draw_seats(field, 1, b"%d" % i)[0].node == "rich" for i in range(800))
    assert 550 < hits < 650  # 600, sd 12


def test_later_seats_are_drawn_in_proportion_to_the_stake_that_is_left() -> None:
    field = [candidate("huge", 10**6 * NANO), candidate("rich", 60 * NANO), candidate("poor", 20 * NANO)]
    second = Counter(draw_seats(field, 2, b"%d" % i)[1].node for i in range(800))
    assert set(second) <= {"rich", "poor", "huge"}
    assert 550 < second["rich"] < 650


def test_each_key_sits_exactly_as_often_as_its_part_of_the_weight_says() -> None:
    field = [candidate(f"v{n}", weight) for n, weight in enumerate([30, 20, 20, 10, 10, 5, 5])]
    hits = Counter(seat.node for i in range(4_000) for seat in draw_seats(field, 3, b"%d" % i))
    assert hits["v0"] == pytest.approx(4_000 * 0.9, abs=100)  # sd 19
    assert hits["v1"] == pytest.approx(4_000 * 0.6, abs=150)  # sd 31
    assert hits["v5"] == pytest.approx(4_000 * 0.15, abs=120)  # sd 23


def test_an_owner_sits_as_often_with_one_key_as_with_many() -> None:
    others = [candidate(f"o{n}", 7) for n in range(10)]
    one, many = (
        sum(seat.node.startswith("s") for i in range(3_000) for seat in draw_seats([*others, *mine], 3, b"%d" % i))
        for mine in ([candidate("s", 30)], [candidate(f"s{n}", 3) for n in range(10)])
    )
    assert one == pytest.approx(3_000 * 0.9, abs=90)
    assert many == pytest.approx(one, abs=180)


def test_who_weighs_a_whole_seat_or_more_sits_always_and_once() -> None:
    field = [candidate("whale", 80), candidate("a", 10), candidate("b", 10)]
    for i in range(200):
        drawn = [seat.node for seat in draw_seats(field, 2, b"%d" % i)]
        assert drawn[0] == "whale"
        assert drawn[1] in {"a", "b"}


@given(st.lists(st.integers(0, 5), max_size=9), st.integers(0, 12), st.binary(max_size=8))
def test_a_draw_takes_everybody_when_there_are_no_more(weights: list[int], seats: int, beacon: bytes) -> None:
    field = [candidate(f"v{i}", weight) for i, weight in enumerate(weights)]
    drawn = draw_seats(field, seats, beacon)
    assert len({seat.node for seat in drawn}) == len(drawn) == min(seats, len(field))


def test_of_many_validators_a_sample_by_stake_stands_for_all() -> None:
    field = [*judges(200), node("rich", Role.VALIDATOR, 10, stake=20_000 * NANO)]
    found = [sample(field, DEFAULT_RULES, b"%d" % i) for i in range(20)]
    assert all(len({offer.node for offer in drawn}) == DEFAULT_RULES.pool for drawn in found)
    assert all("rich" in {offer.node for offer in drawn} for drawn in found)
    assert len({offer.node for drawn in found for offer in drawn}) > 150
    assert sample(field[:48], DEFAULT_RULES, b"") == tuple(field[:48])


@pytest.mark.parametrize(("available", "seats"), [(0, 0), (1, 1), (2, 1), (3, 3), (4, 3), (9, 3)])
def test_the_largest_odd_number_of_seats_is_drawn(available: int, seats: int) -> None:
    assert seat_count(available, DEFAULT_RULES) == seats


@pytest.mark.parametrize(("available", "producers"), [(2, 1), (3, 2), (4, 1), (5, 2), (6, 3)])
def test_failovers_leave_a_full_round_of_judges(available: int, producers: int) -> None:
    both = [node(f"n{i}") for i in range(available)]
    field = [node(f"n{i}", Role.VALIDATOR) for i in range(available)]
    drawn = assign([Part(index=0, units=1)], Offers({Role.PROCESSOR: both}, field, DEFAULT_RULES), b"b")[0]
    assert (len(drawn.producers), len(drawn.validators)) == (producers, available - producers)


def test_a_producer_must_be_able_to_pay_its_judges() -> None:
    dear = [node(f"v{i}", Role.VALIDATOR, price=NANO, stake=100 * NANO) for i in range(3)]
    poor, rich = node("poor", price=0, stake=29 * NANO), node("rich", price=200, stake=30 * NANO)
    drawn = assign([Part(index=0, units=10)], Offers({Role.PROCESSOR: [poor, rich]}, dear, DEFAULT_RULES), b"b")[0]
    assert [who.node for who in drawn.producers] == ["rich"]
    assert judging_cost(drawn, DEFAULT_RULES) == 30 * NANO


def test_two_nodes_in_both_roles_can_serve_each_other() -> None:
    field = [node("a"), node("b")]
    validators = [node("a", Role.VALIDATOR), node("b", Role.VALIDATOR)]
    drawn = assign([Part(index=0, units=1)], Offers({Role.PROCESSOR: field}, validators, DEFAULT_RULES), b"b")[0]
    assert {drawn.producers[0].node, drawn.validators[0].node} == {"a", "b"}


def test_the_only_validator_does_not_produce() -> None:
    field = {Role.PROCESSOR: [node("a", price=1), node("b", price=3)]}
    drawn = assign([Part(index=0, units=1)], Offers(field, [node("a", Role.VALIDATOR)], DEFAULT_RULES), b"b")[0]
    assert [who.node for who in drawn.producers] == ["b"]


def test_a_task_that_uses_up_the_stake_of_all_nodes_says_so() -> None:
    field = {Role.PROCESSOR: [node("a", price=NANO, stake=20 * NANO)]}
    parts = [Part(index=i, units=6) for i in range(2)]
    with pytest.raises(UnavailableError, match=r"Part 1 finds no processor node.*the task's other parts lock it"):
        assign(parts, Offers(field, judges(3), DEFAULT_RULES), b"b")


@pytest.mark.parametrize(
    ("stake_nano", "abstained_ppm", "counted"),
    [
        (1_000_000, 0, 1_000_000),
        (1_000_000, 200_000, 1_000_000),  # so much costs nothing
        (1_000_000, 200_001, 999_999),
        (1_000_000, 600_000, 500_000),  # half way between a fifth and all
        (1_000_000, 959_999, 50_002),
        (1_000_000, 960_000, 50_000),  # a twentieth
        (1_000_000, PPM, 50_000),
        (39, PPM, 1),  # 1.95 rounded down
        (19, PPM, 1),  # never nothing
        (0, 0, 1),
    ],
)
def test_who_abstains_too_often_weighs_less(stake_nano: int, abstained_ppm: int, counted: int) -> None:
    offer = node("v", Role.VALIDATOR, stake=stake_nano, abstained_ppm=abstained_ppm)
    assert weight(offer, DEFAULT_RULES) == counted


def test_a_sample_depends_on_the_set_of_validators_and_the_beacon_only() -> None:
    field = [node(f"v{i}", Role.VALIDATOR, stake=(1 + i) * NANO) for i in range(9)]
    small = Rules(pool=3)
    assert sample(field, small, b"x") == sample(field[::-1], small, b"x")
    assert len({sample(field, small, b"%d" % i) for i in range(20)}) > 10
    assert sample(field[:3], small, b"x") == tuple(field[:3])
    assert len(sample(field[:4], small, b"x")) == 3


def test_a_sample_counts_stake_less_what_abstaining_costs() -> None:
    field = [node("a", Role.VALIDATOR), node("b", Role.VALIDATOR, abstained_ppm=PPM)]
    hits = sum(sample(field, Rules(pool=1, seats=1), b"%d" % i)[0].node == "b" for i in range(420))
    assert 5 < hits < 40  # 1 : 20, so 20 of them


def test_judging_costs_what_the_dearest_round_is_paid_and_the_reserve_holds_it() -> None:
    field = [node(f"v{i}", Role.VALIDATOR, price, PPM) for i, price in enumerate((11, 13, 10, 12, 14))]
    offers = Offers({Role.PROCESSOR: [node("p", price=100, quality=PPM)]}, field, DEFAULT_RULES)
    drawn = assign([Part(index=7, units=10)], offers, b"b")[0]
    assert drawn.index == 7
    assert judging_cost(drawn, DEFAULT_RULES) == 390
    assert drawn.reserve_nano == 1_000 + 390
    assert [(judge.node, judge.price_nano, judge.quality_ppm, judge.weight_nano) for judge in drawn.validators] == [
        (f"v{i}", price, PPM, 20 * NANO) for i, price in enumerate((110, 130, 100, 120, 140))
    ]


def test_a_wanted_producer_comes_first_and_one_that_takes_no_such_work_is_refused() -> None:
    offers = Offers({Role.PROCESSOR: [node("a", price=100), node("b", price=290)]}, judges(3), DEFAULT_RULES)
    drawn = assign([Part(index=0, units=1)], offers, b"b", wanted="b")[0]
    assert [who.node for who in drawn.producers] == ["b", "a"]
    with pytest.raises(UnavailableError, match="The node c takes no such work now"):
        assign([Part(index=0, units=1)], offers, b"b", wanted="c")
    with pytest.raises(UnavailableError, match="The node 01234567 takes"):
        assign([Part(index=0, units=1)], offers, b"b", wanted="0123456789")


def explored(old: int, new: int, rules: Rules, settled: int = 0) -> int:
    """How many of 600 parts dearer newcomers get, beside cheaper nodes of standing."""
    known = [node(f"o{i}", price=10, settled=5) for i in range(old)]
    fresh = [node(f"n{i}", price=20 + i, settled=settled) for i in range(new)]
    offers = Offers({Role.PROCESSOR: known + fresh}, judges(3), rules)
    drawn = [firsts(assign([Part(index=0, units=1)], offers, b"%d" % i)) for i in range(600)]
    assert not any(name.startswith("n") and name != "n0" for found in drawn for name in found), "the best of them"
    return sum(found["n0"] for found in drawn)


def test_newcomers_get_no_more_than_a_third_of_their_share() -> None:
    eager = Rules(exploration_ppm=PPM)
    assert 75 < explored(1, 1, eager) < 125  # a sixth: 100, sd 9
    assert 25 < explored(3, 1, eager) < 75  # a twelfth: 50, sd 7
    assert 110 < explored(1, 2, eager) < 157  # two ninths: 133, sd 10
    assert explored(1, 1, Rules(exploration_ppm=0)) == 0


def test_a_newcomer_has_fewer_than_five_settled_parts() -> None:
    eager = Rules(exploration_ppm=PPM)
    assert explored(1, 1, eager, settled=4) > 75
    assert explored(1, 1, eager, settled=5) == 0


@pytest.mark.parametrize("failovers", [0, 1, 2])
def test_a_part_has_one_producer_and_its_failovers(failovers: int) -> None:
    rules = Rules(failovers=failovers, exploration_ppm=0)
    field = {Role.PROCESSOR: [node("c", price=103), node("a", price=101), node("d", price=104), node("b", price=102)]}
    drawn = assign([Part(index=0, units=1)], Offers(field, judges(3), rules), b"b")[0]
    assert [who.node for who in drawn.producers] == list("abc")[: 1 + failovers]


def test_a_floor_counts_instead_of_a_price_below_a_third_of_the_market() -> None:
    field = {Role.PROCESSOR: [node("free", price=0), node("a", load=2), node("b"), node("c")]}
    drawn = assign([Part(index=i, units=1) for i in range(4)], Offers(field, judges(3), Rules(exploration_ppm=0)), b"b")
    assert [part.producers[0].node for part in drawn][:2] == ["free", "free"]
    assert firsts(drawn)["free"] in {2, 3}  # its third part costs as much as b's and c's first: by lot


def test_each_part_of_a_task_locks_what_judging_it_may_cost() -> None:
    """A round of these judges costs 30 ANT, which a producer that asks nothing must be able to pay for each part."""
    dear = [node(f"v{i}", Role.VALIDATOR, price=NANO, stake=100 * NANO) for i in range(3)]
    parts = [Part(index=i, units=10) for i in range(3)]
    for stake_nano, enough in ((90 * NANO, True), (90 * NANO - 1, False)):
        offers = Offers({Role.PROCESSOR: [node("p", price=0, stake=stake_nano)]}, dear, DEFAULT_RULES)
        if enough:
            assert len(assign(parts, offers, b"b")) == 3
            continue
        with pytest.raises(UnavailableError, match="Part 2 finds no processor node"):
            assign(parts, offers, b"b")


def test_a_part_is_explored_by_a_ticket_below_the_chance() -> None:
    field = {Role.PROCESSOR: [node("old", price=10, settled=9), node("new", price=20)]}

    def first(beacon: bytes, exploration_ppm: int) -> str:
        offers = Offers(field, judges(3), Rules(exploration_ppm=exploration_ppm))
        return assign([Part(index=0, units=1)], offers, beacon)[0].producers[0].node

    beacon = next(b"%d" % i for i in range(99) if Draws(b"%d" % i, "part 0").below(PPM) < 100_000)
    ticket = Draws(beacon, "part 0").below(PPM)
    assert (first(beacon, ticket), first(beacon, ticket + 1)) == ("old", "new")
    assert Draws(b"690605", "part 0").below(PPM) == 166_666, "a third of a half, rounded down"
    assert first(b"690605", PPM) == "old"
