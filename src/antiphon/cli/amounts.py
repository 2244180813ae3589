"""Amounts of money as people type them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import click

MAX_ANT = 1_000_000_000
NANO_DIGITS = 9


class Amount(click.ParamType):
    """ANT with at most nine decimals, as an integer of nano-ANT. `minimum_nano` 1 forbids nothing and less."""

    name = "ANT"

    def __init__(self, minimum_nano: int = 1) -> None:
        self._minimum_nano = minimum_nano

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Exactly what was typed, or a usage error."""
        if isinstance(value, int):  # a default, in nano already
            return value
        try:
            ant = Decimal(str(value).replace("_", ""))
        except InvalidOperation:
            self.fail(f"{value!r} is not an amount; write for example 0.05.", param, ctx)
        if not ant.is_finite() or abs(ant) > MAX_ANT:
            self.fail(f"{value} is not an amount up to {MAX_ANT:,} ANT.", param, ctx)
        nano = ant.scaleb(NANO_DIGITS)
        if nano != nano.to_integral_value() or nano < self._minimum_nano:
            least = "not negative" if self._minimum_nano == 0 else "positive"
            self.fail(f"{value} ANT is not a {least} amount of at most {NANO_DIGITS} decimals.", param, ctx)
        return int(nano)
