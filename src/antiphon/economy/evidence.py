"""Evidence: which validator has judged which node, and how good it found it. A weight counts as far as it is borne out.

1. A round on a client's delivery that came to a majority is evidence of each seat that voted with it and shared its
   readings but for one at most (`seats`): who did not listen has none. What it says is the majority's score, the same
   for all of them; -.1 (`Rules.punish_score_ppm`) where the work was invalid.
2. A round on a validator's own synthetic prompt is evidence of who ordered and paid it, and of nobody else: or who
   orders none would live on the others' prompts.
3. Neither counts unless the pool whose seats were drawn held most of the validators' stake (`broad`): or who offers a
   language that nobody else does would have its own client's tasks judged by its own validators.
4. Nor does a part of fewer than MIN_UNITS: evidence has a price, or one letter for each node would buy all of it.
5. Evidence of one pair is an average, as the score memory's (`remember`), but whoever begins with invalid work begins
   at the bottom: the score of who was never judged is no reward for that. It counts for the last
   `EpochRules.evidence_epochs`, then it is none until the node is judged again.
6. In an epoch a validator's row names whom it speaks of; how good each is, its evidence says (`Evidence`). Of whom it
   has none it says nothing: it abstains (`filled`), and earns nothing (`covered`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from antiphon.economy import scores
from antiphon.economy.consensus import MAX_WEIGHT, ONE, Integers, columns, shares
from antiphon.economy.settlement import care
from antiphon.economy.types import PPM, Outcome, Rules, Verdict, Vote
from antiphon.economy.votes import common_readings
from antiphon.errors import InputError

MIN_UNITS = 20
"""Least size of a part whose judgement is evidence: a short sentence, as prompts are in the simulation."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one service: what validators found of the nodes that they have judged lately."""

    judges: tuple[int, ...]  # uids, ascending
    uids: tuple[int, ...]  # of nodes, ascending
    held: bytes  # [judges, uids] unsigned, 16 bits, little-endian: 1..65535 for Q up to 1; 0: none

    def matrix(self) -> Integers:
        """[judges, uids]. Raises InputError for bytes of another size."""
        shape = (len(self.judges), len(self.uids))
        if len(self.held) != 2 * shape[0] * shape[1]:
            raise InputError(f"Evidence of {len(self.held)} bytes is no matrix of {shape}", "Take the ledger's.")
        return np.frombuffer(self.held, dtype="<u2").reshape(shape).astype(np.int64)

    def placed(self, judges: Sequence[int], nodes: Sequence[int]) -> Integers:
        """[V, N] of these uids, ascending; 0 where there is none. Raises InputError for bytes of another size."""
        found = np.zeros((len(judges), len(nodes)), dtype=np.int64)
        rows, columns_ = _places(judges, self.judges), _places(nodes, self.uids)
        found[np.ix_(rows[0], columns_[0])] = self.matrix()[np.ix_(rows[1], columns_[1])]
        return found


def of(rows: Sequence[tuple[int, int, int]]) -> Evidence:
    """From (validator's uid, node's uid, quality in ppm), each pair once."""
    found = np.array(rows, dtype=np.int64).reshape(-1, 3)
    judges, row = np.unique(found[:, 0], return_inverse=True)
    uids, column = np.unique(found[:, 1], return_inverse=True)
    held = np.zeros((len(judges), len(uids)), dtype="<u2")
    held[row, column] = np.clip(found[:, 2] * MAX_WEIGHT // PPM, 1, MAX_WEIGHT)
    return Evidence(judges=tuple(judges.tolist()), uids=tuple(uids.tolist()), held=held.tobytes())


def seats(votes: Mapping[str, Vote], outcome: Outcome, rules: Rules) -> tuple[str, ...]:
    """Rule 1: of one round's seats, whose evidence it is."""
    if outcome.verdict is None:
        return ()
    listened = [votes[node] for node in outcome.majority]
    common = common_readings(listened)
    return tuple(node for node in outcome.majority if care(votes[node], common, rules) >= rules.missed_reading_ppm)


def broad(pool: Collection[str], able: Collection[str], stakes: Mapping[str, int], rules: Rules) -> bool:
    """Rule 3. `able`: those of the `pool` that could sit; `stakes` in nano of all validators that might judge the part
    (not its producers, nor who ordered it). A pool that is full, as it was drawn from more, is held against as many."""
    most = sorted(stakes.values(), reverse=True)
    most = most[: len(pool)] if len(pool) >= rules.pool else most
    return 2 * sum(stakes.get(node, 0) for node in able) > sum(most)


def remember(known_ppm: int | None, score_ppm: int, rules: Rules) -> int:
    """Rule 5: one more round's word on a pair, in ppm. `known_ppm` None: the first one."""
    if known_ppm is None:
        known_ppm = scores.prior(rules) if score_ppm > 0 else rules.floor_quality_ppm
    return scores.remember(known_ppm, score_ppm, rules)


def score(outcome: Outcome, rules: Rules) -> int:
    """What a round with a majority says of its producer, in ppm."""
    return rules.punish_score_ppm if outcome.verdict is Verdict.INVALID else outcome.score_ppm or 0


def filled(evidence: Integers, stake: Sequence[int], kappa_ppm: int) -> Integers:
    """[V, N]: `evidence` within 0..65535, and where there is none (0) what those who have some agree on: the most that
    at least kappa of their stake supports. So whoever did not judge a node neither lifts nor drags it down."""
    told = evidence > 0
    gaps = told.any(axis=0) & ~told.all(axis=0)
    if not gaps.any():
        return evidence
    some = evidence[:, gaps]
    order = np.argsort(-some, axis=0, kind="stable")
    ordered = np.take_along_axis(some, order, axis=0)
    supported = np.cumsum(shares(stake)[order] * (ordered > 0), axis=0)
    needed = np.maximum(1, -(-kappa_ppm * supported[-1] // PPM))
    place = np.count_nonzero(supported < needed, axis=0)
    agreed = np.take_along_axis(ordered, np.minimum(place, len(some) - 1)[None, :], axis=0)
    found = evidence.copy()
    found[:, gaps] = np.where(some > 0, some, np.where(place < len(some), agreed, 0))
    return found


def covered(known: npt.NDArray[np.bool_], rank: Integers) -> list[int]:
    """[V]: the share of all incentives (of ONE) that goes to nodes that each validator has judged. `rank` [N]."""
    incentive = columns(rank[:, None])[:, 0]
    return [min(ONE, int(one)) for one in known @ incentive]


def _places(wanted: Sequence[int], there: Sequence[int]) -> tuple[Integers, Integers]:
    """Where the uids that both name stand in each."""
    both = np.intersect1d(np.array(wanted, dtype=np.int64), np.array(there, dtype=np.int64), assume_unique=True)
    return np.searchsorted(wanted, both), np.searchsorted(there, both)
