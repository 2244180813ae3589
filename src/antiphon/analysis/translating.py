"""Speech in any of Whisper's languages as English text, with times: the second task that it was trained for
(Radford et al. 2022, section 2.3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from antiphon.analysis.activity import active_frames
from antiphon.analysis.features import RATE_HZ, whisper_log_mel
from antiphon.analysis.recogniser import MAX_TOKENS_PER_S, WINDOW_S, Recogniser, repetitive, split_at_pauses, unspoken
from antiphon.audio.waveform import Samples
from antiphon.errors import InputError

if TYPE_CHECKING:
    from ctranslate2.models import WhisperGenerationResult
    from tokenizers import Tokenizer

PIECE_S = 28.0
"""Whole windows: the pieces that do for words cut a sentence that has to be understood first."""

STEP_S = 0.02
"""Between two marks of time among the decoder's tokens."""

BEAM, UNREPEATED = 5, 3
"""A text that goes round in circles is made again, with no three tokens twice."""


class Translated(NamedTuple):
    """English text of what is heard from `begin_s` to `end_s`."""

    begin_s: float
    end_s: float
    text: str


def translations(
    signal: Samples, recogniser: Recogniser, language: str, *, going_on: Callable[[], bool] = lambda: True
) -> Iterator[Translated]:
    """A sentence or part of one each, in order of time, of mono 16 kHz speech in `language` (ISO 639-1).

    `recogniser` has to know many languages. `going_on` is asked before each piece. Raises `InputError` for a language
    that it does not know, `ModelError` where it is not installed.
    """
    offset_s = 0.0
    for piece in split_at_pauses(signal, PIECE_S):
        if not going_on():
            return
        if active_frames(piece).any():
            for said in _translated(piece, recogniser, language):
                yield said._replace(begin_s=said.begin_s + offset_s, end_s=said.end_s + offset_s)
        offset_s += piece.shape[0] / RATE_HZ


def _translated(piece: Samples, recogniser: Recogniser, language: str) -> list[Translated]:
    _, tokenizer = recogniser.load()
    prompt = [_id(tokenizer, name) for name in ("startoftranscript", language, "translate")]
    result = _generated(piece, recogniser, prompt, unrepeated=0)
    if repetitive(tokenizer.decode(result.sequences_ids[0])):
        result = _generated(piece, recogniser, prompt, unrepeated=UNREPEATED)
    return [] if unspoken(result) else _timed(result.sequences_ids[0], tokenizer, piece.shape[0] / RATE_HZ)


def _generated(
    piece: Samples, recogniser: Recogniser, prompt: list[int], *, unrepeated: int
) -> WhisperGenerationResult:
    import ctranslate2

    network, _ = recogniser.load()
    padded = np.zeros(int(WINDOW_S * RATE_HZ), np.float32)
    padded[: piece.shape[0]] = piece
    found: list[WhisperGenerationResult] = network.generate(
        ctranslate2.StorageView.from_array(np.ascontiguousarray(whisper_log_mel(padded)[None])),
        [prompt],
        beam_size=BEAM,
        no_repeat_ngram_size=unrepeated,
        max_length=min(448, 2 * (32 + int(piece.shape[0] / RATE_HZ * MAX_TOKENS_PER_S))),
        return_scores=True,
        return_no_speech_prob=True,
    )
    return found[0]


def _timed(tokens: list[int], tokenizer: Tokenizer, length_s: float) -> list[Translated]:
    """The words between two marks of time; what no mark follows lasts until the sound ends."""
    first = _id(tokenizer, "notimestamps") + 1
    found, held, begin_s = list[Translated](), list[int](), 0.0
    for token in (*tokens, first + round(length_s / STEP_S)):
        if token < first:
            held.append(token)
            continue
        at_s = min((token - first) * STEP_S, length_s)
        if text := tokenizer.decode(held).strip():
            found.append(Translated(begin_s, max(at_s, begin_s), text))
        held, begin_s = [], at_s
    return found


def _id(tokenizer: Tokenizer, name: str) -> int:
    number = tokenizer.token_to_id(f"<|{name}|>")
    if number is None:
        raise InputError(f"Speech in {name[:40]!r} cannot be translated", "Name its language as es, or leave it out.")
    return number
