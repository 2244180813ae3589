"""Amounts of money as people type them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    Base = click.ParamType[int]
else:
    Base = click.ParamType  # not generic at runtime before click 8.5

DIGITS = {"ANT": 9, "uANT": 3}
MAX_UNITS = 1_000_000_000


class Amount(Base):
    """An amount in `unit`, converted exactly to an integer of nano-ANT. `minimum_nano` 0 allows nothing at all."""

    def __init__(self, unit: str = "ANT", *, minimum_nano: int = 1) -> None:
        self.name = unit
        self._digits = DIGITS[unit]
        self._minimum_nano = minimum_nano

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Exactly what was typed, or a usage error."""
        if isinstance(value, int):  # converted already
            return value
        try:
            amount = Decimal(str(value).replace("_", ""))
        except InvalidOperation:
            self.fail(f"{value!r} is not an amount; write for example 0.05.", param, ctx)
        if not amount.is_finite() or abs(amount) > MAX_UNITS:
            self.fail(f"{value} is not an amount up to {MAX_UNITS:,} {self.name}.", param, ctx)
        nano = amount.scaleb(self._digits)
        if nano != nano.to_integral_value() or nano < self._minimum_nano:
            least = "positive amount" if self._minimum_nano else "amount from 0"
            self.fail(f"{value} {self.name} is no {least} of at most {self._digits} decimals.", param, ctx)
        return int(nano)
