"""What of a piece is to be made anew: its end, some bars, a share of them, or a whole part."""

from __future__ import annotations

from typing import Final

import numpy as np

from antiphon.codecs.base import Tokens
from antiphon.errors import InputError
from antiphon.ruby import steps as grid
from antiphon.ruby.arranging import Piece
from antiphon.ruby.filling import UNKNOWN

PARTS: Final = tuple(grid.LEVELS_OF)


def whole_bars(piece: Piece, most_steps: int) -> Tokens:
    """The piece's last whole bars, at most so many columns: what it is gone on from."""
    bar = piece.bar_steps
    count = min(piece.tokens.shape[1], most_steps) // bar * bar
    if not count:
        raise InputError("The piece has no whole bar to go on from")
    stop = piece.tokens.shape[1] // bar * bar
    return piece.tokens[:, stop - count : stop]


def without_bars(tokens: Tokens, bar: int, first: int, last: int) -> Tokens:
    """`tokens` with bars `first` to `last` (counted from 1) unknown. Raises `InputError` for bars there are not."""
    count = -(-tokens.shape[1] // bar)
    if not 1 <= first <= last <= count:
        raise InputError(f"Bars {first} to {last} are not within the piece's {count}", "Bars are counted from 1.")
    made = tokens.copy()
    made[:, (first - 1) * bar : last * bar] = UNKNOWN[:, None]
    return made


def varied(tokens: Tokens, bar: int, share: float, seed: int) -> Tokens:
    """`tokens` with a share of its bars unknown, drawn by `seed`; the first bar stays, unless all go."""
    if not 0 < share <= 1:
        raise InputError(f"A share of {share:g} is not above 0 and at most 1", "0.5 makes half of the bars anew.")
    count = -(-tokens.shape[1] // bar)
    rng = np.random.default_rng([seed, 11])
    order = rng.permutation(np.arange(0 if share == 1 else 1, count))
    made = tokens.copy()
    for number in order[: max(1, round(share * count))].tolist():
        made[:, number * bar : (number + 1) * bar] = UNKNOWN[:, None]
    return made


def without_part(tokens: Tokens, part: str) -> Tokens:
    """`tokens` with a part of `PARTS` unknown: it is added, or made anew. Raises `InputError`."""
    if part not in grid.LEVELS_OF:
        raise InputError(f"There is no part {part}", f"Parts: {', '.join(PARTS)}.")
    levels = list(grid.LEVELS_OF[part])
    made = tokens.copy()
    made[levels] = UNKNOWN[levels, None]
    return made
