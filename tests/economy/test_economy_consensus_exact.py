"""The consensus in integers to the last unit, and each bound of what an epoch is computed from."""

from __future__ import annotations

import math
from typing import Any

import consensus_again
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.economy import consensus
from antiphon.economy.consensus import MAX_VALIDATORS, ONE, Options, columns, reach, shares
from antiphon.economy.epochs import (
    MAX_CUTOFF,
    MAX_NUMBER,
    MAX_PERMITS,
    Bonds,
    EpochRules,
    Judge,
    Row,
    compute,
    emission,
    permitted,
)
from antiphon.economy.types import NANO, PPM
from antiphon.errors import InputError


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(kappa_ppm=PPM, alpha_ppm=PPM),
        Options(beta_ppm=300_000, alpha_ppm=333_333, kappa_ppm=700_000),
        Options(yuma3=True, alpha_ppm=333_333),
        Options(yuma3=True, beta_ppm=700_000),
    ],
    ids=str,
)
def test_every_unit_agrees_with_a_second_computation(options: Options) -> None:
    generator = np.random.default_rng(11)
    for validators, nodes in ((1, 1), (1, 4), (2, 3), (3, 5), (4, 7), (5, 2), (8, 3), (9, 3), (17, 2)):
        for largest in (3, 65_535):
            weights = generator.integers(0, largest + 1, (validators, nodes)) * (
                generator.random((validators, nodes)) < 0.8
            )
            stake = [int(one) for one in generator.integers(0, 10**18, validators)]
            bonds = generator.integers(0, ONE + 1, (validators, nodes))
            found = reach(weights, stake, bonds, options)
            for field, values in consensus_again.reach(weights.tolist(), stake, bonds.tolist(), options).items():
                assert getattr(found, field).tolist() == values, (field, validators, nodes)


def rows_of(validators: int, nodes: int, largest: int) -> st.SearchStrategy[list[list[int]]]:
    number = st.one_of(st.just(0), st.just(largest), st.integers(0, largest))
    return st.lists(st.lists(number, min_size=nodes, max_size=nodes), min_size=validators, max_size=validators)


@st.composite
def epochs(draw: st.DrawFn) -> tuple[list[list[int]], list[int], list[list[int]]]:
    validators, nodes = draw(st.integers(1, 5)), draw(st.integers(1, 27))
    stake = st.lists(st.one_of(st.just(0), st.integers(0, 10**18)), min_size=validators, max_size=validators)
    return draw(rows_of(validators, nodes, 65_535)), draw(stake), draw(rows_of(validators, nodes, ONE))


@settings(deadline=None)
@given(
    epochs(),
    st.sampled_from([Options(), Options(beta_ppm=1, alpha_ppm=1), Options(yuma3=True, beta_ppm=999_999)]),
    st.sampled_from([np.int64, np.uint16, np.int32, np.uint64]),
)
def test_every_unit_agrees_in_blocks_of_eight_columns_too(
    epoch: tuple[list[list[int]], list[int], list[list[int]]], options: Options, kind: type[np.integer[Any]]
) -> None:
    weights, stake, bonds = epoch
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(consensus, "_BLOCK", 1)
        found = reach(np.array(weights, dtype=kind), stake, np.array(bonds), options)
    for field, values in consensus_again.reach(weights, stake, bonds, options).items():
        assert getattr(found, field).tolist() == values, field


