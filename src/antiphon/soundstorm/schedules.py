"""How many passes a level gets, and how many of its tokens stay unknown after each (arXiv:2305.09636, section 3.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from antiphon.errors import InputError

Schedule = Literal["cosine", "linear"]

FIRST_PASSES = 16
"""Passes of a coarsest level (paper); the others get one each: 27 for twelve levels of one stack."""

MAX_PASSES = 1_000
"""Most passes one generation may ask for."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Pass `index` of a generation is pass `turn` of `turns` at `level` of the grid."""

    index: int
    level: int
    turn: int
    turns: int

    @property
    def last(self) -> bool:
        """The last pass of a level leaves nothing unknown, and is greedy."""
        return self.turn == self.turns - 1


def passes_of(levels: int, first: int = FIRST_PASSES, coarse: int = 1) -> tuple[int, ...]:
    """(16, 1, ..., 1): the finer levels depend on each other so little that one pass does (paper, section 5.3).

    `coarse` levels, of as many stacks, have nothing above them that tells them, and get the many passes each.
    """
    return (first,) * coarse + (1,) * (levels - coarse)


def plan(passes: tuple[int, ...], order: Sequence[int] | None = None) -> tuple[Pass, ...]:
    """All passes in order: `passes[n]` of level `order[n]`, by default of level n.

    Raises `InputError` for a level without passes, or too many.
    """
    if not passes or min(passes) < 1 or sum(passes) > MAX_PASSES:
        raise InputError(
            f"Passes by level must be at least 1 and {MAX_PASSES} in all, got {passes}", "The default is (16, 1, ...)."
        )
    levels = range(len(passes)) if order is None else order
    pairs = [(level, turn, turns) for level, turns in zip(levels, passes, strict=True) for turn in range(turns)]
    return tuple(Pass(index, *pair) for index, pair in enumerate(pairs))


def masked_share(progress: float, schedule: Schedule = "cosine") -> float:
    """Share of the tokens still unknown when `progress` in [0, 1] of the passes are done.

    cosine: cos(pi/2 progress) (MaskGIT, arXiv:2202.04200): few tokens at first, while little is known.
    linear: 1 - progress.
    """
    if progress >= 1.0:
        return 0.0
    return math.cos(math.pi / 2 * progress) if schedule == "cosine" else 1.0 - progress


def left_after(step: Pass, frames: int, schedule: Schedule = "cosine") -> int:
    """Of `frames` tokens of a level, how many are unknown after `step`: floor(frames * share), none after the last."""
    # A share such as 1 - 0.9 times 10 must not become 0.9999...: rounding first keeps the floor on the grid.
    return math.floor(round(frames * masked_share((step.turn + 1) / step.turns, schedule), 9))
