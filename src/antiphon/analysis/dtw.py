"""How much two recordings sound alike, moment by moment: the same words by the same voice, or not.

Both are laid over each other by dynamic time warping (Sakoe & Chiba 1978, symmetric form) of their mel spectra in dB.
Unlike embeddings and recognisers it needs no second of speech, and no language: one short word is enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antiphon.analysis.activity import active_frames
from antiphon.analysis.features import HOP, resemblyzer_mel
from antiphon.audio.waveform import Samples
from antiphon.errors import InputError

FLOOR_DB = -50.0
"""Whatever is this much below the loudest bands is not heard beside them."""

MAX_FRAMES = 4_000
"""40 s: time and memory grow with the product of both lengths."""


@dataclass(frozen=True, slots=True)
class DtwDistance:
    """`distance_db`: mean difference of the mel bands along the best alignment, 0 = the same; `length_ratio` of the
    sound itself, first to second."""

    distance_db: float
    length_ratio: float


def dtw_distance(one: Samples, other: Samples) -> DtwDistance:
    """Of two mono 16 kHz signals. Level and the silence around the sound do not count.

    Raises `InputError` where there is no sound, or too much.
    """
    first, second = _spectra(one), _spectra(other)
    return DtwDistance(_aligned_cost(first, second), first.shape[0] / second.shape[0])


def _spectra(signal: Samples) -> Samples:
    """dB below the loudest, `[frames, 40]`, from the first sound to the last."""
    sounding = np.flatnonzero(active_frames(signal))
    if sounding.size == 0:
        raise InputError("there is no sound")
    mel = resemblyzer_mel(signal[sounding[0] * HOP : (sounding[-1] + 1) * HOP])
    if mel.shape[0] > MAX_FRAMES:
        raise InputError(f"{mel.shape[0] * HOP / 16_000:.0f} s of sound are too long to lay over each other")
    level = 10 * np.log10(mel + 1e-12)
    return np.asarray(np.maximum(level - np.percentile(level.max(axis=1), 95), FLOOR_DB), dtype=np.float32)


def _aligned_cost(one: Samples, other: Samples) -> float:
    """Least mean cost of all monotonic alignments; a step in both counts twice, so every alignment weighs the same."""
    squares = np.square(one).sum(axis=1)[:, None] + np.square(other).sum(axis=1)[None, :] - 2 * one @ other.T
    costs = np.sqrt(np.maximum(squares, 0.0) / one.shape[1])  # [N, M]
    count, width = costs.shape
    rows = np.arange(count)
    before = np.full(count, np.inf, dtype=np.float32)  # the two antidiagonals so far, indexed by row
    last = before.copy()
    last[0] = costs[0, 0]
    for diagonal in range(1, count + width - 1):
        inside = rows[max(0, diagonal - width + 1) : min(count, diagonal + 1)]
        cost = np.full(count, np.inf, dtype=np.float32)
        cost[inside] = costs[inside, diagonal - inside]
        both = np.concatenate([[np.inf], before[:-1]]) + 2 * cost
        single = np.minimum(last, np.concatenate([[np.inf], last[:-1]])) + cost
        before, last = last, np.minimum(both, single).astype(np.float32)
    return float(last[-1] / (count + width))
