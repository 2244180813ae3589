"""A codec's training run."""

from __future__ import annotations

from pathlib import Path

from antiphon.codecs.training import data
from antiphon.codecs.training.data import Batch
from antiphon.codecs.training.profiles import TrainConfig
from antiphon.codecs.training.trainer import Trainer
from antiphon.training import Report, run_training
from antiphon.training.hardware import ProcessGroup
from antiphon.training.loop import Evaluate


def run(
    config: TrainConfig,
    prepared: Path,
    out: Path,
    *,
    report: Report | None = None,
    evaluate: Evaluate | None = None,
    evaluate_every: int = 2_000,
) -> Trainer:
    """Train on what `data.prepare` wrote. Raises what `antiphon.training.run_training` and `data.load` raise."""
    clips = data.load(prepared, config.codec)

    def batch_at(step: int, processes: ProcessGroup) -> Batch:
        batch = data.batch(clips, step, size=config.batch, frames=config.frames, seed=config.seed)
        return batch.rows(processes.rows(config.batch))

    return run_training(
        config,
        out,
        lambda processes: Trainer(config, processes),
        batch_at,
        report=report,
        evaluate=evaluate,
        evaluate_every=evaluate_every,
    )
