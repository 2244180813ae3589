"""Judges: what a validator measures. They measure and never decide; verdicts are `antiphon.economy`'s.

The panel and the judges live in their modules (`judges.panel`, `judges.words`, ...) and load models when first used.
"""

from __future__ import annotations

from antiphon.judges.base import Evidence, Judge, VoiceReference
from antiphon.judges.cards import card
from antiphon.judges.fingerprints import History, fingerprint, similarity
from antiphon.judges.panel import JudgePanel

__all__ = [
    "Evidence",
    "History",
    "Judge",
    "JudgePanel",
    "VoiceReference",
    "card",
    "fingerprint",
    "similarity",
]
