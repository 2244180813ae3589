"""A training run: from a checkpoint if there is one, until the last step or a signal."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from antiphon.codecs.training import checkpoint
from antiphon.codecs.training.loop import Means, remember, stopped_by_signals
from antiphon.codecs.training.together import Together, joined
from antiphon.errors import InputError, StateError
from antiphon.soundstorm.tokenset import TokenSet
from antiphon.soundstorm.training.data import batch_of, order_of
from antiphon.soundstorm.training.profiles import TrainConfig
from antiphon.soundstorm.training.trackers import Tracker
from antiphon.soundstorm.training.trainer import Trainer

Report = Callable[[dict[str, float]], None]

_log = logging.getLogger(__name__)


def run(
    config: TrainConfig,
    tokens: TokenSet,
    out: Path,
    *,
    report: Report | None = None,
    trackers: Sequence[Tracker] = (),
    evaluate: Callable[[Trainer], dict[str, float]] | None = None,
    evaluate_every: int = 2_000,
) -> Trainer:
    """Train on a token set, resuming from the newest checkpoint in `out`, bit for bit as if it had never stopped.

    `out` gets `config.json`, checkpoints and `log.jsonl` (a line of means every `log_every` steps); `report` and
    `trackers` get the same lines. SIGINT and SIGTERM end the run after the step in progress, with a checkpoint.
    Raises `StateError` when `out` belongs to a run with another configuration or its newest checkpoint is damaged,
    `OutputError` when a checkpoint cannot be written (the one before is kept), `InputError` for an unfit token set.
    """
    order = order_of(tokens, config)
    with joined() as together, stopped_by_signals() as stop:
        trainer = _begun(config, out, together)
        first = together.rank == 0

        def tell(line: dict[str, float]) -> None:
            if report is not None:
                report(line)
            for tracker in trackers:
                tracker.log(int(line["step"]), {name: value for name, value in line.items() if name != "step"})

        means = Means(out / "log.jsonl", tell) if first else None
        while trainer.step < config.steps and not together.any(stop.is_set()):
            figures = trainer.train(batch_of(tokens, order.at(trainer.step), trainer.step, config))
            if means is None:
                continue
            means.add(figures, flush_at=config.log_every, step=trainer.step)
            if trainer.step % config.save_every == 0:
                checkpoint.save(out, trainer.step, trainer.state())
            if evaluate is not None and trainer.step % evaluate_every == 0:
                means.write({"step": float(trainer.step), **evaluate(trainer)})
        if first and not _saved(out, trainer.step):
            checkpoint.save(out, trainer.step, trainer.state())
    return trainer


def read_config(out: Path) -> TrainConfig:
    """The configuration a run began with. Raises `InputError` when `out` holds no run."""
    try:
        return msgspec.json.decode((out / "config.json").read_bytes(), type=TrainConfig)
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(f"{out} holds no training run: {error}", "Give the folder of a run.") from error


def _begun(config: TrainConfig, out: Path, together: Together) -> Trainer:
    trainer = Trainer(config, together)
    if together.rank == 0:
        remember(config, out)
    if saved := checkpoint.found(out):
        try:
            trainer.restore(checkpoint.load(saved[-1]))
        except (KeyError, RuntimeError, ValueError) as error:
            raise StateError(
                f"{saved[-1]} does not fit this run: {error}", "Delete it to go on from the one before."
            ) from error
        _log.info("resumed at step %d", trainer.step)
    return trainer


def _saved(out: Path, step: int) -> bool:
    return any(path.name == f"step-{step:08d}.pt" for path in checkpoint.found(out)[-1:])
