"""Step audit: one pass of a generation is made again, alone, instead of the whole of it.

The processor commits to its grids before the first pass and after each, by a Merkle root. When the root is fixed,
chance that nobody controlled picks passes; for each the processor opens the two grids around it. The validator then
asks, in this order:

1. Did the processor answer? If nothing arrived (`opening` None), the network may have lost it: inconclusive. Whether
   silence is punished is for the protocol's deadlines to say; sums of money do not hang on a lost packet.
2. Is the commitment about this job: its number of passes, its statement? If not: invalid. The processor signed it.
3. Do both grids hash to leaves of the committed root, at their places? If not: invalid.
4. Is the first grid the job's (prompt and unknown tokens)? Are all tokens in range, and those outside of the pass
   untouched? Is the number of unknown tokens the schedule's? If not: invalid.
5. Can the validator run the pass? If its own model fails or is another one: inconclusive.
6. Is every new token, by the validator's own logits and the job's noise, the best candidate or within `margin` of it?
   Were the candidates of the highest confidence kept, within `margin`? Within: valid. Beyond `doubt` times the margin:
   invalid. Between: inconclusive, for machines differ in the last bits of a sum, and honest nodes must not pay for it.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from antiphon.codecs.base import Tokens
from antiphon.economy.types import Verdict
from antiphon.errors import AntiphonError, InputError
from antiphon.soundstorm import merkle
from antiphon.soundstorm.decoding import (
    DecodingInput,
    DecodingOptions,
    Trace,
    log_softmax,
    pass_key,
    pass_logits,
    pass_noise,
    perturbed_logits,
    start,
    unknown,
)
from antiphon.soundstorm.inputs import Floats, Logits
from antiphon.soundstorm.layout import Layout
from antiphon.soundstorm.schedules import Pass, left_after


class Tolerance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`margin` in logits (nats), of an unguided pass; guidance g widens it by max(1, 2g - 1), as it does the error.

    Beyond `doubt` times the margin a pass is invalid.
    """

    margin: float
    doubt: float = 4.0

    def __post_init__(self) -> None:
        if not (self.margin > 0 and self.doubt >= 1):
            raise ValueError("margin must be positive, doubt at least 1")


SAME_WEIGHTS = Tolerance(margin=1e-3)
"""The same weights in float32 on any runtime and number of threads. scripts/measure_audit_tolerance.py measures it."""

INT8_FOR_FLOAT = Tolerance(margin=1.0, doubt=2.0)
"""The int8 graph judged by the float32 one, or the other way round.

A `tiny` generator needs 0.011 at most in 216 passes, the one that ships 0.42 in 28 (scripts/measure_int8.py);
larger ones quantise worse, so measure yours.
"""


ANY_MACHINE = Tolerance(margin=0.25, doubt=2.0)
"""The same weights in int8 or float32, on any machine: honest passes of the starter models need 0.1 at most.
Figures are in docs/figures.md, "Step audits in the network"."""


@dataclass(frozen=True, slots=True)
class Task:
    """Everything both sides know of a generation beforehand. `model` is the generator's name with its fingerprint."""

    model: str
    layout: Layout
    options: DecodingOptions
    job: DecodingInput

    @property
    def steps(self) -> tuple[Pass, ...]:
        return self.options.plan(self.layout)

    def statement(self) -> bytes:
        """SHA-256 over the task: model, layout, options, semantic tokens, prompt, text, key and what is given of it.

        Where the last pass is greedy and nothing is given, as before either could be chosen.
        """
        digest = hashlib.sha256(b"antiphon/soundstorm/task-statement\0")
        text = b"" if self.job.text is None else self.job.text.astype("<f4").tobytes()
        options = msgspec.to_builtins(self.options)
        if self.options.greedy_last:
            del options["greedy_last"]
        given = () if self.job.given is None else (self.job.given.astype("<u2").tobytes(),)
        parts = (
            self.model.encode(),
            msgspec.json.encode(self.layout),
            msgspec.json.encode(options),
            self.job.semantic.astype("<u2").tobytes(),
            self.job.prompt.astype("<u2").tobytes(),
            text,
            self.job.key,
            *given,
        )
        for part in parts:
            digest.update(struct.pack("<Q", len(part)) + part)
        return digest.digest()


