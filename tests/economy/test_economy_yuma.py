from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import yuma_again
from economy_market import matrices
from hypothesis import given
from hypothesis import strategies as st

from antiphon.economy.yuma import Epoch, Matrix, Options, Registry, yuma
from antiphon.errors import InputError


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


@pytest.mark.parametrize("bad", [np.nan, -1e-300, np.inf, -np.inf, np.nextafter(2.0**63, np.inf)])
@pytest.mark.parametrize("where", ["weights", "stake", "bonds"])
def test_values_that_make_no_sense_are_refused(where: str, bad: float) -> None:
    given = {"weights": np.ones((2, 3)), "stake": np.ones(2), "bonds": np.ones((2, 3))}
    given[where].flat[1] = 2.0**63
    assert np.isfinite(yuma(**given).dividends).all()
    given[where].flat[1] = bad
    with pytest.raises(InputError, match=f"{where} must be finite, not negative and at most 2"):
        yuma(**given)


@pytest.mark.parametrize(
    ("w", "s", "b", "what"),
    [
        (
            (1, 2),
            (2,),
            (1, 2),
            r"weights and bonds must be \[V, N\] and stake \[V\], got \(1, 2\), \(1, 2\) and \(2,\)",
        ),
        ((2, 2), (2,), (2, 3), r"got \(2, 2\), \(2, 3\) and \(2,\)"),
        ((2,), (2,), (2,), "weights must be of 2 dimensions, got 1"),
        ((2, 2), (2, 1), (2, 2), "stake must be of 1 dimensions, got 2"),
        ((2, 2), (2,), (4,), "bonds must be of 2 dimensions, got 1"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    w: tuple[int, ...], s: tuple[int, ...], b: tuple[int, ...], what: str
) -> None:
    with pytest.raises(InputError, match=what):
        yuma(np.ones(w), np.ones(s), np.ones(b))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"kappa": 1.0}, {"kappa": 1.1}),
        ({"kappa": 1e-9}, {"kappa": 0.0}),
        ({"beta": 0.0}, {"beta": -0.1}),
        ({"beta": 0.5}, {"beta": 1.1}),
        ({"alpha": 0.0}, {"alpha": -0.1}),
        ({"alpha": 1.0}, {"alpha": 1.1}),
        ({"alpha": 0.5}, {"alpha": float("nan")}),
        ({"yuma3": True, "liquid_alpha": (0.7, 0.9)}, {"yuma3": False, "liquid_alpha": (0.7, 0.9)}),
        ({"yuma3": True, "liquid_alpha": (0.8, 0.8)}, {"yuma3": True, "liquid_alpha": (0.9, 0.7)}),
        ({"yuma3": True, "liquid_alpha": (0.0, 1.0)}, {"yuma3": True, "liquid_alpha": (-0.1, 1.0)}),
        ({"yuma3": True, "liquid_alpha": (1.0, 1.0)}, {"yuma3": True, "liquid_alpha": (0.7, 1.1)}),
        ({"permits": 1}, {"permits": 0}),
        ({"activity_cutoff": 0}, {"activity_cutoff": -1}),
    ],
)
def test_a_bound_of_the_options(good: dict[str, Any], bad: dict[str, Any]) -> None:
    assert Options(**good) != Options()
    with pytest.raises(InputError):
        Options(**bad)


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (
            {"updated": np.array([90])},
            r"updated and own must be \[2\] and registered \[3\], got \(\(1,\), \(3,\), \(2,\)\)",
        ),
        ({"registered": np.array([1, 1])}, r"got \(\(2,\), \(2,\), \(2,\)\)"),
        ({"own": np.array([0, 1, 2])}, r"got \(\(2,\), \(3,\), \(3,\)\)"),
        ({"own": np.array([0, 3])}, "A column above 2 is nobody's"),
        ({"owner": 3}, "A column above 2 is nobody's"),
    ],
)
def test_a_registry_of_another_block_is_refused(wrong: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError, match=what):
        yuma(np.ones((2, 3)), np.ones(2), registry=one_registry(**wrong))
    assert yuma(np.ones((2, 3)), np.ones(2), registry=one_registry(own=np.array([0, 2]), owner=2)).incentive.any()


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


@pytest.mark.parametrize("yuma3", [False, True])
def test_many_nodes_agree_with_a_second_computation(yuma3: bool) -> None:
    """More than the columns of one block, and every number of validators about a power of two."""
    generator = np.random.default_rng(3)
    for validators, nodes in ((1, 3), (2, 3), (3, 520), (4, 9), (5, 9), (8, 5), (9, 5), (16, 4), (17, 4)):
        w, stake = generator.integers(1, 5, (validators, nodes)), generator.integers(1, 4, validators)
        agree(w, stake, generator.random((validators, nodes)), Options(kappa=0.5, yuma3=yuma3), None)


