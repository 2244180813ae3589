"""Kokoro in two halves: text to (content, pitch, energy), and those to sound. Between them a voice can be changed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from antiphon import models
from antiphon.audio.waveform import Samples
from antiphon.engines.kokoro import MAX_THREADS, STYLE_ROWS, STYLE_SIZE
from antiphon.engines.mimic.onnxcut import cut
from antiphon.models import tensors

CONTENT, PITCH, ENERGY = "/encoder/MatMul_1_output_0", "/encoder/Reshape_output_0", "/encoder/Reshape_1_output_0"
"""The tensors where the graph is cut."""

RATE_HZ = 24_000
FRAME_S = 0.025
"""One column of content; pitch and energy have two."""

TIMBRE = STYLE_SIZE // 2
"""Of a style's 256 numbers the decoder hears the first half; durations, pitch and energy follow the second."""

VOICED_HZ = 40.0
"""Predicted pitch below this means unvoiced."""


@dataclass(frozen=True, slots=True)
class AcousticFeatures:
    """What the decoder takes: `content [512, T]`, `pitch_hz [2 T]`, `energy [2 T]`, for a style of `row`."""

    content: Samples
    pitch_hz: Samples
    energy: Samples
    row: int

    @property
    def seconds(self) -> float:
        return int(self.content.shape[1]) * FRAME_S


@dataclass(frozen=True, slots=True)
class SplitModel:
    """Thread-safe. `styles` are float16 `[510, 256]` by voice."""

    encoder: Any
    decoder: Any
    vocabulary: Mapping[str, int]
    styles: Mapping[str, Samples]

    def encode(self, phonemes: str, manner: Mapping[str, float], speed: float) -> AcousticFeatures:
        """Acoustic features of phonemes, in the manner of a mix of voices."""
        tokens = [self.vocabulary[char] for char in phonemes if char in self.vocabulary]
        row = min(len(tokens), STYLE_ROWS - 1)
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": self._style(manner, row),
            "speed": np.array([speed], np.float32),
        }
        content, pitch_hz, energy = self.encoder.run([CONTENT, PITCH, ENERGY], inputs, models.freed_after())
        return AcousticFeatures(content[0], pitch_hz[0], energy[0], row)

    def decode(self, features: AcousticFeatures, timbre: Mapping[str, float]) -> Samples:
        """Samples `[600 T]` at 24 kHz of acoustic features in the timbre of a mix of voices."""
        inputs = {
            CONTENT: np.ascontiguousarray(features.content[None], np.float32),
            PITCH: np.ascontiguousarray(features.pitch_hz[None], np.float32),
            ENERGY: np.ascontiguousarray(features.energy[None], np.float32),
            "style": self._style(timbre, features.row),
        }
        audio: Samples = self.decoder.run(["audio"], inputs, models.freed_after())[0]
        return audio.reshape(-1)

    @staticmethod
    def samples_of(features: AcousticFeatures) -> int:
        """How many samples `decode` gives."""
        return int(features.content.shape[1]) * round(FRAME_S * RATE_HZ)

    def _style(self, mix: Mapping[str, float], row: int) -> Samples:
        total = np.zeros(STYLE_SIZE, np.float32)
        for name, weight in mix.items():
            total += np.float32(weight) * self.styles[name][row].astype(np.float32)
        return total[None]


def load(threads: int | None = None) -> SplitModel:
    """Both halves, cut from the model's own bytes."""
    threads = threads or min(MAX_THREADS, os.cpu_count() or 1)
    blob = models.read("kokoro-82m-int8")

    def half(inputs: list[str], outputs: list[str]) -> Any:
        part = cut(blob, inputs=inputs, outputs=outputs)
        return models.open_session(part, "a half of kokoro-82m-int8", threads=threads, arena=True)

    with ThreadPoolExecutor(1, thread_name_prefix="mimic-encoder") as beside:
        encoder = beside.submit(half, ["tokens", "style", "speed"], [CONTENT, PITCH, ENERGY])
        decoder = half([CONTENT, PITCH, ENERGY, "style"], ["audio"])
        return SplitModel(
            encoder=encoder.result(),
            decoder=decoder,
            vocabulary=json.loads(models.read("kokoro-vocab"))["vocab"],
            styles=tensors.parse(models.read("kokoro-voices")),  # type: ignore[arg-type]
        )
