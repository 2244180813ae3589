"""A training run: from a checkpoint if there is one, until the last step or a signal, with a log to plot."""

from __future__ import annotations

import json
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
import numpy as np

from antiphon.errors import InputError, OutputError, StateError
from antiphon.training import checkpoint
from antiphon.training.process_group import ProcessGroup, joined

Report = Callable[[dict[str, float]], None]

_log = logging.getLogger(__name__)


class Trainable(Protocol):
    """A model in training: `step` counts the steps made; `state` is all that it takes to go on bit for bit."""

    step: int

    def train(self, batch: Any) -> dict[str, float]:
        """One step; its figures hold `skipped`, the number of batches that were not finite so far."""

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


class LoopConfig(Protocol):
    """A training's configuration (a msgspec struct), as far as the loop reads it.

    A setting that got another name is listed in the struct's `RENAMED` (old to new), so that stored runs go on.
    """

    @property
    def steps(self) -> int: ...

    @property
    def log_every(self) -> int: ...

    @property
    def save_every(self) -> int: ...


T = TypeVar("T", bound=Trainable)
S = TypeVar("S", bound=msgspec.Struct)


def run_training(
    config: LoopConfig,
    out: Path,
    make: Callable[[ProcessGroup], T],
    batch_at: Callable[[int, ProcessGroup], Any],
    *,
    other: Sequence[str] = (),
    report: Report | None = None,
    evaluate: Callable[[T], dict[str, float]] | None = None,
    evaluate_every: int = 2_000,
) -> T:
    """Train what `make` makes on the batches of `batch_at`, resuming from the newest checkpoint in `out`.

    `out` gets `config.json`, checkpoints and `log.jsonl` (a line of means every `log_every` steps). SIGINT and SIGTERM
    end the run after the step in progress, with a checkpoint. Raises `StateError` when `out` belongs to a run with
    another configuration or its newest checkpoint is damaged or does not fit, `OutputError` when a checkpoint cannot
    be written (the one before is kept).
    """
    with joined() as processes, stopped_by_signals() as stop:
        trainer = make(processes)
        first = processes.rank == 0
        if first:
            remember(config, out, other)
        kept = json.loads(msgspec.json.encode(config))  # as it will be read: tuples are lists there
        if saved := checkpoint.found(out):
            _resume(trainer, saved[-1], config, other)
        means = Means(out / "log.jsonl", report) if first else None
        with ahead(lambda step: batch_at(step, processes), config.steps) as batches:
            while trainer.step < config.steps and not processes.any(stop.is_set()):
                began = time.perf_counter()
                batch = batches(trainer.step)
                waited_s = time.perf_counter() - began
                figures = trainer.train(batch) | {"waited_s": waited_s}
                if means is None:
                    continue
                means.add(figures, flush_at=config.log_every, step=trainer.step)
                if trainer.step % config.save_every == 0:
                    checkpoint.save(out, trainer.step, trainer.state() | {"config": json.dumps(kept)})
                if evaluate is not None and trainer.step % evaluate_every == 0:
                    means.write({"step": float(trainer.step), **evaluate(trainer)})
        if first and not any(path.name == f"step-{trainer.step:08d}.pt" for path in checkpoint.found(out)[-1:]):
            checkpoint.save(out, trainer.step, trainer.state() | {"config": json.dumps(kept)})
    return trainer


@contextmanager
def ahead(batch_at: Callable[[int], Any], steps: int) -> Iterator[Callable[[int], Any]]:
    """Batches by step, each next one made by a thread while the one before is learnt from. What making one raises is
    raised where it is asked for."""
    with ThreadPoolExecutor(1, "batches") as pool:
        pending: dict[int, Future[Any]] = {}

        def at(step: int) -> Any:
            made = pending.pop(step, None) or pool.submit(batch_at, step)
            batch = made.result()
            if step + 1 < steps:
                pending[step + 1] = pool.submit(batch_at, step + 1)
            return batch

        yield at


