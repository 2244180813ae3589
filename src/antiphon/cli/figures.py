"""Figures of a finished job for people and for JSON: what was heard, what was paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from antiphon.client.budget import ant, paid_nano
from antiphon.door.figures import SHOWN, delivered, measured, paid_for, score_of

if TYPE_CHECKING:
    from antiphon.cli.result import Result

_SHARES = frozenset(metric.label for metric in SHOWN.values() if metric.unit == "ratio")


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


def value_of(label: str, value: float) -> str:
    """A figure of `measured`, for people."""
    return f"{value:.1%}" if label in _SHARES else f"{value:.2f}"


def clock(seconds: float) -> str:
    """A duration for people: 0:07, 2:31, 1:02:05."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def counted(number: int, noun: str) -> str:
    """`1 sentence`, `1,000 sentences`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


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
                "index": part.index,
                "state": part.state,
                "producer": part.producer,
                "score": part.score,
            }
            for part in parts
        ],
        "quoted_nano": sum(closed.held_nano for closed in result.closed),
        "paid_nano": paid_for(result.closed),
        "tasks": [closed.task for closed in result.closed],
        "receipts": [str(path) for path in result.receipts],
        "missing": [{"number": one.number + 1, "begins": one.begins, "why": one.why} for one in result.missing],
        "kept": result.recalled,
        **result.facts,
    }
