"""Token by token: a NumPy loop over a step function, shared by torch and ONNX Runtime."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import numpy as np

from antiphon.codecs.base import Tokens
from antiphon.errors import InputError, ModelError
from antiphon.soundstorm.decoding import gumbel
from antiphon.soundstorm.inputs import Floats, Ints
from antiphon.soundstorm.text.layout import TextConfig

_USE = 2  # of randomness; the generator's are 0 and 1


class SamplingOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`temperature` 0 takes the likeliest; `top_k` 0 and `top_p` 1 cut nothing off.

    A token may come `longest_run` times in a row, and a pattern (of up to `pattern` tokens) `repeats` times. Length is
    bounded by `shortest` and `longest` times what the phonemes take on average.
    """

    temperature: float = 0.8
    top_k: int = 50
    top_p: float = 0.95
    longest_run: int = 40
    pattern: int = 20
    repeats: int = 4
    shortest: float = 0.25
    longest: float = 3.0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 10 or self.top_k < 0 or not 0 < self.top_p <= 1:
            raise ValueError("temperature must be within 0..10, top_k not negative, top_p within 0..1")
        if self.longest_run < 1 or self.pattern < 2 or self.repeats < 2 or not 0 <= self.shortest < self.longest <= 10:
            raise ValueError("longest_run must be positive, pattern and repeats at least 2, shortest below longest")

    def bounds(self, phonemes: int, config: TextConfig) -> tuple[int, int]:
        """Fewest and most tokens of so many phonemes."""
        mean = phonemes * config.frames_per_symbol
        return int(self.shortest * mean), int(np.ceil(self.longest * mean + 0.5 * config.frame_rate_hz))


class Decoder(Protocol):
    """A model in the middle of a text. State is handed in and out: one decoder serves many texts at once."""

    config: TextConfig

    def begin(self, phonemes: Ints) -> tuple[Floats, Floats, Any]:
        """Phonemes `[P]` to logits `[V + 1]` of the first token, attention `[P]` of its step, and state."""

    def step(self, token: int, state: Any) -> tuple[Floats, Floats, Any]:
        """The same after one more token."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """`tokens [S]`; `attention [S, P]`: where in the text each was made; whether the model itself came to an end."""

    tokens: Tokens
    attention: Floats
    ended: bool


def generate(
    decoder: Decoder,
    phonemes: Ints,
    key: bytes,
    options: SamplingOptions | None = None,
    *,
    prompt: Tokens | None = None,
) -> Spoken:
    """Semantic tokens of phonemes `[P]`; `key` (32 bytes, `decoding.task_key`) is all its randomness.

    `prompt [N]` are tokens of how the beginning of the phonemes was said; they are not given back.
    Raises `ModelError` when the model gives anything but finite numbers.
    """
    drawn = list(stream(decoder, phonemes, key, options, prompt=prompt))
    ended = bool(drawn) and drawn[-1][0] == decoder.config.end
    if ended:
        drawn.pop()
    tokens = np.array([token for token, _ in drawn], np.uint16)
    attention = np.array([row for _, row in drawn], np.float32).reshape(len(drawn), phonemes.shape[0])
    return Spoken(tokens, attention, ended)


def stream(
    decoder: Decoder,
    phonemes: Ints,
    key: bytes,
    options: SamplingOptions | None = None,
    *,
    prompt: Tokens | None = None,
) -> Iterator[tuple[int, Floats]]:
    """Tokens as they are made, each with its attention `[P]`; the last is `config.end` if the model ended."""
    options = options or SamplingOptions()
    config = decoder.config
    history = [] if prompt is None else [int(token) for token in prompt]
    if any(token >= config.semantic_vocabulary for token in history):
        raise InputError(f"A token of the prompt is not below {config.semantic_vocabulary}", "Tokenize it again.")
    least, most = options.bounds(phonemes.shape[0], config)
    logits, attention, state = decoder.begin(phonemes)
    for token in history:
        logits, attention, state = decoder.step(token, state)
    while len(history) < most:
        if logits.shape != (config.semantic_vocabulary + 1,) or not np.isfinite(logits).all():
            raise ModelError("The text stage gave something else than numbers", "Train or export it again.")
        banned = forbidden(history, options) | ({config.end} if len(history) < least else set())
        token = choose(logits, banned, _noise(key, len(history), logits.shape[0]), options)
        yield token, attention
        if token == config.end:
            return
        history.append(token)
        if len(history) < most:
            logits, attention, state = decoder.step(token, state)


def choose(logits: Floats, banned: set[int], noise: Floats, options: SamplingOptions) -> int:
    """One token: banned ones never, then top-k, then the nucleus top-p, then drawn by Gumbel `noise [V]`."""
    scaled = logits.astype(np.float64)
    if banned and len(banned) < scaled.shape[0]:
        scaled[list(banned)] = -np.inf
    if options.temperature == 0:
        return int(scaled.argmax())
    scaled = scaled / options.temperature
    order = np.argsort(-scaled, kind="stable")
    keep = order.shape[0] if options.top_k == 0 else min(options.top_k, order.shape[0])
    order = order[:keep]
    weights = np.exp(scaled[order] - scaled[order[0]])
    before = np.cumsum(weights) - weights
    # The token that crosses the line belongs to the nucleus (Holtzman et al. 2020), so one is always left.
    order = order[before < options.top_p * weights.sum()]
    return int(order[(scaled[order] + noise[order]).argmax()])


def forbidden(history: Sequence[int], options: SamplingOptions) -> set[int]:
    """Tokens that would go on with a run or a loop that has lasted long enough."""
    banned: set[int] = set()
    tail = history[-options.longest_run :]
    if len(tail) == options.longest_run and len(set(tail)) == 1:
        banned.add(tail[0])
    for period in range(2, options.pattern + 1):
        span = period * options.repeats
        if len(history) < span:
            break
        tail = history[-span:]
        if tail[period:] == tail[:-period] and len(set(tail[:period])) > 1:
            banned.add(tail[-period])
    return banned


def _noise(key: bytes, place: int, count: int) -> Floats:
    return gumbel(hashlib.sha256(b"antiphon/soundstorm/text\0" + key + struct.pack("<I", place)).digest(), _USE, count)
