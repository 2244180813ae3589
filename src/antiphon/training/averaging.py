"""The weights that are served: a moving average of those that learn (Polyak & Juditsky 1992)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


@torch.no_grad()
def follow(average: nn.Module, learning: nn.Module, *, step: int, ema: float) -> None:
    """One step of the average's parameters, in place. It keeps `ema` of what it was, and less while it is young, so
    that it does not hold on to how the network began (`step` counts the steps made). Of weights that are shared out
    over processes, each moves its own."""
    keep = min(ema, (1 + step) / (10 + step))
    pairs = ([_local(parameter) for parameter in module.parameters()] for module in (average, learning))
    get_ema_multi_avg_fn(keep)(*pairs, None)  # type: ignore[no-untyped-call]


def _local(parameter: Tensor) -> Tensor:
    """This process's share of a sharded tensor, or the tensor."""
    return parameter.to_local() if hasattr(parameter, "to_local") else parameter
