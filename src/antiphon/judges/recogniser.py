"""Speech to text: `antiphon.hearing.recogniser`, which cloners hear with too."""

from __future__ import annotations

from antiphon.hearing.recogniser import (
    ECHOES,
    Confirmed,
    Heard,
    Recogniser,
    languages,
    split_at_pauses,
)

__all__ = [
    "ECHOES",
    "Confirmed",
    "Heard",
    "Recogniser",
    "languages",
    "split_at_pauses",
]
