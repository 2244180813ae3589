"""Mask-based discrete diffusion (VQ-Diffusion, arXiv:2111.14822): the other way to train and run a generator.

A token of a vocabulary of V, over steps s = 1..S: it stays with probability alpha + beta, becomes any given other with
beta, and the mask with gamma, from which it never returns: alpha + V beta + gamma = 1. From step r to a later s the
same holds with alpha = A_s / A_r and 1 - gamma = (1 - G_s) / (1 - G_r), A and G being those from 0.
Here A falls linearly from 1 to 0 and G rises to 0.9: at the end nine tokens of ten are masks, the rest is noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.codecs.base import TokenGrid
from antiphon.errors import InputError
from antiphon.soundstorm.decoding import DecodingInput, Result, Trace, batch, gumbel, log_softmax, pass_key, start
from antiphon.soundstorm.inputs import Ints, JointLogits
from antiphon.soundstorm.layout import Layout
from antiphon.soundstorm.schedules import Pass

Weights = npt.NDArray[np.float64]

MASKED_AT_END = 0.9


@dataclass(frozen=True, slots=True)
class Noising:
    """The forward process over `steps` steps."""

    steps: int = 100

    def between(self, before: int, after: int, size: int) -> tuple[float, float, float]:
        """(alpha, beta, gamma) of the transition from step `before` to `after` of a vocabulary of `size`."""
        kept = [1.0 - s / self.steps for s in (before, after)]
        clear = [1.0 - MASKED_AT_END * s / self.steps for s in (before, after)]
        alpha = kept[1] / kept[0] if kept[0] > 0 else 0.0
        gamma = 1.0 - clear[1] / clear[0]
        return alpha, max(0.0, 1.0 - alpha - gamma) / size, gamma

    def weights(self, before: int, after: int, size: int) -> Weights:
        """`[9]`: (alpha, beta, gamma) of before -> after, 0 -> after and 0 -> before: what `posterior` needs."""
        pairs = ((before, after), (0, after), (0, before))
        return np.array([value for pair in pairs for value in self.between(*pair, size)])

    def table(self, size: int) -> Weights:
        """`[steps + 1, 9]`: row s is `weights(s - 1, s)`; row 0 is unused."""
        return np.stack([np.zeros(9), *(self.weights(s - 1, s, size) for s in range(1, self.steps + 1))])

    def noised(self, rng: np.random.Generator, tokens: Ints, step: int, vocabulary: tuple[int, ...]) -> Ints:
        """A grid `[K, T]` after `step` steps; masks are `vocabulary[k]`."""
        seen = tokens.copy()
        for level, size in enumerate(vocabulary):
            alpha, _, gamma = self.between(0, step, size)
            log_weights = rng.random(tokens.shape[1])
            any_token = rng.integers(0, size, tokens.shape[1])
            seen[level] = np.where(
                log_weights < alpha, tokens[level], np.where(log_weights < alpha + gamma, size, any_token)
            )
        return seen


def posterior(seen: Any, origin: Any, weights: Any) -> tuple[Any, Any]:
    """p(x_before | x_after) = sum over v of q(x_before | x_after, x_0 = v) p(x_0 = v); NumPy arrays or torch tensors.

    `seen [N, V + 1]` one-hot of x_after (mask last), `origin [N, V]` probabilities of x_0, `weights [N, 9]`. Returns
    probabilities of the tokens `[N, V]` and of the mask `[N]`.
    """
    alpha, beta, gamma, alpha_all, beta_all, gamma_all, alpha_old, beta_old, gamma_old = (
        weights[:, column : column + 1] for column in range(9)
    )
    token, mask = seen[:, :-1], seen[:, -1:]
    # q(x_after | x_0 = v), by which each origin's share is divided; where it is impossible the origin has no share.
    likelihood = mask * gamma_all + (1 - mask) * beta_all + token * alpha_all
    share = origin / (likelihood + (likelihood == 0) * 1.0)
    total = share.sum(-1)[..., None]
    leads_here = mask * gamma + (1 - mask) * beta + token * alpha  # q(x_after | x_before = token)
    tokens = leads_here * (alpha_old * share + beta_old * total)
    masked = mask * gamma_old * total  # from mask to mask with certainty, to a token never
    return tokens, masked[:, 0]


def denoise(
    generator: JointLogits,
    jobs: Sequence[DecodingInput],
    layout: Layout,
    noising: Noising,
    *,
    steps: int = 25,
    guidance: float = 1.0,
    traced: bool = False,
) -> list[Result]:
    """Run the diffusion backwards in `steps` strides over all levels at once; the last one takes the likeliest token.

    Randomness is bound to each job's key as in `decoding`. Raises `InputError` for a number of steps that does not fit.
    """
    if not 1 <= steps <= noising.steps:
        raise InputError(f"{steps} steps of a diffusion of {noising.steps}", f"Choose 1 to {noising.steps}.")
    grids = [start(job, layout) for job in jobs]
    history = [[grid] for grid in grids]
    times = [round(noising.steps * (steps - n) / steps) for n in range(steps + 1)]
    for turn, (after, before) in enumerate(pairwise(times)):
        inputs = replace(batch(jobs, grids, layout), noise=np.full(len(jobs), after, np.int64))
        logits = generator(inputs)
        if guidance != 1.0:
            free = generator(inputs.unconditional(layout.null))
            logits = [f + np.float32(guidance) * (g - f) for f, g in zip(free, logits, strict=True)]
        for row, job in enumerate(jobs):
            grid = grids[row].copy()
            for level, size in enumerate(layout.vocabulary):
                target = slice(job.prompt_frames, job.frames)
                step = Pass(turn * layout.levels + level, level, turn, steps)
                guess = np.exp(log_softmax(logits[level][row, target])).astype(np.float64)
                if before == 0:
                    grid[level, target] = guess.argmax(-1)
                    continue
                seen = np.eye(size + 1)[grid[level, target]]
                weights = np.repeat(noising.weights(before, after, size)[None], seen.shape[0], axis=0)
                tokens, masked = posterior(seen, guess, weights)
                log_weights = np.log(np.concatenate([tokens, masked[:, None]], axis=1) + 1e-30)
                noise = gumbel(pass_key(job.key, step), 0, log_weights.size).reshape(log_weights.shape)
                grid[level, target] = np.argmax(log_weights + noise, axis=1)
            grids[row] = grid
            history[row].append(grid)
    return [
        Result(
            TokenGrid(grid[:, job.prompt_frames :].copy(), layout.codec, layout.frame_rate_hz),
            Trace(tuple(passed)) if traced else None,
            steps,
        )
        for job, grid, passed in zip(jobs, grids, history, strict=True)
    ]
