"""Proof of work: pieces that everybody may have, dealt anew to each contributor for each round.

Each contributor ends its local training with `LAST` of its steps on the pieces dealt to it (`learnt`). Who has learnt
from its pieces predicts them better than the others do, and better than it predicts those of the others. Noise,
yesterday's update and somebody else's have no such advantage, for the pieces are drawn after the round before ended.
The idea is that of Gauntlet ("Incentivizing permissionless distributed learning of LLMs", 2025), which scores each
update on data assigned to its sender and on other data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from antiphon.economy.beacon import Draws
from antiphon.errors import InputError
from antiphon.genki.learning import Learner, Parameters, Piece, added

DEALT = 4
"""Pieces for each contributor and round."""
LAST = 0.25
"""Share of the local steps."""
REMEMBERED = 8
"""Rounds of a contributor's that its credit is taken from."""
NOTHING, ENOUGH = 0.2, 0.5
"""Shares of the median advantage: up to the one it may be chance and counts as no work, from the other as a whole
round's. Honest ones had .5 of it at least (docs/contribution.md)."""

Advantages = npt.NDArray[np.float64]


def dealt(beacon: bytes, contributor: str, pool: int, count: int = DEALT) -> tuple[int, ...]:
    """Which pieces of a pool of so many a contributor is to learn from in the round of this beacon, ascending. Raises
    `InputError` for a smaller pool."""
    if pool < count:
        raise InputError(f"A pool of {pool} pieces has no {count} for each", "Give more pieces that all may have.")
    draws, left = Draws(beacon, f"genki pieces {contributor}"), list(range(pool))
    return tuple(sorted(left.pop(draws.below(len(left))) for _ in range(count)))


def learnt(
    learner: Learner, base: Parameters, own: Sequence[Piece], hand: Sequence[Piece], *, steps: int, seed: int
) -> Parameters:
    """What a contributor makes of the base in a round: its own pieces first, then those dealt to it."""
    last = round(LAST * steps) if hand else 0
    made = learner.learn(base, own, steps=steps - last, seed=seed)
    return learner.learn(made, hand, steps=last, seed=seed) if last else made


def advantages(
    learner: Learner,
    base: Parameters,
    updates: Mapping[str, Parameters],
    pool: Sequence[Piece],
    hands: Mapping[str, Sequence[int]],
) -> Advantages:
    """`[contributors]`, in nats: how much more an update gains on its own pieces than on those of others, each
    compared with what the others gain there. About 0 without the work."""
    used = sorted({piece for who in updates for piece in hands[who]})
    pieces = [pool[piece] for piece in used]
    before = np.asarray(learner.losses(base, pieces))
    gains = np.array([before - learner.losses(added(base, update), pieces) for update in updates.values()])
    dealt_to = np.array([[piece in hands[who] for piece in used] for who in updates], dtype=bool)
    alone = dealt_to & (dealt_to.sum(axis=0) == 1)  # or who copies another would gain on what both were dealt
    own = np.where(alone.any(axis=1, keepdims=True), alone, dealt_to)
    gains = np.nan_to_num(np.clip(gains, -10, 10))  # of an update that ruins the model, anything
    beyond = gains - [_mean(gains[~dealt_to[:, place], place]) for place in range(len(used))]
    rows = zip(beyond, own, dealt_to, strict=True)
    return np.array([_mean(row[mine]) - _mean(row[~any_]) for row, mine, any_ in rows])


def ratios(found: Advantages) -> Advantages:
    """`[contributors]`: each advantage, of the median one. Of fewer than three nobody can tell whose advantage it is:
    all are 1."""
    median = float(np.median(found)) if len(found) >= 3 else 0.0
    return found / median if median > 0 else np.ones(len(found))


def credited(past: Sequence[float]) -> float:
    """0 to 1: which part of what a contributor brought it is paid, by the mean of its last ratios. One deal alone says
    little: a piece may by chance be of a contributor's own style, or of none that it knows."""
    mean = float(np.mean(past[-REMEMBERED:]))
    return float(np.clip((mean - NOTHING) / (ENOUGH - NOTHING), 0, 1))


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else 0.0
