"""A metric: one figure that a judge may give, with all that anybody needs to know of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import msgspec

from antiphon.economy.measurement import Measurement

Better = Literal["higher", "lower", "neither"]


class Metric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`judge` and `name` are what votes and receipts call it; `key`, both, is what scoring profiles weigh.

    `agrees_within`: how far two honest validators may be apart, in the unit (`logarithmic`: in the logarithm of its
    negative). Such a figure is a *reading*: no text, voice or engine tells it, so it shows that somebody listened.
    `label`: its short name beside the result of a job; empty = not among what people look at first.
    """

    judge: str
    name: str
    unit: str
    title: str
    better: Better
    source: str
    agrees_within: float | None = None
    logarithmic: bool = False
    label: str = ""

    @property
    def key(self) -> str:
        return f"{self.judge}.{self.name}"

    def measured(self, value: float) -> Measurement:
        """A finite value, or inconclusive: not-a-number never reaches a score."""
        if not math.isfinite(value):
            return self.unmeasured(f"the result is {value}")
        return Measurement(judge=self.judge, name=self.name, unit=self.unit, value=float(value))

    def unmeasured(self, reason: str) -> Measurement:
        return Measurement(judge=self.judge, name=self.name, unit=self.unit, reason=reason)

    def found(self, result: float | str) -> Measurement:
        """A value, or the reason why there is none."""
        return self.unmeasured(result) if isinstance(result, str) else self.measured(result)


def unmeasured(metrics: Iterable[Metric], reason: str) -> tuple[Measurement, ...]:
    """None of these could be measured, for one reason."""
    return tuple(metric.unmeasured(reason) for metric in metrics)


def key_of(measurement: Measurement) -> str:
    """The metric that a measurement is of."""
    return f"{measurement.judge}.{measurement.name}"
