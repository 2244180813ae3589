"""Which rounds of a part became evidence by one step of its state machine. No IO.

A round counts once nothing of it can change: at once, or when its window for an appeal is over. One that was appealed
is contested, and nobody's evidence.
"""

from __future__ import annotations

from collections.abc import Sequence

from antiphon.economy import evidence
from antiphon.economy.types import Rules
from antiphon.ledger.appeals import ruling_of
from antiphon.ledger.records import PartRecord, Ruling


def certain(before: PartRecord, after: PartRecord) -> tuple[Ruling, ...]:
    """The rulings that count from this step on."""
    open_ = {dispute.round for dispute in after.disputes}
    new = [one for one in after.rulings[len(before.rulings) :] if one.round not in open_]
    ended = [one for one in before.disputes if one.round not in open_ and not one.appellant]
    return (*new, *(ruling_of(after, one) for one in ended))


def pools(part: PartRecord) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The pool of a part's seats, and those of it that could sit."""
    pool = tuple(judge.node for judge in part.assignment.validators)
    return pool, tuple(node for node in pool if node not in part.left_out)


def judges(ruling: Ruling, sponsor: str, rules: Rules) -> Sequence[str]:
    """Whose evidence a ruling is: its seats', or of a synthetic prompt who ordered it (`sponsor`)."""
    if not sponsor:
        return evidence.seats(ruling.votes, ruling.outcome, rules)
    return [sponsor] if ruling.outcome.verdict is not None else []
