"""One training step of a generator, and everything that changes in it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from antiphon.soundstorm.diffusion import Noising
from antiphon.soundstorm.training.export import continued
from antiphon.soundstorm.training.model import Codebook, Generator, begin
from antiphon.soundstorm.training.objectives import Batch, diffusion_loss, maskgit_loss
from antiphon.soundstorm.training.profiles import TrainConfig
from antiphon.training.averaging import follow
from antiphon.training.precision import resolved
from antiphon.training.process_group import ProcessGroup
from antiphon.training.rates import rate_scale


class Trainer:
    """State of a training: the model, its average, the optimiser, and the step to make next."""

    def __init__(
        self,
        config: TrainConfig,
        processes: ProcessGroup | None = None,
        *,
        codebooks: Sequence[Codebook] | None = None,
        weights: bytes | None = None,
    ) -> None:
        """`codebooks` of the codec, `[V, D]` of each level: tokens that sound alike begin alike (`model.begin`).

        `weights`, of an export, are learnt on with instead. Raises `ModelError` where they are of another generator.
        """
        self.config = config
        self.processes = processes or ProcessGroup()
        self.step = 0
        self.skipped = 0
        self.precision = resolved(config.precision)
        self.model = Generator(config.generator, config.seed)
        if weights is not None:
            self.model.load_state_dict(continued(weights, config.generator))
        elif codebooks is not None:
            begin(self.model, codebooks, config.seed)
        self.average = copy.deepcopy(self.model).requires_grad_(False).eval()
        self.optimiser = _adam(self.model, config)
        self._noising = Noising(config.generator.diffusion_steps)

    def train(self, batch: Batch) -> dict[str, float]:
        """One step on this process's rows of a batch.

        A batch whose loss or gradient is not finite changes nothing but the count of skipped ones.
        """
        torch.manual_seed((self.config.seed * 1_000_003 + self.step) * 64 + self.processes.rank)
        scale = rate_scale(self.step, self.config)
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * scale
        loss, figures = self._backward(batch)
        self.processes.average_gradients(self.model.parameters())
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        if torch.isfinite(norm):  # equal in all processes, and not finite when a loss is not
            self.optimiser.step()
            follow(self.average, self.model, step=self.step, ema=self.config.ema)
        else:
            self.skipped += 1
        self.step += 1
        return figures | {"loss": float(loss.detach()), "norm": float(norm), "skipped": float(self.skipped)}

    def _backward(self, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        self.model.train()
        self.optimiser.zero_grad(set_to_none=True)
        count = batch.total / self.processes.size
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bfloat16"):
            if self.config.generator.objective == "maskgit":
                loss, figures = maskgit_loss(self.model, batch, count, upper=self.config.upper_weight)
            else:
                loss, figures = diffusion_loss(self.model, batch, self._noising, count)
        loss.backward()  # type: ignore[no-untyped-call]
        for parameter in self.model.parameters():
            # A head whose level was not drawn here may have been drawn in another process.
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        return loss, figures

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


def _adam(model: Generator, config: TrainConfig) -> torch.optim.AdamW:
    """Weight decay for the matrices of layers only, not for embeddings, norms and biases."""
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    decayed = [p for p in model.parameters() if p.ndim > 1 and id(p) not in tables]
    others = [p for p in model.parameters() if p.ndim <= 1 or id(p) in tables]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98), fused=True)
