"""Batches for Ruby: crops of pieces, what of each is hidden, and how much of what is known about it is told.

Beside SoundStorm's masking (a prefix is given, level by level after it) a generator that fills in has to meet pieces of
which whole voices are given, and pieces of which a stretch in the middle is missing. Each example is one of the three.
A pure function of seed and step, like SoundStorm's own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import torch

from antiphon.codecs.base import Tokens
from antiphon.errors import InputError
from antiphon.music.meter import METERS
from antiphon.ruby import steps as grid
from antiphon.ruby.arranging import Piece
from antiphon.ruby.conditions import DIM, POSITIONS, Attributes, positions, vector
from antiphon.soundstorm.inputs import Bools, Floats
from antiphon.soundstorm.masking import masking
from antiphon.soundstorm.training.objectives import Batch
from antiphon.soundstorm.training.profiles import TrainConfig

_GOES_ON, _VOICES, _MIDDLE = range(3)
_KINDS: Final = (0.45, 0.3, 0.25)
_FROM_NOTHING: Final = 0.4
"""Of pieces that go on: so many begin with nothing."""

_TOLD: Final = 0.65
"""Each attribute is told so often, and the text."""


@dataclass(frozen=True, slots=True)
class Example:
    """A piece with what is known of it. `texts [N, 384]` are embeddings of descriptions, any of which may be told."""

    piece: Piece
    attributes: Attributes
    texts: Floats
    name: str = ""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What of a grid is hidden: `tokens [10, T]`, the `level` that decoding would be at, `given [T]` columns of a
    prefix."""

    tokens: Bools
    level: int
    given: Bools


def batch_of(examples: Sequence[Example], weights: Floats, step: int, config: TrainConfig) -> tuple[Batch, Bools]:
    """The batch of a step, and `hidden [B, 10, T]` of all its levels. Raises `InputError` for no examples.

    `weights` of the examples add up to 1.
    """
    if not examples:
        raise InputError("There are no pieces to learn from", "Prepare some music first.")
    rng = np.random.default_rng([config.seed, step, 7])
    chosen = rng.choice(len(examples), config.batch, p=weights.astype(np.float64) / weights.astype(np.float64).sum())
    length = int(rng.integers(config.shortest or config.frames, config.frames + 1))
    rows = [_row(examples[index], length, rng, config.drop_conditions) for index in chosen.tolist()]
    return _batch(rows, config)


def fixed(examples: Sequence[Example], config: TrainConfig, *, seed: int = 0) -> tuple[Batch, Bools]:
    """One row for each example, with crops and masks that only `seed` decides: to measure with."""
    rows = [
        _row(example, config.frames, np.random.default_rng([seed, number]), 0.0)
        for number, example in enumerate(examples)
    ]
    return _batch(rows, config)


@dataclass(frozen=True, slots=True)
class _Row:
    tokens: Tokens
    semantic: Tokens
    hidden: Hidden
    text: Floats


def _row(example: Example, length: int, rng: np.random.Generator, drop: float) -> _Row:
    piece = example.piece
    start = int(rng.integers(0, max(0, piece.tokens.shape[1] - length) + 1))
    if rng.random() < 0.5:  # half of the crops begin with a bar
        start -= start % piece.bar_steps
    stop = min(start + length, piece.tokens.shape[1])
    semantic = positions(METERS[piece.meter], piece.tokens.shape[1])[start:stop]
    text = np.zeros(DIM, np.float32)
    if rng.random() >= drop:
        words = example.texts[int(rng.integers(len(example.texts)))] if len(example.texts) else None
        text = vector(_some(example.attributes, rng), words if rng.random() < _TOLD else None)
    else:
        semantic = np.full_like(semantic, POSITIONS)
    return _Row(piece.tokens[:, start:stop], semantic, draw(rng, stop - start), text)


