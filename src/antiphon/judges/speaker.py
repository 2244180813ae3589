"""Speaker embeddings: `antiphon.hearing.speaker`, which cloners hear with too."""

from __future__ import annotations

from antiphon.hearing.speaker import (
    MAX_VOICED_S,
    MIN_VOICED_S,
    embed,
    embed_independent,
    embed_signal,
    mean_voice,
    voiced,
)

__all__ = [
    "MAX_VOICED_S",
    "MIN_VOICED_S",
    "embed",
    "embed_independent",
    "embed_signal",
    "mean_voice",
    "voiced",
]
