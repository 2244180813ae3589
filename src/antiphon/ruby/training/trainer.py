"""Ruby's training: SoundStorm's generator and step, with a loss over everything that is hidden."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from antiphon.ruby.conditions import DIM, POSITIONS
from antiphon.ruby.steps import NAME, RATE_HZ, VOCABULARY
from antiphon.ruby.training.batches import Example, batch_of, weights_of
from antiphon.soundstorm.inputs import Bools
from antiphon.soundstorm.layout import GeneratorConfig, Layout
from antiphon.soundstorm.training.model import Generator
from antiphon.soundstorm.training.objectives import Batch
from antiphon.soundstorm.training.profiles import TrainConfig
from antiphon.soundstorm.training.trainer import parameter_groups
from antiphon.training import Report, run_training
from antiphon.training.hardware import ProcessGroup
from antiphon.training.loop import Evaluate
from antiphon.training.trainer import Inputs, Objective
from antiphon.training.trainer import Trainer as StepTrainer

LAYOUT: Final = Layout(
    codec=NAME, vocabulary=VOCABULARY, frame_rate_hz=RATE_HZ, semantic="bar positions", semantic_vocabulary=POSITIONS
)
_SIZES: Final = {"tiny": (2, 64), "base": (5, 128)}


def generator(size: str = "base") -> GeneratorConfig:
    """The network: `base` is what ships, `tiny` is for tests."""
    layers, dim = _SIZES[size]
    return GeneratorConfig(
        layout=LAYOUT, name=f"ruby-{size}", layers=layers, dim=dim, dropout=0.1, kernel=9, text_dim=DIM, window=384
    )


def config(size: str = "base", **changes: Any) -> TrainConfig:
    """How it is trained; `changes` are settings of `TrainConfig`."""
    made = TrainConfig(
        generator=generator(size), batch=8, frames=288, shortest=96, steps=10_000, warm_up=100, learning_rate=2e-3,
        ema=0.995, upper_weight=0.3, drop_conditions=0.1, save_every=250, log_every=50,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def masked_loss(model: Generator, batch: Batch, hidden: Tensor, count: float, other: float) -> tuple[Tensor, Tensor]:
    """Cross-entropy of hidden tokens over `count`: those of each row's own level, and `other` times all the rest's.

    The second figure is the first part alone. Levels are alike in size, so all are read from one body.
    """
    body, _ = model.body(batch.semantic, batch.tokens, batch.prompt, batch.valid, batch.text)
    own, rest = (torch.zeros((), device=body.device) for _ in range(2))
    for level, size in enumerate(model.config.layout.vocabulary):
        places = hidden[:, level]
        if not places.any():
            continue
        logits = body[places] @ model.heads[level, :, :size] + model.biases[level, :size]  # [N, V]
        losses = functional.cross_entropy(logits.float(), batch.target[:, level][places], reduction="none")
        mine = (batch.level == level)[:, None].expand_as(places)[places]
        own, rest = own + losses[mine].sum(), rest + losses[~mine].sum()
    return (own + other * rest) / count, own.detach() / count


class RubyObjective(Objective[Generator]):
    """The loss of a batch whose hidden tokens travel beside it."""

    def __init__(self, model: Generator, other: float) -> None:
        super().__init__(model)
        self._other = other

    def forward(self, inputs: Inputs, counts: Sequence[float]) -> tuple[Tensor, dict[str, Tensor]]:
        tensors = dict(inputs)
        hidden = tensors.pop("hidden")
        assert hidden is not None
        loss, own = masked_loss(self.model, Batch.of(tensors), hidden, counts[0], self._other)
        return loss, {"tokens": own}


class Trainer(StepTrainer[Generator]):
    """State of a training; `antiphon.training` has the step."""

    config: TrainConfig

    def __init__(self, config: TrainConfig, processes: ProcessGroup | None = None) -> None:
        processes = processes or ProcessGroup(config.hardware, config.precision)
        model = Generator(config.generator, config.seed)
        groups = parameter_groups(model, config.weight_decay)
        super().__init__(config, RubyObjective(model, config.upper_weight), groups, processes)

    def train(self, batch: tuple[Batch, Bools]) -> dict[str, float]:
        """One step on a whole batch: Ruby is trained by one process."""
        made, hidden = batch
        return self.learn([made.tensors() | {"hidden": torch.from_numpy(hidden)}], [made.total])


def run(
    config: TrainConfig,
    examples: Sequence[Example],
    out: Path,
    *,
    report: Report | None = None,
    evaluate: Evaluate | None = None,
    evaluate_every: int = 2_000,
) -> Trainer:
    """Train on examples, from the newest checkpoint in `out` if there is one. Raises as `run_training`."""
    weights = weights_of(examples) if examples else np.zeros(0, np.float32)
    return run_training(
        config,
        out,
        lambda processes: Trainer(config, processes),
        lambda step, _processes: batch_of(examples, weights, step, config),
        report=report,
        evaluate=evaluate,
        evaluate_every=evaluate_every,
    )
