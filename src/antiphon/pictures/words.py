"""Words with their times: what a recogniser heard, laid over the sound by its own attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.analysis.activity import FRAME_S, active_frames
from antiphon.analysis.features import HOP, RATE_HZ, whisper_log_mel
from antiphon.analysis.recogniser import Recogniser, split_at_pauses
from antiphon.audio.waveform import Samples

WINDOW_S = 30.0
STEP_S = 0.02
"""One column of the recogniser's attention."""

PAUSE_S = 0.1
"""Shorter silences are stops inside words."""

_REACH_FRAMES = 30  # between a pause and the boundary that it belongs to


@dataclass(frozen=True, slots=True)
class Word:
    """What was heard from `start_s` to `end_s`, and how sure the recogniser is of it (0..1)."""

    text: str
    start_s: float
    end_s: float
    probability: float


def words_of(signal: Samples, recogniser: Recogniser, language: str = "en") -> tuple[Word, ...]:
    """Words of mono 16 kHz speech in order of time. Raises `ModelError` when the recogniser is not installed."""
    found: list[Word] = []
    offset_s = 0.0
    for piece in split_at_pauses(signal):
        if active_frames(piece).any():
            heard = recogniser.transcribe([piece], language)[0].text
            found += [
                Word(word.text, word.start_s + offset_s, word.end_s + offset_s, word.probability)
                for word in _aligned(piece, heard, recogniser, language)
            ]
        offset_s += piece.shape[0] / RATE_HZ
    return tuple(found)


def _aligned(signal: Samples, text: str, recogniser: Recogniser, language: str) -> list[Word]:
    """Dynamic time warping over the attention of the model's alignment heads (Radford et al. 2022, section 4.8)."""
    import ctranslate2

    if not text:
        return []
    network, tokenizer = recogniser.load()
    names = ["<|startoftranscript|>"]
    if network.is_multilingual:
        names += [f"<|{language.lower().split('-')[0]}|>", "<|transcribe|>"]
    tokens = tokenizer.encode(f" {text}", add_special_tokens=False).ids
    padded = np.zeros(int(WINDOW_S * RATE_HZ), dtype=np.float32)
    padded[: signal.shape[0]] = signal
    result = network.align(
        ctranslate2.StorageView.from_array(np.ascontiguousarray(whisper_log_mel(padded)[None])),
        [tokenizer.token_to_id(name) for name in names],
        [tokens],
        [int(np.ceil(signal.shape[0] / HOP))],
    )[0]
    starts_s = _starts(result.alignments, len(tokens) + 1)
    parts = [tokenizer.decode([token]) for token in tokens]
    first = [n for n, part in enumerate(parts) if n == 0 or part.startswith(" ")]
    spans = _spans(np.append(starts_s[first], starts_s[-1]), active_frames(signal))
    words = []
    for begin, end, (start_s, end_s) in zip(first, [*first[1:], len(tokens)], spans, strict=True):
        said = tokenizer.decode(tokens[begin:end]).strip()
        if said:
            words.append(Word(said, start_s, end_s, float(np.mean(result.text_token_probs[begin:end]))))
    return words


def _starts(alignments: Sequence[tuple[int, int]], count: int) -> npt.NDArray[np.float64]:
    """When each token begins, in seconds; a path that never reaches a token ends there."""
    path = np.array(alignments, dtype=np.int64).reshape(-1, 2)
    last = int(path[-1, 1]) if path.size else 0
    starts = np.full(count, last, dtype=np.float64)
    for token, column in path[::-1]:
        if token < count:
            starts[token] = column
    return np.maximum.accumulate(starts) * STEP_S


def _spans(edges_s: npt.NDArray[np.float64], active: npt.NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Start and end of each word, with the pauses between them left out: attention spreads over those."""
    edges = [min(round(edge / FRAME_S), active.size) for edge in edges_s]
    starts, ends = edges[:-1], edges[1:]
    inner = np.array(starts[1:], dtype=np.int64)
    for first, last in sorted(_pauses(active), key=lambda pause: pause[1] - pause[0]):  # the longest has the last word
        distance = np.maximum(0, np.maximum(inner - last, first - inner))
        if not inner.size or distance.min() > _REACH_FRAMES:
            continue
        n = int(distance.argmin())
        if first > starts[n] and last < edges[n + 2]:
            ends[n], starts[n + 1] = first, last
    sounding = np.flatnonzero(active)
    starts[0] = max(starts[0], int(sounding[0]))
    ends[-1] = min(ends[-1], int(sounding[-1]) + 1) if ends[-1] > sounding[0] else ends[-1]
    return [(a * FRAME_S, max(b, a + 1) * FRAME_S) for a, b in zip(starts, ends, strict=True)]


def _pauses(active: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and one past the last frame of each silence of at least `PAUSE_S`."""
    steps = np.flatnonzero(np.diff(np.concatenate([[True], active, [True]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in steps.reshape(-1, 2) if (b - a) * FRAME_S >= PAUSE_S]
