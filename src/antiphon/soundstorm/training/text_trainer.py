"""Training of a text stage: one step, and a run that resumes bit for bit."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from antiphon.soundstorm.training.text_data import NOTHING, Line, TextBatch, batch_of, order_of
from antiphon.soundstorm.training.text_model import ParallelText, TextDecoder, alignment_loss
from antiphon.soundstorm.training.text_profiles import TextTrainConfig
from antiphon.training import Report, rate_scale, run_training
from antiphon.training.averaging import follow
from antiphon.training.precision import resolved
from antiphon.training.process_group import ProcessGroup


class TextTrainer:
    """State of a training: the model, its average, the optimiser, and the step to make next."""

    def __init__(self, config: TextTrainConfig, processes: ProcessGroup | None = None) -> None:
        self.config = config
        self.processes = processes or ProcessGroup()
        self.step = 0
        self.skipped = 0
        self.precision = resolved(config.precision)
        kind = TextDecoder if config.text.kind == "autoregressive" else ParallelText
        self.model: TextDecoder | ParallelText = kind(config.text, config.seed)
        self.average = copy.deepcopy(self.model).requires_grad_(False).eval()
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(),
            lr=config.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=config.weight_decay,
            fused=True,
        )

    def train(self, batch: TextBatch) -> dict[str, float]:
        """One step on a whole batch, of which this process takes its rows.

        A batch whose loss or gradient is not finite changes nothing but the count of skipped ones.
        """
        torch.manual_seed((self.config.seed * 1_000_003 + self.step) * 64 + self.processes.rank)
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * rate_scale(self.step, self.config)
        self.model.train()
        self.optimiser.zero_grad(set_to_none=True)
        count = float((batch.target != NOTHING).sum()) / self.processes.size
        phonemes = float(batch.prefix.sum()) / self.processes.size
        mine = batch.rows(self.processes.rows(batch.target.shape[0]))
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bfloat16"):
            loss, figures = self.loss(mine, count, phonemes)
        loss.backward()  # type: ignore[no-untyped-call]
        self.processes.average_gradients(self.model.parameters())
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        if torch.isfinite(norm):  # equal in all processes, and not finite when a loss is not
            self.optimiser.step()
            follow(self.average, self.model, step=self.step, ema=self.config.ema)
        else:
            self.skipped += 1
        self.step += 1
        return figures | {"loss": float(loss.detach()), "norm": float(norm), "skipped": float(self.skipped)}

    def loss(self, batch: TextBatch, count: float, phonemes: float) -> tuple[Tensor, dict[str, float]]:
        """Cross-entropy of tokens, with what the kind of model is taught beside.

        `count` and `phonemes` are the numbers of targets and of phonemes; of several processes, their means, so that
        the mean of gradients is exact.
        """
        if isinstance(self.model, TextDecoder):
            return _decoder_loss(self.model, batch, count, self.config.alignment_weight)
        return _parallel_loss(self.model, batch, count, phonemes, self.config.duration_weight)

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


def _decoder_loss(model: TextDecoder, batch: TextBatch, count: float, weight: float) -> tuple[Tensor, dict[str, float]]:
    logits, attention, _ = model(batch.ids, batch.prefix, model.empty(batch.ids.shape[0]))
    chosen = batch.target != NOTHING
    truth = batch.target[chosen]
    guess = logits[chosen].float()
    tokens = functional.cross_entropy(guess, truth, reduction="sum") / count
    alignment = alignment_loss(attention, batch.prefix, batch.place, chosen) / count
    accuracy = float((guess.detach().argmax(-1) == truth).float().mean())
    return tokens + weight * alignment, {
        "tokens": float(tokens.detach()),
        "alignment": float(alignment.detach()),
        "accuracy": accuracy,
    }


def _parallel_loss(
    model: ParallelText, batch: TextBatch, count: float, phonemes: float, weight: float
) -> tuple[Tensor, dict[str, float]]:
    read = torch.arange(batch.ids.shape[1])[None] < batch.prefix[:, None]
    hidden, durations = model.read(batch.ids, read)
    # Poisson: its best answer is the mean. Squared errors of logarithms made speech 13% too fast, this 4% too slow.
    summed = functional.poisson_nll_loss(durations[read].float(), batch.frames[read].float(), reduction="sum")
    length = summed / phonemes
    chosen = batch.target != NOTHING
    index = batch.expand[..., None].expand(-1, -1, hidden.shape[2])
    logits = model.predict_tokens(hidden.gather(1, index), batch.inside, chosen)[chosen].float()
    truth = batch.target[chosen]
    tokens = functional.cross_entropy(logits, truth, reduction="sum") / count
    accuracy = float((logits.detach().argmax(-1) == truth).float().mean())
    figures = {"tokens": float(tokens.detach()), "durations": float(length.detach()), "accuracy": accuracy}
    return tokens + weight * length, figures


def run(config: TextTrainConfig, lines: Sequence[Line], out: Path, *, report: Report | None = None) -> TextTrainer:
    """Train on lines, resuming from the newest checkpoint in `out`, bit for bit as if it had never stopped.

    `out` gets `config.json`, checkpoints and `log.jsonl`. SIGINT and SIGTERM end it after the step in progress, with a
    checkpoint. Raises what the generator's `loop.run` raises.
    """
    order = order_of(lines, config)
    return run_training(
        config,
        out,
        lambda processes: TextTrainer(config, processes),
        lambda step, _: batch_of(lines, order.at(step), config),
        report=report,
    )
