"""Lengths of time as people type them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    Base = click.ParamType[float]
else:
    Base = click.ParamType  # not generic at runtime before click 8.5

UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
MAX_S = 100 * 365 * 86_400.0


class Duration(Base):
    """`90s`, `15m`, `12h` or `30d`, as seconds."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Exactly what was typed, or a usage error."""
        if isinstance(value, float):  # converted already
            return value
        found = re.fullmatch(r"(\d{1,9})([smhd])", str(value))
        if found is None or not 0 < int(found[1]) * UNITS_S[found[2]] <= MAX_S:
            self.fail(f"{value!r} is no length of time; write for example 12h or 30d.", param, ctx)
        return float(int(found[1]) * UNITS_S[found[2]])
