"""What validators heard and what was paid, of finished tasks."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import TYPE_CHECKING

from antiphon.client.budget import cost_nano
from antiphon.judges.metric import key_of
from antiphon.judges.metrics import BUILT_IN

if TYPE_CHECKING:
    from antiphon.client.events import Closed
    from antiphon.ledger.records import PartRecord

SHOWN = {key: metric for key, metric in BUILT_IN.items() if metric.label}
"""The metrics that people look at first."""


def delivered(parts: Iterable[PartRecord]) -> list[PartRecord]:
    """The parts whose work reached the client: not the attempts that failed before it. All, where none did."""
    every = list(parts)
    return [part for part in every if part.state == "valid"] or every


def measured(parts: Iterable[PartRecord]) -> dict[str, float | None]:
    """Medians over delivered parts and validators of the figures people look at first. None = inconclusive."""
    found: dict[str, list[float]] = {}
    for part in delivered(parts):
        for vote in part.rulings[-1].votes.values() if part.rulings else ():
            for measurement in vote.measurements:
                metric = SHOWN.get(key_of(measurement))
                if metric is None:
                    continue
                values = found.setdefault(metric.label, [])
                if measurement.value is not None:
                    values.append(measurement.value)
    shown = (metric.label for metric in SHOWN.values() if metric.label in found)
    return {label: median(found[label]) if found[label] else None for label in shown}


def score_of(part: PartRecord) -> float | None:
    """The majority's median score of a part, 0-1."""
    if not part.rulings or part.rulings[-1].outcome.score_ppm is None:
        return None
    return part.rulings[-1].outcome.score_ppm / 1_000_000


def paid_for(closed: Iterable[Closed]) -> int:
    """What finished tasks cost their client in all, in nano, fees for what was called off included."""
    return sum(cost_nano(one.receipt, one.task.client) for one in closed)
