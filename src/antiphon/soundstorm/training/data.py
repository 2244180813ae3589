"""Batches, as a pure function of seed and step: nothing about the data has to be stored to resume."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from antiphon.codecs.base import Tokens
from antiphon.errors import InputError
from antiphon.soundstorm.diffusion import Noising
from antiphon.soundstorm.inputs import Bools, Floats, Ints
from antiphon.soundstorm.masking import Masking, apply_mask, draw
from antiphon.soundstorm.tokenset import TokenSet, check_example
from antiphon.soundstorm.training.objectives import Batch
from antiphon.soundstorm.training.packing import packed
from antiphon.soundstorm.training.profiles import TrainConfig

POOL = 16
"""Batches whose examples are sorted by length together: padding falls, and the order stays random."""

KEPT = 2
"""Epochs whose batches are remembered: the next one is planned while the last is learnt from."""

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class BatchPlan:
    """Which examples make up which step. Every epoch uses every example once (but for what fills no batch)."""

    lengths: npt.NDArray[np.int64]  # [N]
    batch: int
    seed: int
    _made: dict[int, list[Indices]] = field(default_factory=dict)  # the last epochs

    @property
    def per_epoch(self) -> int:
        return max(1, len(self.lengths) // self.batch)

    def at(self, step: int) -> Indices:
        epoch, place = divmod(step, self.per_epoch)
        if epoch not in self._made:
            self._made.pop(epoch - KEPT, None)
            self._made[epoch] = _epoch(self, epoch)
        return self._made[epoch][place]


def _epoch(plan: BatchPlan, epoch: int) -> list[Indices]:
    rng = np.random.default_rng([plan.seed, epoch])
    count = len(plan.lengths)
    lengths = plan.lengths
    shuffled = rng.permutation(count)
    if count < plan.batch:
        shuffled = rng.choice(count, plan.batch)  # a tiny set: with repetition
    batches: list[Indices] = []
    for start in range(0, shuffled.shape[0], POOL * plan.batch):
        pool = shuffled[start : start + POOL * plan.batch]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        # What fills no batch is dropped at random, not always the longest.
        surplus = pool.shape[0] % plan.batch
        pool = np.delete(pool, rng.choice(pool.shape[0], surplus, replace=False))
        batches.extend(np.split(pool, pool.shape[0] // plan.batch) if pool.size else [])
    return [batches[n] for n in rng.permutation(len(batches))]


def batch_plan(tokens: TokenSet, config: TrainConfig) -> BatchPlan:
    """Raises `InputError` for a set without examples."""
    if not len(tokens):
        raise InputError("The token set is empty", "Prepare some audio first.")
    return BatchPlan(np.minimum(tokens.lengths(), config.frames), config.batch, config.seed)


def batch_of(tokens: TokenSet, chosen: Indices, step: int, config: TrainConfig, mine: slice = slice(None)) -> Batch:
    """Crops, masks (or noise) and dropped conditions of a step: the rows `mine`, whose tokens alone are read.

    Every process draws for all rows, so that all agree. Raises `InputError` for tokens that do not fit.
    """
    rng = np.random.default_rng([config.seed, step, 1])
    layout = config.generator.layout
    # One length a batch, or most of it would be padding.
    length = int(rng.integers(config.shortest, config.frames + 1)) if config.shortest else config.frames
    crops = [_crop(tokens.frames(int(index)), length, rng) for index in chosen]
    rows = _Rows.empty(range(len(chosen))[mine], max(crop.stop - crop.start for crop in crops), config)
    total = 0
    for row, (index, crop) in enumerate(zip(chosen, crops, strict=True)):
        frames = crop.stop - crop.start
        drawn = draw(rng, frames, layout.levels, longest=config.longest_prompt)
        example = target = None
        if row in rows.numbers:
            example = tokens.get(int(index))
            check_example(example, layout)
            target = example.acoustic[:, crop].astype(np.int64)
        hidden, seen, noise = drawn.hidden, None, 0
        if config.generator.objective == "maskgit":
            seen = None if target is None else apply_mask(target, layout, drawn)
        else:
            noise = int(rng.integers(1, config.generator.diffusion_steps + 1))
            hidden = np.arange(frames) >= drawn.prompt
            clear = np.zeros((layout.levels, frames), np.int64) if target is None else target
            seen = _noised(clear, drawn.prompt, noise, config, rng)
        total += int(hidden.sum())
        conditions = rng.random() >= config.drop_conditions
        if example is not None and target is not None and seen is not None:
            place = rows.put(row, target, seen, hidden, drawn, noise)
            if conditions:
                rows.condition(place, example.semantic[crop], example.text)
    batch = rows.batch(total, config)
    if not config.packed:
        return batch
    return packed(batch, config.frames, config.generator.kernel // 2, layout.vocabulary, layout.null)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Arrays of a batch that is being filled; `numbers` are its rows among those of the step."""

    numbers: range
    semantic: Ints  # [B, T]
    target: Ints  # [B, K, T]
    seen: Ints  # [B, K, T]
    prompt: Bools  # [B, T]
    valid: Bools  # [B, T]
    hidden: Bools  # [B, T]
    level: Ints  # [B]
    noise: Ints  # [B]
    text: Floats  # [B, D]

    @classmethod
    def empty(cls, numbers: range, longest: int, config: TrainConfig) -> _Rows:
        rows, layout = len(numbers), config.generator.layout
        unknown = np.repeat(np.array(layout.vocabulary, np.int64)[None, :, None], rows, axis=0).repeat(longest, axis=2)
        return cls(
            numbers,
            np.full((rows, longest), layout.null, np.int64),
            unknown,
            unknown.copy(),
            prompt=np.zeros((rows, longest), np.bool_),
            valid=np.zeros((rows, longest), np.bool_),
            hidden=np.zeros((rows, longest), np.bool_),
            level=np.zeros(rows, np.int64),
            noise=np.zeros(rows, np.int64),
            text=np.zeros((rows, config.generator.text_dim), np.float32),
        )

    def put(self, row: int, target: Ints, seen: Ints, hidden: Bools, drawn: Masking, noise: int) -> int:
        """The place of a row that is filled now."""
        place, frames = self.numbers.index(row), target.shape[1]
        self.valid[place, :frames] = True
        self.target[place, :, :frames], self.seen[place, :, :frames] = target, seen
        self.prompt[place, : drawn.prompt] = True
        self.hidden[place, :frames] = hidden
        self.level[place], self.noise[place] = drawn.level, noise
        return place

    def condition(self, place: int, semantic: Tokens, text: Floats | None) -> None:
        self.semantic[place, : semantic.shape[0]] = semantic
        if text is not None and self.text.shape[1]:
            self.text[place] = text

    def batch(self, total: int, config: TrainConfig) -> Batch:
        return Batch(
            semantic=torch.from_numpy(self.semantic),
            tokens=torch.from_numpy(self.seen),
            target=torch.from_numpy(self.target),
            prompt=torch.from_numpy(self.prompt),
            valid=torch.from_numpy(self.valid),
            chosen=torch.from_numpy(self.hidden),
            level=torch.from_numpy(self.level),
            total=total,
            text=torch.from_numpy(self.text) if config.generator.text_dim else None,
            noise=torch.from_numpy(self.noise) if config.generator.objective == "diffusion" else None,
        )


def _noised(target: Ints, prompt: int, step: int, config: TrainConfig, rng: np.random.Generator) -> Ints:
    noising = Noising(config.generator.diffusion_steps)
    seen = noising.noised(rng, target, step, config.generator.layout.vocabulary)
    seen[:, :prompt] = target[:, :prompt]
    return seen


def _crop(recorded: int, frames: int, rng: np.random.Generator) -> slice:
    start = int(rng.integers(0, max(0, recorded - frames) + 1))
    return slice(start, min(start + frames, recorded))