def test_shares_of_stake_are_rounded_down() -> None:
    assert shares([1]).tolist() == [ONE]
    assert shares([0, 1, 2]).tolist() == [0, ONE // 3, 2 * ONE // 3]
    assert shares([10**18 - 1, 1]).tolist() == [ONE - 1, 0]  # 2^31 less 2e-9 and 2e-9


def test_a_pair_that_is_at_its_bond_and_above_consensus_moves_fast() -> None:
    liquid = Options(yuma3=True, liquid_ppm=(200_000, 800_000))
    found = reach(np.array([[1, 0], [0, 1]]), [3, 1], np.array([[0, 0], [0, ONE]]), liquid)
    fast = 0.2 + 0.6 / (1 + math.exp(-5))
    assert found.bonds[1] / ONE == pytest.approx([0, 1 - fast], abs=2e-6)


def test_columns_by_worked_numbers() -> None:
    """Sums of 32 bits are divided by as they are; one of 33 bits is halved first, and so is each number of it."""
    assert columns(np.array([[1, 1], [0, 2]])).tolist() == [[ONE, ONE // 3], [0, 2 * ONE // 3]]
    largest, above = 2**32 - 1, 2**32
    assert columns(np.array([[largest - 1, above - 3, 0], [1, 3, 0]])).tolist() == [
        [(largest - 1) * ONE // largest, (above - 3) // 2 * ONE // 2**31, 0],
        [0, 1, 0],
    ]
    assert columns(np.array([[2**62], [2**62 - 1]])).tolist() == [
        [2**31 * ONE // (2**32 - 1)],
        [(2**31 - 1) * ONE // (2**32 - 1)],
    ]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"kappa_ppm": 1}, {"kappa_ppm": 0}),
        ({"kappa_ppm": PPM}, {"kappa_ppm": PPM + 1}),
        ({"beta_ppm": 0}, {"beta_ppm": -1}),
        ({"beta_ppm": PPM}, {"beta_ppm": PPM + 1}),
        ({"alpha_ppm": 0}, {"alpha_ppm": -1}),
        ({"alpha_ppm": PPM}, {"alpha_ppm": PPM + 1}),
        ({"yuma3": True, "liquid_ppm": (0, PPM)}, {"yuma3": False, "liquid_ppm": (0, PPM)}),
        ({"yuma3": True, "liquid_ppm": (0, 0)}, {"yuma3": True, "liquid_ppm": (-1, 0)}),
        ({"yuma3": True, "liquid_ppm": (PPM, PPM)}, {"yuma3": True, "liquid_ppm": (PPM, PPM + 1)}),
        ({"yuma3": True, "liquid_ppm": (1, 2)}, {"yuma3": True, "liquid_ppm": (2, 1)}),
        ({"nodes_ppm": 0}, {"nodes_ppm": -1}),
        ({"validators_ppm": 0}, {"validators_ppm": -1}),
        ({"burn_ppm": 0}, {"burn_ppm": -1}),
        ({"burn_ppm": 180_000}, {"burn_ppm": 180_001}),
        ({"epoch_s": 1}, {"epoch_s": 0}),
        ({"phase_s": 1}, {"phase_s": 0}),
        ({"emission_nano": 0}, {"emission_nano": -1}),
        ({"emission_nano": MAX_NUMBER}, {"emission_nano": MAX_NUMBER + 1}),
        ({"cutoff_epochs": 0}, {"cutoff_epochs": -1}),
        ({"cutoff_epochs": MAX_CUTOFF}, {"cutoff_epochs": MAX_CUTOFF + 1}),
        ({"immunity_s": 0}, {"immunity_s": -1}),
        ({"version": 0}, {"version": -1}),
        ({"permits": 1}, {"permits": 0}),
        ({"permits": MAX_PERMITS}, {"permits": MAX_PERMITS + 1}),
        ({"shares": {str(n): 1 for n in range(16)}}, {"shares": {str(n): 1 for n in range(17)}}),
        ({"shares": {"a": 1, "b": PPM}}, {"shares": {"a": 0}}),
        ({"shares": {"a": 1, "b": PPM}}, {"shares": {"a": 1, "b": PPM + 1}}),
    ],
    ids=lambda value: "-".join(f"{name} {number}" for name, number in value.items())[:50],
)  # fmt: skip
def test_a_bound_of_the_epochs_rules(good: dict[str, Any], bad: dict[str, Any]) -> None:
    made = EpochRules(**good)
    assert {name: getattr(made, name) for name in good} == good
    with pytest.raises(InputError):
        EpochRules(**bad)


@pytest.mark.parametrize(
    ("uids", "values", "what"),
    [
        ((1, 2), (1,), "2 uids have 1 weights"),
        ((2, 1), (1, 1), "must ascend"),
        ((1, 2, 2), (1, 1, 1), "must ascend"),
        ((-1, 1), (1, 1), "-1 is no uid"),
        ((0, 1), (0, 1), "outside 1..65535"),
        ((0, 1), (1, 65_536), "outside 1..65535"),
    ],
)
def test_a_row_is_refused_by_what_is_wrong_with_it(uids: tuple[int, ...], values: tuple[int, ...], what: str) -> None:
    with pytest.raises(InputError, match=what):
        Row(uids=uids, values=values)
    assert Row(uids=(0, 1, 9), values=(1, 65_535, 1)).uids == (0, 1, 9)


def test_a_matrix_is_refused_by_what_is_wrong_with_it() -> None:
    one = np.array([[1]])
    for arguments, what in (
        ((np.array([[65_536]]), [1]), r"Weights must be within 0\.\.65535"),
        ((np.array([[-1]]), [1]), r"Weights must be within 0\.\.65535"),
        ((one, [1], np.array([[ONE + 1]])), r"Bonds must be within 0\.\.2147483648"),
        ((np.array([[0.5]]), [1]), r"Weights must be whole numbers \[V, N\], got float64 \(1, 1\)"),
        ((np.array([1]), [1]), r"Weights must be whole numbers \[V, N\], got int64 \(1,\)"),
        ((one, [1, 1]), r"got \(1, 1\), \(1, 1\) and 2"),
        ((one, [1], np.array([[1, 1]])), r"got \(1, 1\), \(1, 2\) and 1"),
        ((one, [-1]), "Stake is not negative"),
        ((np.ones((MAX_VALIDATORS + 1, 1), dtype=int), [1]), "Weights of 4097 validators are more than 4096"),
    ):
        with pytest.raises(InputError, match=what):
            reach(*arguments)
    assert reach(np.array([[65_535]], dtype=np.uint16), [1], np.array([[ONE]])).bonds.tolist() == [[ONE]]
    assert reach(np.ones((MAX_VALIDATORS, 1), dtype=int), [1] * MAX_VALIDATORS).consensus.tolist() == [ONE]


def test_bonds_in_bytes_are_refused_by_their_size_and_read_in_rows() -> None:
    held = np.array([[1, 2, 3], [4, 5, ONE]], dtype="<u4").tobytes()
    bonds = Bonds(judges=(0, 1), uids=(7, 8, 9), held=held)
    assert bonds.matrix().tolist() == [[1, 2, 3], [4, 5, ONE]]
    assert bonds.matrix().dtype == np.uint32
    with pytest.raises(InputError, match=r"Bonds of 24 bytes are no matrix of \(2, 2\)"):
        Bonds(judges=(0, 1), uids=(7, 8), held=held).matrix()


def test_an_epochs_emission_by_worked_numbers() -> None:
    rules = EpochRules(evidence_epochs=0, epoch_s=3, emission_nano=1_000)
    assert [emission(rules, ms, 10**9) for ms in (-1, 0, 2, 3, 4, 1_000, 2_999, 3_000, 3_001)] == [
        0, 0, 0, 1, 1, 333, 999, 1_000, 1_000,
    ]  # fmt: skip
    assert [emission(rules, 3_000, room) for room in (-5, 0, 999, 1_000, 1_001)] == [0, 0, 999, 1_000, 1_000]


def test_a_permit_needs_some_stake_and_equal_stakes_go_by_uid() -> None:
    judges = [Judge(uid=uid, stake_nano=stake) for uid, stake in ((9, 1), (3, 5), (2, 0), (7, 5), (1, 4))]
    for permits, uids in ((1, [3]), (2, [3, 7]), (3, [1, 3, 7]), (9, [1, 3, 7, 9])):
        assert [one.uid for one in permitted(judges, EpochRules(permits=permits))] == uids


def test_what_is_paid_of_an_epoch_and_why_by_worked_numbers() -> None:
    """Of 1,001: 410 and 410 and 100 to nodes, validators and nobody, 81 and what rounding leaves to the owner."""
    rows = {"a": Row(uids=(4, 5), values=(2, 1)), "b": Row(uids=(5,), values=(1,))}
    rules = EpochRules(evidence_epochs=0, burn_ppm=100_000, shares={"a": 2, "b": 1})
    found = compute(rules, 1_001, [Judge(uid=1, stake_nano=NANO, rows=rows)], [5, 1, 4], {})
    assert [(one.uid, one.amount_nano, one.why, one.service) for one in found.payments] == [
        (4, 182, "incentive", "a"),  # of 273, and of 2^31 it has 1,431,655,765: less is lost to rounding than by node 5
        (5, 90, "incentive", "a"),
        (1, 273, "dividends", "a"),
        (5, 136, "incentive", "b"),
        (1, 136, "dividends", "b"),
        (-2, 100, "burn", ""),
        (-1, 84, "owner's share", ""),
    ]
    assert (found.judges, found.uids, found.emission_nano) == ((1,), (1, 4, 5), 1_001)
    assert found.bonds["b"] == Bonds(judges=(1,), uids=(5,), held=np.array([ONE], dtype="<u4").tobytes())
    with pytest.raises(InputError, match="A uid occurs twice"):
        compute(rules, 1, [], [1, 1], {})


def judge(uid: int, stake_nano: int, age: int = 0, **rows: Row) -> Judge:
    return Judge(uid=uid, stake_nano=stake_nano, age=age, rows=rows)


def to(*uids: int) -> Row:
    return Row(uids=uids, values=(1,) * len(uids))


def test_an_epochs_consensus_is_that_of_its_rules() -> None:
    both = [judge(1, 6, s=to(4)), judge(2, 4, s=to(4, 5))]
    for kappa_ppm, reached in ((400_000, [0, 0, ONE, ONE // 2]), (PPM, [0, 0, ONE // 2, 0])):
        [market] = compute(EpochRules(evidence_epochs=0, kappa_ppm=kappa_ppm), 1_000, both, [1, 2, 4, 5], {}).markets
        assert [value // 4 for value in market.outcome.consensus.tolist()] == [value // 4 for value in reached]


def test_who_has_no_row_for_a_service_hides_nobody_elses() -> None:
    [market] = compute(EpochRules(evidence_epochs=0), 1_000, [judge(1, 1), judge(2, 9, s=to(4))], [1, 2, 4], {}).markets
    assert market.outcome.rows.tolist() == [[0, 0, 0], [0, 0, ONE]]


def test_a_row_that_is_too_old_counts_nowhere() -> None:
    late = [judge(1, 1, age=15, s=to(4)), judge(2, 9, age=14, s=to(4))]
    [market] = compute(EpochRules(evidence_epochs=0, yuma3=True), 1_000, late, [1, 2, 4], {}).markets
    assert market.outcome.rows.tolist() == [[0, 0, 0], [0, 0, ONE]]
    assert market.outcome.share.tolist() == [0, ONE]


def test_without_consensus_whoever_is_active_is_paid_by_stake() -> None:
    gone = to(77)  # a node that left
    found = compute(EpochRules(evidence_epochs=0), 1_000, [judge(1, 6, s=gone), judge(2, 4)], [1, 2], {})
    assert [(one.uid, one.amount_nano, one.why, one.service) for one in found.payments] == [
        (1, 820, "dividends", ""),
        (-1, 180, "owner's share", ""),
    ]
    nobody = compute(EpochRules(evidence_epochs=0), 1_000, [judge(1, 6, age=15, s=gone), judge(2, 4)], [1, 2], {})
    assert [(one.uid, one.amount_nano) for one in nobody.payments] == [(1, 492), (2, 328), (-1, 180)]


@pytest.mark.parametrize(("part", "paid"), [("nodes_ppm", [(1, 410)]), ("validators_ppm", [(4, 410)])])
def test_a_part_of_nothing_leaves_the_other(part: str, paid: list[tuple[int, int]]) -> None:
    found = compute(EpochRules(evidence_epochs=0, **{part: 0}), 1_000, [judge(1, 6, s=to(4))], [1, 4], {})
    assert [(one.uid, one.amount_nano) for one in found.payments] == [*paid, (-1, 590)]
