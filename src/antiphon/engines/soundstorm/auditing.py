"""The validator's side of a step audit: was the ordered text made with the ordered seed, pass by pass, and delivered?

1. What is shown hashes to the root, else nothing was shown (UNPROVEN).
2. It was made with our models (else UNPROVEN: we may be the ones who are out of date).
3. The semantic tokens are those of our own text stage or recogniser, but for what machines differ by (else UNPROVEN:
   readers of text change too).
4. The windows fit them.
5. The delivered audio is what our codec makes of the windows' tokens.
6. The window that the beacon chooses ends in its tokens, and the chosen passes hang under its root (else UNPROVEN).
7. Each of them is the pass that our own weights make of the job; its prompt, noise and schedule are derived here.

Whatever is wrong in 4, 5 or 7 is in what was committed to, so everybody who audits finds it: FAILED.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from antiphon.analysis.features import RATE_HZ
from antiphon.codecs.base import TokenGrid, Tokens
from antiphon.economy.types import Verdict
from antiphon.engines.auditing import Claim, Finding, Result
from antiphon.engines.soundstorm import tracing
from antiphon.engines.soundstorm.magnitudes import magnitude_error
from antiphon.engines.soundstorm.recipe import Recipe, SpokenPiece
from antiphon.engines.soundstorm.tracing import PassRecord, Record, Shown, WindowRecord
from antiphon.errors import AntiphonError, InputError
from antiphon.soundstorm import audit
from antiphon.soundstorm.audit import ANY_MACHINE, Opening, Task
from antiphon.soundstorm.decoding import DecodingInput, log_softmax, pass_logits
from antiphon.soundstorm.inputs import Floats

SAME, OTHER = 0.9, 0.75
"""Share of semantic tokens equal to our own: from the first it is the same, below the second it is not."""
ALIKE, UNLIKE = 0.1, 0.3
"""Largest relative error of the magnitudes of any half second: up to the first the audio is the tokens', beyond not."""
LENGTHS_S = 0.05
"""How much longer or shorter a piece may be: where a fade ends in silence, machines may cut elsewhere."""


class _EndError(Exception):
    """A finding that ends the audit."""

    def __init__(self, result: Result, reason: str) -> None:
        super().__init__(reason)
        self.finding = Finding(result, reason)


@dataclass(frozen=True, slots=True)
class _Window:
    task: Task
    record: WindowRecord


def audit_part(recipe: Recipe, claim: Claim) -> Finding:
    """By the rules above. What our own models cannot do is UNDECIDED."""
    try:
        shown, record = _proven(claim)  # 1
        if record.made_with != recipe.made_with:  # 2
            raise _EndError(Result.UNPROVEN, f"made with {record.made_with[:200]!r}, we have {recipe.made_with!r}")
        pieces, doubt = _said(recipe, record)  # 3
        made, windows = _rebuilt(recipe, record, pieces)  # 4
        doubt = _heard(recipe, list(zip(pieces, made, strict=True)), claim) or doubt  # 5
        found = _passes(recipe, windows, shown, record, claim)  # 6, 7
    except _EndError as failed:
        return failed.finding
    except (AntiphonError, MemoryError) as error:
        return Finding(Result.UNDECIDED, f"it cannot be audited here: {error}")
    return Finding(Result.UNDECIDED, doubt, found.figure) if doubt and found.result is Result.PASSED else found


def _proven(claim: Claim) -> tuple[Shown, Record]:
    try:
        shown = msgspec.msgpack.decode(claim.opening, type=Shown)
    except msgspec.MsgspecError as error:
        raise _EndError(Result.UNPROVEN, f"what was shown cannot be read: {error}") from error
    if tracing.root_of(shown.record) != claim.root:
        raise _EndError(Result.UNPROVEN, "what was shown is not what was committed to")
    try:
        return shown, msgspec.msgpack.decode(shown.record, type=Record)
    except msgspec.MsgspecError as error:
        raise _EndError(Result.FAILED, f"what was committed to cannot be read: {error}") from error


def _said(recipe: Recipe, record: Record) -> tuple[list[SpokenPiece], str]:
    """The pieces with the producer's semantic tokens: the passes were made with those. And why there is doubt."""
    own, doubt = list(recipe.pieces()), ""
    if len(own) != len(record.pieces):
        raise _EndError(Result.UNPROVEN, f"{len(record.pieces)} pieces were made of a text of {len(own)}")
    pieces = []
    for number, (piece, told) in enumerate(zip(own, record.pieces, strict=True)):
        semantic = _wellformed(told.semantic, 1, [recipe.models.generator.layout.null])[0]
        same = _agreement(piece.semantic, semantic)
        what = f"{100 * same:.0f}% of the semantic tokens of piece {number} are the text's"
        if same < OTHER:
            raise _EndError(Result.UNPROVEN, what)
        doubt = what if same < SAME else doubt
        pieces.append(SpokenPiece(semantic, piece.pause_s))
    return pieces, doubt


def _agreement(one: Tokens, two: Tokens) -> float:
    """Share of equal tokens, frame by frame; a frame that only one has is a difference."""
    both = min(one.shape[0], two.shape[0])
    equal = int((one[:both] == two[:both]).sum())
    return float(equal / max(one.shape[0], two.shape[0], 1))


