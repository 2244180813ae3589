from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import yuma_again
from hypothesis import given
from hypothesis import strategies as st

from antiphon.economy.types import NANO
from antiphon.economy.yuma import Epoch, Matrix, Options, Parts, Registry, emit, split, weights, yuma
from antiphon.errors import InputError

matrices = st.integers(1, 6).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, 1_000_000), min_size=n, max_size=n), min_size=1, max_size=6)
)


def published() -> Epoch:
    """The worked example of a public simulator, kappa 0.5."""
    return yuma(np.array([[1, 0.5], [1, 1], [0.2, 1]]), np.array([600, 300, 100]), options=Options(kappa=0.5))


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
    w, stake = np.array([[1, 0.5], [1, 1], [0.2, 1]]), np.array([600, 300, 100])
    before = np.array([[0, 0.5], [0, 0.5], [1, 0]])
    again = yuma(w, stake, before, options=Options(kappa=0.5))
    assert again.bonds == pytest.approx(0.1 * published().bonds + 0.9 * before)


def test_a_minority_of_40_percent_cannot_raise_its_own_node() -> None:
    honest, dishonest = [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]
    epoch = yuma(np.array([honest, dishonest]), np.array([60.0, 40.0]))
    assert epoch.incentive == pytest.approx([0.5, 0.5, 0.0])
    assert epoch.validator_trust == pytest.approx([1, 0])
    assert epoch.dividends == pytest.approx([1, 0])


def test_without_weights_validators_are_paid_by_stake() -> None:
    epoch = yuma(np.zeros((2, 2)), np.array([3.0, 1.0]))
    paid = emit(epoch, 100, validators=["v", "w"], nodes=["a", "b"], owner="o")
    assert [(m.target, m.amount_nano) for m in paid] == [("balance:v", 62), ("balance:w", 20), ("balance:o", 18)]


def test_without_stake_the_parts_of_others_are_burnt() -> None:
    paid = emit(yuma(np.ones((2, 2)), np.zeros(2)), 100, validators=["v", "w"], nodes=["a", "b"], owner="o")
    assert [(m.target, m.amount_nano) for m in paid] == [("balance:o", 18), ("burnt", 82)]


def test_weights_are_normalised_and_leave_out_the_unknown_and_oneself() -> None:
    known = {"a": 900_000, "b": 300_000, "me": 1_000_000}
    assert weights(known, ["a", "b", "c", "me"], own="me").tolist() == [0.75, 0.25, 0, 0]
    assert weights({}, ["a"]).tolist() == [0]


@pytest.mark.parametrize("bad", [np.nan, -1.0, np.inf, -np.inf, 2.0**64])
@pytest.mark.parametrize("where", ["weights", "stake", "bonds"])
def test_values_that_make_no_sense_are_refused(where: str, bad: float) -> None:
    given = {"weights": np.ones((2, 3)), "stake": np.ones(2), "bonds": np.ones((2, 3))}
    given[where].flat[1] = bad
    with pytest.raises(InputError, match=f"{where} must be finite, not negative and at most 2"):
        yuma(**given)


@pytest.mark.parametrize(
    ("w", "s", "b"), [((1, 2), (2,), (1, 2)), ((2,), (2,), (2,)), ((2, 2), (2,), (2, 3)), ((2, 2), (2, 1), (2, 2))]
)
def test_shapes_that_do_not_fit_are_refused(w: tuple[int, ...], s: tuple[int, ...], b: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="must be"):
        yuma(np.ones(w), np.ones(s), np.ones(b))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kappa": 0.0},
        {"beta": 1.5},
        {"alpha": float("nan")},
        {"liquid_alpha": (0.7, 0.9)},
        {"yuma3": True, "liquid_alpha": (0.9, 0.7)},
        {"permits": 0},
        {"activity_cutoff": -1},
    ],
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Options(**wrong)


def test_parts_above_the_whole_are_refused() -> None:
    with pytest.raises(InputError, match="parts"):
        Parts(nodes_ppm=600_000, validators_ppm=500_000)


def test_a_registry_of_another_block_is_refused() -> None:
    registry = Registry(now=9, last_epoch=1, updated=np.ones(2), registered=np.ones(3), own=np.full(2, -1))
    with pytest.raises(InputError, match="one block"):
        yuma(np.ones((2, 4)), np.ones(2), registry=registry)
    registry = Registry(now=9, last_epoch=1, updated=np.ones(2), registered=np.ones(3), own=np.array([0, 3]))
    with pytest.raises(InputError, match="nobody's"):
        yuma(np.ones((2, 3)), np.ones(2), registry=registry)


