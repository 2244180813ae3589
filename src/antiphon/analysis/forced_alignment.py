"""Where the words of a text are said: a recording is laid over another of the same text whose times are known.

Dynamic time warping (Sakoe & Chiba 1978) of mel cepstra, their changes and the level, each speaker's normalised. The
other recording may be of a simple synthesiser, which knows to the sample when it began each word: so languages need no
model of their own. As in aeneas (Pettarin 2015), by words.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from antiphon.analysis.activity import FRAME_S, active_frames
from antiphon.analysis.features import HOP, RATE_HZ, resemblyzer_mel
from antiphon.audio.waveform import Samples

MAX_S = 60.0
"""Longest recording: time and memory grow with the product of both lengths."""

_CEPSTRA, _FLOOR_DB = 14, -50.0
_CHANGE_WEIGHT, _LEVEL_WEIGHT = 0.7, 2.0
_MARGIN_FRAMES, _LEAST_SAMPLES = 2, 1_600

Spans = list[tuple[float, float]]


def laid(reference: Samples, starts_s: Sequence[float], signal: Samples) -> list[float] | None:
    """When each of the moments of `reference` comes in `signal`, in seconds; both are mono speech of 16 kHz.

    None where there is no sound, or too much.
    """
    (one, one_s), (other, other_s) = _trimmed(reference), _trimmed(signal)
    if min(one.size, other.size) < _LEAST_SAMPLES or max(one.size, other.size) > MAX_S * RATE_HZ:
        return None
    counterpart = _path(_features(one), _features(other))
    frames = np.round((np.asarray(starts_s) - one_s) / FRAME_S).astype(int)
    frames = np.clip(frames, 0, counterpart.size - 1)
    return [float(counterpart[frame] * FRAME_S + other_s) for frame in frames]


def spans(starts_s: Sequence[float], signal: Samples) -> Spans:
    """From when to when each word sounds that begins so: until the next one, but for the pause between them."""
    active = active_frames(signal)
    length_s = signal.shape[0] / RATE_HZ
    found = []
    for start_s, next_s in zip(starts_s, [*starts_s[1:], length_s], strict=True):
        begin, end = round(start_s / FRAME_S), max(round(start_s / FRAME_S) + 1, round(next_s / FRAME_S))
        sounding = np.flatnonzero(active[begin:end])
        if sounding.size:
            begin, end = begin + int(sounding[0]), begin + int(sounding[-1]) + 1
        found.append((begin * FRAME_S, end * FRAME_S))
    return found


def shared_out(weights: Sequence[int], signal: Samples) -> list[float]:
    """When words of these weights would begin if each lasted as long as its weight says, of the sound alone."""
    sounding = np.flatnonzero(active_frames(signal))
    if not sounding.size:
        return [0.0] * len(weights)
    before = np.concatenate([[0], np.cumsum(weights)])[:-1] / max(1, sum(weights))
    return [float(sounding[min(int(share * sounding.size), sounding.size - 1)] * FRAME_S) for share in before]


def _trimmed(signal: Samples) -> tuple[Samples, float]:
    """From the first sound to the last, and the seconds before it."""
    sounding = np.flatnonzero(active_frames(signal))
    if not sounding.size:
        return signal[:0], 0.0
    begin = max(0, int(sounding[0]) - _MARGIN_FRAMES)
    return signal[begin * HOP : (int(sounding[-1]) + 1 + _MARGIN_FRAMES) * HOP], begin * FRAME_S


def _features(signal: Samples) -> npt.NDArray[np.float32]:
    """`[frames, 27]` of 10 ms."""
    mel_db = 10 * np.log10(resemblyzer_mel(signal) + 1e-10)
    level = mel_db.max(axis=1)
    top = float(np.percentile(level, 95))
    bands = mel_db.shape[1]
    basis = np.cos(np.pi * np.outer(np.arange(1, _CEPSTRA), np.arange(bands) + 0.5) / bands)
    cepstra = np.maximum(mel_db - top, _FLOOR_DB) @ basis.T
    loud = level > top - 30
    cepstra = (cepstra - cepstra[loud].mean(axis=0)) / (cepstra[loud].std(axis=0) + 1e-6)
    changes = np.gradient(cepstra, axis=0)
    changes *= _CHANGE_WEIGHT / (changes.std(axis=0) + 1e-6)
    heard = _LEVEL_WEIGHT * np.clip((level - top) / 10, -5, 0)[:, None]
    return np.concatenate([cepstra, changes, heard], axis=1).astype(np.float32)


def _path(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """For each frame of the first the last of those in the second that it is laid over."""
    squares = np.square(one).sum(axis=1)[:, None] + np.square(other).sum(axis=1)[None, :] - 2 * one @ other.T
    costs = np.sqrt(np.maximum(squares, 0.0))
    count, width = costs.shape
    came = np.zeros((count, width), np.int8)  # 0: both moved on, 1: the first alone, 2: the second alone
    total = np.concatenate([[0.0], np.full(width, np.inf)])
    for row in range(count):
        both, first = total[:-1] + costs[row], total[1:] + costs[row]
        entered = np.minimum(both, first)
        along = np.cumsum(costs[row], dtype=np.float64)
        best = np.minimum.accumulate(entered - along) + along
        came[row] = np.where(best < entered - 1e-6, 2, both > first)
        total = np.concatenate([[np.inf], best])
    last = np.zeros(count, np.intp)
    row, column = count - 1, width - 1
    while row >= 0 and column >= 0:
        last[row] = max(last[row], column)
        step = came[row, column]
        row, column = row - (step != 2), column - (step != 1)
    return last