def _rebuilt(recipe: Recipe, record: Record, pieces: Sequence[SpokenPiece]) -> tuple[list[TokenGrid], list[_Window]]:
    """Grids of the pieces, and the job of each window as it must have been, from the tokens in the record."""
    layout, windows = recipe.models.generator.layout, list[_Window]()
    grids = []
    for number, (piece, told) in enumerate(zip(pieces, record.pieces, strict=True)):
        left = list(told.windows)

        def window(job: DecodingInput, left: list[WindowRecord] = left) -> TokenGrid:
            if not left:
                raise _EndError(Result.FAILED, "a window is missing in what was committed to")
            one = left.pop(0)
            tokens = _wellformed(one.tokens, layout.levels, [size - 1 for size in layout.vocabulary])
            if tokens.shape[1] != job.frames - job.prompt_frames:
                raise _EndError(Result.FAILED, f"a window has {tokens.shape[1]} frames, its text another number")
            windows.append(_Window(recipe.task(job), one))
            return TokenGrid(tokens, layout.codec, layout.frame_rate_hz)

        grids.append(recipe.grid(number, piece.semantic, window))
        if left:
            raise _EndError(Result.FAILED, f"piece {number} has more windows than its text")
    return grids, windows


def _wellformed(blob: bytes, levels: int, most: Sequence[int]) -> Tokens:
    try:
        tokens = tracing.unpacked(blob, levels)
    except InputError as error:
        raise _EndError(Result.FAILED, error.what) from error
    if not tokens.size or (tokens > np.array(most)[:, None]).any():
        raise _EndError(Result.FAILED, "tokens that were committed to are out of range, or none")
    return tokens


def _heard(recipe: Recipe, grids: list[tuple[SpokenPiece, TokenGrid]], claim: Claim) -> str:
    """Why there is doubt that the audio is the tokens', or nothing."""
    if (claim.audio.rate_hz, claim.audio.channels) != (RATE_HZ, 1):
        raise _EndError(Result.FAILED, f"the audio has {claim.audio.channels} channels at {claim.audio.rate_hz} Hz")
    chunks = [chunk.samples[0] for chunk in recipe.sound(grids)]
    expected, given = np.concatenate(chunks), claim.audio.samples[0]
    rate_hz, tolerated = claim.audio.rate_hz, LENGTHS_S * len(grids)
    if abs(expected.shape[0] - given.shape[0]) > tolerated * rate_hz:
        lengths = f"{given.shape[0] / rate_hz:.2f} s instead of {expected.shape[0] / rate_hz:.2f} s"
        raise _EndError(Result.FAILED, f"the audio is not what the committed tokens sound like: {lengths}")
    error = magnitude_error(expected, given)
    what = f"the audio differs by {100 * error:.0f}% from what the committed tokens sound like"
    if error > UNLIKE:
        raise _EndError(Result.FAILED, what)
    return what if error > ALIKE else ""


def _passes(recipe: Recipe, windows: Sequence[_Window], shown: Shown, record: Record, claim: Claim) -> Finding:
    one = windows[tracing.chosen_window(record, claim.beacon)]
    task, commitment = one.task, tracing.commitment_of(one.task, one.record)
    tokens = tracing.unpacked(one.record.tokens, task.layout.levels)
    if not audit.check_result(task, commitment, tokens, shown.path_last):  # 6
        raise _EndError(Result.UNPROVEN, "that the window ends in its tokens was not shown")
    chosen = tracing.chosen_passes(task, one.record, claim.beacon)
    if tuple(shown_pass.index for shown_pass in shown.passes) != chosen:
        raise _EndError(Result.UNPROVEN, f"passes {', '.join(map(str, chosen))} were to be opened")
    openings = [_opening(shown_pass, task) for shown_pass in shown.passes]
    for opening in openings:
        if wrong := audit.unproven(task, commitment, opening.index, opening):
            raise _EndError(Result.UNPROVEN, wrong)
    doubt, figures = "", []
    for opening in openings:  # 7
        logits = pass_logits(
            recipe.models.generator, [task.job], [opening.before], task.steps[opening.index], task.layout, task.options
        )[0]
        found = audit.audit_logits(task, commitment, opening, logits, ANY_MACHINE)
        what = f"pass {opening.index}: {found.reason}"
        if found.verdict is Verdict.INVALID:
            raise _EndError(Result.FAILED, what)
        doubt = what if found.verdict is Verdict.INCONCLUSIVE else doubt
        figures.append(_surprise(task, opening, logits))
    figure = float(np.concatenate(figures).mean())
    if doubt:
        return Finding(Result.UNDECIDED, doubt, figure)
    return Finding(Result.PASSED, "every opened choice is within the margin", figure)


def _opening(shown: PassRecord, task: Task) -> Opening:
    try:
        grids = [tracing.unpacked(blob, task.layout.levels) for blob in (shown.before, shown.after)]
    except InputError as error:
        raise _EndError(Result.UNPROVEN, error.what) from error
    return Opening(shown.index, grids[0], grids[1], shown.path_before, shown.path_after)


def _surprise(task: Task, opening: Opening, logits: Floats) -> np.ndarray:
    """-ln p of each token that the pass chose, by our own logits: nobody knows it without running the pass."""
    level = task.steps[opening.index].level
    new = np.flatnonzero(opening.before[level] != opening.after[level])
    return np.asarray(-log_softmax(logits[new])[np.arange(new.shape[0]), opening.after[level, new].astype(np.int64)])
