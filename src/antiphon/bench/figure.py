"""A measured figure beside its target, and the step of a measurement that it comes from."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import msgspec

_RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
}


class Step(msgspec.Struct, frozen=True, tag="step"):
    """What is measured next. `about_s` is what it took on two cores of a server CPU: for a user who waits."""

    name: str
    about_s: float


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `antiphon bench`. `target` is a relation and a bound ("<= 3"), or empty; `reached` follows."""

    name: str
    value: float | None  # None = could not be measured here; `note` says why
    unit: str
    target: str
    reached: bool | None
    note: str = ""


def figure(name: str, value: float | None, unit: str, target: str = "", note: str = "") -> Figure:
    """Compare a measured value with its target."""
    reached = None
    if target and value is not None:
        relation, bound = target.split()
        reached = _RELATIONS[relation](value, float(bound))
    return Figure(
        name=name,
        value=None if value is None else round(value, 4),
        unit=unit,
        target=target,
        reached=reached,
        note=note,
    )