def test_without_any_weights_each_option_agrees_with_a_second_computation() -> None:
    stake = np.array([5, 3, 2])
    for options in OPTIONS.values():
        agree(np.zeros((3, 2), dtype=int), stake, np.full((3, 2), 0.4), options, None)
        agree(np.zeros((3, 2), dtype=int), np.zeros(3, dtype=int), None, options, None)


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


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, True),
        ({"updated": np.array([31, 90]), "registered": np.array([1, 1, 30])}, True),
        ({"updated": np.array([30, 90]), "registered": np.array([1, 1, 30])}, False),  # set in the block it came
        ({"own": np.array([-1, -1])}, True),
        ({"own": np.array([2, -1])}, False),
        ({"own": np.array([2, -1]), "owner": 2}, True),
    ],
)
def test_which_weights_count(changes: dict[str, Any], counts: bool) -> None:
    """The first validator has all of the stake; its weight for the third node is 5 of 10."""
    w, stake = np.array([[5, 0, 5], [5, 0, 5]]), np.array([1.0, 0.0])
    epoch = yuma(w, stake, registry=one_registry(**{"own": np.array([-1, -1])} | changes))
    assert epoch.consensus.tolist() == ([0.5, 0, 0.5] if counts else [1, 0, 0])


@pytest.mark.parametrize(("registered", "kept"), [(49, 0.9), (50, 0), (51, 0)])
def test_bonds_in_nodes_that_came_since_the_last_epoch_count_nothing(registered: int, kept: float) -> None:
    registry = one_registry(own=np.array([-1, -1]), registered=np.array([1, 1, registered]))
    epoch = yuma(
        np.zeros((2, 3)), np.array([3.0, 1.0]), np.eye(2, 3, 1), options=Options(yuma3=True), registry=registry
    )
    assert epoch.bonds.tolist() == [[0, 0.9, 0], [0, 0, kept]]


@pytest.mark.parametrize(("updated", "dividends"), [(50, [0.75, 0.25]), (49, [0, 1]), (51, [0.75, 0.25])])
def test_a_validator_is_active_up_to_the_cut_off(updated: int, dividends: list[float]) -> None:
    registry = one_registry(own=np.array([-1, -1]), updated=np.array([updated, 90]))
    cut = Options(activity_cutoff=50)
    nothing = yuma(np.zeros((2, 3)), np.array([3.0, 1.0]), options=cut, registry=registry)
    assert nothing.dividends.tolist() == dividends  # by active stake
    told = yuma(np.ones((2, 3)), np.array([3.0, 1.0]), options=cut, registry=registry)
    assert told.dividends.tolist() == pytest.approx(dividends)


def test_when_nobody_is_active_and_nobody_set_weights_all_stake_is_paid() -> None:
    registry = one_registry(updated=np.array([1, 2]))
    epoch = yuma(np.zeros((2, 3)), np.array([3.0, 1.0]), options=Options(activity_cutoff=5), registry=registry)
    assert epoch.dividends.tolist() == [0.75, 0.25]
    assert epoch.consensus.tolist() == epoch.incentive.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("permits", "dividends"), [(1, [1, 0, 0]), (2, [0.5, 0.5, 0]), (3, [0.4, 0.4, 0.2]), (4, [0.4, 0.4, 0.2])]
)
def test_of_equal_stakes_the_first_gets_the_permit(permits: int, dividends: list[float]) -> None:
    w, stake = np.array([[1, 0], [1, 0], [1, 0]]), np.array([2.0, 2.0, 1.0])
    epoch = yuma(w, stake, options=Options(permits=permits))
    assert epoch.dividends.tolist() == pytest.approx(dividends)
    assert epoch.rank.tolist() == pytest.approx([1, 0]), "the stake of others is none"
    assert epoch.validator_trust.tolist() == [1.0 if share else 0.0 for share in dividends]


@pytest.mark.parametrize(
    ("kappa", "weight"),
    [(0.8, 0.2), (0.800001, 0.1), (0.7, 0.3), (1e-9, 0.9), (1.0, 0.0)],
)
def test_a_share_of_just_kappa_is_a_consensus(kappa: float, weight: float) -> None:
    """Ten of equal stake, whose tenths do not sum to .8 in floats. They weigh the first node 0, .1, ... .9."""
    w = np.array([[number, 10 - number] for number in range(10)])
    assert yuma(w, np.ones(10), options=Options(kappa=kappa)).consensus[0] == pytest.approx(weight, abs=1e-12)


