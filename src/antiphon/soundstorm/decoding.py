"""Parallel decoding: a few passes over the whole grid instead of one step per token (arXiv:2305.09636, section 3.3).

Level by level, the coarse ones first (`Layout.order`). In each pass every unknown token of the level gets a candidate,
those of the highest confidence are kept, and the rest is predicted again with those in view. All randomness of a
pass comes from a counter-based generator keyed by the task, level and pass, so that any single pass can be made again,
alone, by somebody else (`antiphon.soundstorm.audit`).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt

from antiphon.codecs.base import TokenGrid, Tokens
from antiphon.errors import InputError, ModelError
from antiphon.soundstorm.inputs import Floats, Inputs, Logits
from antiphon.soundstorm.layout import MAX_FRAMES, Layout
from antiphon.soundstorm.schedules import FIRST_PASSES, Pass, Schedule, left_after, passes_of, plan

KEY_BYTES = 32
_CANDIDATES, _CONFIDENCE = 0, 1  # the two uses of randomness in a pass


class DecodingOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`passes` by level, in the order they are made; empty is `first` for each coarsest level and 1 for others."""

    passes: tuple[int, ...] = ()
    first: Annotated[int, msgspec.Meta(ge=1)] = FIRST_PASSES
    schedule: Schedule = "cosine"
    temperature: float = 1.0  # of candidates; 0 takes the likeliest
    noise: float = 4.5  # of confidence in the first pass, annealed to 0 by the last (MaskGIT's choice temperature)
    greedy_last: bool = True  # the last pass of a level takes the likeliest; False draws in it as in the others
    guidance: float = 1.0  # 1: conditional only; g: uncond + g (cond - uncond)
    guided_levels: int | None = None  # the first ones made, which carry the words; None: all. Others cost half.

    def __post_init__(self) -> None:
        if not (0 <= self.temperature <= 10 and 0 <= self.noise <= 100 and 0 <= self.guidance <= 20):
            raise ValueError("temperature must be within 0..10, noise 0..100, guidance 0..20")
        if self.guided_levels is not None and self.guided_levels < 0:
            raise ValueError("guided_levels must not be negative")

    def guidance_of(self, level: int, layout: Layout) -> float:
        """1 where a pass at `level` of the grid has none."""
        return self.guidance if self.guided_levels is None or layout.place[level] < self.guided_levels else 1.0

    def plan(self, layout: Layout) -> tuple[Pass, ...]:
        """Raises `InputError` when `passes` is not one number a level."""
        passes = self.passes or passes_of(layout.levels, self.first, layout.coarse)
        if len(passes) != layout.levels:
            raise InputError(f"{len(passes)} numbers of passes for {layout.levels} levels", "Give one per level.")
        return plan(passes, layout.order)


@dataclass(frozen=True, slots=True)
class DecodingInput:
    """One piece of audio: semantic tokens of prompt and target, the prompt's acoustic tokens, the key of its noise.

    `given` is for filling in: what is known of the target, the token `vocabulary[k]` where nothing is.
    """

    semantic: Tokens  # [T], at the codec's frame rate; the first P belong to the prompt
    prompt: Tokens  # [K, P] of all levels; P may be 0
    key: bytes  # 32 bytes, from `task_key`
    text: Floats | None = None  # [D]
    given: Tokens | None = None  # [K, T - P]

    @property
    def frames(self) -> int:
        return int(self.semantic.shape[0])

    @property
    def prompt_frames(self) -> int:
        return int(self.prompt.shape[1])

    def to_make(self, level: int, layout: Layout) -> int:
        """How many tokens of a level are not known before its first pass."""
        if self.given is None:
            return self.frames - self.prompt_frames
        return int(np.count_nonzero(self.given[level] == layout.vocabulary[level]))


@dataclass(frozen=True, slots=True)
class Trace:
    """Grids `[K, T]` before the first pass and after each. Unknown tokens are `vocabulary[k]`."""

    grids: tuple[Tokens, ...]


@dataclass(frozen=True, slots=True)
class Result:
    grid: TokenGrid  # [K, T - P], without the prompt
    trace: Trace | None
    passes: int


def task_key(task_id: str, seed: int, part: int = 0) -> bytes:
    """The key of part `part` (window, turn) of a task: nobody can choose its noise after the task exists."""
    return hashlib.sha256(f"antiphon/soundstorm/task\0{task_id}\0{seed}\0{part}".encode()).digest()


def pass_key(key: bytes, step: Pass) -> bytes:
    """SHA-256 of key, level and turn. All that an audit of this pass needs of its randomness."""
    return hashlib.sha256(b"antiphon/soundstorm/pass\0" + key + struct.pack("<II", step.level, step.turn)).digest()


