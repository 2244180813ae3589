"""Newly issued money: shares become integers, and every one of them is paid to somebody or burnt."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import yuma_again
from economy_market import matrices
from hypothesis import given
from hypothesis import strategies as st

from antiphon.economy.types import NANO, PPM, Transfer
from antiphon.economy.yuma import Parts, emit, split, weights, yuma
from antiphon.errors import InputError


def test_weights_are_normalised_and_leave_out_the_unknown_and_oneself() -> None:
    known = {"a": 900_000, "b": 300_000, "me": 1_000_000}
    assert weights(known, ["a", "b", "c", "me"], own="me").tolist() == [0.75, 0.25, 0, 0]
    assert weights({}, ["a"]).tolist() == [0]


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**6), min_size=1, max_size=9))
def test_a_split_is_exact_and_within_one_of_the_share(total: int, parts: list[int]) -> None:
    given_out = split(total, np.array(parts) / max(1, sum(parts)))
    assert sum(given_out) == (total if any(parts) else 0)
    for amount, part in zip(given_out, parts, strict=True):
        assert amount >= 0
        assert abs(amount * max(1, sum(parts)) - total * part) <= sum(parts) * (2 + total // 10**14)


def test_an_emission_is_41_41_18_and_sums_exactly() -> None:
    paid = emit(
        yuma(np.array([[1, 0.5], [1, 1], [0.2, 1]]), np.array([600, 300, 100])),
        NANO,
        validators=["v1", "v2", "v3"],
        nodes=["n1", "n2"],
        owner="o",
    )
    per_kind = {why: sum(m.amount_nano for m in paid if m.why == why) for why in {m.why for m in paid}}
    assert per_kind == {"incentive": 410_000_000, "dividends": 410_000_000, "owner's share": 180_000_000}
    assert all(type(move.amount_nano) is int for move in paid)


@given(st.integers(0, 10**18), matrices, st.integers(0, 500_000), st.integers(0, 500_000))
def test_every_unit_of_an_emission_is_accounted_for(total: int, rows: list[list[int]], a: int, b: int) -> None:
    epoch = yuma(np.array(rows), np.arange(len(rows)))
    validators, nodes = [f"v{i}" for i in range(len(rows))], [f"n{j}" for j in range(len(rows[0]))]
    parts = Parts(nodes_ppm=a, validators_ppm=b)
    paid = emit(epoch, total, validators=validators, nodes=nodes, owner="o", parts=parts)
    assert sum(move.amount_nano for move in paid) == total
    assert sum(move.amount_nano for move in paid if move.why == "incentive") in (0, total * a // 1_000_000)


@given(st.integers(0, 10**12), st.lists(st.integers(0, 1000), min_size=2, max_size=8).filter(any))
def test_a_split_is_the_largest_remainder_of_fractions(total: int, parts: list[int]) -> None:
    shares = np.array(parts) / sum(parts)
    exact = [Fraction(int(x * 2**53)) for x in shares]  # the grid that `split` promises
    assert list(split(total, shares)) == yuma_again.largest_remainder(total, exact)


def test_a_negative_emission_is_refused() -> None:
    with pytest.raises(InputError, match="not negative"):
        split(-1, np.ones(2))


def test_without_stake_the_parts_of_others_are_burnt() -> None:
    paid = emit(yuma(np.ones((2, 2)), np.zeros(2)), 100, validators=["v", "w"], nodes=["a", "b"], owner="o")
    assert [(m.target, m.amount_nano) for m in paid] == [("balance:o", 18), ("burnt", 82)]


def test_without_weights_validators_are_paid_by_stake() -> None:
    epoch = yuma(np.zeros((2, 2)), np.array([3.0, 1.0]))
    paid = emit(epoch, 100, validators=["v", "w"], nodes=["a", "b"], owner="o")
    assert [(m.target, m.amount_nano) for m in paid] == [("balance:v", 62), ("balance:w", 20), ("balance:o", 18)]


def test_an_emission_in_full_by_worked_numbers() -> None:
    """Of 1,000,007: 410,002 to nodes, 410,002 to validators, 180,003 to the owner. Stake 2 : 1, incentive 3 : 1."""
    epoch = yuma(np.array([[3, 1], [3, 1]]), np.array([2, 1]))
    paid = emit(epoch, 1_000_007, validators=["v", "w"], nodes=["a", "b"], owner="o")
    assert paid == (
        Transfer(source="issued", target="balance:a", amount_nano=307_502, why="incentive"),  # 307,501.5, the first
        Transfer(source="issued", target="balance:b", amount_nano=102_500, why="incentive"),  # 102,500.5
        Transfer(source="issued", target="balance:v", amount_nano=273_335, why="dividends"),  # 273,334.67
        Transfer(source="issued", target="balance:w", amount_nano=136_667, why="dividends"),  # 136,667.33
        Transfer(source="issued", target="balance:o", amount_nano=180_003, why="owner's share"),
    )


def test_a_share_of_nothing_moves_nothing_and_one_nano_is_a_share() -> None:
    one_sided = yuma(np.array([[1, 0]]), np.array([1]))
    paid = emit(
        one_sided, 1, validators=["v"], nodes=["a", "b"], owner="o", parts=Parts(nodes_ppm=PPM, validators_ppm=0)
    )
    assert [(move.target, move.amount_nano) for move in paid] == [("balance:a", 1)]
    assert emit(one_sided, 0, validators=["v"], nodes=["a", "b"], owner="o") == ()


@pytest.mark.parametrize(("total", "shares", "amounts"), [
    (3, [0.5, 0.25, 0.25], (1, 1, 1)),  # remainders .5, .75 and .75
    (5, [0.5, 0.25, 0.25], (3, 1, 1)),  # remainders .5, .25 and .25
    (1, [0.5, 0.5], (1, 0)),  # a tie goes to the first
    (3, [0.25, 0.25, 0.25, 0.25], (1, 1, 1, 0)),
    (7, [0.0, 1.0], (0, 7)),
    (7, [0.0, 0.0], (0, 0)),
    (0, [1.0], (0,)),
    (10**18, [2.0**-54, 0.5], (0, 10**18)),  # below the grid of 2^-53
    (10**18, [2.0**-53, 1 - 2.0**-53], (111, 10**18 - 111)),  # 10^18 / 2^53 is 111.02
    (5, [2.0**-60, 2.0**-60], (0, 0)),
    (7, [], ()),
])  # fmt: skip
def test_a_split_by_worked_numbers(total: int, shares: list[float], amounts: tuple[int, ...]) -> None:
    assert split(total, np.array(shares)) == amounts


@pytest.mark.parametrize("names", [{"validators": ["v"]}, {"nodes": ["a", "b", "c"]}])
def test_an_emission_needs_a_name_for_each_share(names: dict[str, list[str]]) -> None:
    epoch = yuma(np.ones((2, 2)), np.ones(2))
    with pytest.raises(ValueError, match="argument 2 is"):
        emit(epoch, 100, **({"validators": ["v", "w"], "nodes": ["a", "b"]} | names), owner="o")


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"nodes_ppm": 0}, {"nodes_ppm": -1}),
        ({"validators_ppm": 0}, {"validators_ppm": -1}),
        ({"nodes_ppm": 590_000}, {"nodes_ppm": 590_001}),
    ],
)
def test_a_bound_of_the_parts(good: dict[str, int], bad: dict[str, int]) -> None:
    assert Parts(**good) != Parts()
    with pytest.raises(InputError, match="0 or more and at most the whole"):
        Parts(**bad)


def test_a_score_below_nothing_weighs_nothing() -> None:
    assert weights({"a": -100_000, "b": 1, "c": 3}, ["a", "b", "c"]).tolist() == [0, 0.25, 0.75]