def test_bonds_of_pairs_by_worked_numbers() -> None:
    """Yuma 3 with a liquid alpha of .2 to .8; the sigmoid is 1 / (1 + e^5) at 0."""
    w, stake = np.array([[1, 0], [0, 1]]), np.array([3.0, 1.0])
    before = np.array([[0.5, 2.0], [0.0, 1.0]])
    low = 0.2 + 0.6 / (1 + np.e**5)
    # In the first node consensus is 1, in the second 0. The first validator: at consensus, so slow; and sold a bond
    # of 2, which counts as 1: fast. The second: nothing to buy or sell; and at its bond, 1 above consensus: fast.
    fast = 0.2 + 0.6 / (1 + np.e**-5)
    epoch = yuma(w, stake, before, options=Options(yuma3=True, liquid_alpha=(0.2, 0.8)))
    expected = [[low + (1 - low) * 0.5, min(1, (1 - fast) * 2.0)], [0, 1 - fast]]
    np.testing.assert_allclose(epoch.bonds, expected, atol=1e-12)
    np.testing.assert_allclose(epoch.dividends, [1, 0], atol=1e-12)


def test_no_bond_of_a_pair_is_above_one() -> None:
    still = Options(yuma3=True, alpha=0.0)
    assert yuma(np.ones((1, 2)), np.ones(1), np.array([[3.0, 0.5]]), options=still).bonds.tolist() == [[1, 0.5]]


def test_trust_is_what_clipping_left_of_a_node_and_nothing_where_nobody_weighs_it() -> None:
    epoch = yuma(np.array([[2, 0, 2], [1, 0, 3]]), np.array([3.0, 1.0]))
    assert epoch.consensus.tolist() == [0.5, 0, 0.5]
    assert epoch.rank.tolist() == [0.4375, 0, 0.5]
    assert epoch.trust.tolist() == pytest.approx([1, 0, 0.5 / 0.5625])
    assert epoch.validator_trust.tolist() == [1, 0.75]


def test_a_network_of_nobody_pays_nobody() -> None:
    nobody = Registry(now=1, last_epoch=0, updated=np.zeros(0, int), registered=np.zeros(0, int), own=np.zeros(0, int))
    for registry in (None, nobody):
        epoch = yuma(np.zeros((0, 0)), np.zeros(0), registry=registry)
        assert (epoch.incentive.size, epoch.dividends.size, epoch.bonds.shape) == (0, 0, (0, 0))
    one = Registry(now=9, last_epoch=0, updated=np.array([5]), registered=np.array([1]), own=np.array([-1]))
    assert yuma(np.ones((1, 1)), np.ones(1), registry=one).incentive.tolist() == [1]
    lonely = yuma(np.zeros((0, 2)), np.zeros(0))
    assert lonely.incentive.tolist() == [0, 0]


@given(matrices, st.data())
def test_shares_are_shares_and_nobody_rises_above_consensus(rows: list[list[int]], data: st.DataObject) -> None:
    stake = np.array(data.draw(st.lists(st.integers(1, 100), min_size=len(rows), max_size=len(rows))))
    epoch = yuma(np.array(rows), stake)
    for share in (epoch.incentive, epoch.dividends):
        assert share.sum() == pytest.approx(1) or not share.any()
    assert (epoch.rank <= epoch.consensus + 1e-9).all()
    assert (epoch.validator_trust <= 1 + 1e-9).all()


def test_of_many_equal_stakes_the_first_get_the_permits() -> None:
    epoch = yuma(np.ones((600, 1)), np.tile([1.0, 2.0, 3.0], 200), options=Options(permits=450))
    assert np.flatnonzero(epoch.dividends).tolist() == [place for place in range(600) if place % 3 or place < 150]


@pytest.mark.parametrize("kind", [np.float32, np.uint32, np.int64])
def test_arrays_of_other_numbers_give_the_same(kind: type) -> None:
    w, stake = np.array([[3, 1], [1, 3], [2, 2]]), np.array([1, 5, 4])
    options = Options(permits=2)
    epoch, expected = yuma(w.astype(kind), stake.astype(kind), options=options), yuma(w, stake, options=options)
    for field in ("consensus", "incentive", "bonds", "dividends"):
        assert getattr(epoch, field).dtype == np.float64
        assert getattr(epoch, field).tolist() == getattr(expected, field).tolist()
    assert expected.dividends[0] == 0
