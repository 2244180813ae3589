"""Masks of training by worked examples, and noise of the diffusion by matrices."""

from __future__ import annotations

import math

import numpy as np
import pytest
from storm_worlds import LAYOUT, Oracle, job, tokens_for

from antiphon.errors import InputError
from antiphon.soundstorm.diffusion import Noising, denoise, posterior
from antiphon.soundstorm.masking import apply_mask, draw, masking

GRID = np.array([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [0, 1, 2, 3, 4]])


def test_the_papers_mask_on_five_frames() -> None:
    # u = pi/3: tokens of level 1 are hidden with probability 1/2; the first two frames are the prompt.
    chances = np.array([0.1, 0.1, 0.3, 0.7, 0.49])
    drawn = masking(5, 3, prompt=2, level=1, share=math.cos(math.pi / 3), chances=chances)
    assert drawn.hidden.tolist() == [False, False, True, False, True]
    seen = apply_mask(GRID, LAYOUT, drawn)
    assert seen.tolist() == [[1, 2, 3, 4, 5], [6, 7, 30, 9, 30], [0, 1, 7, 7, 7]]


def test_at_least_one_token_is_hidden() -> None:
    drawn = masking(5, 3, prompt=4, level=0, share=0.0, chances=np.zeros(5))
    assert drawn.hidden.tolist() == [False, False, False, False, True]


def test_a_token_is_hidden_where_its_number_is_below_the_share_not_at_it() -> None:
    drawn = masking(3, 1, prompt=0, level=0, share=0.5, chances=np.array([0.4, 0.5, 0.6]))
    assert drawn.hidden.tolist() == [True, False, False]


@pytest.mark.parametrize(("prompt", "level"), [(5, 0), (-1, 0), (0, 3), (0, -1)])
def test_a_prompt_leaves_something_to_learn_and_a_level_exists(prompt: int, level: int) -> None:
    with pytest.raises(ValueError, match=f"^prompt {prompt} of 5 frames, level {level} of 3$"):
        masking(5, 3, prompt=prompt, level=level, share=0.5, chances=np.zeros(5))
    masking(5, 3, prompt=4, level=2, share=0.5, chances=np.zeros(5))


def test_draws_are_uniform_over_prompts_and_levels_and_hide_two_thirds() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw(rng, 50, 3) for _ in range(4_000)]
    assert np.mean([d.prompt for d in drawn]) == pytest.approx(24.5, abs=1.0)
    np.testing.assert_allclose(np.bincount([d.level for d in drawn]) / 4_000, 1 / 3, atol=0.03)
    shares = [d.hidden[d.prompt :].mean() for d in drawn if d.prompt < 30]
    assert np.mean(shares) == pytest.approx(2 / math.pi, abs=0.02)  # the mean of cos over [0, pi/2]


def test_prompts_may_be_kept_short() -> None:
    rng = np.random.default_rng(0)
    prompts = [draw(rng, 50, 3, longest=0.5).prompt for _ in range(1_000)]
    assert (min(prompts), max(prompts)) == (0, 24)
    assert {draw(rng, 1, 3, longest=0.5).prompt for _ in range(20)} == {0}


def _matrix(noising: Noising, before: int, after: int, size: int) -> np.ndarray:
    """Q[new, old] with the mask last."""
    alpha, beta, gamma = noising.between(before, after, size)
    q = np.zeros((size + 1, size + 1))
    q[:size, :size] = beta + alpha * np.eye(size)
    q[size, :size] = gamma
    q[size, size] = 1.0
    return q


def test_three_tokens_are_noised_as_the_matrices_say() -> None:
    noising = Noising(4)
    # From step 0 to 2 of 4: A = 1/2, G = 0.45, so beta = 0.05 / 3.
    assert noising.between(0, 2, 3) == pytest.approx((0.5, 0.05 / 3, 0.45))
    product = np.eye(4)
    for step in range(1, 5):
        one = _matrix(noising, step - 1, step, 3)
        np.testing.assert_allclose(one.sum(axis=0), 1.0)
        product = one @ product
        np.testing.assert_allclose(product, _matrix(noising, 0, step, 3), atol=1e-12)


def test_the_posterior_of_three_tokens_is_bayes_rule() -> None:
    noising = Noising(4)
    for before, after in ((0, 1), (1, 2), (1, 3), (3, 4)):
        step, old, all_ = (_matrix(noising, *pair, 3) for pair in ((before, after), (0, before), (0, after)))
        for seen in range(4):
            for origin in np.eye(3):
                known = np.append(origin, 0.0)
                if (all_ @ known)[seen] == 0:
                    continue
                bayes = step[seen] * (old @ known) / (all_ @ known)[seen]
                weights = noising.weights(before, after, 3)[None]
                tokens, mask = posterior(np.eye(4)[[seen]], origin[None], weights)
                np.testing.assert_allclose(np.append(tokens[0], mask[0]), bayes, atol=1e-12)


def test_the_posterior_of_an_uncertain_origin_is_the_mixture() -> None:
    weights = Noising(4).weights(2, 3, 3)[None]
    seen, guess = np.eye(4)[[1]], np.array([[0.2, 0.5, 0.3]])
    parts = [posterior(seen, np.eye(3)[[v]], weights) for v in range(3)]
    mixed = sum(p * t for p, (t, _) in zip(guess[0], parts, strict=True))
    tokens, mask = posterior(seen, guess, weights)
    np.testing.assert_allclose(tokens, mixed, atol=1e-12)
    assert tokens.sum() + mask.sum() == pytest.approx(1.0)


def test_noise_has_the_shares_of_the_closed_form() -> None:
    rng = np.random.default_rng(0)
    grid = np.zeros((1, 60_000), np.int64)
    seen = Noising(100).noised(rng, grid, 50, (3,))
    shares = np.bincount(seen[0], minlength=4) / 60_000
    np.testing.assert_allclose(shares, [0.5 + 0.05 / 3, 0.05 / 3, 0.05 / 3, 0.45], atol=0.01)


def test_a_diffusion_that_knows_ends_at_the_truth_in_any_number_of_strides() -> None:
    one, oracle = job(), Oracle(sharpness=30.0)
    for steps in (1, 7, 20):
        result = denoise(lambda i: [oracle(i, k) for k in range(3)], [one], LAYOUT, Noising(20), steps=steps)[0]
        np.testing.assert_array_equal(result.grid.tokens, tokens_for(one.semantic, 1)[:, 10:])
        assert result.passes == steps
    with pytest.raises(InputError):
        denoise(lambda i: [], [one], LAYOUT, Noising(20), steps=21)
