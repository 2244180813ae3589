"""How much a model tells of what it learnt from: a membership-inference attack, to measure what privacy options buy.

The attacker has the model before and after, and pieces of which some were learnt from. Its guess is by how much each
piece's loss fell: the loss attack (Yeom et al., arXiv:1709.01604), calibrated by the model before (Watson et al.,
arXiv:2111.08440), since some pieces are easy for any model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.errors import InputError
from antiphon.genki.learning import Learner, Parameters, Piece

MIN_PIECES = 20
"""Of each kind: with fewer, chance alone looks like a leak."""
FALSE_ALARMS = 0.05


@dataclass(frozen=True, slots=True)
class Leak:
    """`auc` .5 is a guess, 1 certainty; `caught` is the share of members found at `FALSE_ALARMS`; `error` is the
    standard error of `auc` (Hanley and McNeil 1982)."""

    auc: float
    caught: float
    error: float


def infer(
    learner: Learner, before: Parameters, after: Parameters, members: Sequence[Piece], others: Sequence[Piece]
) -> Leak:
    """Attack `after`, which was trained from `before` on `members` and not on `others`, which are alike otherwise.

    Raises `InputError` for too few pieces to tell anything.
    """
    if min(len(members), len(others)) < MIN_PIECES:
        raise InputError(
            f"{len(members)} members and {len(others)} others are too few", f"Give {MIN_PIECES} of each at least."
        )
    inside, outside = (_fall(learner, before, after, pieces) for pieces in (members, others))
    auc = _auc(inside, outside)
    caught = float((inside > np.quantile(outside, 1 - FALSE_ALARMS)).mean())
    return Leak(auc, caught, _error(auc, len(inside), len(outside)))


def _fall(learner: Learner, before: Parameters, after: Parameters, pieces: Sequence[Piece]) -> npt.NDArray[np.float64]:
    return learner.losses(before, pieces) - learner.losses(after, pieces)


def _auc(inside: npt.NDArray[np.float64], outside: npt.NDArray[np.float64]) -> float:
    """The probability that a member's score is above another's; ties count half."""
    above = (inside[:, None] > outside).mean() + 0.5 * (inside[:, None] == outside).mean()
    return float(above)


def _error(auc: float, inside: int, outside: int) -> float:
    first, second = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (inside - 1) * (first - auc**2) + (outside - 1) * (second - auc**2)
    return float(np.sqrt(max(spread, 0.0) / (inside * outside)))
