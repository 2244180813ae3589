"""What step audits do: honest work rejected, cheats caught, and the curve for one who alters a single pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from antiphon.bench.figure import Figure, figure
from antiphon.codecs.base import Tokens
from antiphon.economy.deterrence import break_even_stake, caught
from antiphon.economy.types import Verdict
from antiphon.soundstorm.audit import SAME_WEIGHTS, Task, Tolerance, audit, choose, commit, odds, open_pass
from antiphon.soundstorm.decoding import DecodingOptions, Trace, apply_pass, generate, pass_logits, start, task_key
from antiphon.soundstorm.inputs import Logits
from antiphon.soundstorm.schedules import Pass

OPENED = 3
BEACONS = 20
NAME = "step audit"


@dataclass(frozen=True, slots=True)
class Other:
    """Another way to run the same weights. `logits` is why it cannot be run where it is a text."""

    logits: Logits | str
    tolerance: Tolerance = SAME_WEIGHTS


def audit_figures(
    judge: Logits, tasks: Sequence[Task], honest: Mapping[str, Other], cheats: Mapping[str, Logits | str]
) -> Iterator[Figure]:
    """All tasks, once honestly and once for each cheat. `honest` judges `judge`'s work, `judge` that of `cheats`."""
    traces = [traced(judge, task) for task in tasks]
    for name, other in honest.items():
        yield _honest(name, other, tasks, traces)
    for name, worker in cheats.items():
        if isinstance(worker, str):
            yield _caught(name, worker)
        else:
            yield _caught(name, _shares(judge, tasks, [traced(worker, task) for task in tasks]))
    lucky = [replace(task, job=replace(task.job, key=task_key("another", n))) for n, task in enumerate(tasks)]
    yield _caught("another seed", _shares(judge, tasks, [traced(judge, task) for task in lucky]))
    few = [replace(task, options=_few(task)) for task in tasks]
    dressed = [_dressed(traced(judge, f), full, task) for f, full, task in zip(few, traces, tasks, strict=True)]
    turns = tasks[0].steps[0].turns
    name = f"{_half(turns)} passes of the first level instead of {turns}"
    yield _caught(name, _shares(judge, tasks, dressed))
    yield from _curve(judge, tasks)


def traced(generator: Logits, task: Task) -> Trace:
    trace = generate(generator, [task.job], task.layout, task.options, traced=True)[0].trace
    assert trace is not None
    return trace


def _honest(name: str, other: Other, tasks: Sequence[Task], traces: Sequence[Trace]) -> Figure:
    name = f"{NAME}: honest passes rejected, {name}"
    if isinstance(other.logits, str):
        return figure(name, None, "of 1000", "<= 1", other.logits)
    found = []
    for task, trace in zip(tasks, traces, strict=True):
        made = commit(task, trace)
        found += [
            audit(task, made, index, open_pass(task, trace, index), other.logits, other.tolerance)
            for index in range(len(task.steps))
        ]
    wrong, open_ = (sum(f.verdict is kind for f in found) for kind in (Verdict.INVALID, Verdict.INCONCLUSIVE))
    # None of n says little more than 3 / n (rule of three, 95%).
    bound = "" if wrong else f", so below {3000 / len(found):.1f} at 95%"
    worst = max(one.excess for one in found)
    note = f"{wrong} of {len(found)} passes{bound}; {open_} inconclusive, largest excess {worst:.2g}"
    return figure(name, 1000 * wrong / len(found), "of 1000", "<= 1", note)


def _shares(judge: Logits, tasks: Sequence[Task], traces: Sequence[Trace]) -> tuple[int, int]:
    """How many of how many audits find the cheat."""
    found = 0
    for number, (task, trace) in enumerate(zip(tasks, traces, strict=True)):
        made = commit(task, trace)
        opened = choose(task, made, f"beacon {number}".encode(), OPENED)
        verdicts = [audit(task, made, n, open_pass(task, trace, n), judge).verdict for n in opened]
        found += Verdict.INVALID in verdicts
    return found, len(traces)


