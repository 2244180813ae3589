"""What validators heard and what was paid, of finished tasks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class EndedPart:
    """What is told of a part. `heard`: by label what the validators measured; empty = inconclusive."""

    task: str
    index: int
    state: str
    producer: str
    score: float | None  # 0-1
    heard: dict[str, tuple[float, ...]]
    votes: int
    with_majority: int


@dataclass(frozen=True, slots=True)
class EndedTask:
    """What is told of a task. Its record and receipt are 20 times as large, and a book has thousands."""

    task: str
    held_nano: int
    paid_nano: int  # by its client, fees for what was called off included
    parts: tuple[EndedPart, ...]


def ended(closed: Closed) -> EndedTask:
    task = closed.task
    parts = tuple(map(_ended, closed.parts))
    return EndedTask(task.task, task.quote.total_nano, cost_nano(closed.receipt, task.client), parts)


def _ended(part: PartRecord) -> EndedPart:
    ruling = part.rulings[-1] if part.rulings else None
    return EndedPart(
        task=part.task,
        index=part.part.index,
        state=str(part.state),
        producer=part.assignment.producers[part.attempt].node,
        score=score_of(part),
        heard=_heard(part),
        votes=len(ruling.votes) if ruling else 0,
        with_majority=len(ruling.outcome.majority) if ruling else 0,
    )


def _heard(part: PartRecord) -> dict[str, tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for vote in part.rulings[-1].votes.values() if part.rulings else ():
        for measurement in vote.measurements:
            if (metric := SHOWN.get(key_of(measurement))) is not None:
                value = () if measurement.value is None else (measurement.value,)
                found[metric.label] = found.get(metric.label, ()) + value
    return found


def delivered(parts: Iterable[EndedPart]) -> list[EndedPart]:
    """The parts whose work reached the client: not the attempts that failed before it. All, where none did."""
    every = list(parts)
    return [part for part in every if part.state == "valid"] or every


def measured(parts: Iterable[EndedPart]) -> dict[str, float | None]:
    """Medians over delivered parts and validators of the figures people look at first. None = inconclusive."""
    found: dict[str, list[float]] = {}
    for part in delivered(parts):
        for label, values in part.heard.items():
            found.setdefault(label, []).extend(values)
    shown = (metric.label for metric in SHOWN.values() if metric.label in found)
    return {label: median(found[label]) if found[label] else None for label in shown}


def score_of(part: PartRecord) -> float | None:
    """The majority's median score of a part, 0-1."""
    if not part.rulings or part.rulings[-1].outcome.score_ppm is None:
        return None
    return part.rulings[-1].outcome.score_ppm / 1_000_000


def paid_for(closed: Iterable[EndedTask]) -> int:
    """What finished tasks cost their client in all, in nano."""
    return sum(one.paid_nano for one in closed)
