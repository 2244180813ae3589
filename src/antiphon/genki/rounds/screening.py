"""Which of a round's updates are aggregated, and what each contributor brought: `contribution`, asked in each round."""

from __future__ import annotations

from collections.abc import Sequence

from antiphon.genki import learning
from antiphon.genki.contribution.appraising import Round, by_contributor
from antiphon.genki.contribution.sketching import Sketch, sketch
from antiphon.genki.learning import Learner, Parameters, Piece
from antiphon.genki.rounds import compression
from antiphon.genki.rounds.plan import Plan
from antiphon.genki.rounds.secagg.primitives import MAX_PARTIES, SHARE_BYTES, words_in
from antiphon.genki.rounds.store import Store

EXACTLY = 5
"""Contributors up to which shares are exact, by 31 evaluations; of more they are estimated by about 8 for each."""
OVERHEAD_BYTES = 1_024
"""What an update has beside its compressed difference."""


def longest_answer(plan: Plan, size: int) -> int:
    """Bytes that a contributor's answer about a model of `size` parameters may have at most."""
    if not plan.secure:
        return compression.max_bytes(size, plan.keep) + OVERHEAD_BYTES
    return max(4 * words_in(size, plan.keep), SHARE_BYTES * MAX_PARTIES) + OVERHEAD_BYTES


def delta_of(plan: Plan, raw: bytes, contributor: str, *, round_: int, base: str, like: Parameters) -> Parameters:
    """The difference in a signed update. Raises `ProtocolError` that names what is wrong with it."""
    size = sum(value.size for value in like.values())
    update = learning.opened(
        raw,
        federation=plan.id,
        round_=round_,
        base=base,
        contributor=contributor,
        limit=compression.max_bytes(size, plan.keep) + OVERHEAD_BYTES,
    )
    return compression.shaped(compression.decompress(update.delta, size, plan.keep), like)


def deltas(store: Store, round_: int, like: Parameters) -> dict[str, Parameters]:
    """Everything that counted in a round that is over, in the order in which it came: what shares are computed from."""
    report = store.report(round_)
    return {
        one: delta_of(store.plan, raw, one, round_=round_, base=report.base, like=like)
        for one, raw in store.updates(round_).items()
        if one in report.accepted
    }


def committed(
    store: Store,
    learner: Learner,
    base: Parameters,
    updates: dict[str, Parameters],
    held_out: Sequence[Piece],
    pool: Sequence[Piece],
) -> Round:
    """The round that goes on now, as it is screened and appraised (docs/contribution.md). Its beacon is the hash of the
    parameters that it begins with: known to all once the round before has ended."""
    beacon = bytes.fromhex(store.state.digest)
    return Round(
        learner,
        base,
        updates,
        held_out,
        beacon,
        pool=pool,
        known=_known(store, base),
        past=by_contributor(store.appraisals()),
    )


def _known(store: Store, base: Parameters) -> dict[str, Sketch]:
    last = store.state.round
    if not last:
        return {}
    return {f"{one[:12]}'s of round {last}": sketch(delta) for one, delta in deltas(store, last, base).items()}
