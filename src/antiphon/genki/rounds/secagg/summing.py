"""A round of which the coordinator learns the sum: attempts, until one is opened.

1. With fewer than the threshold at any step before the opening, nothing was opened, and the round is tried again with
   new keys. Who was gone or refused is left out of the next try.
2. A sum is opened once in a round. That it is being opened is written down first: if it breaks off there, or the
   coordinator is killed, the round is over and changes nothing. Nobody's update is lost by it: it goes into the next.
3. A sum that is longer than that many clipped updates can be, or that makes the held-out loss worse, changes nothing.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from antiphon.errors import UnavailableError
from antiphon.genki.contribution.appraising import HARM
from antiphon.genki.learning import Learner, Parameters, Piece
from antiphon.genki.rounds import compression, flower
from antiphon.genki.rounds.secagg.coordinating import Attempt, Collect, Total
from antiphon.genki.rounds.secagg.primitives import floats, places
from antiphon.genki.rounds.store import Store
from antiphon.genki.rounds.task import Task

_log = logging.getLogger(__name__)

_SLACK = 1.001  # of rounding


@dataclass(frozen=True)
class Summed:
    """What a round made of the parameters, and of whose updates."""

    parameters: Parameters
    attempts: int
    parties: tuple[str, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)


def summed(
    store: Store, base: Parameters, learner: Learner, held_out: Sequence[Piece], collect: Collect, attempts: int
) -> Summed:
    """The next round of `store`. Raises `UnavailableError` after so many `attempts` with too few (0: never)."""
    number, tried = store.state.round + 1, 0
    left_out: set[str] = set()
    if store.opening(number):  # 2
        _log.warning("round %d: it broke off while its sum was opened, and changes nothing", number)
        return Summed(base, 1)
    while True:
        tried += 1
        attempt = _attempt(store, base, left_out, collect)
        try:
            total = attempt.run(lambda: store.begin_opening(number))
        except UnavailableError as error:
            _log.warning("round %d: %s", number, error.what)
            if store.opening(number):  # 2
                return Summed(base, tried, refused=attempt.refused)
            left_out = set(attempt.offered) - set(attempt.there)  # 1
            if tried == attempts:
                raise UnavailableError(
                    f"Round {number} was tried {tried} times: {error.what}",
                    "Wait for more contributors, and start again: it goes on from here.",
                ) from error
            continue
        return _applied(store, base, learner, held_out, total, tried)


def _attempt(store: Store, base: Parameters, left_out: set[str], collect: Collect) -> Attempt:
    name, state = secrets.token_hex(16), store.state

    def task(counted: int) -> Task:
        return Task(plan=store.plan, round=state.round + 1, base=state.digest, counted=counted, attempt=name)

    content = cache(lambda counted: flower.content_of(task(counted), base))
    count = len(places(state.digest, compression.flat(base).size, store.plan.keep))
    return Attempt(task(0), count, lambda who: content(state.counted.get(who, 0)), collect, left_out)


def _applied(
    store: Store, base: Parameters, learner: Learner, held_out: Sequence[Piece], total: Total, tried: int
) -> Summed:
    plan, size, parties = store.plan, compression.flat(base).size, len(total.parties)
    sums = floats(total.words, plan.clip_norm).astype(np.float64)
    why = ""
    if float(np.linalg.norm(sums)) > _SLACK * parties * plan.clip_norm:
        why = "the sum that it is in is longer than clipped updates can be"
    elif not sums.any():
        why = "the sum that it is in changes nothing"
    else:
        mean = np.zeros(size, np.float32)
        mean[places(store.state.digest, size, plan.keep)] = sums / parties
        made = flower.aggregate(plan, base, [compression.shaped(mean, base)], parties=parties)
        if not _worse(learner, base, made, held_out):
            return Summed(made, tried, total.parties, total.refused, total.lengths)
        why = "the sum that it is in makes the held-out loss worse"
    return Summed(base, tried, refused=total.refused | dict.fromkeys(total.parties, why), lengths=total.lengths)


def _worse(learner: Learner, base: Parameters, made: Parameters, held_out: Sequence[Piece]) -> bool:
    """By more than so many honest updates may, near the end of a training."""
    if not held_out:
        return False
    before, after = (float(np.mean(learner.losses(one, held_out))) for one in (base, made))
    return after > (1 + HARM) * before or not np.isfinite(after)
