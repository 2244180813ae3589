"""Which judged deliveries of a part are audited: a pure function of its record, for nodes and for receipts."""

from __future__ import annotations

from antiphon.economy import audits
from antiphon.economy.beacon import both
from antiphon.economy.types import Rules
from antiphon.ledger import appeals
from antiphon.ledger.operations import Deliver
from antiphon.ledger.records import PartRecord, Seating


def drawn_audit(record: PartRecord, seating: Seating, delivery: Deliver, rules: Rules) -> bytes | None:
    """What chooses the passes to be opened to these seats, 32 bytes. None: no audit was drawn, or none is possible."""
    if not delivery.trace_root:
        return None
    earlier = [one for one in record.seatings if one.attempt == seating.attempt and one.round < seating.round]
    return audits.audit_beacon(_draw(record, seating), rules, [_draw(record, one) for one in earlier])


def _draw(record: PartRecord, seating: Seating) -> bytes:
    return both(
        seating.client_link,
        seating.ledger_link,
        task=record.task,
        index=record.part.index,
        attempt=seating.attempt,
        round_=seating.round,
    )


def audit_of(record: PartRecord, round_: int, delivery: Deliver, rules: Rules) -> bytes | None:
    """The same by the number of a round; a jury opens what the panel before it was to open."""
    if round_ >= appeals.JURY:
        round_ -= appeals.JURY
    drawn = next((one for one in record.seatings if one.round == round_), None)
    return None if drawn is None else drawn_audit(record, drawn, delivery, rules)
