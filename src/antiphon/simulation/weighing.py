"""Score memories of all validators as one matrix [V, N], and a row of it as the weights that a validator commits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon.economy.consensus import MAX_WEIGHT, Integers
from antiphon.economy.epochs import Row
from antiphon.economy.types import PPM, Rules

UNKNOWN = -1
"""A node that this validator never judged."""


def remember_all(memory: Integers, scores: Integers, judged: npt.NDArray[np.bool_], rules: Rules) -> Integers:
    """`economy.evidence.remember` for a whole matrix of [V, N] ppm; who was not judged keeps what it had."""
    first = np.where(scores > 0, rules.prior_quality_ppm, rules.floor_quality_ppm)
    before = np.where(memory == UNKNOWN, first, memory)
    moved = before + rules.score_alpha_ppm * (scores - before) // PPM
    return np.where(judged, np.clip(moved, rules.floor_quality_ppm, PPM), memory)


def row_of(qualities: Integers, uids: Integers) -> Row:
    """`economy.epochs.upscaled` of `qualities` [N] >= 0 in any unit, of nodes with these ascending `uids` [N]."""
    best = qualities.max(initial=0)
    values = qualities * MAX_WEIGHT // max(best, 1)
    kept = values > 0
    return Row(uids=tuple(uids[kept].tolist()), values=tuple(values[kept].tolist()))
