"""A round of the small linear model: contributors who each know some of four classes, and others."""

from __future__ import annotations

import numpy as np
from linear import LinearLearner

from antiphon.genki.contribution import Round, dealt, learnt
from antiphon.genki.learning import Parameters, Piece, added, difference

INPUTS = 300
"""So many that each piece leaves a trace of its own in the model."""
LEARNER = LinearLearner(INPUTS, rate=0.02)
_CENTRES = np.random.default_rng(1).standard_normal((4, INPUTS)).astype(np.float32)


def pieces_of(seed: int, count: int, classes: tuple[int, ...] = (0, 1, 2, 3)) -> list[Piece]:
    draw = np.random.default_rng(seed)
    labels = draw.choice(classes, count)
    return [((0.15 * _CENTRES[y] + draw.standard_normal(INPUTS)).astype(np.float32), int(y)) for y in labels]


HELD_OUT, POOL = pieces_of(10, 200), pieces_of(11, 400)
BASE = learnt(LEARNER, LEARNER.initial(), pieces_of(12, 20), (), steps=3, seed=0)


def honest(
    number: int, *, beacon: bytes = b"beacon", pieces: list[Piece] | None = None, base: Parameters = BASE
) -> Parameters:
    """The update of `contributor number`, who knows two classes best."""
    own = pieces or pieces_of(100 + number, 60, (number % 4, (number + 1) % 4)) + pieces_of(200 + number, 30)
    hand = [POOL[piece] for piece in dealt(beacon, name(number), len(POOL))]
    return difference(learnt(LEARNER, base, own, hand, steps=24, seed=number), base)


def name(number: int) -> str:
    return f"{number:x}" * 64


def noisy(update: Parameters, share: float, seed: int = 0) -> Parameters:
    """With noise of this share of its length."""
    draw = np.random.default_rng(seed)
    size = {key: share * float(np.sqrt(np.square(one).mean())) for key, one in update.items()}
    return {key: (one + size[key] * draw.standard_normal(one.shape)).astype(np.float32) for key, one in update.items()}


def scaled(update: Parameters, factor: float) -> Parameters:
    return added({key: np.zeros_like(one) for key, one in update.items()}, update, factor)


def round_of(updates: dict[str, Parameters], **more: object) -> Round:
    fields = {"beacon": b"beacon"} | more
    return Round(LEARNER, BASE, updates, HELD_OUT, **fields)  # type: ignore[arg-type]
