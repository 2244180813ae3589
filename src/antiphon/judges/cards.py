"""Voice cards: what each built-in voice is known to sound like, measured on its own sentences.

`scripts/measure_voices.py` writes the data: per voice the mean speaker embedding and the mean and standard deviation
of both naturalness predictors.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from antiphon import models
from antiphon.judges.base import VoiceReference
from antiphon.models import tensors

PREDICTORS = ("distillmos", "dnsmos")


def card(voice: str) -> VoiceReference | None:
    """The card of a built-in voice, or None."""
    return _cards().get(voice)


def voices() -> tuple[str, ...]:
    """Names of all voices that have a card."""
    return tuple(_cards())


@lru_cache(maxsize=1)
def _cards() -> dict[str, VoiceReference]:
    stored = tensors.parse(models.read("voice-cards"))
    cards = {}
    for name in sorted({key.rpartition("/")[0] for key in stored}):
        embedding = np.asarray(stored[f"{name}/embedding"], dtype=np.float32)
        mos = np.asarray(stored[f"{name}/mos"], dtype=np.float32)  # [2, 2]: predictor, (mean, standard deviation)
        cards[name] = VoiceReference(
            embedding=embedding / np.linalg.norm(embedding),
            mos={predictor: (float(row[0]), float(row[1])) for predictor, row in zip(PREDICTORS, mos, strict=True)},
        )
    return cards
