"""Which tokens belong to which phoneme: monotonic paths, and a table of sounds learnt without any alignment given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.errors import InputError
from antiphon.soundstorm.inputs import Floats, Ints
from antiphon.soundstorm.text.layout import SILENT

Flags = npt.NDArray[np.bool_]

MAX_CELLS = 20_000_000
"""Frames times phonemes of one path; a minute of speech has about 3 million."""

_SMOOTH = 0.5
_FAR = -1e9


def path(scores: Floats, timeless: Flags) -> Ints:
    """The best monotonic way through `scores [S, P]` (log-likelihood of frame s in phoneme p): frames of each, `[P]`.

    Every phoneme gets at least one frame, but for those that may take none (`timeless [P]`); where frames are fewer
    than phonemes, all may. Raises `InputError` for nothing to align, or too much.
    """
    frames, count = scores.shape
    if not frames or not count or frames * count > MAX_CELLS:
        raise InputError(f"{frames} frames cannot be aligned with {count} phonemes", "Give it sentence by sentence.")
    free = timeless if frames >= int((~timeless).sum()) else np.ones(count, np.bool_)
    # skips[p]: the furthest phoneme one can come from without leaving out one that needs time.
    first = np.zeros(count, np.int64)
    for place in range(1, count):
        first[place] = first[place - 1] if free[place - 1] else place - 1
    came = np.zeros((frames, count), np.int32)
    best = np.full(count, _FAR)
    reach = int(np.argmax(~free)) + 1 if not free.all() else count
    best[:reach] = scores[0, :reach]
    for frame in range(1, frames):
        best, came[frame] = _advance(best, first)
        best = best + scores[frame]
    # The end: the last phoneme that needs time, or any timeless one after it.
    tail = count - 1 - int(np.argmax(~free[::-1])) if not free.all() else 0
    place = tail + int(np.argmax(best[tail:]))
    taken = np.zeros(count, np.int64)
    for frame in range(frames - 1, -1, -1):
        taken[place] += 1
        place = int(came[frame, place])
    return taken


def _advance(best: npt.NDArray[np.float64], first: Ints) -> tuple[npt.NDArray[np.float64], Ints]:
    """For each phoneme the best of itself and those it can follow, and which that was."""
    count = best.shape[0]
    chosen = np.arange(count)
    value = best.copy()
    for back in range(1, int((np.arange(count) - first).max()) + 1):
        source = np.arange(count) - back
        allowed = (source >= first) & (source >= 0)
        other = np.where(allowed, best[np.maximum(source, 0)], _FAR)
        better = other > value
        value, chosen = np.where(better, other, value), np.where(better, source, chosen)
    return value, chosen


def from_attention(attention: Floats, timeless: Flags) -> Ints:
    """Frames of each phoneme `[P]` from attention rows `[S, P]`: the monotonic path with the most of it."""
    return path(np.log(np.maximum(attention, 1e-6)), timeless)


@dataclass(frozen=True, slots=True)
class Sounds:
    """`log_probability [symbols, V]` of a token in a symbol. `timeless [symbols]`."""

    log_probability: Floats
    timeless: Flags

    def align(self, phonemes: Ints, tokens: npt.NDArray[np.integer]) -> Ints:
        """Frames of each phoneme, `[P]`, of a known text: forced alignment."""
        scores = self.log_probability[phonemes][:, tokens.astype(np.int64)].T
        return path(np.ascontiguousarray(scores), self.timeless[phonemes])


def learn_sounds(
    pairs: Sequence[tuple[Ints, npt.NDArray[np.integer]]],
    vocabulary: int,
    timeless: Flags,
    *,
    rounds: int = 8,
) -> Sounds:
    """Which tokens each symbol makes, from pairs of phonemes `[P]` and tokens `[S]`, by Viterbi training.

    It begins from phonemes spread evenly over the tokens; each round aligns with the table and counts anew.
    """
    if not pairs:
        raise InputError("There are no recordings with texts to align", "Give transcripts (NAME.txt beside NAME.wav).")
    marks = timeless.shape[0]
    counts = np.zeros((marks, vocabulary))
    for phonemes, tokens in pairs:
        _count(counts, phonemes, tokens, _evenly(timeless[phonemes], tokens.shape[0]))
    overall = counts.sum(axis=0) + _SMOOTH
    overall /= overall.sum()
    sounds = _table(counts, overall, timeless)
    for _ in range(rounds):
        counts[:] = 0
        for phonemes, tokens in pairs:
            _count(counts, phonemes, tokens, sounds.align(phonemes, tokens))
        sounds = _table(counts, overall, timeless)
    return sounds


def _table(counts: npt.NDArray[np.float64], overall: npt.NDArray[np.float64], timeless: Flags) -> Sounds:
    # Smoothed towards what all symbols make together, so that a rare one is not sure of its few tokens.
    smoothed = counts + 20 * _SMOOTH * overall
    return Sounds(np.log(smoothed / smoothed.sum(axis=1, keepdims=True)).astype(np.float32), timeless)


def _count(counts: npt.NDArray[np.float64], phonemes: Ints, tokens: npt.NDArray[np.integer], frames: Ints) -> None:
    np.add.at(counts, (np.repeat(phonemes, frames), tokens.astype(np.int64)), 1.0)


def _evenly(timeless: Flags, frames: int) -> Ints:
    """Equal shares to the phonemes that need time."""
    taken = np.zeros(timeless.shape[0], np.int64)
    needing = np.flatnonzero(~timeless) if not timeless.all() else np.arange(timeless.shape[0])
    edges = np.linspace(0, frames, needing.shape[0] + 1).round().astype(np.int64)
    taken[needing] = np.diff(edges)
    return taken


@dataclass(frozen=True, slots=True)
class Word:
    """A word's phonemes and its time."""

    phonemes: str
    start_s: float
    end_s: float


def words(phonemes: str, frames: Ints, frame_rate_hz: float) -> list[Word]:
    """Times of words (what lies between spaces) from the frames of each symbol, `[len(phonemes)]`."""
    if len(phonemes) != frames.shape[0]:
        raise ValueError(f"{len(phonemes)} phonemes but {frames.shape[0]} numbers of frames")
    ends = np.cumsum(frames)
    made: list[Word] = []
    start = 0
    for stop in [place for place, symbol in enumerate(phonemes) if symbol == " "] + [len(phonemes)]:
        word = phonemes[start:stop]
        if any(symbol not in SILENT for symbol in word):
            spoken = [start + n for n, symbol in enumerate(word) if symbol not in SILENT]
            begin = int(ends[spoken[0]] - frames[spoken[0]])
            made.append(Word(word, begin / frame_rate_hz, int(ends[spoken[-1]]) / frame_rate_hz))
        start = stop + 1
    return made
