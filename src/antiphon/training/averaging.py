"""The weights that are served: a moving average of those that learn (Polyak & Juditsky 1992)."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def follow(average: nn.Module, learning: nn.Module, *, step: int, ema: float) -> None:
    """One step of the average's parameters, in place. It keeps `ema` of what it was, and less while it is young, so
    that it does not hold on to how the network began (`step` counts the steps made)."""
    keep = min(ema, (1 + step) / (10 + step))
    for slow, fast in zip(average.parameters(), learning.parameters(), strict=True):
        slow.lerp_(fast, 1 - keep)
