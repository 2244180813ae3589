"""A voice as the generator knows it: a few seconds of tokens. It is what a profile holds, and a built-in voice."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from antiphon.analysis.activity import active_frames
from antiphon.analysis.features import RATE_HZ, mono_16k
from antiphon.analysis.single_speaker import require_one_voice
from antiphon.audio.waveform import Samples, Waveform
from antiphon.codecs.base import Tokens
from antiphon.errors import InputError
from antiphon.soundstorm.inputs import align
from antiphon.soundstorm.starter import Starter
from antiphon.soundstorm.windows import Prompt

PROMPT_S = 4.0
"""Length of a prompt. Training saw all lengths up to a whole clip."""

LEVEL_DBFS = -22.0
"""Loudness of a prompt's speech: that of the training data, and so of what is made."""

MAX_FRAMES = 1_000
VERSION = 1


class PromptData(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`VoiceProfile.data`: little-endian 16-bit tokens. `acoustic` is level after level."""

    version: int
    codec: str
    semantic_tokens: str
    levels: int
    semantic: bytes
    acoustic: bytes


def enrolled(reference: Waveform, starter: Starter) -> bytes:
    """The prompt of a reference. Raises `InputError` for a reference without enough speech of one person."""
    require_one_voice(reference)
    voice = heard(levelled(best_stretch(mono_16k(reference))), starter)
    return encode(voice, starter)


def heard(samples: Samples, starter: Starter) -> Prompt:
    """Tokens of speech `[N]` at 16 kHz."""
    wave = Waveform(samples[None], RATE_HZ)
    grid = starter.codec.encode(wave)
    return Prompt(align(starter.tokenizer.encode(wave), grid.frames), grid.tokens)


def best_stretch(samples: Samples, seconds: float = PROMPT_S) -> Samples:
    """The stretch of `samples [N]` at 16 kHz with the most speech in it; the earliest of equals."""
    length = round(seconds * RATE_HZ)
    if samples.shape[0] <= length:
        return samples
    active = active_frames(samples).astype(np.int64)
    hop = samples.shape[0] / active.shape[0]
    span = max(1, round(length / hop))
    sums = np.convolve(active, np.ones(span, np.int64), "valid")
    start = min(round(int(sums.argmax()) * hop), samples.shape[0] - length)
    return samples[start : start + length]


def levelled(samples: Samples) -> Samples:
    """At `LEVEL_DBFS` over its loud half, never clipped."""
    power = samples.astype(np.float64) ** 2
    loud = np.sort(power)[power.shape[0] // 2 :].mean()
    gain = 10 ** (LEVEL_DBFS / 20) / max(float(np.sqrt(loud)), 1e-6)
    return np.asarray(samples * min(gain, 0.99 / max(float(np.abs(samples).max()), 1e-6)), np.float32)


def encode(voice: Prompt, starter: Starter) -> bytes:
    data = PromptData(
        version=VERSION,
        codec=starter.codec.name,
        semantic_tokens=starter.tokenizer.name,
        levels=voice.acoustic.shape[0],
        semantic=voice.semantic.astype("<u2").tobytes(),
        acoustic=voice.acoustic.astype("<u2").tobytes(),
    )
    return msgspec.msgpack.encode(data)


def read(blob: bytes) -> PromptData:
    """Raises `InputError` for what is no prompt of this engine."""
    try:
        data = msgspec.msgpack.decode(blob, type=PromptData)
    except msgspec.MsgspecError as error:
        raise InputError(f"This is no voice of the engine soundstorm: {error}", "Enrol the voice again.") from error
    frames = len(data.semantic) // 2
    fits = data.version == VERSION and len(data.semantic) % 2 == 0 and 1 <= data.levels <= 64
    if not fits or not 1 <= frames <= MAX_FRAMES or len(data.acoustic) != 2 * frames * data.levels:
        raise InputError("This voice of the engine soundstorm is damaged, or of another version", "Enrol it again.")
    return data


def decode(blob: bytes, starter: Starter) -> Prompt:
    """The prompt for these models. Raises `InputError` for one of other models, and for tokens out of range."""
    data = read(blob)
    if (data.codec, data.semantic_tokens) != (starter.codec.name, starter.tokenizer.name):
        raise InputError("This voice was enrolled with other models of the engine soundstorm", "Enrol it again.")
    semantic = _tokens(data.semantic)
    acoustic = _tokens(data.acoustic).reshape(data.levels, -1)
    vocabulary = starter.codec.vocabulary
    if acoustic.shape[0] != len(vocabulary) or (acoustic >= np.array(vocabulary)[:, None]).any():
        raise InputError("This voice holds tokens that its codec does not have", "Enrol it again.")
    if int(semantic.max()) >= starter.tokenizer.vocabulary:
        raise InputError("This voice holds semantic tokens out of range", "Enrol it again.")
    return Prompt(semantic, acoustic)


def _tokens(blob: bytes) -> Tokens:
    found: np.ndarray[Any, np.dtype[np.uint16]] = np.frombuffer(blob, "<u2").astype(np.uint16)
    return found
