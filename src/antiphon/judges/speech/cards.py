"""Voice cards: what each built-in voice is known to sound like, measured on its own sentences.

`scripts/measure_voices.py` writes the data: per voice the mean speaker embedding by both encoders and the mean and
standard deviation of both naturalness predictors.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from antiphon import models
from antiphon.audio.waveform import Samples
from antiphon.judges.speech.evidence import VoiceReference
from antiphon.models import tensors

MAX_VOICES = 8
MAX_WEIGHT = 1e6
PREDICTORS = ("distillmos", "dnsmos")


def card(voice: str) -> VoiceReference | None:
    """The card of a built-in voice or of a mix `a:0.6+b:0.4` of such voices, or None.

    A mix is predicted as the weighted mean of its voices' embeddings: mixes of two Kokoro voices had a cosine of
    0.80 to 0.95 to that prediction, so judge them less strictly than a single voice (0.92 on average).
    """
    if "+" not in voice and ":" not in voice:
        return _cards().get(voice)
    parts = [_part(text) for text in voice.split("+")]
    known = [(found, weight) for name, weight in parts if (found := _cards().get(name)) is not None and weight > 0]
    return _mixed(known) if len(known) == len(parts) <= MAX_VOICES else None


def voices() -> tuple[str, ...]:
    """Names of all voices that have a card."""
    return tuple(_cards())


def independent(voice: str) -> Samples | None:
    """A built-in voice as `embed_independent` hears it, unit length, `[256]`."""
    return _others().get(voice)


def _part(text: str) -> tuple[str, float]:
    """Name and weight; a weight that is no positive finite number is 0."""
    name, colon, weight = text.partition(":")
    try:
        value = float(weight) if colon else 1.0
    except ValueError:
        value = 0.0
    return name.strip(), value if 0.0 < value <= MAX_WEIGHT else 0.0


def _mixed(parts: list[tuple[VoiceReference, float]]) -> VoiceReference:
    total = sum(weight for _, weight in parts)
    embedding = np.zeros(1, dtype=np.float32)
    for voice, weight in parts:
        if voice.embedding is not None:
            embedding = embedding + np.float32(weight / total) * voice.embedding
    mos = {
        name: (
            sum(voice.mos[name][0] * weight for voice, weight in parts) / total,
            max(voice.mos[name][1] for voice, _ in parts),
        )
        for name in PREDICTORS
    }
    return VoiceReference(embedding=embedding / np.linalg.norm(embedding), mos=mos)


@lru_cache(maxsize=1)
def _cards() -> dict[str, VoiceReference]:
    stored = _stored()
    cards = {}
    for name in sorted({key.rpartition("/")[0] for key in stored}):
        embedding = np.asarray(stored[f"{name}/embedding"], dtype=np.float32)
        mos = np.asarray(stored[f"{name}/mos"], dtype=np.float32)  # [2, 2]: predictor, (mean, standard deviation)
        cards[name] = VoiceReference(
            embedding=embedding / np.linalg.norm(embedding),
            mos={predictor: (float(row[0]), float(row[1])) for predictor, row in zip(PREDICTORS, mos, strict=True)},
        )
    return cards


@lru_cache(maxsize=1)
def _others() -> dict[str, Samples]:
    found = {}
    for key, stored in _stored().items():
        name, _, kind = key.rpartition("/")
        if kind == "other":
            other = np.asarray(stored, dtype=np.float32)
            found[name] = np.asarray(other / np.linalg.norm(other), dtype=np.float32)
    return found


def _stored() -> dict[str, tensors.Array]:
    return tensors.parse(models.read("voice-cards"))