OPTIONS = {
    "plain": Options(),
    "beta": Options(beta=0.6, alpha=0.3),
    "permits": Options(permits=3),
    "cut-off": Options(activity_cutoff=40),
    "yuma3": Options(yuma3=True),
    "liquid": Options(yuma3=True, liquid_alpha=(0.7, 0.9)),
    "all": Options(kappa=0.6, beta=0.8, yuma3=True, liquid_alpha=(0.2, 0.9), permits=5, activity_cutoff=60),
}


@pytest.mark.parametrize("known", [False, True], ids=["alone", "registry"])
@pytest.mark.parametrize("name", OPTIONS)
def test_each_option_agrees_with_a_second_computation(name: str, known: bool) -> None:
    options, generator = OPTIONS[name], np.random.default_rng(7)
    for _ in range(12):
        v, n = (int(generator.integers(2, high)) for high in (9, 12))
        w = generator.integers(0, 65_536, (v, n)) * (generator.random((v, n)) < 0.8)
        stake = generator.integers(0, 10**9, v)
        bonds = generator.random((v, n))
        registry = Registry(
            now=100,
            last_epoch=50,
            updated=generator.integers(20, 100, v),
            registered=generator.integers(0, 70, n),
            own=np.where(generator.random(v) < 0.7, generator.integers(0, n, v), -1),
            owner=int(generator.integers(-1, n)),
        )
        agree(w, stake, bonds, options, registry if known else None)
        agree(w, stake, None, options, registry if known else None)


def agree(w: Matrix, stake: Matrix, bonds: Matrix | None, options: Options, registry: Registry | None) -> None:
    chain = yuma_again.Chain(
        w.tolist(),
        stake.tolist(),
        None if bonds is None else bonds.tolist(),
        kappa=Fraction(options.kappa),
        beta=Fraction(options.beta),
        alpha=Fraction(options.alpha),
        yuma3=options.yuma3,
        liquid=options.liquid_alpha,
        permits=options.permits,
    )
    if registry is not None:
        chain.cutoff, chain.now, chain.last_epoch = options.activity_cutoff, registry.now, registry.last_epoch
        chain.updated, chain.registered = registry.updated.tolist(), registry.registered.tolist()
        chain.own, chain.owner = registry.own.tolist(), registry.owner
    expected, epoch = yuma_again.epoch(chain), yuma(w, stake, bonds, options=options, registry=registry)
    for field, values in expected.items():
        np.testing.assert_allclose(getattr(epoch, field), np.array(values, dtype=float), atol=1e-9, err_msg=field)


def one_registry(**changes: Any) -> Registry:
    known = {
        "now": 100,
        "last_epoch": 50,
        "updated": np.array([90, 90]),
        "registered": np.array([1, 1, 1]),
        "own": np.array([0, 1]),
    }
    return Registry(**known | changes)


def test_ones_own_node_has_no_weight_unless_it_is_the_owners() -> None:
    w, stake = np.array([[9, 0, 1], [0, 9, 1]]), np.array([1.0, 1.0])
    assert yuma(w, stake, registry=one_registry()).incentive.tolist() == [0, 0, 1]
    assert yuma(w, stake, registry=one_registry(owner=0)).incentive[0] > 0


def test_a_node_that_registered_after_the_weights_has_none_and_loses_its_bonds() -> None:
    w, stake = np.array([[0, 5, 5], [5, 0, 5]]), np.array([1.0, 1.0])
    epoch = yuma(w, stake, np.ones((2, 3)), registry=one_registry(registered=np.array([1, 1, 95])))
    assert epoch.incentive[2] == 0
    assert epoch.bonds[:, 2].tolist() == [0, 0]
    assert epoch.bonds[:, 1].tolist() == pytest.approx([0.55, 0.45])


def test_a_validator_that_stopped_counts_no_more() -> None:
    registry = one_registry(updated=np.array([90, 20]))
    epoch = yuma(np.array([[0, 5, 5], [9, 0, 1]]), np.ones(2), options=Options(activity_cutoff=50), registry=registry)
    assert epoch.dividends.tolist() == [1, 0]
    assert epoch.incentive.tolist() == [0, 0.5, 0.5]


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