def gumbel(key: bytes, use: int, count: int) -> Floats:
    """`count` standard Gumbel numbers, the same on every machine up to the last bits of the logarithm.

    Philox (Salmon et al. 2011) by its raw output: NumPy promises the bits of those, not of its distributions.
    """
    seed = int.from_bytes(hashlib.sha256(key + bytes([use])).digest()[:16], "little")
    raw = np.random.Philox(key=seed).random_raw((count + 1) // 2).astype("<u8").view("<u4")[:count]
    return np.asarray(-np.log(-np.log(open_uniform(raw))), np.float32)


def open_uniform(raw: npt.NDArray[np.uint32]) -> Floats:
    """Random bits to numbers between 0 and 1, neither of them included: their Gumbel numbers go from -2.8 to 16.6.

    23 bits: of 24 the largest and its half would round to 1.
    """
    return ((raw >> 9).astype(np.float32) + np.float32(0.5)) * np.float32(2**-23)


def start(job: DecodingInput, layout: Layout) -> Tokens:
    """The grid before the first pass. Raises `InputError` when the job does not fit the layout."""
    _check(job, layout)
    grid = np.repeat(np.array(layout.vocabulary, np.uint16)[:, None], job.frames, axis=1)
    grid[:, : job.prompt_frames] = job.prompt
    if job.given is not None:
        grid[:, job.prompt_frames :] = job.given
    return grid


def generate(
    generator: Logits,
    jobs: Sequence[DecodingInput],
    layout: Layout,
    options: DecodingOptions | None = None,
    *,
    traced: bool = False,
) -> list[Result]:
    """All jobs in one batch, padded to the longest; each result is what the job alone would give.

    Raises `InputError` for jobs that do not fit, `ModelError` when the model gives anything but finite numbers.
    """
    options = options or DecodingOptions()
    steps = options.plan(layout)
    grids = [start(job, layout) for job in jobs]
    history = [[grid] for grid in grids]
    for step in steps:
        logits = pass_logits(generator, jobs, grids, step, layout, options) if jobs else []
        grids = [apply_pass(g, s, step, j, layout, options) for g, s, j in zip(grids, logits, jobs, strict=True)]
        if traced:
            for passed, grid in zip(history, grids, strict=True):
                passed.append(grid)
    return [
        Result(
            TokenGrid(grid[:, job.prompt_frames :].copy(), layout.codec, layout.frame_rate_hz),
            Trace(tuple(passed)) if traced else None,
            len(steps),
        )
        for job, grid, passed in zip(jobs, grids, history, strict=True)
    ]


def pass_logits(
    generator: Logits,
    jobs: Sequence[DecodingInput],
    grids: Sequence[Tokens],
    step: Pass,
    layout: Layout,
    options: DecodingOptions,
) -> list[Floats]:
    """Guided logits `[T_b, V]` of each job at the pass's level."""
    inputs = batch(jobs, grids, layout)
    logits = generator(inputs, step.level)
    if (guidance := options.guidance_of(step.level, layout)) != 1.0:
        free = generator(inputs.unconditional(layout.null), step.level)
        logits = free + np.float32(guidance) * (logits - free)
    expected = (len(jobs), inputs.semantic.shape[1], layout.vocabulary[step.level])
    if logits.shape != expected:
        raise ModelError(f"The generator answered {logits.shape} instead of {expected}", "Export it again.")
    if not np.isfinite(logits[inputs.valid]).all():
        raise ModelError("The generator answered with numbers that are not finite", "Export or train it again.")
    return [logits[row, : job.frames] for row, job in enumerate(jobs)]


def batch(jobs: Sequence[DecodingInput], grids: Sequence[Tokens], layout: Layout) -> Inputs:
    """Jobs side by side, padded with unknown tokens."""
    longest = max(job.frames for job in jobs)
    semantic = np.full((len(jobs), longest), layout.null, np.int64)
    tokens = np.empty((len(jobs), layout.levels, longest), np.int64)
    tokens[:] = np.array(layout.vocabulary)[None, :, None]
    prompt = np.zeros((len(jobs), longest), np.bool_)
    valid = np.zeros((len(jobs), longest), np.bool_)
    for row, (job, grid) in enumerate(zip(jobs, grids, strict=True)):
        semantic[row, : job.frames] = job.semantic
        tokens[row, :, : job.frames] = grid
        prompt[row, : job.prompt_frames] = True
        valid[row, : job.frames] = True
    texts = [job.text for job in jobs if job.text is not None]
    text = None
    if texts:
        text = np.stack([np.zeros_like(texts[0]) if job.text is None else job.text for job in jobs])
    return Inputs(semantic, tokens, prompt, valid, text)


@dataclass(frozen=True, slots=True)
class PassNoise:
    """Gumbel numbers of a pass for its unknown frames: of candidates `[N, V]` (None: greedy), of confidence `[N]`."""

    candidates: Floats | None
    confidence: Floats


def pass_noise(job: DecodingInput, step: Pass, count: int, size: int, options: DecodingOptions) -> PassNoise:
    """The noise of a pass over `count` unknown frames. The last pass of a level has none, where it is greedy."""
    key = pass_key(job.key, step)
    if step.last and options.greedy_last:
        return PassNoise(None, np.zeros(count, np.float32))
    annealed = options.noise * (1.0 - (step.turn + 1) / step.turns)
    candidates = gumbel(key, _CANDIDATES, count * size).reshape(count, size) if options.temperature > 0 else None
    return PassNoise(candidates, np.float32(annealed) * gumbel(key, _CONFIDENCE, count))


def perturbed_logits(logits: Floats, noise: PassNoise, options: DecodingOptions) -> Floats:
    """`[N, V]`, whose largest entry is the candidate.

    The largest of logits + temperature * Gumbel is a sample of softmax(logits / temperature). Its units are those
    of logits, so that a margin means the same at any temperature.
    """
    if noise.candidates is None:
        return logits
    return logits + np.float32(options.temperature) * noise.candidates


def log_softmax(logits: Floats) -> Floats:
    top = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(top - np.log(np.exp(top).sum(axis=-1, keepdims=True)), np.float32)


def unknown(grid: Tokens, level: int, layout: Layout) -> npt.NDArray[np.intp]:
    """Frames whose token of `level` is not known yet, in order."""
    return np.flatnonzero(grid[level] == layout.vocabulary[level])


def apply_pass(
    grid: Tokens, logits: Floats, step: Pass, job: DecodingInput, layout: Layout, options: DecodingOptions
) -> Tokens:
    """The grid after one pass, from the grid before and its logits `[T, V]`. Pure."""
    frames = unknown(grid, step.level, layout)
    seen = logits[frames]
    noise = pass_noise(job, step, frames.shape[0], seen.shape[1], options)
    tokens = np.argmax(perturbed_logits(seen, noise, options), axis=1)
    kept = max(0, frames.shape[0] - left_after(step, job.to_make(step.level, layout), options.schedule))
    after = grid.copy()
    if not step.last:
        confidence = log_softmax(seen)[np.arange(tokens.shape[0]), tokens] + noise.confidence
        order = np.argsort(-confidence, kind="stable")[:kept]
        frames, tokens = frames[order], tokens[order]
    after[step.level, frames] = tokens
    return after


_OTHER = "Use the tokenizer and the codec that the generator was trained with."


def _check(job: DecodingInput, layout: Layout) -> None:
    if job.semantic.ndim != 1 or job.prompt.ndim != 2 or job.prompt.shape[0] != layout.levels:
        raise InputError(
            f"A job needs semantic [T] and prompt [{layout.levels}, P], "
            f"got {job.semantic.shape} and {job.prompt.shape}",
            _OTHER,
        )
    if job.prompt_frames >= job.frames:
        raise InputError(
            f"The prompt has {job.prompt_frames} frames of {job.frames}: nothing is left to generate",
            "Give semantic tokens of prompt and target.",
        )
    if job.frames > MAX_FRAMES:
        raise InputError(
            f"{job.frames} frames at once are more than {MAX_FRAMES}", "Generate in windows (soundstorm.windows)."
        )
    if job.given is not None and (
        job.given.shape != (layout.levels, job.frames - job.prompt_frames)
        or (job.given > np.array(layout.vocabulary)[:, None]).any()
    ):
        raise InputError(f"What is given is {job.given.shape}, or holds tokens that there are not", _OTHER)
    if len(job.key) != KEY_BYTES:
        raise InputError(f"A job's key has {KEY_BYTES} bytes, got {len(job.key)}", "Make it by task_key().")
    if int(job.semantic.max()) > layout.null:
        raise InputError(f"A semantic token is {int(job.semantic.max())}, not below {layout.null}", _OTHER)
    for level, size in enumerate(layout.vocabulary):
        if job.prompt_frames and int(job.prompt[level].max()) >= size:
            raise InputError(
                f"A prompt token of level {level} is {int(job.prompt[level].max())}, not below {size}", _OTHER
            )
