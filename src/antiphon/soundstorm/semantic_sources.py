"""Features that tell what is said more than who says it, behind one Protocol."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from antiphon import models
from antiphon.analysis.features import HOP, RATE_HZ, mono_16k, whisper_log_mel
from antiphon.analysis.recogniser import Recogniser
from antiphon.audio.waveform import Samples, Waveform
from antiphon.errors import InputError, ModelError
from antiphon.soundstorm.inputs import Floats

WINDOW_S = 12.0
"""Longer audio is heard in windows of this. Of 27 s, tiny.en makes 93% of the same tokens in windows of 14 s as in one
of 30, for half its time; 91% in 8 s, 86-88% in 4 s, for more: every window carries margins and a second of silence.
"""

MARGIN_S = 1.0
"""What a window hears beyond its own part on either side."""

FRAME_S = 0.02
_MODELS = {"whisper-tiny-en": 384, "whisper-base": 512}


@runtime_checkable
class FeatureSource(Protocol):
    """`features` gives float32 `[S, width]`, `frame_rate_hz` rows a second of audio, of any rate and channels."""

    name: str
    width: int
    frame_rate_hz: float

    def features(self, wave: Waveform) -> Floats:
        """`[ceil(seconds * frame_rate_hz), width]`. Raises `InputError` for audio that is empty or not finite."""


class WhisperFeatures:
    """The bundled recogniser's encoder: 50 rows a second, as it hears sounds before it looks for words."""

    frame_rate_hz = 50.0

    def __init__(self, model: str = "whisper-tiny-en", *, threads: int = 1) -> None:
        if model not in _MODELS:
            raise InputError(f"There is no recogniser {model}", f"Choose one of {', '.join(_MODELS)}.")
        self.name, self.width = model, _MODELS[model]
        self._recogniser = Recogniser(model, threads=threads)

    def features(self, wave: Waveform) -> Floats:
        return _in_windows(_signal(wave), self._recogniser.encode)


class MelFeatures:
    """Log-mel, smoothed by a cosine transform, with its slope: no model, and the yardstick for those that have one."""

    name = "mel"
    width = 26
    frame_rate_hz = 50.0

    def features(self, wave: Waveform) -> Floats:
        return _in_windows(_signal(wave), self._encode)

    def _encode(self, signal: Samples) -> Floats:
        mel = whisper_log_mel(signal)
        mel = mel[:, : mel.shape[1] // 2 * 2] if mel.shape[1] > 1 else np.repeat(mel, 2, axis=1)
        pairs = mel.reshape(80, -1, 2).mean(axis=2).T  # [S, 80]
        basis = np.cos(np.pi / 80 * (np.arange(80) + 0.5)[:, None] * np.arange(13))
        shape = pairs @ basis.astype(np.float32) / 80
        slope = np.gradient(shape, axis=0) if shape.shape[0] > 1 else np.zeros_like(shape)
        return np.asarray(np.concatenate([shape, slope], axis=1), np.float32)


class OnnxFeatures:
    """HuBERT, WavLM or their like from a local ONNX file: `[1, samples]` at 16 kHz to `[1, S, D]`, 50 rows a second.

    No such weights ship with us. `antiphon soundstorm import-features` makes such a file of published ones; any other
    graph with one float input and the layer as first output will do.
    """

    frame_rate_hz = 50.0

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        try:
            blob = path.read_bytes()
        except OSError as error:
            raise ModelError(
                f"Cannot read {path}: {error.strerror}",
                "HuBERT and WavLM do not ship with us: make it by `antiphon soundstorm import-features`.",
            ) from error
        self._session: Any = models.open_session(blob, str(path), threads=threads)
        self.name = f"onnx:{path}"
        self._input = self._session.get_inputs()[0].name
        self.width = self._encode(np.zeros(RATE_HZ, np.float32)).shape[1]

    def features(self, wave: Waveform) -> Floats:
        return _in_windows(_signal(wave), self._encode)

    def _encode(self, signal: Samples) -> Floats:
        # Its convolutions need 25 ms before the first row comes out.
        padded = np.pad(signal, (200, 200)).astype(np.float32)
        feeds, hint = {self._input: padded[None]}, "It must take float32 [1, samples] at 16 kHz."
        made = np.asarray(models.run_session(self._session, feeds, name=self.name, hint=hint)[0], np.float32)
        if made.ndim != 3 or made.shape[0] != 1 or abs(made.shape[1] - signal.shape[0] / 320) > 3:
            raise ModelError(f"{self.name} gives {made.shape}, not [1, 50 rows a second, D]", "Export another layer.")
        rows: Floats = made[0]
        return rows


def source(name: str, *, beside: Path | None = None, threads: int = 1) -> FeatureSource:
    """The source of that name: a bundled recogniser, `mel`, or `onnx:PATH`. A relative path is one in the folder
    `beside`, where it is there, else in the working folder. Raises `InputError`, `ModelError`."""
    if name in _MODELS:
        return WhisperFeatures(name, threads=threads)
    if name == MelFeatures.name:
        return MelFeatures()
    kind, _, path = name.partition(":")
    if kind == "onnx" and path:
        near = Path(path) if beside is None else beside / path
        return OnnxFeatures(near if near.is_file() else Path(path), threads=threads)
    raise InputError(
        f"There are no semantic features {name}",
        f"Choose one of {', '.join((*_MODELS, 'mel'))}, or onnx:FILE (`antiphon soundstorm import-features`).",
    )


def _signal(wave: Waveform) -> Samples:
    if not wave.samples.size:
        raise InputError("There is no audio to hear", "Give at least one sample.")
    if not np.isfinite(wave.samples).all():
        raise InputError("The audio holds values that are not numbers", "Decode it again from its source.")
    return mono_16k(wave)


def _in_windows(signal: Samples, encode: Callable[[Samples], Floats]) -> Floats:
    """Rows of a signal of any length; every window but the last is heard with the sound around it."""
    hop = 2 * HOP
    rows = max(1, -(-signal.shape[0] // hop))
    per, margin = round(WINDOW_S / FRAME_S), round(MARGIN_S / FRAME_S)
    pieces = []
    for start in range(0, rows, per):
        first, last = max(0, start - margin), min(rows, start + per + margin)
        heard = _exactly(encode(signal[first * hop : last * hop]), last - first)
        pieces.append(heard[start - first : min(rows, start + per) - first])
    return np.concatenate(pieces)


def _exactly(rows: Floats, count: int) -> Floats:
    """Networks differ by a row in what they make of the ends: the last row is repeated, or dropped."""
    if rows.shape[0] >= count:
        return rows[:count]
    return np.pad(rows, ((0, count - rows.shape[0]), (0, 0)), mode="edge")
