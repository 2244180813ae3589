from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.economy.epochs import (
    BURNT,
    DIVIDENDS,
    INCENTIVE,
    OWNER,
    Bonds,
    Computed,
    EpochRules,
    Judge,
    Row,
    compute,
    emission,
    permitted,
    upscaled,
)
from antiphon.economy.types import NANO
from antiphon.errors import InputError

RULES = EpochRules(evidence_epochs=0)


def row(**values: int) -> Row:
    """`n7=65535` as a row."""
    return upscaled({int(uid[1:]): value for uid, value in values.items()})


def judge(uid: int, stake: int, *, age: int = 0, **services: Row) -> Judge:
    return Judge(uid=uid, stake_nano=stake, age=age, rows=services)


def paid(found: Computed) -> dict[int, int]:
    total: Counter[int] = Counter()
    for one in found.payments:
        total[one.uid] += one.amount_nano
    assert sum(total.values()) == found.emission_nano
    return dict(total)


def of(judges: Sequence[Judge], *, rules: EpochRules = RULES, nodes: range = range(12), **more: Any) -> Computed:
    return compute(rules, 1_000_000, judges, list(nodes), more.pop("bonds", {}), **more)


def test_nodes_validators_and_owner_get_41_41_and_18_percent() -> None:
    found = of([judge(0, 60, s=row(n10=3, n11=1)), judge(1, 40, s=row(n10=3, n11=1))])
    assert paid(found) == {10: 307_500, 11: 102_500, 0: 246_000, 1: 163_999, OWNER: 180_001}
    assert {(one.uid, one.why) for one in found.payments if one.uid >= 0} == {
        (10, INCENTIVE),
        (11, INCENTIVE),
        (0, DIVIDENDS),
        (1, DIVIDENDS),
    }


def test_services_share_alike_and_a_minority_invents_none() -> None:
    rows = {"a": row(n10=1), "b": row(n11=1)}
    found = of([judge(0, 60, **rows), judge(1, 40, **rows, own=row(n9=1))])
    assert [(one.service, one.nodes_nano) for one in found.markets] == [("a", 205_000), ("b", 205_000), ("own", 0)]
    assert paid(found)[10] == paid(found)[11] == 205_000
    assert 9 not in paid(found)


def test_shares_of_services_can_be_set() -> None:
    rules = EpochRules(evidence_epochs=0, shares={"a": 3, "b": 1})
    rows = {"a": row(n10=1), "b": row(n11=1), "c": row(n9=1)}
    assert paid(of([judge(0, 1, **rows)], rules=rules)) == {10: 307_500, 11: 102_500, 0: 410_000, OWNER: 180_000}
    only = of([judge(0, 1, b=row(n11=1))], rules=rules)
    assert paid(only) == {11: 410_000, 0: 410_000, OWNER: 180_000}


def test_nobody_weighs_themselves_but_the_owner() -> None:
    own = [judge(0, 1, s=row(n0=1, n10=1))]
    assert [one.uid for one in of(own).payments if one.why == INCENTIVE] == [10]
    assert [one.uid for one in of(own, owner=0).payments if one.why == INCENTIVE] == [0, 10]


def test_only_the_most_stake_has_a_permit() -> None:
    rules = EpochRules(evidence_epochs=0, permits=2)
    judges = [judge(4, 5, s=row(n10=1)), judge(3, 5, s=row(n11=1)), judge(2, 9, s=row(n10=1)), judge(1, 0)]
    assert [one.uid for one in permitted(judges, rules)] == [2, 3]
    assert of(judges, rules=rules).judges == (2, 3)


def test_a_validator_that_stopped_counts_no_more() -> None:
    here, gone = judge(0, 1, s=row(n10=1)), judge(1, 99, age=15, s=row(n11=1))
    assert paid(of([here, gone])) == {10: 410_000, 0: 410_000, OWNER: 180_000}
    late = judge(1, 99, age=14, s=row(n11=1))
    assert paid(of([here, late]))[11] == 410_000
    silent = judge(1, 99)  # never revealed: its stake stops nobody
    assert paid(of([here, silent]))[10] == 410_000


def test_a_node_that_left_gets_nothing_and_its_weight_goes_to_the_others() -> None:
    found = of([judge(0, 1, s=row(n10=1, n77=9))])
    assert paid(found) == {10: 410_000, 0: 410_000, OWNER: 180_000}
    assert paid(of([judge(0, 1, s=row(n77=9))])) == {0: 820_000, OWNER: 180_000}


def test_without_weights_validators_are_paid_and_without_stake_nobody() -> None:
    assert paid(of([judge(0, 3), judge(1, 1)])) == {0: 615_000, 1: 205_000, OWNER: 180_000}
    assert paid(of([judge(0, 0)])) == {BURNT: 820_000, OWNER: 180_000}
    assert paid(compute(EpochRules(evidence_epochs=0, burn_ppm=180_000), 1_000_000, [], [], {})) == {BURNT: 1_000_000}


