"""The step of every training of one network: forward, backward, clipped AdamW, and an average that follows."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from antiphon.training.averaging import follow
from antiphon.training.hardware import Hardware, ProcessGroup
from antiphon.training.rates import Schedule, rate_scale


class TrainerConfig(Schedule, Protocol):
    """What the step reads of a training's configuration."""

    @property
    def seed(self) -> int: ...

    @property
    def learning_rate(self) -> float: ...

    @property
    def clip_norm(self) -> float: ...

    @property
    def ema(self) -> float: ...

    @property
    def hardware(self) -> Hardware: ...


M = TypeVar("M", bound=nn.Module)
Inputs = Mapping[str, Tensor | None]
"""Tensors of a batch by name, each with a row for every example."""


class Objective(nn.Module, Generic[M]):
    """A network with the loss that teaches it; what Fabric wraps, so that every pass goes through its door."""

    def __init__(self, model: M) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Inputs, counts: Sequence[float]) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of these rows, a sum over `counts`, and figures. The rows of all processes and parts add up to the
        loss of the batch, times the number of processes."""
        raise NotImplementedError


class Trainer(Generic[M]):
    """State of a training: the model, its average, the optimiser, and the step to make next."""

    def __init__(
        self,
        config: TrainerConfig,
        objective: Objective[M],
        groups: Sequence[tuple[Sequence[str], float]],
        processes: ProcessGroup,
    ) -> None:
        """`groups` of the model's parameters, by name, with the weight decay of each."""
        self.config, self.processes = config, processes
        self.step = self.skipped = 0
        self.model: M = objective.model
        self.average: M = copy.deepcopy(self.model).requires_grad_(False).eval()
        # What a sharded average is gathered into.
        self._whole: M | None = copy.deepcopy(self.average) if processes.sharded else None
        fabric = processes.fabric
        if config.hardware.compile:
            for blocks in [module for module in self.model.modules() if isinstance(module, nn.ModuleList)]:
                for block in blocks:
                    block.compile()
        self._objective = fabric.setup_module(objective)
        fabric.setup_module(self.average) if processes.sharded else self.average.to(processes.device)
        named = dict(self.model.named_parameters())
        self.optimiser = torch.optim.AdamW(
            [{"params": [named[name] for name in names], "weight_decay": decay} for names, decay in groups],
            lr=config.learning_rate,
            betas=(0.9, 0.98),
            fused=True,
        )

    def learn(self, parts: Sequence[Inputs], counts: Sequence[float]) -> dict[str, float]:
        """One step on this process's rows of a batch, in parts.

        A batch whose loss or gradient is not finite changes nothing but the count of skipped ones.
        """
        torch.manual_seed((self.config.seed * 1_000_003 + self.step) * 64 + self.processes.rank)
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * rate_scale(self.step, self.config)
        self.model.train()
        self.optimiser.zero_grad(set_to_none=True)
        figures = self._backward(parts, counts)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        norm = getattr(norm, "full_tensor", lambda: norm)()
        if torch.isfinite(norm):  # equal in all processes, and not finite when a loss is not
            self.optimiser.step()
            follow(self.average, self.model, step=self.step, ema=self.config.ema)
        else:
            self.skipped += 1
        self.step += 1
        told = {name: float(value) for name, value in figures.items()}
        return told | {"norm": float(norm), "skipped": float(self.skipped)}

    def _backward(self, parts: Sequence[Inputs], counts: Sequence[float]) -> dict[str, Tensor]:
        fabric, alone = self.processes.fabric, self.processes.size == 1
        total: dict[str, Tensor] = {}
        for number, part in enumerate(parts, 1):
            wait = number < len(parts) and not alone  # gradients are exchanged once a step
            with fabric.no_backward_sync(self._objective, enabled=True) if wait else torch.enable_grad():
                loss, figures = self._objective(fabric.to_device(part), counts)
                fabric.backward(loss)
            for name, value in (figures | {"loss": loss}).items():
                total[name] = total[name] + value.detach() if name in total else value.detach()
        return total

    def averaged(self) -> M:
        """The average, whole, on this process's device. All processes must ask."""
        if self._whole is None:
            return self.average
        from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        if state := get_model_state_dict(self.average, options=options):  # process 0 alone gets it
            self._whole.load_state_dict(state)
        return self._whole.to(self.processes.device)

    def state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "skipped": self.skipped,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.step, self.skipped = int(state["step"]), int(state["skipped"])
        for name in ("model", "average", "optimiser"):
            getattr(self, name).load_state_dict(state[name])


def parts_of(rows: int, hardware: Hardware) -> list[slice]:
    """The parts in which a process's rows are learnt from; as many as asked, but none without a row."""
    number = min(hardware.accumulate, rows)
    return [slice(n * rows // number, (n + 1) * rows // number) for n in range(number)]