def _caught(cheat: str, outcome: tuple[int, int] | str) -> Figure:
    name = f"{NAME}: {cheat}, caught by {OPENED} passes"
    if isinstance(outcome, str):
        return figure(name, None, "of 100", ">= 99", outcome)
    found, tries = outcome
    return figure(name, 100 * found / tries, "of 100", ">= 99", f"{tries} audits")


def _half(turns: int) -> int:
    return max(1, turns // 2)


def _few(task: Task) -> DecodingOptions:
    turns = [step.turns for step in task.steps if step.turn == 0]
    return msgspec.structs.replace(task.options, passes=(_half(turns[0]), *turns[1:]))


def _dressed(few: Trace, full: Trace, task: Task) -> Trace:
    """The tokens of fewer passes, uncovered as the agreed number demands."""
    unknown = np.array(task.layout.vocabulary)[:, None]
    return Trace(tuple(np.where(g == unknown, g, few.grids[-1]).astype(np.uint16) for g in full.grids))


def _curve(judge: Logits, tasks: Sequence[Task]) -> Iterator[Figure]:
    """One token of one pass is altered, everything else is honest: the least that can be done."""
    passes = len(tasks[0].steps)
    altered = [_altered(judge, task, number) for number, task in enumerate(tasks)]
    seen = [
        audit(task, commit(task, trace), index, open_pass(task, trace, index), judge).verdict is Verdict.INVALID
        for task, (trace, index) in zip(tasks, altered, strict=True)
    ]
    note = f"{sum(seen)} of {len(seen)}"
    yield figure(f"{NAME}: one altered token, its own pass opened", 100 * sum(seen) / len(seen), "of 100", note=note)
    for opened in sorted({1, OPENED, 9, passes} & set(range(passes + 1))):
        hits = tries = 0
        for task, (trace, index), guilty in zip(tasks, altered, seen, strict=True):
            made = commit(task, trace)
            drawn = [choose(task, made, f"curve {beacon}".encode(), opened) for beacon in range(BEACONS)]
            hits, tries = hits + sum(guilty and index in one for one in drawn), tries + BEACONS
        share = hits / tries
        expected = caught(passes, 1, opened, seen=sum(seen) / len(seen))
        least = min(odds(tasks[0], opened)) * sum(seen) / len(seen)
        note = (
            f"{100 * expected:.0f} expected of any pass, {100 * least:.0f} of the one least opened, where it does not "
            f"pay from a stake of {break_even_stake(1.0, least):.2f} gains; cost {opened}/{passes} of the work"
        )
        name = f"{NAME}: one altered token, {opened} of {passes} passes opened"
        yield figure(name, 100 * share, "of 100", note=note)


def _altered(generator: Logits, task: Task, number: int) -> tuple[Trace, int]:
    """A generation in which one token of one pass was exchanged, and which pass that is."""
    rng = np.random.default_rng(number)
    honest = traced(generator, task)
    busy = [
        index
        for index, (one, two) in enumerate(zip(honest.grids, honest.grids[1:], strict=False))
        if (one != two).any()
    ]
    chosen = busy[number % len(busy)]
    grids = [start(task.job, task.layout)]
    for step in task.steps:
        logits = pass_logits(generator, [task.job], [grids[-1]], step, task.layout, task.options)[0]
        after = apply_pass(grids[-1], logits, step, task.job, task.layout, task.options)
        grids.append(_exchanged(grids[-1], after, step, task, rng) if step.index == chosen else after)
    return Trace(tuple(grids)), chosen


def _exchanged(before: Tokens, after: Tokens, step: Pass, task: Task, rng: np.random.Generator) -> Tokens:
    new = np.flatnonzero(before[step.level] != after[step.level])
    frame, size = rng.choice(new), task.layout.vocabulary[step.level]
    changed = after.copy()
    changed[step.level, frame] = (int(after[step.level, frame]) + rng.integers(1, size)) % size
    return changed
