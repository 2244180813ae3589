"""A training run: from a checkpoint if there is one, until the last step or a signal, with a log to plot."""

from __future__ import annotations

import json
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec
import numpy as np
import torch
from torch import nn

from antiphon.errors import AntiphonError, StateError, UnavailableError
from antiphon.training import checkpoint
from antiphon.training.hardware import Hardware, ProcessGroup, joined
from antiphon.training.kept import encoded, remember, same_run
from antiphon.training.precision import Precision

Report = Callable[[dict[str, float]], None]

_log = logging.getLogger(__name__)


class Trainable(Protocol):
    """A model in training: `step` counts the steps made; `state` is all that it takes to go on bit for bit."""

    step: int

    def train(self, batch: Any) -> dict[str, float]:
        """One step; its figures hold `skipped`, the number of batches that were not finite so far."""

    def averaged(self) -> nn.Module:
        """The averaged network, whole. All processes must ask."""

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


class LoopConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every training's configuration has.

    A setting that got another name is listed in the struct's `RENAMED` (old to new), so that stored runs go on.
    """

    RENAMED: ClassVar[Mapping[str, str]] = {}

    steps: int
    batch: int
    seed: int = 20
    precision: Precision = "auto"  # of products in training; serving is float32, or int8 where a model has it
    log_every: int = 100
    save_every: int = 1_000
    save_minutes: float = 0.0  # a checkpoint as often beside that; 0: never
    minutes: float = 0.0  # the run ends after so long, to be gone on with; 0: it does not
    hardware: Hardware = Hardware()


T = TypeVar("T", bound=Trainable)
Evaluate = Callable[[Any, int], dict[str, float]]
"""An averaged network and the number of steps to figures."""


def run_training(
    config: LoopConfig,
    out: Path,
    make: Callable[[ProcessGroup], T],
    batch_at: Callable[[int, ProcessGroup], Any],
    *,
    other: Sequence[str] = (),
    report: Report | None = None,
    evaluate: Evaluate | None = None,
    evaluate_every: int = 2_000,
) -> T:
    """Train what `make` makes on the batches of `batch_at`, resuming from the newest checkpoint in `out`.

    `out` gets `config.json`, checkpoints and `log.jsonl` (a line of means every `log_every` steps). SIGINT, SIGTERM and
    `minutes` end the run after the step in progress, with a checkpoint; so does data that cannot be had, whose error is
    raised then. Raises `StateError` when `out` belongs to a run with another configuration or its newest checkpoint is
    damaged or does not fit, `OutputError` when a checkpoint cannot be written (the one before is kept), and
    `UnavailableError` when a step needs more memory than the device has.
    """
    with joined(config.hardware, config.precision) as processes, stopped_by_signals() as stop:
        trainer = make(processes)
        run = _Run(config, out, trainer, processes)
        if processes.rank == 0:
            remember(config, out, other)
        run.resume(other)
        means = Means(out / "log.jsonl", report) if processes.rank == 0 else None
        with ahead(lambda step: batch_at(step, processes), config.steps) as batches:
            while trainer.step < config.steps:
                ends, due = processes.any(stop.is_set() or run.out_of_time(), run.due())
                if due:
                    run.save()
                if ends:
                    break
                figures = run.make_step(batches)
                if means is not None:
                    means.add(figures, flush_at=config.log_every, step=trainer.step)
                if trainer.step % config.save_every == 0:
                    run.save()
                if evaluate is not None and trainer.step % evaluate_every == 0:
                    average = trainer.averaged()
                    if means is not None:
                        means.write({"step": float(trainer.step), **evaluate(average, trainer.step)})
        run.save()
    return trainer


class _Run:
    """One run's checkpoints, clock and steps."""

    def __init__(self, config: LoopConfig, out: Path, trainer: Trainable, processes: ProcessGroup) -> None:
        self._config, self._out, self._trainer, self._processes = config, out, trainer, processes
        self._began = self._saved = time.monotonic()
        self._last = -1  # the step of the newest checkpoint

    def resume(self, other: Sequence[str]) -> None:
        """From the newest checkpoint, if there is one. Raises `StateError` unless it fits and all processes see it."""
        if files := checkpoint.found(self._out):
            self._restore(files[-1], other)
        steps = self._processes.summed(torch.tensor(float(self._trainer.step), device=self._processes.device))
        if float(steps) != self._trainer.step * self._processes.size:
            raise StateError(
                f"Processes see different checkpoints in {self._out}", "Train into a folder that all machines share."
            )

    def _restore(self, file: Path, other: Sequence[str]) -> None:
        state = checkpoint.load(file, self._template if file.is_dir() or self._processes.sharded else None)
        try:
            same_run(file, state.get("config", "{}"), self._config, other)
            self._trainer.restore(state)
        except (KeyError, RuntimeError, ValueError) as error:
            raise StateError(
                f"{file} does not fit this run: {error}", "Delete it to go on from the one before."
            ) from error
        self._last = self._trainer.step
        _log.info("resumed at step %d", self._trainer.step)

    def _template(self) -> dict[str, Any]:
        """A state with all that the optimiser will keep, which it has only after a step."""
        state = self._trainer.state()
        optimiser = self._trainer.optimiser  # type: ignore[attr-defined]  # what can be sharded has one
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        state["optimiser"]["state"] = {
            n: {
                "step": torch.zeros((), device=p.device),
                **{name: torch.zeros_like(p.detach()) for name in ("exp_avg", "exp_avg_sq")},
            }
            for n, p in enumerate(parameters)
        }
        return state

    def due(self) -> bool:
        """Whether a checkpoint is due by the clock."""
        minutes = self._config.save_minutes
        return bool(minutes) and time.monotonic() - self._saved >= 60 * minutes

    def out_of_time(self) -> bool:
        minutes = self._config.minutes
        return bool(minutes) and time.monotonic() - self._began >= 60 * minutes

    def make_step(self, batches: Callable[[int], Any]) -> dict[str, float]:
        """One step, and what it waited for data. What was learnt is kept when the data or the memory for it fail."""
        began = time.perf_counter()
        try:
            batch = batches(self._trainer.step)
        except AntiphonError:
            # Only here: processes that still have data wait for this one, and are ended with it.
            if self._processes.size == 1:
                self.save()
            raise
        waited_s = time.perf_counter() - began
        try:
            return self._trainer.train(batch) | {"waited_s": waited_s}
        except (MemoryError, RuntimeError) as error:
            if not _out_of_memory(error):
                raise
            if self._processes.size == 1:
                self.save()
            parts, rows = self._config.hardware.accumulate, self._config.batch // self._processes.size
            remedy = (
                f"Go on with --accumulate {min(2 * parts, rows)}: the same batch in smaller parts."
                if parts < rows
                else "Go on with --recompute, or train with fewer frames (--set frames=N) into another folder."
            )
            raise UnavailableError(
                f"{self._processes.device} has too little memory for {-(-rows // parts)} examples at once", remedy
            ) from error

    def save(self) -> None:
        """The state as it is, unless it is kept already."""
        trainer, self._saved = self._trainer, time.monotonic()
        if trainer.step == self._last:
            return
        if self._processes.sharded or self._processes.rank == 0:
            write = checkpoint.save_sharded if self._processes.sharded else checkpoint.save
            write(self._out, trainer.step, trainer.state() | {"config": json.dumps(encoded(self._config))})
        self._last = trainer.step


def _out_of_memory(error: BaseException) -> bool:
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error)


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
