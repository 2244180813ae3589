"""Score memories of all validators as one matrix, and the emission of an epoch by the real `yuma` and `emit`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon.economy.types import PPM, Rules

Matrix = npt.NDArray[np.float64]
Memory = npt.NDArray[np.int64]
UNKNOWN = -1
"""A node that this validator never judged."""


def remember_all(memory: Memory, scores: Memory, judged: npt.NDArray[np.bool_], rules: Rules) -> Memory:
    """`economy.scores.remember` for a whole matrix of [V, N] ppm; who was not judged keeps what it had."""
    before = np.where(memory == UNKNOWN, rules.prior_quality_ppm, memory)
    moved = before + rules.score_alpha_ppm * (scores - before) // PPM
    return np.where(judged, np.clip(moved, rules.floor_quality_ppm, PPM), memory)


def rows(memory: Memory, own: npt.NDArray[np.bool_]) -> Matrix:
    """`economy.yuma.weights` for every validator at once: shares of what it remembers, 0 for unknown and own nodes."""
    kept = np.where(own, 0, np.maximum(memory, 0)).astype(np.float64)
    total = kept.sum(axis=1, keepdims=True)
    shares: Matrix = kept / np.where(total > 0, total, 1.0)
    return shares