def _resume(trainer: Trainable, file: Path, config: LoopConfig, other: Sequence[str]) -> None:
    state = checkpoint.load(file)
    kept = json.loads(msgspec.json.encode(config))
    try:
        changed = _changed(kept, _known(state.get("config", "{}"), type(config)), other)
        if changed:
            raise StateError(f"{file} is of a run with another {', '.join(changed)}", "Train into another folder.")
        trainer.restore(state)
    except (KeyError, RuntimeError, ValueError) as error:
        raise StateError(f"{file} does not fit this run: {error}", "Delete it to go on from the one before.") from error
    _log.info("resumed at step %d", trainer.step)


def read_config(out: Path, kind: type[S]) -> S:
    """The configuration a run began with. Raises `InputError` when `out` holds no run."""
    try:
        return msgspec.convert(_renamed(json.loads((out / "config.json").read_bytes()), kind), kind)
    except (OSError, ValueError) as error:
        raise InputError(f"{out} holds no training run: {error}", "Give the folder of a run.") from error


FREE = ("steps", "encoder_steps", "precision", "log_every", "save_every")
"""What may change when a run goes on."""


def _changed(kept: dict[str, Any], before: dict[str, Any], other: Sequence[str]) -> list[str]:
    return [k for k in kept if k not in (*FREE, *other) and k in before and before[k] != kept[k]]


def _known(text: str, kind: type[Any]) -> dict[str, Any]:
    """A configuration as this version writes it: settings that came later have their defaults."""
    found: dict[str, Any] = _renamed(json.loads(text), kind)
    with suppress(msgspec.MsgspecError):  # of another kind of training, whose names tell the difference
        found = json.loads(msgspec.json.encode(msgspec.convert(found, kind)))
    return found


def _renamed(found: Any, kind: type[Any]) -> Any:
    """A stored configuration by the names of this version (`kind.RENAMED`: old to new)."""
    names: Mapping[str, str] = getattr(kind, "RENAMED", {})
    return {names.get(name, name): value for name, value in found.items()} if isinstance(found, dict) else found


def remember(config: LoopConfig, out: Path, other: Sequence[str] = ()) -> None:
    """A run keeps the configuration it began with; only its length, when parts of it rest, the precision and the
    settings of its log may change."""
    path = out / "config.json"
    mine = json.loads(msgspec.json.encode(config))  # as it will be read: tuples are lists there
    try:
        if path.is_file() and (changed := _changed(mine, _known(path.read_text(), type(config)), other)):
            more = " (or go on with --other-data)" if changed == ["data"] else ""
            raise StateError(
                f"{out} holds a run with another {', '.join(changed)}", f"Train into another folder{more}."
            )
        out.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(mine, indent=1))
    except OSError as error:
        raise OutputError(f"Cannot write to {out}: {error.strerror}", "Choose another folder.") from error
    except ValueError as error:
        raise StateError(f"{path} is damaged: {error}", "Train into another folder.") from error


class Means:
    """Figures averaged between lines of the log."""

    def __init__(self, path: Path, report: Report | None) -> None:
        self._path, self._report = path, report
        self._figures: dict[str, list[float]] = {}
        self._since = time.monotonic()
        self._steps = 0
        self.skipped = 0.0

    def add(self, figures: dict[str, float], *, flush_at: int, step: int) -> None:
        for name, value in figures.items():
            self._figures.setdefault(name, []).append(value)
        self._steps += 1
        if figures["skipped"] > self.skipped:
            self.skipped = figures["skipped"]
            _log.warning("step %d: loss not finite, batch skipped (%d so far)", step, self.skipped)
        if step % flush_at == 0:
            now = time.monotonic()
            means = {name: float(np.mean(values)) for name, values in self._figures.items()}
            self.write({"step": float(step), "steps_per_s": self._steps / (now - self._since), **means})
            self._figures, self._since, self._steps = {}, now, 0

    def write(self, line: dict[str, float]) -> None:
        with self._path.open("a") as handle:
            handle.write(json.dumps({name: round(value, 5) for name, value in line.items()}) + "\n")
        if self._report is not None:
            self._report(line)


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """The event is set by SIGINT or SIGTERM; a second SIGINT interrupts at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, _frame: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
