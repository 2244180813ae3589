"""What judgements bear out: whose they are, how gaps are filled, and what weights count for without any."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.economy import evidence
from antiphon.economy.consensus import ONE
from antiphon.economy.epochs import (
    BURNT,
    INCENTIVE,
    OWNER,
    Computed,
    EpochRules,
    Judge,
    compute,
    upscaled,
)
from antiphon.economy.types import DEFAULT_RULES, PPM, Outcome, Reading, Verdict, Vote
from antiphon.errors import InputError

RULES = EpochRules()


def vote(*values: int, score: int | None = 900_000, verdict: Verdict = Verdict.VALID) -> Vote:
    readings = tuple(Reading(key=f"r{n}", value=value) for n, value in enumerate(values))
    return Vote(verdict=verdict, score_ppm=score, readings=readings)


def judge(uid: int, stake: int, **weights: int) -> Judge:
    return Judge(uid=uid, stake_nano=stake, rows={"s": upscaled({int(n[1:]): w for n, w in weights.items()})})


def told(judged: dict[tuple[int, int], int]) -> evidence.Evidence:
    return evidence.of([(*pair, quality) for pair, quality in judged.items()])


def of(judges: list[Judge], judged: dict[tuple[int, int], int]) -> Computed:
    return compute(RULES, 1_000_000, judges, list(range(12)), {}, judged={"s": told(judged)})


def paid(found: Computed, why: str | None = None) -> dict[int, int]:
    total: dict[int, int] = {}
    for one in found.payments:
        if why is None or one.why == why:
            total[one.uid] = total.get(one.uid, 0) + one.amount_nano
    return total


ALL = {(0, 10): 800_000, (0, 11): 400_000, (1, 10): 800_000, (1, 11): 400_000}


def test_a_round_is_evidence_of_the_majority_that_listened() -> None:
    votes = {
        "a": vote(1_000, 20_000),
        "b": vote(1_000, 20_000),
        "c": vote(1_000, 50_000),  # one reading off
        "d": vote(40_000, 50_000),  # guessed both
        "e": vote(1_000, 20_000, score=0, verdict=Verdict.INVALID),
    }
    outcome = Outcome(verdict=Verdict.VALID, score_ppm=900_000, majority=("a", "b", "c", "d"), minority=("e",))
    assert evidence.seats(votes, outcome, DEFAULT_RULES) == ("a", "b", "c")
    assert evidence.score(outcome, DEFAULT_RULES) == 900_000


def test_seats_must_come_from_most_of_the_stake() -> None:
    stakes = {"a": 40, "b": 30, "c": 30}
    assert evidence.broad(("a", "b"), ("a", "b"), stakes, DEFAULT_RULES)
    assert not evidence.broad(("a", "b"), ("a",), stakes, DEFAULT_RULES)  # b could not sit
    assert not evidence.broad(("b", "own"), ("b", "own"), stakes, DEFAULT_RULES)
    assert not evidence.broad((), (), {}, DEFAULT_RULES)
    many = {f"v{number}": 10 for number in range(4 * DEFAULT_RULES.pool)}
    full = tuple(many)[: DEFAULT_RULES.pool]
    assert evidence.broad(full, full, many, DEFAULT_RULES)  # drawn from four times as many
    assert not evidence.broad(full[1:], full[1:], many, DEFAULT_RULES)  # nobody drew these: others were not asked
    assert not evidence.broad(full, full, {**many, **dict.fromkeys(full, 1)}, DEFAULT_RULES)


def test_without_a_majority_a_round_is_nobodys_evidence_and_bad_work_counts_against() -> None:
    assert evidence.seats({}, Outcome(verdict=None, score_ppm=None), DEFAULT_RULES) == ()
    bad = Outcome(verdict=Verdict.INVALID, score_ppm=20_000, majority=("a",))
    assert evidence.score(bad, DEFAULT_RULES) == DEFAULT_RULES.punish_score_ppm


def test_rows_name_whom_and_evidence_says_how_good() -> None:
    """Whatever a validator writes of a node, what counts is what its rounds found."""
    plain = of([judge(0, 1, n10=2, n11=1), judge(1, 1, n10=2, n11=1)], ALL)
    inflated = of([judge(0, 1, n10=1, n11=65_535), judge(1, 1, n10=2, n11=1)], ALL)
    assert paid(plain) == paid(inflated)
    assert paid(plain, INCENTIVE) == {10: 273_333, 11: 136_666}


def test_weights_without_judgements_count_nothing_and_nobody_is_owed_anything() -> None:
    found = of([judge(0, 3, n10=1), judge(1, 1, n10=1)], {})
    assert paid(found) == {BURNT: 820_000, OWNER: 180_000}
    assert paid(of([judge(0, 3)], ALL)) == {BURNT: 820_000, OWNER: 180_000}


def test_who_has_not_judged_a_node_neither_drags_it_down_nor_earns_by_it() -> None:
    """Uid 2 holds 60% of the stake and has judged nobody, uid 1 one node of two."""
    judged = {(0, 10): 800_000, (0, 11): 400_000, (1, 10): 800_000}
    rows = {"n10": 2, "n11": 1}
    found = of([judge(0, 20, **rows), judge(1, 20, **rows), judge(2, 60, **rows)], judged)
    assert paid(found, INCENTIVE) == {10: 273_333, 11: 136_666}
    earned = paid(found, "dividends")
    assert 2 not in earned
    assert earned[0] / earned[1] == pytest.approx(3 / 2, rel=1e-4)
    (market,) = found.markets
    assert market.known is not None
    assert market.known[:, 10:].tolist() == [[True, True], [True, False], [False, False]]
    assert evidence.covered(market.known, market.outcome.rank)[0] == pytest.approx(ONE, abs=4)


def test_a_row_that_leaves_nodes_out_says_nothing_of_them() -> None:
    """Who names only its own nodes gains them nothing, and loses the others' part of its dividends."""
    honest = [judge(0, 1, n10=2, n11=1), judge(1, 1, n10=2, n11=1), judge(2, 1, n10=2, n11=1)]
    everybody = {(uid, node): quality for (_, node), quality in ALL.items() for uid in range(3)}
    before = of(honest, everybody)
    after = of([*honest[:2], judge(2, 1, n11=65_535)], everybody)
    assert paid(after, INCENTIVE) == paid(before, INCENTIVE)
    assert paid(after, "dividends")[2] < paid(before, "dividends")[2] / 2