def _some(attributes: Attributes, rng: np.random.Generator) -> Attributes:
    nothing = Attributes()
    dropped = {name: getattr(nothing, name) for name in Attributes.__struct_fields__ if rng.random() >= _TOLD}
    return msgspec.structs.replace(attributes, **dropped)


def draw(rng: np.random.Generator, steps: int) -> Hidden:
    """One of the three kinds of masks. At least one token is hidden at `level`."""
    kind = int(rng.choice(3, p=_KINDS))
    levels = len(grid.VOCABULARY)
    level = int(rng.integers(levels))
    share = math.cos(rng.uniform(0.0, math.pi / 2))
    chances = rng.random(steps)
    if kind == _GOES_ON:
        prompt = 0 if rng.random() < _FROM_NOTHING else int(rng.integers(0, steps))
        partly = masking(steps, levels, prompt=prompt, level=level, share=share, chances=chances).hidden
        hidden = np.zeros((levels, steps), np.bool_)
        hidden[level] = partly
        hidden[level + 1 :, prompt:] = True
        return Hidden(hidden, level, np.arange(steps) < prompt)
    hidden = np.zeros((levels, steps), np.bool_)
    place = np.ones(steps, np.bool_)
    if kind == _MIDDLE:
        begin = int(rng.integers(0, steps))
        place = (np.arange(steps) >= begin) & (np.arange(steps) < begin + int(rng.integers(4, steps + 4)))
        hidden[level + 1 :, place] = True
    else:
        for voice in grid.LEVELS_OF.values():  # whole parts are missing
            if rng.random() < 0.5:
                hidden[list(voice)] = True
        hidden[:level] = False  # decoding has made these, or they were given
    hidden[level] = place & (chances < share)
    if not hidden[level].any():
        hidden[level, np.flatnonzero(place)[-1]] = True
    return Hidden(hidden, level, np.zeros(steps, np.bool_))


def _batch(rows: Sequence[_Row], config: TrainConfig) -> tuple[Batch, Bools]:
    layout = config.generator.layout
    longest = max(row.tokens.shape[1] for row in rows)
    unknown = np.array(layout.vocabulary, np.int64)[None, :, None]
    target = np.repeat(np.repeat(unknown, len(rows), axis=0), longest, axis=2)
    seen = target.copy()
    semantic = np.full((len(rows), longest), layout.null, np.int64)
    prompt, valid = (np.zeros((len(rows), longest), np.bool_) for _ in range(2))
    hidden = np.zeros((len(rows), layout.levels, longest), np.bool_)
    for place, row in enumerate(rows):
        count = row.tokens.shape[1]
        target[place, :, :count] = row.tokens
        seen[place, :, :count] = np.where(row.hidden.tokens, unknown[0], row.tokens)
        semantic[place, :count] = row.semantic
        prompt[place, :count], valid[place, :count] = row.hidden.given, True
        hidden[place, :, :count] = row.hidden.tokens
    level = np.array([row.hidden.level for row in rows], np.int64)
    chosen = hidden[np.arange(len(rows)), level]
    made = Batch(
        semantic=torch.from_numpy(semantic),
        tokens=torch.from_numpy(seen),
        target=torch.from_numpy(target),
        prompt=torch.from_numpy(prompt),
        valid=torch.from_numpy(valid),
        chosen=torch.from_numpy(chosen),
        level=torch.from_numpy(level),
        total=int(chosen.sum()),
        text=torch.from_numpy(np.stack([row.text for row in rows])),
    )
    return made, hidden


def weights_of(examples: Sequence[Example], people: float = 0.6) -> npt.NDArray[np.float32]:
    """Chances of examples: by the square root of their length, so that pieces by people are `people` of all."""
    lengths = np.sqrt([example.piece.tokens.shape[1] for example in examples])
    human = np.array([example.attributes.origin == "people" for example in examples])
    for group, share in ((human, people), (~human, 1 - people)):
        if group.any():
            lengths[group] *= share / lengths[group].sum()
    return np.asarray(lengths / lengths.sum(), np.float32)
