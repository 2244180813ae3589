"""All tokens of a text at once: durations first, then one pass over the frames. NumPy over two functions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from antiphon.codecs.base import Tokens
from antiphon.errors import InputError, ModelError
from antiphon.soundstorm.decoding import gumbel
from antiphon.soundstorm.inputs import Floats, Ints
from antiphon.soundstorm.text.layout import TextConfig
from antiphon.soundstorm.text.sampling import SamplingOptions

MAX_FRAMES = 8_192
_LONGEST_S = 2.0
"""No phoneme lasts longer: a duration beyond is a slip of the model."""


class Speaker(Protocol):
    """The two halves of a parallel text stage."""

    config: TextConfig

    def read(self, phonemes: Ints) -> tuple[Floats, Floats]:
        """Phonemes `[P]` to hidden `[P, d]` and durations `[P]` in frames (not rounded)."""

    def predict_tokens(self, hidden: Floats, place: Floats) -> Floats:
        """Hidden of each frame `[S, d]`, and how far in its phoneme it is `[S, 2]`, to logits `[S, V]`."""


@dataclass(frozen=True, slots=True)
class TextOutput:
    """`tokens [S]` and `frames [P]` of each phoneme, which sum to S."""

    tokens: Tokens
    frames: Ints


def predict_tokens(
    speaker: Speaker, phonemes: Ints, key: bytes, options: SamplingOptions | None = None, *, speed: float = 1.0
) -> TextOutput:
    """Semantic tokens of phonemes `[P]` in one pass. `speed` 2 is twice as fast.

    Raises `InputError` for a speed outside 0.25..4, `ModelError` for anything but finite numbers from the model.
    """
    if not 0.25 <= speed <= 4:
        raise InputError(f"The speed is {speed}", "Give one from 0.25 to 4.")
    options = options or SamplingOptions(temperature=0)
    hidden, durations = speaker.read(phonemes)
    if not np.isfinite(durations).all() or not np.isfinite(hidden).all():
        raise ModelError("The text stage gave something else than numbers", "Train or export it again.")
    frames = rounded(durations / speed, speaker.config, phonemes)
    logits = speaker.predict_tokens(np.repeat(hidden, frames, axis=0), places(frames))
    if not np.isfinite(logits).all():
        raise ModelError("The text stage gave something else than numbers", "Train or export it again.")
    if options.temperature > 0:
        noise = gumbel(hashlib.sha256(b"antiphon/soundstorm/text\0" + key).digest(), 3, logits.size)
        logits = logits / options.temperature + noise.reshape(logits.shape)
    return TextOutput(logits.argmax(axis=1).astype(np.uint16), frames)


def rounded(durations: Floats, config: TextConfig, phonemes: Ints) -> Ints:
    """Whole frames that keep the sum: what rounding takes from one phoneme it gives to the next.

    Symbols that need time get at least one frame.
    """
    timeless = config.timeless()[phonemes]
    wanted = np.clip(durations.astype(np.float64), 0.0, _LONGEST_S * config.frame_rate_hz)
    wanted = np.where(timeless, wanted, np.maximum(wanted, 1.0))
    edges = np.floor(np.cumsum(wanted) + 0.5).astype(np.int64)
    frames = np.diff(np.concatenate([[0], edges]))
    frames = np.where(timeless, frames, np.maximum(frames, 1))
    if int(frames.sum()) > MAX_FRAMES:
        raise InputError(f"These phonemes would last {int(frames.sum())} frames", "Give them sentence by sentence.")
    return np.asarray(frames, np.int64)


def places(frames: Ints) -> Floats:
    """How far each frame is in its phoneme, from 0 to 1, and the logarithm of its phoneme's frames, `[S, 2]`."""
    total = np.repeat(frames, frames)
    before = np.repeat(np.cumsum(frames) - frames, frames)
    inside = np.arange(total.shape[0]) - before
    return np.stack([(inside + 0.5) / np.maximum(total, 1), np.log(np.maximum(total, 1))], axis=1).astype(np.float32)
