"""Batches, as a pure function of seed and step: nothing about the data has to be stored to resume."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from antiphon.errors import InputError
from antiphon.soundstorm.diffusion import Noising
from antiphon.soundstorm.inputs import Ints
from antiphon.soundstorm.masking import draw, hide
from antiphon.soundstorm.tokenset import Example, TokenSet, check_example
from antiphon.soundstorm.training.objectives import Batch
from antiphon.soundstorm.training.profiles import TrainConfig

POOL = 16
"""Batches whose examples are sorted by length together: padding falls, and the order stays random."""

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Order:
    """Which examples make up which step. Every epoch uses every example once (but for what fills no batch)."""

    lengths: tuple[int, ...]
    batch: int
    seed: int

    @property
    def per_epoch(self) -> int:
        return max(1, len(self.lengths) // self.batch)

    def at(self, step: int) -> Indices:
        epoch, place = divmod(step, self.per_epoch)
        return _epoch(self, epoch)[place]


@functools.lru_cache(maxsize=2)
def _epoch(order: Order, epoch: int) -> list[Indices]:
    rng = np.random.default_rng([order.seed, epoch])
    count = len(order.lengths)
    lengths = np.array(order.lengths)
    shuffled = rng.permutation(count)
    if count < order.batch:
        shuffled = rng.choice(count, order.batch)  # a tiny set: with repetition
    batches: list[Indices] = []
    for start in range(0, shuffled.shape[0], POOL * order.batch):
        pool = shuffled[start : start + POOL * order.batch]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        # What fills no batch is dropped at random, not always the longest.
        surplus = pool.shape[0] % order.batch
        pool = np.delete(pool, rng.choice(pool.shape[0], surplus, replace=False))
        batches.extend(np.split(pool, pool.shape[0] // order.batch) if pool.size else [])
    return [batches[n] for n in rng.permutation(len(batches))]


def order_of(tokens: TokenSet, config: TrainConfig) -> Order:
    """Raises `InputError` for a set without examples."""
    if not len(tokens):
        raise InputError("The token set is empty", "Prepare some audio first.")
    lengths = tuple(min(config.frames, tokens.frames(index)) for index in range(len(tokens)))
    return Order(lengths, config.batch, config.seed)


def batch_of(tokens: TokenSet, chosen: Indices, step: int, config: TrainConfig) -> Batch:
    """Crops, masks (or noise) and dropped conditions of a step. Raises `InputError` for tokens that do not fit."""
    rng = np.random.default_rng([config.seed, step, 1])
    layout = config.generator.layout
    # One length a batch, or most of it would be padding.
    length = int(rng.integers(config.shortest, config.frames + 1)) if config.shortest else config.frames
    crops = []
    for index in chosen:
        example = tokens.get(int(index))
        check_example(example, layout)
        crops.append(_crop(example, length, rng))
    rows, longest = len(crops), max(crop.semantic.shape[0] for crop in crops)
    semantic = np.full((rows, longest), layout.null, np.int64)
    target = np.empty((rows, layout.levels, longest), np.int64)
    target[:] = np.array(layout.vocabulary)[None, :, None]
    seen, levels, steps = target.copy(), np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    prompt, valid, hidden = (np.zeros((rows, longest), np.bool_) for _ in range(3))
    text = np.zeros((rows, config.generator.text_dim), np.float32)
    for row, crop in enumerate(crops):
        frames = crop.semantic.shape[0]
        valid[row, :frames] = True
        target[row, :, :frames] = crop.acoustic
        drawn = draw(rng, frames, layout.levels, longest=config.longest_prompt)
        prompt[row, : drawn.prompt] = True
        levels[row] = drawn.level
        if config.generator.objective == "maskgit":
            seen[row, :, :frames] = hide(target[row, :, :frames], layout, drawn)
            hidden[row, :frames] = drawn.hidden
        else:
            steps[row] = rng.integers(1, config.generator.diffusion_steps + 1)
            seen[row, :, :frames] = _noised(target[row, :, :frames], drawn.prompt, int(steps[row]), config, rng)
            hidden[row, drawn.prompt : frames] = True
        if rng.random() >= config.drop_conditions:
            semantic[row, :frames] = crop.semantic
            if crop.text is not None and config.generator.text_dim:
                text[row] = crop.text
    return Batch(
        semantic=torch.from_numpy(semantic),
        tokens=torch.from_numpy(seen),
        target=torch.from_numpy(target),
        prompt=torch.from_numpy(prompt),
        valid=torch.from_numpy(valid),
        chosen=torch.from_numpy(hidden),
        level=torch.from_numpy(levels),
        text=torch.from_numpy(text) if config.generator.text_dim else None,
        noise=torch.from_numpy(steps) if config.generator.objective == "diffusion" else None,
    )


def _noised(target: Ints, prompt: int, step: int, config: TrainConfig, rng: np.random.Generator) -> Ints:
    noising = Noising(config.generator.diffusion_steps)
    seen = noising.noised(rng, target, step, config.generator.layout.vocabulary)
    seen[:, :prompt] = target[:, :prompt]
    return seen


def _crop(example: Example, frames: int, rng: np.random.Generator) -> Example:
    length = example.semantic.shape[0]
    start = int(rng.integers(0, max(0, length - frames) + 1))
    piece = slice(start, start + frames)
    return Example(example.semantic[piece], example.acoustic[:, piece], example.speaker, example.text)
