"""Decoding: what a pass may do, that it can be made again alone, and that companions in a batch change nothing."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storm_worlds import LAYOUT, Oracle, SyntheticCodec, job, speech, tokens_for

from antiphon.codecs import check_grid
from antiphon.codecs.chip import ChipCodec
from antiphon.errors import InputError, ModelError
from antiphon.soundstorm import DecodingInput, DecodingOptions, Inputs, Layout, align, generate, task_key
from antiphon.soundstorm.decoding import (
    apply_pass,
    batch,
    gumbel,
    log_softmax,
    open_uniform,
    pass_key,
    pass_logits,
    pass_noise,
    start,
    unknown,
)
from antiphon.soundstorm.layout import MAX_FRAMES
from antiphon.soundstorm.schedules import Pass, left_after


def test_no_random_bits_give_an_infinite_gumbel_number() -> None:
    ends = open_uniform(np.array([0, 2**32 - 1], np.uint32))
    assert 0 < ends[0] < ends[1] < 1
    assert np.isfinite(-np.log(-np.log(ends))).all()


def test_the_gumbel_numbers_of_a_key_are_these_for_ever() -> None:
    first = gumbel(bytes(32), 0, 5)
    np.testing.assert_allclose(first, gumbel(bytes(32), 0, 9)[:5], rtol=0)
    assert not np.array_equal(first, gumbel(bytes(32), 1, 5))
    many = gumbel(bytes(32), 0, 100_000)
    # Euler's constant and pi^2 / 6.
    assert many.mean() == pytest.approx(0.5772, abs=0.015)
    assert many.var() == pytest.approx(np.pi**2 / 6, abs=0.04)
    assert np.isfinite(many).all()


def test_a_generator_that_knows_is_followed_and_the_prompt_says_who_speaks() -> None:
    one = job(speaker=2)
    result = generate(Oracle(sharpness=30.0), [one], LAYOUT)[0]
    np.testing.assert_array_equal(result.grid.tokens, tokens_for(one.semantic, 2)[:, 10:])
    assert result.passes == 18
    check_grid(SyntheticCodec(), result.grid)  # type: ignore[arg-type]


def test_each_pass_touches_its_level_only_and_keeps_what_the_schedule_says() -> None:
    one = job(frames=47, prompt=7)
    options = DecodingOptions(passes=(5, 2, 1))
    result = generate(Oracle(blur=2.0), [one], LAYOUT, options, traced=True)[0]
    assert result.trace is not None
    for step, before, after in zip(options.plan(LAYOUT), result.trace.grids, result.trace.grids[1:], strict=False):
        changed = before != after
        assert not np.delete(changed, step.level, axis=0).any()
        assert not changed[:, :7].any()
        assert (before[changed] == np.array(LAYOUT.vocabulary)[np.nonzero(changed)[0]]).all()
        assert unknown(after, step.level, LAYOUT).size == left_after(step, 40)


def test_levels_above_are_unknown_to_the_generator_and_the_prompt_is_known_in_all() -> None:
    oracle = Oracle()
    generate(oracle, [job()], LAYOUT, DecodingOptions(passes=(1, 1, 1)))
    for level, inputs in enumerate(oracle.seen):
        for above in range(level, 3):
            assert (inputs.tokens[0, above, 10:] == LAYOUT.vocabulary[above]).all()
        assert (inputs.tokens[0, :, :10] < np.array(LAYOUT.vocabulary)[:, None]).all()
        assert inputs.prompt[0].sum() == 10


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(2, 40), st.integers(0, 9)), min_size=2, max_size=4), st.integers(0, 99))
def test_a_batch_gives_what_each_job_alone_gives(sizes: list[tuple[int, int]], seed: int) -> None:
    jobs = [job(frames=p + f, prompt=p, seed=seed + n) for n, (f, p) in enumerate(sizes)]
    options = DecodingOptions(passes=(4, 1, 1))
    oracle = Oracle(sharpness=2.0)
    together = generate(oracle, jobs, LAYOUT, options)
    for one, result in zip(jobs, together, strict=True):
        alone = generate(oracle, [one], LAYOUT, options)[0]
        np.testing.assert_array_equal(result.grid.tokens, alone.grid.tokens)


def test_any_single_pass_can_be_made_again_alone() -> None:
    one, options, oracle = job(), DecodingOptions(), Oracle(sharpness=2.0)
    trace = generate(oracle, [one], LAYOUT, options, traced=True)[0].trace
    assert trace is not None
    for step in options.plan(LAYOUT):
        made = pass_logits(oracle, [one], [trace.grids[step.index]], step, LAYOUT, options)[0]
        again = apply_pass(trace.grids[step.index], made, step, one, LAYOUT, options)
        np.testing.assert_array_equal(again, trace.grids[step.index + 1])


def test_another_seed_task_or_part_is_other_luck_and_the_same_is_the_same() -> None:
    oracle, base = Oracle(sharpness=1.0), job()
    same = generate(oracle, [base], LAYOUT)[0].grid.tokens
    np.testing.assert_array_equal(same, generate(oracle, [base], LAYOUT)[0].grid.tokens)
    for key in (task_key("a task", 1), task_key("another", 0), task_key("a task", 0, 1)):
        assert not np.array_equal(same, generate(oracle, [replace(base, key=key)], LAYOUT)[0].grid.tokens)
    assert pass_key(base.key, Pass(0, 0, 1, 4)) != pass_key(base.key, Pass(0, 1, 0, 4))


def test_the_last_pass_of_a_level_leaves_nothing_to_chance() -> None:
    one = job()
    assert pass_noise(one, Pass(3, 0, 3, 4), 9, 16, DecodingOptions()).candidates is None
    early = pass_noise(one, Pass(0, 0, 0, 4), 400, 16, DecodingOptions())
    late = pass_noise(one, Pass(2, 0, 2, 4), 400, 16, DecodingOptions())
    assert early.confidence.std() > 2 * late.confidence.std()  # annealed: 3/4 against 1/4 of the noise


def test_candidates_follow_the_softmax() -> None:
    logits = np.log(np.array([0.6, 0.3, 0.1], np.float32))[None].repeat(20_000, axis=0)
    noise = pass_noise(job(), Pass(0, 0, 0, 2), 20_000, 3, DecodingOptions())
    assert noise.candidates is not None
    counts = np.bincount((logits + noise.candidates).argmax(1), minlength=3) / 20_000
    np.testing.assert_allclose(counts, [0.6, 0.3, 0.1], atol=0.015)


def test_guidance_moves_away_from_the_unconditional() -> None:
    def logits(inputs: Inputs, level: int) -> np.ndarray:
        made = np.zeros((*inputs.semantic.shape, LAYOUT.vocabulary[level]), np.float32)
        made[..., 0] = 1.0
        made[..., 1] = 0.0 if (inputs.semantic == LAYOUT.null).all() else 0.9
        return made

    one = job(prompt=0)
    step = Pass(0, 0, 0, 1)
    # Unconditional (1, 0), conditional (1, 0.9): with g = 3, (1, 2.7).
    grids = [start(one, LAYOUT)]
    made = pass_logits(logits, [one], grids, step, LAYOUT, DecodingOptions(guidance=3.0))[0]
    np.testing.assert_allclose(made[0, :2], [1.0, 2.7], rtol=1e-6)
    # Levels beyond the guided ones are left as they are.
    options = DecodingOptions(guidance=3.0, guided_levels=1)
    for level, expected in ((0, 2.7), (1, 0.9)):
        made = pass_logits(logits, [one], grids, Pass(level, level, 0, 1), LAYOUT, options)[0]
        np.testing.assert_allclose(made[0, :2], [1.0, expected], rtol=1e-6)


def test_the_chip_codecs_unequal_levels_are_generated_and_sound() -> None:
    codec = ChipCodec()
    layout = Layout.of(codec, semantic_vocabulary=10)
    one = job(frames=30, prompt=6, layout=layout)
    result = generate(Oracle(layout, sharpness=1.0), [one], layout, DecodingOptions(passes=(3, *(1,) * 9)))[0]
    check_grid(codec, result.grid)
    assert codec.decode(result.grid).samples.shape == (2, 24 * 735)


def test_what_a_generator_is_shown_of_jobs_side_by_side() -> None:
    texts = (np.array([0.5, 1.0], np.float32), None)
    jobs = [replace(job(frames=12, prompt=3), text=texts[0]), replace(job(frames=9, prompt=0), text=texts[1])]
    shown = batch(jobs, [start(one, LAYOUT) for one in jobs], LAYOUT)
    assert (shown.semantic.dtype, shown.tokens.dtype, shown.prompt.dtype, shown.valid.dtype) == (
        np.int64, np.int64, np.bool_, np.bool_,
    )  # fmt: skip
    assert shown.valid.sum(axis=1).tolist() == [12, 9]
    assert shown.prompt.sum(axis=1).tolist() == [3, 0]
    assert (shown.semantic[1, 9:] == LAYOUT.null).all()
    assert (shown.tokens[1, :, 9:] == np.array(LAYOUT.vocabulary)[:, None]).all()
    assert shown.text is not None
    assert shown.text.tolist() == [[0.5, 1.0], [0.0, 0.0]]
    assert batch(jobs[1:], [start(jobs[1], LAYOUT)], LAYOUT).text is None


def test_of_frames_of_equal_confidence_the_earlier_ones_are_kept() -> None:
    layout = Layout(codec="any", vocabulary=(4,), frame_rate_hz=50.0, semantic_vocabulary=10)
    one = DecodingInput(np.zeros(400, np.uint16), np.zeros((1, 0), np.uint16), bytes(32))
    options = DecodingOptions(passes=(4,), temperature=0, noise=0, schedule="linear")
    sizes = np.random.default_rng(0).integers(1, 4, 400)  # of the logit of token 2: the larger, the surer
    logits = sizes[:, None] * np.eye(4, dtype=np.float32)[[2] * 400]
    after = apply_pass(start(one, layout), logits, Pass(0, 0, 0, 4), one, layout, options)
    kept = sorted(range(400), key=lambda frame: -sizes[frame])[:100]
    assert np.flatnonzero(after[0] == 2).tolist() == sorted(kept)


def test_a_pass_over_fewer_unknown_tokens_than_it_may_leave_changes_nothing() -> None:
    one = job(frames=14, prompt=10)
    grid = start(one, LAYOUT)
    grid[0, 10:13] = 1
    logits = np.zeros((14, 16), np.float32)
    np.testing.assert_array_equal(apply_pass(grid, logits, Pass(0, 0, 0, 9), one, LAYOUT, DecodingOptions()), grid)


def test_log_softmax_of_any_shape_and_size() -> None:
    made = log_softmax(np.array([[1000.0, 1000.0], [-1000.0, 0.0]], np.float32))
    np.testing.assert_allclose(made, [[-np.log(2), -np.log(2)], [-1000.0, 0.0]], rtol=1e-6)
    assert made.dtype == np.float32
    assert log_softmax(np.zeros(5, np.float64)).dtype == np.float32
    np.testing.assert_allclose(np.exp(log_softmax(np.ones((2, 3, 4), np.float32))), 0.25, rtol=1e-6)


def test_the_noise_of_a_last_pass_is_none_at_all() -> None:
    noise = pass_noise(job(), Pass(1, 0, 1, 2), 3, 4, DecodingOptions())
    assert noise.confidence.tolist() == [0.0, 0.0, 0.0]
    assert noise.confidence.dtype == np.float32


def test_nothing_is_kept_of_passes_unless_it_is_asked_for() -> None:
    assert generate(Oracle(), [job()], LAYOUT)[0].trace is None


@pytest.mark.parametrize(("name", "least", "most"), [("temperature", 0, 10), ("noise", 0, 100), ("guidance", 0, 20)])
def test_options_have_bounds(name: str, least: int, most: int) -> None:
    for good in (least, 0.5, most):
        assert getattr(DecodingOptions(**{name: good}), name) == good
    for bad in (least - 0.1, most + 0.5):
        with pytest.raises(ValueError, match=r"^temperature must be within 0..10, noise 0..100, guidance 0..20$"):
            DecodingOptions(**{name: bad})


def test_guided_levels_may_be_none_at_all_but_not_fewer() -> None:
    assert DecodingOptions(guidance=3, guided_levels=0).guidance_of(0, LAYOUT) == 1.0
    with pytest.raises(ValueError, match=r"^guided_levels must not be negative$"):
        DecodingOptions(guided_levels=-1)


def test_jobs_that_do_not_fit_are_refused_by_what_is_wrong() -> None:
    good = job()
    most = DecodingInput(np.zeros(MAX_FRAMES, np.uint16), np.zeros((3, 0), np.uint16), good.key)
    bad = {
        "The prompt has 40 frames of 40: nothing is left to generate": replace(
            good, prompt=tokens_for(good.semantic, 0)
        ),
        "A job's key has 32 bytes, got 5": replace(good, key=b"short"),
        "A semantic token is 11, not below 10": replace(good, semantic=np.full(40, 11, np.uint16)),
        "A prompt token of level 2 is 7, not below 7": replace(good, prompt=np.full((3, 10), 7, np.uint16)),
        "needs semantic [T] and prompt [3, P], got (40,) and (2, 10)": replace(good, prompt=good.prompt[:2]),
        "needs semantic [T] and prompt [3, P], got (40, 1) and": replace(good, semantic=good.semantic[:, None]),
        "needs semantic [T] and prompt [3, P], got (40,) and (3,)": replace(good, prompt=np.zeros(3, np.uint16)),
        "8193 frames at once are more than 8192": replace(most, semantic=np.zeros(MAX_FRAMES + 1, np.uint16)),
    }
    for words, wrong in bad.items():
        with pytest.raises(InputError, match=re.escape(words)) as raised:
            generate(Oracle(), [wrong], LAYOUT)
        assert raised.value.hint
    assert start(most, LAYOUT).shape == (3, MAX_FRAMES)
    unconditional = replace(good, semantic=np.full(40, LAYOUT.null, np.uint16))
    assert start(unconditional, LAYOUT).shape == (3, 40)


def test_a_generator_that_fails_says_so() -> None:
    with pytest.raises(ModelError, match=r"^The generator answered with numbers that are not finite") as raised:
        generate(lambda i, k: np.full((1, 40, LAYOUT.vocabulary[k]), np.nan, np.float32), [job()], LAYOUT)
    assert raised.value.hint
    with pytest.raises(ModelError, match=re.escape("answered (1, 40, 3) instead of (1, 40, 16)")) as raised:
        generate(lambda i, k: np.zeros((1, 40, 3), np.float32), [job()], LAYOUT)
    assert raised.value.hint
    with pytest.raises(InputError, match=r"^2 numbers of passes for 3 levels") as refused:
        generate(Oracle(), [job()], LAYOUT, DecodingOptions(passes=(4, 1)))
    assert refused.value.hint


def test_no_jobs_are_no_results() -> None:
    assert generate(Oracle(), [], LAYOUT) == []


def test_25_hz_is_repeated_twice_at_50_hz_and_other_rates_take_the_centre() -> None:
    assert align(np.array([3, 1, 4], np.uint16), 6).tolist() == [3, 3, 1, 1, 4, 4]
    assert align(np.array([3, 1, 4], np.uint16), 5).tolist() == [3, 3, 1, 1, 4]
    assert align(np.array([3, 1, 4], np.uint16), 7).tolist() == [3, 3, 1, 1, 4, 4, 4]
    assert align(np.array([3, 1, 4, 1], np.uint16), 2).tolist() == [1, 1]
    assert align(speech(np.random.default_rng(0), 50), 60).shape == (60,)
    with pytest.raises(InputError):
        align(np.zeros(0, np.uint16), 3)
