"""Which of a round's updates are aggregated: what contributions are measured by, asked before instead of after."""

from __future__ import annotations

from collections.abc import Sequence

from antiphon.genki import learning
from antiphon.genki.contribution.appraising import Round, Screened, screen
from antiphon.genki.contribution.sketching import Sketch, sketch
from antiphon.genki.learning import Learner, Parameters, Piece
from antiphon.genki.rounds import compression
from antiphon.genki.rounds.plan import Plan
from antiphon.genki.rounds.store import Store

OVERHEAD_BYTES = 1_024
"""What an update has beside its compressed difference."""


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


def screened(
    store: Store, learner: Learner, base: Parameters, updates: dict[str, Parameters], held_out: Sequence[Piece]
) -> Screened:
    """Copies, repeats of the round before, what is too long, and what does harm: docs/contribution.md."""
    beacon = bytes.fromhex(store.state.digest)  # orders of an estimate that is not asked for here
    return screen(Round(learner, base, updates, held_out, beacon, known=_known(store, base)))


def _known(store: Store, base: Parameters) -> dict[str, Sketch]:
    last = store.state.round
    if not last:
        return {}
    return {f"{one[:12]}'s of round {last}": sketch(delta) for one, delta in deltas(store, last, base).items()}
