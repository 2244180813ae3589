"""Texts and their tokens as batches: a function of seed and step alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from antiphon.codecs.base import Tokens
from antiphon.errors import InputError
from antiphon.soundstorm.inputs import Ints
from antiphon.soundstorm.text.alignment import Sounds, learn_sounds
from antiphon.soundstorm.text.layout import TextConfig
from antiphon.soundstorm.text.parallel import places
from antiphon.soundstorm.training.data import BatchPlan
from antiphon.soundstorm.training.text_profiles import TextTrainConfig

LEARNT = 800
"""Recordings that the sounds are learnt from: an hour and more of speech tells them, and each is aligned many times."""


@dataclass(frozen=True, slots=True)
class Line:
    """One recording: phonemes `[P]`, tokens `[S]`, frames of each phoneme `[P]` (their sum is S)."""

    phonemes: Ints
    tokens: Tokens
    frames: Ints

    def __post_init__(self) -> None:
        if self.frames.shape != self.phonemes.shape or int(self.frames.sum()) != self.tokens.shape[0]:
            raise InputError(f"Durations of {int(self.frames.sum())} frames for {self.tokens.shape[0]} tokens")


def aligned(
    pairs: Sequence[tuple[str, Tokens]], config: TextConfig, *, longest: int, rounds: int = 8
) -> tuple[list[Line], Sounds, list[str]]:
    """Lines from phonemes and tokens, by forced alignment learnt from them; the table, and reasons for what is left
    out (nothing to speak, more phonemes than tokens, longer than `longest`)."""
    kept: list[tuple[Ints, Tokens]] = []
    left_out: list[str] = []
    for phonemes, tokens in pairs:
        try:
            ids = config.ids(phonemes)
        except InputError as error:
            left_out.append(str(error))
            continue
        needed = int((~config.timeless()[ids]).sum())
        if tokens.shape[0] > longest or tokens.shape[0] < needed:
            left_out.append(f"{tokens.shape[0]} tokens for {needed} phonemes: {phonemes[:40]!r}")
            continue
        kept.append((ids, tokens))
    some = kept[:: max(1, len(kept) // LEARNT)]
    sounds = learn_sounds(some, config.semantic_vocabulary, config.timeless(), rounds=rounds)
    return [Line(ids, tokens, sounds.align(ids, tokens)) for ids, tokens in kept], sounds, left_out


@dataclass(frozen=True, slots=True)
class TextBatch:
    """Padded rows. `ids [B, N]` are phonemes, start and tokens end to end (autoregressive) or phonemes (parallel);
    `prefix [B]` phonemes; `target [B, N or S]` tokens, -100 where none is asked; `place [B, N]` the phoneme of a
    target; `frames [B, P]`; `expand`, `inside [B, S]`, `[B, S, 2]`: phoneme and place of each frame."""

    ids: Tensor
    prefix: Tensor
    target: Tensor
    place: Tensor
    frames: Tensor
    expand: Tensor
    inside: Tensor

    def rows(self, chosen: slice) -> TextBatch:
        return TextBatch(**{name: tensor[chosen] for name, tensor in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


NOTHING = -100


def batch_plan(lines: Sequence[Line], config: TextTrainConfig) -> BatchPlan:
    """Raises `InputError` when there are no lines."""
    if not lines:
        raise InputError("There are no texts to learn from", "Give transcripts (NAME.txt beside NAME.wav).")
    lengths = np.array([line.phonemes.shape[0] + line.tokens.shape[0] for line in lines], np.int64)
    return BatchPlan(lengths, config.batch, config.seed)


def batch_of(lines: Sequence[Line], chosen: npt.NDArray[np.intp], config: TextTrainConfig) -> TextBatch:
    picked = [lines[int(index)] for index in chosen]
    text = config.text
    if text.kind == "autoregressive":
        return _sequences(picked, text)
    return _frames(picked)


def _sequences(lines: Sequence[Line], text: TextConfig) -> TextBatch:
    longest = max(line.phonemes.shape[0] + 1 + line.tokens.shape[0] for line in lines)
    rows = len(lines)
    ids = np.zeros((rows, longest), np.int64)
    target = np.full((rows, longest), NOTHING, np.int64)
    place = np.zeros((rows, longest), np.int64)
    for row, line in enumerate(lines):
        first, count = line.phonemes.shape[0], line.tokens.shape[0]
        ids[row, :first] = line.phonemes
        ids[row, first] = text.start
        ids[row, first + 1 : first + 1 + count] = line.tokens.astype(np.int64) + text.start + 1
        target[row, first : first + count] = line.tokens
        target[row, first + count] = text.end
        place[row, first : first + count] = np.repeat(np.arange(first), line.frames)
        place[row, first + count] = first - 1
    nothing = torch.zeros(rows, 0, dtype=torch.int64)
    prefix = np.array([line.phonemes.shape[0] for line in lines])
    return TextBatch(
        torch.from_numpy(ids), torch.from_numpy(prefix), torch.from_numpy(target), torch.from_numpy(place),
        nothing, nothing, nothing,
    )  # fmt: skip


def _frames(lines: Sequence[Line]) -> TextBatch:
    rows = len(lines)
    most = max(line.phonemes.shape[0] for line in lines)
    longest = max(line.tokens.shape[0] for line in lines)
    ids, frames = np.zeros((rows, most), np.int64), np.zeros((rows, most), np.int64)
    target = np.full((rows, longest), NOTHING, np.int64)
    expand, inside = np.zeros((rows, longest), np.int64), np.zeros((rows, longest, 2), np.float32)
    for row, line in enumerate(lines):
        first, count = line.phonemes.shape[0], line.tokens.shape[0]
        ids[row, :first], frames[row, :first] = line.phonemes, line.frames
        target[row, :count] = line.tokens
        expand[row, :count] = np.repeat(np.arange(first), line.frames)
        inside[row, :count] = places(line.frames)
    prefix = np.array([line.phonemes.shape[0] for line in lines])
    return TextBatch(
        torch.from_numpy(ids), torch.from_numpy(prefix), torch.from_numpy(target),
        torch.zeros(rows, 0, dtype=torch.int64), torch.from_numpy(frames), torch.from_numpy(expand),
        torch.from_numpy(inside),
    )  # fmt: skip
