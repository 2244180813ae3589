"""Training of a text stage: one step, and a run that resumes bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from antiphon.soundstorm.training.text_data import NOTHING, Line, TextBatch, batch_of, batch_plan
from antiphon.soundstorm.training.text_model import ParallelText, TextDecoder, alignment_loss
from antiphon.soundstorm.training.text_profiles import TextTrainConfig
from antiphon.training import Report, run_training
from antiphon.training.hardware import ProcessGroup
from antiphon.training.trainer import Inputs, Objective, Trainer, parts_of


class TextObjective(Objective[TextDecoder | ParallelText]):
    """Cross-entropy of tokens, with what the kind of model is taught beside: where it reads, or how long a phoneme is.

    `counts` are the numbers of targets and of phonemes; of several processes, their means, so that the mean of
    gradients is exact.
    """

    def __init__(self, model: TextDecoder | ParallelText, config: TextTrainConfig) -> None:
        super().__init__(model)
        self._weight = config.alignment_weight if isinstance(model, TextDecoder) else config.duration_weight

    def forward(self, inputs: Inputs, counts: Sequence[float]) -> tuple[Tensor, dict[str, Tensor]]:
        batch = TextBatch(**inputs)  # type: ignore[arg-type]  # what `TextBatch.tensors` gave
        if isinstance(self.model, TextDecoder):
            return _decoder_loss(self.model, batch, counts[0], self._weight)
        return _parallel_loss(self.model, batch, counts[0], counts[1], self._weight)


class TextTrainer(Trainer[TextDecoder | ParallelText]):
    """State of a training: the model, its average, the optimiser, and the step to make next."""

    config: TextTrainConfig

    def __init__(self, config: TextTrainConfig, processes: ProcessGroup | None = None) -> None:
        kind = TextDecoder if config.text.kind == "autoregressive" else ParallelText
        model: TextDecoder | ParallelText = kind(config.text, config.seed)
        groups = [([name for name, _ in model.named_parameters()], config.weight_decay)]
        processes = processes or ProcessGroup(config.hardware, config.precision)
        super().__init__(config, TextObjective(model, config), groups, processes)

    def train(self, batch: TextBatch) -> dict[str, float]:
        """One step on a whole batch, of which this process takes its rows."""
        size = self.processes.size
        counts = [float((batch.target != NOTHING).sum()) / size, float(batch.prefix.sum()) / size]
        mine = batch.rows(self.processes.rows(batch.target.shape[0]))
        parts = [mine.rows(part) for part in parts_of(mine.target.shape[0], self.config.hardware)]
        return self.learn([part.tensors() for part in parts], counts)


def _decoder_loss(
    model: TextDecoder, batch: TextBatch, count: float, weight: float
) -> tuple[Tensor, dict[str, Tensor]]:
    logits, attention, _ = model(batch.ids, batch.prefix, model.empty(batch.ids.shape[0], batch.ids.device))
    chosen = batch.target != NOTHING
    truth = batch.target[chosen]
    guess = logits[chosen].float()
    tokens = functional.cross_entropy(guess, truth, reduction="sum") / count
    alignment = alignment_loss(attention, batch.prefix, batch.place, chosen) / count
    accuracy = (guess.detach().argmax(-1) == truth).sum() / count
    figures = {"tokens": tokens.detach(), "alignment": alignment.detach(), "accuracy": accuracy}
    return tokens + weight * alignment, figures


def _parallel_loss(
    model: ParallelText, batch: TextBatch, count: float, phonemes: float, weight: float
) -> tuple[Tensor, dict[str, Tensor]]:
    read = torch.arange(batch.ids.shape[1], device=batch.ids.device)[None] < batch.prefix[:, None]
    hidden, durations = model.read(batch.ids, read)
    # Poisson: its best answer is the mean. Squared errors of logarithms made speech 13% too fast, this 4% too slow.
    summed = functional.poisson_nll_loss(durations[read].float(), batch.frames[read].float(), reduction="sum")
    length = summed / phonemes
    chosen = batch.target != NOTHING
    index = batch.expand[..., None].expand(-1, -1, hidden.shape[2])
    logits = model.predict_tokens(hidden.gather(1, index), batch.inside, chosen)[chosen].float()
    truth = batch.target[chosen]
    tokens = functional.cross_entropy(logits, truth, reduction="sum") / count
    accuracy = (logits.detach().argmax(-1) == truth).sum() / count
    figures = {"tokens": tokens.detach(), "durations": length.detach(), "accuracy": accuracy}
    return tokens + weight * length, figures


def run(config: TextTrainConfig, lines: Sequence[Line], out: Path, *, report: Report | None = None) -> TextTrainer:
    """Train on lines, resuming from the newest checkpoint in `out`, bit for bit as if it had never stopped.

    `out` gets `config.json`, checkpoints and `log.jsonl`. SIGINT and SIGTERM end it after the step in progress, with a
    checkpoint. Raises what the generator's `loop.run` raises.
    """
    plan = batch_plan(lines, config)
    return run_training(
        config,
        out,
        lambda processes: TextTrainer(config, processes),
        lambda step, _: batch_of(lines, plan.at(step), config),
        report=report,
    )
