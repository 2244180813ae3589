"""A generator's training run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from antiphon.soundstorm.tokenset import TokenSet
from antiphon.soundstorm.training.data import batch_of, batch_plan
from antiphon.soundstorm.training.model import Codebook
from antiphon.soundstorm.training.profiles import TrainConfig
from antiphon.soundstorm.training.trainer import Trainer
from antiphon.training import Report, run_training
from antiphon.training.loop import Evaluate


def run(
    config: TrainConfig,
    tokens: TokenSet,
    out: Path,
    *,
    codebooks: Sequence[Codebook] | None = None,
    weights: bytes | None = None,
    other: Sequence[str] = (),
    report: Report | None = None,
    evaluate: Evaluate | None = None,
    evaluate_every: int = 2_000,
) -> Trainer:
    """Train on a token set; `report` gets the lines of the log, `other` names what may differ from the run before.

    `codebooks` and `weights` are what a new run begins with (`Trainer`).

    Raises what `antiphon.training.run_training` raises, and `InputError` for an unfit token set.
    """
    plan = batch_plan(tokens, config)
    return run_training(
        config,
        out,
        lambda processes: Trainer(config, processes, codebooks=codebooks, weights=weights),
        lambda step, processes: batch_of(tokens, plan.at(step), step, config, processes.rows(config.batch)),
        other=other,
        report=report,
        evaluate=evaluate,
        evaluate_every=evaluate_every,
    )
