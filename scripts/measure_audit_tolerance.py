"""Step audit, measured: honest work falsely rejected, cheats caught, the curve and the stake.

    python scripts/measure_audit_tolerance.py --generator FOLDER --smaller FOLDER --tasks 40

`FOLDER` are exported generators of one layout (`antiphon soundstorm train generator`, then export); `--smaller` is the
model a cheat would run instead. Semantic tokens are drawn at random unless `--tokens` names a .npy file of [N, T].
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from antiphon.economy.deterrence import break_even_stake, curve
from antiphon.economy.types import Verdict
from antiphon.soundstorm import DecodingInput, DecodingOptions, generate, task_key
from antiphon.soundstorm.audit import INT8_FOR_FLOAT, SAME_WEIGHTS, Task, audit, choose, commit, open_pass
from antiphon.soundstorm.decoding import Trace
from antiphon.soundstorm.inputs import Logits
from antiphon.soundstorm.serving import Generator, load
from antiphon.soundstorm.training.export import restored, torch_logits

OPENED = 3


def _traced(logits: Logits, task: Task) -> Trace:
    trace = generate(logits, [task.job], task.layout, task.options, traced=True)[0].trace
    assert trace is not None
    return trace


def _honest(name: str, worker: Logits, judge: Logits, tasks: list[Task], tolerance) -> None:  # type: ignore[no-untyped-def]
    verdicts, excesses = [], []
    for task in tasks:
        trace = _traced(worker, task)
        made = commit(task, trace)
        for index in range(len(task.steps)):
            finding = audit(task, made, index, open_pass(task, trace, index), judge, tolerance)
            verdicts.append(finding.verdict)
            excesses.append(finding.excess)
    count = len(verdicts)
    refused, open_ = (sum(v is kind for v in verdicts) for kind in (Verdict.INVALID, Verdict.INCONCLUSIVE))
    worst, usual = max(excesses), float(np.quantile(excesses, 0.99))
    click.echo(
        f"honest, {name:22} {refused}/{count} invalid, {open_} inconclusive; excess 99% {usual:.2g}, worst {worst:.2g}"
    )


def _cheat(name: str, judge: Logits, tasks: list[Task], traces: list[Trace]) -> None:
    caught = []
    for number, (task, trace) in enumerate(zip(tasks, traces, strict=True)):
        made = commit(task, trace)
        for beacon in range(5):
            passes = choose(made, f"{number}/{beacon}".encode(), OPENED)
            found = [audit(task, made, p, open_pass(task, trace, p), judge, SAME_WEIGHTS).verdict for p in passes]
            caught.append(Verdict.INVALID in found)
    click.echo(f"cheat, {name:22} caught in {100 * np.mean(caught):.1f}% of {len(caught)} audits of {OPENED} passes")


def _dressed(few: Trace, full: Trace, task: Task) -> Trace:
    """The tokens of fewer passes, uncovered as the agreed number demands."""
    unknown = np.array(task.layout.vocabulary)[:, None]
    return Trace(tuple(np.where(g == unknown, g, few.grids[-1]).astype(np.uint16) for g in full.grids))


@click.command(help=__doc__)
@click.option("--generator", "folder", required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--smaller", type=click.Path(path_type=Path, exists=True))
@click.option("--tokens", type=click.Path(path_type=Path, exists=True))
@click.option("--tasks", "count", default=40, show_default=True)
@click.option("--frames", default=200, show_default=True)
def main(folder: Path, smaller: Path | None, tokens: Path | None, count: int, frames: int) -> None:
    one, two = load(folder, threads=1), load(folder, threads=2)
    small = load(folder, precision="int8", threads=1)
    tasks = _tasks(one, tokens, count, frames)
    model = restored((folder / "generator.safetensors").read_bytes(), one.config)
    _honest("torch for ONNX", one, torch_logits(model), tasks, SAME_WEIGHTS)
    _honest("1 thread for 2", one, two, tasks, SAME_WEIGHTS)
    _honest("int8 for float32", one, small, tasks, INT8_FOR_FLOAT)
    full = [_traced(one, task) for task in tasks]
    if smaller is not None:
        other = load(smaller, threads=1)
        _cheat("a smaller model", one, tasks, [_traced(other, task) for task in tasks])
    other_keys = [replace(task, job=replace(task.job, key=task_key("another", n))) for n, task in enumerate(tasks)]
    _cheat("another seed", one, tasks, [_traced(one, task) for task in other_keys])
    few = [replace(task, options=DecodingOptions(first=4)) for task in tasks]
    dressed = [_dressed(_traced(one, task), f, whole) for task, f, whole in zip(few, full, tasks, strict=True)]
    _cheat("4 passes for 16", one, tasks, dressed)
    passes = len(tasks[0].steps)
    shares = curve(passes)
    for opened in (1, 3, 9, passes):
        stake = break_even_stake(1.0, shares[opened])
        cost = f"cost {opened}/{passes} of the work"
        click.echo(f"one altered pass, {opened} opened: caught {shares[opened]:.3f}, stake {stake:.2f} gains, {cost}")


def _tasks(generator: Generator, tokens: Path | None, count: int, frames: int) -> list[Task]:
    layout, rng = generator.layout, np.random.default_rng(0)
    given = None if tokens is None else np.load(tokens)
    tasks = []
    for number in range(count):
        runs = rng.integers(0, layout.semantic_vocabulary, frames)
        semantic = np.repeat(runs, 4)[:frames] if given is None else given[number % given.shape[0], :frames]
        job = DecodingInput(
            semantic.astype(np.uint16), np.zeros((layout.levels, 0), np.uint16), task_key("audit", number)
        )
        tasks.append(Task(generator.name, layout, DecodingOptions(), job))
    return tasks


if __name__ == "__main__":
    main()
