"""Step audit: honest work passes, each way of cheating is found, and what cannot be blamed is not."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from storm_worlds import LAYOUT, Oracle, job

from antiphon.economy.deterrence import break_even_stake, caught, curve
from antiphon.errors import InputError, ModelError
from antiphon.soundstorm import DecodingInput, DecodingOptions, Inputs, Layout, Trace, generate, merkle
from antiphon.soundstorm.audit import (
    Commitment,
    Finding,
    Opening,
    Task,
    Tolerance,
    Verdict,
    audit,
    audit_logits,
    check_result,
    choose,
    commit,
    excess_of,
    leaf,
    odds,
    open_pass,
)
from antiphon.soundstorm.decoding import apply_pass, batch, pass_logits, start

ORACLE = Oracle(sharpness=3.0, blur=0.3)
TASK = Task("oracle", LAYOUT, DecodingOptions(passes=(6, 2, 1)), job())
MARGIN = Tolerance(margin=1e-3)


def _trace(task: Task = TASK, oracle: Oracle = ORACLE) -> Trace:
    trace = generate(oracle, [task.job], task.layout, task.options, traced=True)[0].trace
    assert trace is not None
    return trace


def _audit(trace: Trace, index: int, *, task: Task = TASK, generator: Oracle = ORACLE) -> Finding:
    return audit(task, commit(task, trace), index, open_pass(task, trace, index), generator, MARGIN)


def test_every_pass_of_honest_work_is_valid() -> None:
    trace = _trace()
    findings = [_audit(trace, index) for index in range(9)]
    assert {f.verdict for f in findings} == {Verdict.VALID}
    assert max(f.excess for f in findings) == 0.0


def test_a_machine_that_differs_in_the_last_bits_is_still_valid() -> None:
    class Other(Oracle):
        def __call__(self, inputs, level):  # type: ignore[no-untyped-def]
            made = super().__call__(inputs, level)
            return made + np.random.default_rng(level).normal(0, 1e-5, made.shape).astype(np.float32)

    for seed in range(5):
        task = replace(TASK, job=job(seed=seed))
        trace = _trace(task)
        other = Other(sharpness=3.0, blur=0.3)
        assert all(_audit(trace, i, task=task, generator=other).verdict is Verdict.VALID for i in range(9))


def test_a_smaller_model_is_caught() -> None:
    trace = _trace(oracle=Oracle(sharpness=2.0, blur=0.5))
    found = [_audit(trace, index).verdict is Verdict.INVALID for index in range(9)]
    assert np.mean(found) > 0.5


def test_another_seed_is_caught() -> None:
    trace = _trace(replace(TASK, job=replace(TASK.job, key=bytes(32))))
    assert sum(_audit(trace, index).verdict is Verdict.INVALID for index in range(9)) >= 5


def test_fewer_passes_are_caught_by_their_number_and_when_dressed_up_as_more() -> None:
    few = replace(TASK, options=DecodingOptions(passes=(1, 1, 1)))
    honest_few = commit(few, _trace(few))
    opening = open_pass(few, _trace(few), 0)
    assert audit(TASK, honest_few, 0, opening, ORACLE).verdict is Verdict.INVALID
    claimed = Commitment(root=honest_few.root, leaves=honest_few.leaves, statement=TASK.statement())
    assert "passes were committed" in audit(TASK, claimed, 0, opening, ORACLE).reason
    # The final tokens of three passes, uncovered little by little as the schedule of nine demands.
    final, full = _trace(few).grids[-1], _trace()
    dressed = Trace(tuple(np.where(g == np.array(LAYOUT.vocabulary)[:, None], g, final) for g in full.grids))
    assert sum(_audit(dressed, index).verdict is Verdict.INVALID for index in range(9)) >= 4


@pytest.mark.parametrize("index", [0, 4, 8])
def test_one_altered_pass_is_found_exactly_when_it_is_opened(index: int) -> None:
    step, trace = TASK.steps[index], _trace()
    grids = list(trace.grids)
    frame = int(np.flatnonzero(grids[index][step.level] != grids[index + 1][step.level])[0])
    right = int(grids[index + 1][step.level, frame])
    altered = grids[index + 1].copy()
    altered[step.level, frame] = (right + LAYOUT.vocabulary[step.level] // 2) % LAYOUT.vocabulary[step.level]
    grids[index + 1] = altered
    for later in TASK.steps[index + 1 :]:  # the rest is honest work on the altered grid
        logits = pass_logits(ORACLE, [TASK.job], [grids[later.index]], later, LAYOUT, TASK.options)[0]
        grids[later.index + 1] = apply_pass(grids[later.index], logits, later, TASK.job, LAYOUT, TASK.options)
    verdicts = [_audit(Trace(tuple(grids)), n).verdict for n in range(9)]
    assert [n for n, v in enumerate(verdicts) if v is not Verdict.VALID] == [index]
    assert verdicts[index] is Verdict.INVALID


def _tampered(opening: Opening) -> dict[str, Opening]:
    touched = opening.after.copy()
    touched[0, -1] = 3
    return {
        "not the committed": replace(opening, after=touched),
        "committed one": replace(opening, path_after=(*opening.path_after[:-1], bytes(32))),
        "one": replace(opening, path_before=opening.path_before[:-1]),
        "uint16": replace(opening, before=opening.before[:, :-1]),
        "opened instead": replace(opening, index=opening.index + 1),
    }


def test_a_tampered_opening_is_invalid() -> None:
    trace = _trace()
    commitment = commit(TASK, trace)
    for words, opening in _tampered(open_pass(TASK, trace, 3)).items():
        finding = audit(TASK, commitment, 3, opening, ORACLE, MARGIN)
        assert finding.verdict is Verdict.INVALID
        assert words in finding.reason


def _forged(index: int, **grids: np.ndarray) -> Finding:
    """A trace whose pass shows these grids, properly committed."""
    made = list(_trace().grids)
    for name, grid in grids.items():
        made[index + (name == "after")] = grid
    return _audit(Trace(tuple(made)), index)


def test_unlawful_grids_are_invalid_though_properly_committed() -> None:
    honest = _trace().grids
    prompt = honest[0].copy()
    prompt[0, 0] ^= 1
    assert "prompt" in _forged(0, before=prompt).reason
    begun = honest[0].copy()
    begun[0, -1] = 1
    assert "first grid" in _forged(0, before=begun).reason
    beyond = honest[4].copy()
    beyond[0, np.flatnonzero(honest[4][0] != honest[3][0])[0]] = 17
    assert "range" in _forged(3, after=beyond).reason
    touched = honest[4].copy()
    touched[2, -1] = 1
    assert "not its to change" in _forged(3, after=touched).reason
    greedy = honest[4].copy()
    greedy[0, greedy[0] == 16] = 0
    assert "schedule" in _forged(3, after=greedy).reason


def test_what_the_processor_cannot_be_blamed_for_is_inconclusive() -> None:
    trace = _trace()
    commitment, opening = commit(TASK, trace), open_pass(TASK, trace, 2)

    def broken(_inputs, _level):  # type: ignore[no-untyped-def]
        raise ModelError("no memory left")

    assert audit(TASK, commitment, 2, None, ORACLE).verdict is Verdict.INCONCLUSIVE
    assert audit(TASK, commitment, 2, opening, broken).verdict is Verdict.INCONCLUSIVE
    assert audit(TASK, commitment, 2, opening, ORACLE, model="another").verdict is Verdict.INCONCLUSIVE
    # A forged proof stays invalid, whatever the validator runs.
    forged = replace(opening, path_after=())
    assert audit(TASK, commitment, 2, forged, broken, model="another").verdict is Verdict.INVALID


def test_near_the_margin_nobody_is_blamed() -> None:
    trace = _trace()
    commitment, opening = commit(TASK, trace), open_pass(TASK, trace, 8)
    blurred = Oracle(sharpness=3.0, blur=2.5)
    excess = audit(TASK, commitment, 8, opening, blurred, Tolerance(margin=1e-6)).excess
    assert excess > 0
    verdicts = [
        audit(TASK, commitment, 8, opening, blurred, Tolerance(margin=excess * share)).verdict
        for share in (1.01, 0.5, 0.2)
    ]
    assert verdicts == [Verdict.VALID, Verdict.INCONCLUSIVE, Verdict.INVALID]


def test_what_was_delivered_is_what_was_committed() -> None:
    trace = _trace()
    leaves = [leaf(TASK, n, grid) for n, grid in enumerate(trace.grids)]
    commitment, path = commit(TASK, trace), merkle.path(leaves, 9)
    tokens = trace.grids[-1][:, 10:]
    assert check_result(TASK, commitment, tokens, path)
    other = tokens.copy()
    other[0, 0] ^= 1
    assert not check_result(TASK, commitment, other, path)
    assert not check_result(TASK, commitment, tokens[:, 1:], path)


def test_the_passes_to_open_follow_from_the_root_and_the_beacon() -> None:
    commitment = commit(TASK, _trace())
    chosen = choose(TASK, commitment, b"block 7", 3)
    assert chosen == choose(TASK, commitment, b"block 7", 3)
    assert len(set(chosen)) == 3
    assert set(chosen) <= set(range(9))
    for count in (0, 1, 2, 3, 9):
        opened = [choose(TASK, commitment, bytes([b % 256, b // 256]), count) for b in range(600)]
        assert {len(set(one)) for one in opened} == {count}
        seen = np.bincount([n for one in opened for n in one], minlength=9)
        np.testing.assert_allclose(seen / 600, odds(TASK, count), atol=0.08)
    assert choose(TASK, commitment, b"block 7", 99) == tuple(range(9))
    with pytest.raises(InputError, match="-1 passes"):
        choose(TASK, commitment, b"block 7", -1)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple), st.integers(0, 12))
def test_of_all_that_is_opened_each_kind_of_level_gets_its_part(passes: tuple[int, ...], count: int) -> None:
    layout = Layout(codec="any", vocabulary=(8,) * len(passes), frame_rate_hz=50.0, semantic_vocabulary=10)
    task = Task("any", layout, DecodingOptions(passes=passes), job())
    chances = odds(task, count)
    assert sum(chances) == pytest.approx(min(count, sum(passes)))
    assert max(chances) <= 1.0
    assert count < 2 or min(chances) > 0
    commitment = Commitment(root=bytes(32), leaves=sum(passes) + 1, statement=bytes(32))
    assert len(set(choose(task, commitment, b"any", count))) == min(count, sum(passes))


def test_a_cheat_in_the_first_level_cannot_hide_behind_the_others() -> None:
    few = replace(TASK, options=DecodingOptions(passes=(4, 1, 1)))
    commitment = commit(few, _trace(few))
    opened = [choose(few, commitment, bytes([beacon]), 3) for beacon in range(100)]
    assert {sum(index < 4 for index in one) for one in opened} == {2}
    assert all(any(not few.steps[index].last for index in one) for one in opened)  # where noise has a say


@given(st.integers(1, 40), st.data())
def test_a_path_leads_to_the_root_from_its_own_place_only(count: int, data: st.DataObject) -> None:
    leaves = [merkle.leaf_hash(bytes([n])) for n in range(count)]
    index = data.draw(st.integers(0, count - 1))
    path = merkle.path(leaves, index)
    assert merkle.root_by(leaves[index], index, count, path) == merkle.root(leaves)
    for other in range(count):
        if other != index:
            assert merkle.root_by(leaves[index], other, count, path) != merkle.root(leaves)


def test_the_tree_of_the_transparency_rfc() -> None:
    # Merkle tree hash of one empty leaf, and of no other content: SHA-256 of 0x00.
    assert merkle.root([merkle.leaf_hash(b"")]).hex() == (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )


def test_the_chance_to_be_caught_in_27_passes() -> None:
    assert caught(27, 1, 3) == pytest.approx(3 / 27)
    assert caught(27, 27, 1) == 1.0
    # Two altered, three opened: 1 - (25 * 24 * 23) / (27 * 26 * 25).
    assert caught(27, 2, 3) == pytest.approx(1 - 24 * 23 / (27 * 26))
    assert caught(27, 1, 3, seen=0.5) == pytest.approx(1.5 / 27)
    assert curve(4) == pytest.approx((0, 0.25, 0.5, 0.75, 1))
    with pytest.raises(InputError):
        caught(5, 6, 1)


def test_the_stake_at_which_cheating_does_not_pay() -> None:
    # Crynux: s = ((1 - r) k + r p k) / (r (1 - p)) with r = 0.1, k = 10, p = 0.2.
    assert break_even_stake(10, 0.8, rate=0.1) == pytest.approx((0.9 * 10 + 0.1 * 0.2 * 10) / (0.1 * 0.8))
    # One altered pass of 27, three opened in every task: 8 times what it earns.
    assert break_even_stake(1, 3 / 27) == pytest.approx(8)
    assert break_even_stake(1, 1.0) == 0
    assert break_even_stake(1, 0.0) == float("inf")


def test_a_trace_of_other_length_or_pass_is_refused() -> None:
    trace = _trace()
    with pytest.raises(InputError):
        open_pass(TASK, trace, 9)
    with pytest.raises(InputError):
        commit(TASK, Trace(trace.grids[:-1]))
    assert (start(TASK.job, LAYOUT) == trace.grids[0]).all()


def test_what_a_worked_choice_lies_behind_the_best() -> None:
    """Three frames of two tokens, no noise, one is kept: by its probability .9, .8 or .6 of the likelier token."""
    layout = Layout(codec="any", vocabulary=(2,), frame_rate_hz=50.0, semantic_vocabulary=10)
    options = DecodingOptions(passes=(3,), temperature=0, noise=0, schedule="linear")
    task = Task("any", layout, options, DecodingInput(np.zeros(3, np.uint16), np.zeros((1, 0), np.uint16), bytes(32)))
    logits = np.log(np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4]], np.float32))
    step, before = task.steps[0], start(task.job, layout)

    def excess(*after: int, margin: float = 1e-3) -> float:
        opening = Opening(0, before, np.array([after], np.uint16), (), ())
        return excess_of(task, step, opening, logits, margin)

    assert excess(0, 2, 2) == 0.0
    assert excess(2, 0, 2) == pytest.approx(np.log(0.9 / 0.8), rel=1e-5)
    assert excess(2, 2, 0) == pytest.approx(np.log(0.9 / 0.6), rel=1e-5)
    assert excess(1, 2, 2) == pytest.approx(np.log(0.9 / 0.1), rel=1e-5)  # the unlikelier token
    # A frame left unknown may have had any candidate within the margin: .1 at a margin above log 9.
    assert excess(2, 0, 2, margin=3.0) == pytest.approx(0.0, abs=1e-6)
    assert excess(2, 2, 2) == 0.0
    logits = np.array([[2, 0], [1, 0], [0, 0]], np.float32)
    assert excess(2, 0, 2, margin=1.5) == pytest.approx(np.log((1 + np.exp(-1)) / (1 + np.exp(-2))), rel=1e-5)
    assert excess(2, 0, 2, margin=2.0) == 0.0  # a margin belongs to what it allows


def test_passes_with_nothing_to_do_are_valid() -> None:
    for frames, passes in ((11, (3, 2, 1)), (12, (16, 1, 1))):  # one target frame, two of them
        task = Task("few", LAYOUT, DecodingOptions(passes=passes, schedule="linear"), job(frames=frames))
        trace = _trace(task)
        findings = [_audit(trace, index, task=task) for index in range(sum(passes))]
        assert {(found.verdict, found.excess) for found in findings} == {(Verdict.VALID, 0.0)}
        assert any((one == two).all() for one, two in zip(trace.grids, trace.grids[1:], strict=False))


def test_the_margin_and_its_doubt_are_bounds_that_belong_to_the_better_side() -> None:
    trace = _trace()
    commitment, opening = commit(TASK, trace), open_pass(TASK, trace, 8)
    blurred = Oracle(sharpness=3.0, blur=2.5)
    excess = audit(TASK, commitment, 8, opening, blurred, Tolerance(margin=1e-6)).excess
    at, beyond = Tolerance(margin=excess), Tolerance(margin=excess / 2, doubt=2.0)
    valid = audit(TASK, commitment, 8, opening, blurred, at)
    assert (valid.verdict, valid.excess) == (Verdict.VALID, excess)
    doubted = audit(TASK, commitment, 8, opening, blurred, beyond)
    assert (doubted.verdict, doubted.excess) == (Verdict.INCONCLUSIVE, excess)
    assert doubted.reason == f"a choice lies {excess:.3g} behind the best, margin {excess / 2:.3g}"


@pytest.mark.parametrize(("guidance", "factor"), [(0.5, 1), (1.0, 1), (1.5, 2), (2.0, 3), (4.0, 7)])
def test_guidance_widens_the_margin_as_it_does_the_error(guidance: float, factor: int) -> None:
    task = replace(TASK, options=DecodingOptions(passes=(6, 2, 1), guidance=guidance))
    trace = _trace(task)
    commitment, opening = commit(task, trace), open_pass(task, trace, 0)
    found = audit_logits(task, commitment, opening, -ORACLE(_inputs(task), 0)[0] * 50, Tolerance(margin=0.1))
    assert found.verdict is Verdict.INVALID
    assert found.reason.endswith(f"margin {0.1 * factor:.3g}")


def _inputs(task: Task) -> Inputs:
    return batch([task.job], [start(task.job, LAYOUT)], LAYOUT)


@pytest.mark.parametrize(("margin", "doubt"), [(0.0, 4.0), (-1.0, 4.0), (0.1, 0.5), (-1.0, 0.5)])
def test_a_tolerance_is_positive_and_its_doubt_at_least_one(margin: float, doubt: float) -> None:
    with pytest.raises(ValueError, match=r"^margin must be positive, doubt at least 1$"):
        Tolerance(margin=margin, doubt=doubt)
    assert Tolerance(margin=0.1, doubt=1.0).doubt == 1


def test_every_verdict_says_what_was_found() -> None:
    trace = _trace()
    commitment, opening = commit(TASK, trace), open_pass(TASK, trace, 2)
    assert audit(TASK, commitment, 2, None, ORACLE).reason == "no opening arrived"
    other = audit(TASK, commitment, 2, opening, ORACLE, model="another")
    assert other.reason == "the validator runs another, not oracle"

    def broken(_inputs, _level):  # type: ignore[no-untyped-def]
        raise ModelError("no memory left")

    found = audit(TASK, commitment, 2, opening, broken)
    assert found.reason == "the validator could not run the pass: no memory left"
    foreign = replace(TASK, model="other")
    wrong = audit(foreign, commitment, 2, opening, ORACLE)
    assert (wrong.verdict, wrong.reason) == (Verdict.INVALID, "the commitment is about another task")
    short = Commitment(root=commitment.root, leaves=4, statement=commitment.statement)
    wrong = audit(TASK, short, 2, opening, ORACLE)
    assert (wrong.verdict, wrong.reason) == (Verdict.INVALID, "3 passes were committed, 9 agreed")
    logits = np.zeros((40, 16), np.float32)
    wrong = audit_logits(TASK, short, opening, logits)
    assert (wrong.verdict, wrong.reason) == (Verdict.INVALID, "3 passes were committed, 9 agreed")


def test_what_was_delivered_is_not_asked_for_more_passes_than_there_are() -> None:
    trace = _trace()
    commitment = commit(TASK, trace)
    path = merkle.path([leaf(TASK, n, grid) for n, grid in enumerate(trace.grids)], 9)
    longer = Commitment(root=commitment.root, leaves=12, statement=commitment.statement)
    assert not check_result(TASK, longer, trace.grids[-1][:, 10:], path)


def test_what_cannot_be_opened_says_what_can() -> None:
    trace = _trace()
    with pytest.raises(InputError, match=r"^There is no pass 9") as raised:
        open_pass(TASK, trace, 9)
    assert raised.value.hint == "The trace has passes 0 to 8."
    with pytest.raises(InputError, match=r"^There is no pass -1"):
        open_pass(TASK, trace, -1)
    with pytest.raises(InputError, match=r"^The trace has 9 grids for 9 passes") as raised:
        commit(TASK, Trace(trace.grids[:-1]))
    assert raised.value.hint
    with pytest.raises(InputError, match=r"^-1 passes cannot be opened") as raised:
        odds(TASK, -1)
    assert raised.value.hint


def test_a_statement_tells_what_is_given_and_how_the_last_pass_draws() -> None:
    plain = job()
    given = np.repeat(np.array(LAYOUT.vocabulary, np.uint16)[:, None], plain.frames - plain.prompt_frames, axis=1)
    tasks = [
        TASK,
        replace(TASK, job=replace(plain, given=given)),
        replace(TASK, options=msgspec.structs.replace(TASK.options, greedy_last=False)),
    ]
    assert len({task.statement() for task in tasks}) == 3
