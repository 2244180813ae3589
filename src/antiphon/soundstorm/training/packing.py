"""Several examples in one row: where recordings are short, most of a batch would be padding otherwise."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from antiphon.soundstorm.training.objectives import Batch


def packed(batch: Batch, width: int, gap: int, unknown: tuple[int, ...], null: int) -> Batch:
    """The same examples in fewer rows of at most `width` frames, `gap` frames of padding between them, so that a
    kernel of `2 gap + 1` frames never reaches from one into another. `piece` tells attention what belongs together.

    `unknown` and `null` are the tokens of padding: of each level, and of the condition.
    """
    lengths = batch.valid.sum(1).tolist()
    rows = _fitted(lengths, width, gap)
    longest = max(sum(lengths[n] for n in row) + gap * (len(row) - 1) for row in rows)
    shape = (len(rows), longest)
    semantic = torch.full(shape, null, dtype=torch.int64)
    tokens = torch.tensor(unknown)[None, :, None].repeat(len(rows), 1, longest)
    target = tokens.clone()
    prompt, valid, chosen = (torch.zeros(shape, dtype=torch.bool) for _ in range(3))
    level, piece = (torch.zeros(shape, dtype=torch.int64) for _ in range(2))
    for row, members in enumerate(rows):
        start = 0
        for number, n in enumerate(members, 1):
            end = start + lengths[n]
            pairs: list[tuple[Tensor, Tensor]] = [
                (semantic, batch.semantic), (prompt, batch.prompt), (valid, batch.valid), (chosen, batch.chosen),
                (tokens, batch.tokens), (target, batch.target),
            ]  # fmt: skip
            for made, given in pairs:
                made[row, ..., start:end] = given[n, ..., : lengths[n]]
            level[row, start:end], piece[row, start:end] = batch.level[n], number
            start = end + gap
    return Batch(semantic, tokens, target, prompt, valid, chosen, level, batch.total, piece=piece)


def _fitted(lengths: list[int], width: int, gap: int) -> list[list[int]]:
    """Which examples share a row: the longest first, each in the first row that has room (first fit decreasing)."""
    rows: list[list[int]] = []
    room: list[int] = []
    for n in np.argsort(-np.array(lengths), kind="stable").tolist():
        fits = next((row for row, free in enumerate(room) if free >= lengths[n] + gap), None)
        if fits is None:
            rows.append([n])
            room.append(width - lengths[n])
        else:
            rows[fits].append(n)
            room[fits] -= lengths[n] + gap
    return rows
