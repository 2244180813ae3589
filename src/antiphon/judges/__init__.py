"""Judges: what a validator measures, by which metrics, and how these are weighed. Verdicts are `antiphon.economy`'s.

What a judge from outside needs is here; each service's own judges are in its room (`speech`, `cloning`, `music`).
"""

from __future__ import annotations

from antiphon.economy.scoring import Limit, ScoreTerm, ScoringProfile
from antiphon.judges.base import Delivery, Judge, JudgeCapabilities, Tools
from antiphon.judges.metric import Metric, unmeasured
from antiphon.judges.registry import problems

__all__ = [
    "Delivery",
    "Judge",
    "JudgeCapabilities",
    "Limit",
    "Metric",
    "ScoreTerm",
    "ScoringProfile",
    "Tools",
    "problems",
    "unmeasured",
]