class Commitment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a processor signs before it knows which passes are opened."""

    root: bytes  # of `leaves` leaves: the grid before the first pass, then after each
    leaves: int
    statement: bytes


@dataclass(frozen=True, slots=True)
class Opening:
    """Grids `[K, T]` before and after pass `index`, and where they hang in the tree."""

    index: int
    before: Tokens
    after: Tokens
    path_before: tuple[bytes, ...]
    path_after: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """`excess` is how far, in logits, the worst token or choice lies behind the best (0 when the pass is identical)."""

    verdict: Verdict
    reason: str
    excess: float = 0.0


def leaf(task: Task, index: int, grid: Tokens) -> bytes:
    """Hash of the grid after `index` passes, bound to the pass that made it: index, level, RNG key."""
    step = task.steps[index - 1] if index else None
    key = pass_key(task.job.key, step) if step else task.job.key
    level = step.level if step else 0
    head = struct.pack("<IHII", index, level, *grid.shape)
    return merkle.leaf_hash(b"antiphon/soundstorm/step\0" + head + key + grid.astype("<u2").tobytes())


def commit(task: Task, trace: Trace) -> Commitment:
    """The Merkle root over a traced generation."""
    leaves = _leaves(task, trace)
    return Commitment(root=merkle.root(leaves), leaves=len(leaves), statement=task.statement())


def open_pass(task: Task, trace: Trace, index: int) -> Opening:
    """What the processor shows of pass `index`. Raises `InputError` when there is no such pass."""
    if not 0 <= index < len(trace.grids) - 1:
        raise InputError(f"There is no pass {index}", f"The trace has passes 0 to {len(trace.grids) - 2}.")
    leaves = _leaves(task, trace)
    paths = (merkle.path(leaves, index), merkle.path(leaves, index + 1))
    return Opening(index, trace.grids[index], trace.grids[index + 1], *paths)


def _leaves(task: Task, trace: Trace) -> list[bytes]:
    if len(trace.grids) != len(task.steps) + 1:
        raise InputError(f"The trace has {len(trace.grids)} grids for {len(task.steps)} passes", "Trace it again.")
    return [leaf(task, index, grid) for index, grid in enumerate(trace.grids)]


def choose(task: Task, commitment: Commitment, beacon: bytes, count: int) -> tuple[int, ...]:
    """Which passes are opened: `count` distinct ones, from randomness drawn after the commitment was signed.

    Levels made in several passes get their share rounded up, the others at least one of what is opened: another seed
    and fewer passes show in the former only, and of few passes a free draw would miss them too often. `odds` says
    how likely each pass is opened.
    """
    seed = hashlib.sha256(b"antiphon/soundstorm/choose\0" + commitment.root + beacon).digest()
    ranked = sorted(range(len(task.steps)), key=lambda n: hashlib.sha256(seed + struct.pack("<I", n)).digest())
    if count == 1:
        return (ranked[0],)
    several, single = _opened(task, count)
    left = {True: several, False: single}
    chosen = []
    for index in ranked:
        kind = task.steps[index].turns > 1
        if left[kind]:
            left[kind] -= 1
            chosen.append(index)
    return tuple(sorted(chosen))


def odds(task: Task, count: int) -> tuple[float, ...]:
    """The probability of each pass to be opened. They sum to `count`."""
    if count == 1:
        return (1 / len(task.steps),) * len(task.steps)
    several, single = _opened(task, count)
    many = sum(step.turns > 1 for step in task.steps)
    return tuple(several / many if step.turns > 1 else single / (len(task.steps) - many) for step in task.steps)


def _opened(task: Task, count: int) -> tuple[int, int]:
    """How many passes are opened of levels made in several, and of the others."""
    passes = len(task.steps)
    if count < 0:
        raise InputError(f"{count} passes cannot be opened", "Open none or more.")
    many, count = sum(step.turns > 1 for step in task.steps), min(count, passes)
    several = min(many, -(-count * many // passes))
    if many < passes and several == count:
        several = max(0, count - 1)
    return several, count - several


def check_result(task: Task, commitment: Commitment, tokens: Tokens, path: Sequence[bytes]) -> bool:
    """Whether delivered tokens `[K, T - P]` are the last committed grid: what was audited is what was delivered."""
    last = commitment.leaves - 1
    if last != len(task.steps) or tokens.shape != (task.layout.levels, task.job.frames - task.job.prompt_frames):
        return False
    grid = np.concatenate([task.job.prompt, tokens], axis=1)
    return merkle.root_by(leaf(task, last, grid), last, commitment.leaves, path) == commitment.root


def audit(
    task: Task,
    commitment: Commitment,
    index: int,
    opening: Opening | None,
    generator: Logits,
    tolerance: Tolerance = SAME_WEIGHTS,
    *,
    model: str | None = None,
) -> Finding:
    """Judge pass `index` by the rules at the top of this module. `model` is the name of the validator's own."""
    if opening is None:
        return Finding(Verdict.INCONCLUSIVE, "no opening arrived")
    if wrong := _wrong(task, commitment, index, opening):
        return Finding(Verdict.INVALID, wrong)
    if model is not None and model != task.model:
        return Finding(Verdict.INCONCLUSIVE, f"the validator runs {model}, not {task.model}")
    try:
        logits = pass_logits(generator, [task.job], [opening.before], task.steps[index], task.layout, task.options)[0]
    except (AntiphonError, MemoryError) as error:
        return Finding(Verdict.INCONCLUSIVE, f"the validator could not run the pass: {error}")
    return audit_logits(task, commitment, opening, logits, tolerance)


