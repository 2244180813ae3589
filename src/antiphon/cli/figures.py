"""Figures of a finished job for people and for JSON: what was heard, what was paid."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import TYPE_CHECKING, Any

from antiphon.client.budget import ant, cost_nano, paid_nano
from antiphon.judges.metric import key_of
from antiphon.judges.metrics import BUILT_IN

if TYPE_CHECKING:
    from antiphon.cli.result import Result
    from antiphon.client.events import Closed
    from antiphon.ledger.records import PartRecord

_SHOWN = {key: metric for key, metric in BUILT_IN.items() if metric.label}
_SHARES = frozenset(metric.label for metric in _SHOWN.values() if metric.unit == "ratio")


__all__ = [
    "ant",
    "as_dict",
    "clock",
    "counted",
    "delivered",
    "measured",
    "paid_for",
    "paid_nano",
    "score_of",
    "value_of",
]


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
                metric = _SHOWN.get(key_of(measurement))
                if metric is None:
                    continue
                values = found.setdefault(metric.label, [])
                if measurement.value is not None:
                    values.append(measurement.value)
    shown = (metric.label for metric in _SHOWN.values() if metric.label in found)
    return {label: median(found[label]) if found[label] else None for label in shown}


def value_of(label: str, value: float) -> str:
    """A figure of `measured`, for people."""
    return f"{value:.1%}" if label in _SHARES else f"{value:.2f}"


def paid_for(closed: Iterable[Closed]) -> int:
    """What finished tasks cost their client in all, fees for what was called off included."""
    return sum(cost_nano(one.receipt, one.task.client) for one in closed)


def clock(seconds: float) -> str:
    """A duration for people: 0:07, 2:31, 1:02:05."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def counted(number: int, noun: str) -> str:
    """`1 sentence`, `1,000 sentences`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def score_of(part: PartRecord) -> float | None:
    """The majority's median score of a part, 0-1."""
    if not part.rulings or part.rulings[-1].outcome.score_ppm is None:
        return None
    return part.rulings[-1].outcome.score_ppm / 1_000_000


def as_dict(result: Result) -> dict[str, Any]:
    """The result of `antiphon say --json`."""
    parts = [part for closed in result.closed for part in closed.parts]
    return {
        "output": result.output,
        "seconds": round(result.seconds, 3),
        "first_audio_s": None if result.first_audio_s is None else round(result.first_audio_s, 3),
        "figures": measured(parts),
        "parts": [
            {
                "task": part.task,
                "index": part.part.index,
                "state": str(part.state),
                "producer": part.assignment.producers[part.attempt].node,
                "score": score_of(part),
            }
            for part in parts
        ],
        "quoted_nano": sum(closed.task.quote.total_nano for closed in result.closed),
        "paid_nano": paid_for(result.closed),
        "tasks": [closed.task.task for closed in result.closed],
        "receipts": [str(path) for path in result.receipts],
        "missing": [{"number": one.number + 1, "begins": one.begins, "why": one.why} for one in result.missing],
        "kept": result.recalled,
        **result.facts,
    }