def test_bonds_are_kept_by_uid() -> None:
    """Whoever weighed a node early earns more of it; a new uid has no bonds, though it has the old place."""
    first = of([judge(0, 1, s=row(n10=1, n11=9)), judge(1, 1, s=row(n10=9, n11=1))])
    same = {"s": row(n10=1, n11=1)}
    later = of([judge(0, 1, **same), judge(1, 1, **same)], bonds=first.bonds)
    alike = of([judge(0, 1, **same), judge(1, 1, **same)])
    assert later.bonds["s"].uids == (10, 11)
    assert later.bonds["s"].matrix()[0, 1] > alike.bonds["s"].matrix()[0, 1]
    again = of([judge(2, 1, **same), judge(1, 1, **same)], bonds=first.bonds)
    assert again.bonds["s"].matrix()[1, 0] < later.bonds["s"].matrix()[0, 0]
    moved = of([judge(0, 1, **same), judge(1, 1, **same)], nodes=range(1, 14), bonds=first.bonds)
    assert moved.bonds == later.bonds


def test_called_early_or_twice_it_issues_no_more() -> None:
    whole = RULES.epoch_s * 1000
    assert emission(RULES, whole, 10**18) == emission(RULES, 50 * whole, 10**18) == 10 * NANO
    assert emission(RULES, whole // 4, 10**18) == 10 * NANO // 4
    assert emission(RULES, 0, 10**18) == emission(RULES, -5, 10**18) == emission(RULES, whole, 0) == 0
    assert emission(RULES, whole, 17) == 17


def test_weights_are_scaled_to_the_largest() -> None:
    assert upscaled({5: 500_000, 3: 1_000_000, 9: 0, 4: 10}) == Row(uids=(3, 5), values=(65_535, 32_767))
    assert upscaled({}) == upscaled({1: 0}) == Row(uids=(), values=())
    with pytest.raises(InputError):
        upscaled({1: -1})


@pytest.mark.parametrize(
    ("uids", "values"), [((1,), ()), ((2, 1), (1, 1)), ((1, 1), (1, 1)), ((-1,), (1,)), ((1,), (0,)), ((1,), (65_536,))]
)
def test_what_is_no_row_is_refused(uids: tuple[int, ...], values: tuple[int, ...]) -> None:
    with pytest.raises(InputError):
        Row(uids=uids, values=values)


@pytest.mark.parametrize(
    "values",
    [
        {"nodes_ppm": 600_000},
        {"shares": {"": 1}},
        {"shares": {"x" * 65: 1}},
        {"burn_ppm": -1},
        {"epoch_s": 0},
        {"emission_nano": -1},
        {"permits": 0},
        {"permits": 65},
        {"shares": {"a": 0}},
        {"shares": {str(number): 1 for number in range(17)}},
        {"cutoff_epochs": -1},
        {"kappa_ppm": math.inf},
    ],
)
def test_rules_out_of_bounds_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        EpochRules(**values)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError):
        of([judge(0, 1), judge(0, 2)])
    with pytest.raises(InputError):
        compute(RULES, 1, [], [1, 1], {})
    with pytest.raises(InputError):
        of([judge(0, 1, s=row(n10=1))], bonds={"s": Bonds(judges=(0,), uids=(1, 2), held=b"1234")})


rows = st.dictionaries(st.integers(0, 15), st.integers(1, 65_535), max_size=8).map(upscaled)
judges = st.lists(
    st.builds(
        Judge,
        uid=st.integers(0, 15),
        stake_nano=st.integers(0, 10**18),
        age=st.integers(0, 20),
        rows=st.dictionaries(st.sampled_from("abc"), rows, max_size=3),
    ),
    max_size=6,
    unique_by=lambda one: one.uid,
)
rules = st.builds(
    EpochRules,
    nodes_ppm=st.integers(0, 400_000),
    validators_ppm=st.integers(0, 400_000),
    burn_ppm=st.integers(0, 200_000),
    permits=st.integers(1, 6),
    yuma3=st.just(True),
    liquid_ppm=st.none() | st.just((700_000, 900_000)),
    beta_ppm=st.integers(0, 1_000_000),
    shares=st.dictionaries(st.sampled_from("abc"), st.integers(1, 9), max_size=2),
)


@given(rules=rules | st.just(RULES), amount=st.integers(0, 10**18), first=judges, then=judges)
def test_every_unit_goes_somewhere(rules: EpochRules, amount: int, first: list[Judge], then: list[Judge]) -> None:
    bonds = compute(rules, amount, first, list(range(16)), {}).bonds
    found = compute(rules, amount, then, list(range(3, 18)), bonds)
    assert sum(one.amount_nano for one in found.payments) == amount
    assert all(one.amount_nano > 0 for one in found.payments)
    by_why = Counter[str]()
    for one in found.payments:
        by_why[one.why] += one.amount_nano
    assert by_why[INCENTIVE] <= amount * rules.nodes_ppm // 10**6
    assert by_why[DIVIDENDS] + by_why[INCENTIVE] <= amount * (rules.nodes_ppm + rules.validators_ppm) // 10**6