def test_a_minority_invents_no_service_by_judging_its_own_nodes() -> None:
    """Uid 2 has a fiftieth of the stake, and is the only one that speaks of a service of its own, with evidence."""
    rows = {"n10": 2, "n11": 1}
    own = Judge(uid=2, stake_nano=2, rows={"own": upscaled({9: 1})})
    judged = {"s": told(ALL), "own": told({(2, 9): PPM})}
    honest = [judge(0, 49, **rows), judge(1, 49, **rows)]
    found = compute(RULES, 1_000_000, [*honest, own], list(range(12)), {}, judged=judged)
    assert paid(found, INCENTIVE) == {10: 273_333, 11: 136_666}
    assert 2 not in paid(found)
    mixed = [judge(0, 49, **rows), Judge(uid=1, stake_nano=49, rows={**honest[1].rows, "own": upscaled({9: 1})}), own]
    shared = compute(RULES, 1_000_000, mixed, list(range(12)), {}, judged=judged)
    assert paid(shared, INCENTIVE)[9] == 205_000  # most of the stake speaks of it


def test_evidence_of_who_left_or_came_later_counts_nothing() -> None:
    judged = {**ALL, (77, 10): PPM, (0, 99): PPM}
    rows = [judge(0, 1, n10=2, n11=1, n99=9), judge(1, 1, n10=2, n11=1)]
    assert paid(of(rows, judged)) == paid(of([judge(0, 1, n10=2, n11=1), judge(1, 1, n10=2, n11=1)], ALL))


def test_evidence_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match="no matrix"):
        evidence.Evidence(judges=(1,), uids=(2, 3), held=b"123").matrix()


@pytest.mark.parametrize("epochs", [-1, 257])
def test_a_window_out_of_bounds_is_refused(epochs: int) -> None:
    with pytest.raises(InputError, match="Evidence"):
        EpochRules(evidence_epochs=epochs)


pairs = st.dictionaries(st.tuples(st.integers(0, 5), st.integers(0, 9)), st.integers(1, PPM), max_size=40)


@given(judged=pairs, stake=st.lists(st.integers(0, 10**18), min_size=6, max_size=6))
def test_gaps_hold_what_most_of_those_agree_on_who_judged(judged: dict[tuple[int, int], int], stake: list[int]) -> None:
    """Beside a second computation, one column after the other in plain integers."""
    found = told(judged).placed(range(6), range(10))
    for (row, column), quality in judged.items():
        assert found[row, column] == max(1, quality * 65_535 // PPM)
    assert np.count_nonzero(found) == len(judged)
    full = evidence.filled(found, stake, RULES.kappa_ppm)
    share = [one * ONE // max(1, sum(stake)) for one in stake]
    for column in range(10):
        those = [(int(found[row, column]), share[row]) for row in range(6) if found[row, column]]
        needed = max(1, -(-RULES.kappa_ppm * sum(part for _, part in those) // PPM))
        able = [value for value, _ in those if sum(part for other, part in those if other >= value) >= needed]
        for row in range(6):
            assert full[row, column] == (found[row, column] or max(able, default=0))
