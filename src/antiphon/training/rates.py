"""How fast a model learns at each step."""

from __future__ import annotations

import math
from typing import Protocol


class Schedule(Protocol):
    """What a training's configuration says of its rate."""

    @property
    def steps(self) -> int: ...

    @property
    def warm_up(self) -> int: ...

    @property
    def final_rate(self) -> float: ...


def rate_scale(step: int, schedule: Schedule) -> float:
    """Linear warm-up, then half a cosine down to `final_rate`."""
    if step < schedule.warm_up:
        return (step + 1) / schedule.warm_up
    done = min(1.0, (step - schedule.warm_up) / max(1, schedule.steps - schedule.warm_up))
    return schedule.final_rate + (1 - schedule.final_rate) * 0.5 * (1 + math.cos(math.pi * done))