def audit_logits(
    task: Task, commitment: Commitment, opening: Opening, logits: Floats, tolerance: Tolerance = SAME_WEIGHTS
) -> Finding:
    """The same by logits `[T, V]` that are there already."""
    index = opening.index
    if wrong := _wrong(task, commitment, index, opening):
        return Finding(Verdict.INVALID, wrong)
    step = task.steps[index]
    margin = tolerance.margin * max(1.0, 2 * task.options.guidance_of(step.level, task.layout) - 1)
    excess = excess_of(task, step, opening, logits, margin)
    measured = f"a choice lies {excess:.3g} behind the best, margin {margin:.3g}"
    if excess <= margin:
        return Finding(Verdict.VALID, "every choice is within the margin", excess)
    guilty = math.isfinite(excess) and excess > margin * tolerance.doubt
    return Finding(Verdict.INVALID if guilty else Verdict.INCONCLUSIVE, measured, excess)


def _wrong(task: Task, commitment: Commitment, index: int, opening: Opening) -> str:
    """The first thing wrong by rules 2 to 4, or nothing."""
    rules = (_foreign, unproven, _unlawful)
    return next((wrong for rule in rules if (wrong := rule(task, commitment, index, opening))), "")


def _foreign(task: Task, commitment: Commitment, index: int, opening: Opening) -> str:
    """Rule 2: the first thing wrong, or nothing."""
    if commitment.statement != task.statement():
        return "the commitment is about another task"
    if commitment.leaves != len(task.steps) + 1:
        return f"{commitment.leaves - 1} passes were committed, {len(task.steps)} agreed"
    if opening.index != index:
        return f"pass {opening.index} was opened instead of {index}"
    return ""


def unproven(task: Task, commitment: Commitment, index: int, opening: Opening) -> str:
    """Rule 3: what is wrong with the proof, or nothing. Like the next one."""
    shape = (task.layout.levels, task.job.frames)
    shown = ((index, opening.before, opening.path_before), (index + 1, opening.after, opening.path_after))
    for place, grid, path in shown:
        if grid.shape != shape or grid.dtype != np.uint16:
            return f"a grid is {grid.dtype} {grid.shape}, not uint16 {shape}"
        if merkle.root_by(leaf(task, place, grid), place, commitment.leaves, path) != commitment.root:
            return "a grid is not the committed one"
    return ""


def _unlawful(task: Task, _commitment: Commitment, index: int, opening: Opening) -> str:
    """Rule 4."""
    begin, fixed = start(task.job, task.layout), task.job.prompt_frames
    if (opening.before[:, :fixed] != begin[:, :fixed]).any() or (index == 0 and (opening.before != begin).any()):
        return "the prompt, or the first grid, is not the task's"
    if (opening.after > np.array(task.layout.vocabulary)[:, None]).any():
        return "a token is out of range"
    return _untouched(opening, task.steps[index], task)


def _untouched(opening: Opening, step: Pass, task: Task) -> str:
    changed = opening.before != opening.after
    was_unknown = opening.before[step.level] == task.layout.vocabulary[step.level]
    if np.delete(changed, step.level, axis=0).any() or (changed[step.level] & ~was_unknown).any():
        return "the pass changed tokens that were not its to change"
    target = task.job.frames - task.job.prompt_frames
    for grid, turn in ((opening.before, step.turn - 1), (opening.after, step.turn)):
        expected = target
        if turn >= 0:
            expected = left_after(replace(step, turn=turn), target, task.options.schedule)
        if unknown(grid, step.level, task.layout).shape[0] != expected:
            return "the number of unknown tokens is not the schedule's"
    for level, size in enumerate(task.layout.vocabulary):
        missing = int((opening.before[level] == size).sum())
        later = task.layout.place[level] > task.layout.place[step.level]
        if level != step.level and missing != (target if later else 0):
            return f"level {level} is not in the state it must be in"
    return ""


def excess_of(task: Task, step: Pass, opening: Opening, logits: Floats, margin: float) -> float:
    """How far, in logits, the pass's worst decision lies behind what the validator would have decided.

    Tokens: the best candidate's perturbed logit minus the chosen one's. Choice of frames: the highest confidence of
    those left unknown minus the lowest of those kept, where a frame left unknown counts with the lowest of the
    candidates it may have had.
    """
    frames = unknown(opening.before, step.level, task.layout)
    if not frames.size:
        return 0.0
    seen = logits[frames]
    noise = pass_noise(task.job, step, frames.shape[0], seen.shape[1], task.options)
    ranked = perturbed_logits(seen, noise, task.options)
    chosen = opening.after[step.level, frames].astype(np.int64)
    kept = chosen != task.layout.vocabulary[step.level]
    if not kept.any():
        return 0.0
    behind = ranked[kept].max(axis=1) - ranked[kept, chosen[kept]]
    worst = float(behind.max())
    if kept.all():
        return worst
    likely = log_softmax(seen)
    least_kept = (likely[kept, chosen[kept]] + noise.confidence[kept]).min()
    # Candidates within the margin may differ in confidence; the processor may have had either.
    tied = ranked[~kept] >= ranked[~kept].max(axis=1, keepdims=True) - margin
    confidence = np.where(tied, likely[~kept], np.inf).min(axis=1) + noise.confidence[~kept]
    return max(worst, float(confidence.max() - least_kept))
