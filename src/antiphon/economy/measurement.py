"""Measurement: a value with a unit, or an honest "inconclusive" with its reason. Never a default number."""

from __future__ import annotations

import msgspec


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one judge. Exactly one of `value` and `reason` is set."""

    judge: str
    name: str
    unit: str
    value: float | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.reason is None):
            raise ValueError(f"{self.judge}.{self.name}: give a value or a reason, not both or neither")

    @property
    def inconclusive(self) -> bool:
        return self.value is None
