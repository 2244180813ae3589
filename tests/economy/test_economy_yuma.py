from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.economy.types import NANO
from antiphon.economy.yuma import Epoch, Matrix, emit, split, weights, yuma

matrices = st.integers(1, 6).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, 1_000_000), min_size=n, max_size=n), min_size=1, max_size=6)
)


def published() -> Epoch:
    """The worked example of a public simulator, kappa 0.5."""
    return yuma(np.array([[1, 0.5], [1, 1], [0.2, 1]]), np.array([600, 300, 100]), kappa=0.5)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("consensus", [0.666667, 0.333333]),
        ("rank", [0.566667, 0.333333]),
        ("incentive", [0.629630, 0.370370]),
        ("trust", [1, 0.769231]),
        ("validator_trust", [1, 0.833333, 0.5]),
        ("dividends", [0.666667, 0.277778, 0.055556]),
    ],
)
def test_the_published_example_comes_out(field: str, expected: list[float]) -> None:
    assert getattr(published(), field) == pytest.approx(expected, abs=1e-6)


def test_bonds_move_a_tenth_of_the_way() -> None:
    before = np.zeros((3, 2))
    again = yuma(np.array([[1, 0.5], [1, 1], [0.2, 1]]), np.array([600, 300, 100]), before, kappa=0.5)
    assert again.bonds == pytest.approx(0.1 * published().bonds)


def test_a_minority_of_40_percent_cannot_raise_its_own_node() -> None:
    honest, dishonest = [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]
    epoch = yuma(np.array([honest, dishonest]), np.array([60.0, 40.0]))
    assert epoch.incentive == pytest.approx([0.5, 0.5, 0.0])
    assert epoch.validator_trust == pytest.approx([1, 0])
    assert epoch.dividends == pytest.approx([1, 0])


def test_without_weights_nothing_is_issued_to_nodes_or_validators() -> None:
    epoch = yuma(np.zeros((2, 2)), np.ones(2))
    assert [m.target for m in emit(epoch, 100, validators=["v", "w"], nodes=["a", "b"], owner="o")] == ["balance:o"]


def test_weights_are_normalised_and_leave_out_the_unknown_and_oneself() -> None:
    known = {"a": 900_000, "b": 300_000, "me": 1_000_000}
    assert weights(known, ["a", "b", "c", "me"], own="me").tolist() == [0.75, 0.25, 0, 0]
    assert weights({}, ["a"]).tolist() == [0]


@pytest.mark.parametrize(("w", "s"), [([[1.0, -1.0]], [1.0]), ([[np.nan, 1.0]], [1.0]), ([[1.0]], [1.0, 2.0])])
def test_weights_that_make_no_sense_are_refused(w: Matrix, s: Matrix) -> None:
    with pytest.raises(ValueError, match="must be"):
        yuma(np.array(w), np.array(s))


@given(matrices, st.data())
def test_shares_are_shares_and_nobody_rises_above_consensus(rows: list[list[int]], data: st.DataObject) -> None:
    stake = np.array(data.draw(st.lists(st.integers(1, 100), min_size=len(rows), max_size=len(rows))))
    epoch = yuma(np.array(rows), stake)
    for share in (epoch.incentive, epoch.dividends):
        assert share.sum() == pytest.approx(1) or not share.any()
    assert (epoch.rank <= epoch.consensus + 1e-9).all()
    assert (epoch.validator_trust <= 1 + 1e-9).all()


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**6), min_size=1, max_size=9))
def test_a_split_is_exact_and_within_one_of_the_share(total: int, parts: list[int]) -> None:
    given_out = split(total, np.array(parts) / max(1, sum(parts)))
    assert sum(given_out) == (total if any(parts) else 0)
    for amount, part in zip(given_out, parts, strict=True):
        assert amount >= 0
        assert abs(amount * max(1, sum(parts)) - total * part) <= sum(parts) * (2 + total // 10**14)


def test_an_emission_is_41_41_18_and_sums_exactly() -> None:
    paid = emit(published(), NANO, validators=["v1", "v2", "v3"], nodes=["n1", "n2"], owner="o")
    per_kind = {why: sum(m.amount_nano for m in paid if m.why == why) for why in {m.why for m in paid}}
    assert per_kind == {"incentive": 410_000_000, "dividends": 410_000_000, "owner's share": 180_000_000}
    assert all(type(move.amount_nano) is int for move in paid)
