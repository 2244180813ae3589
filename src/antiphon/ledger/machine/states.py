"""How a part comes to be in a state: what is reset, and until when it may stay."""

from __future__ import annotations

import msgspec

from antiphon.ledger.machine.events import Context
from antiphon.ledger.records import PartRecord, PartState


def assigned(record: PartRecord, attempt: int, context: Context) -> PartRecord:
    """Its producer's time begins (rules 2 and 6)."""
    return msgspec.structs.replace(
        record,
        state=PartState.ASSIGNED,
        attempt=attempt,
        delivery=None,
        commits={},
        reveals={},
        deadline_ms=context.now_ms + context.rules.deliver_s * 1000,
    )


def left(record: PartRecord, why: str, context: Context) -> PartRecord:
    """Its producer's time to bring the last voucher begins (rule 19)."""
    deadline_ms = context.now_ms + context.rules.draw_s * 1000
    return msgspec.structs.replace(record, state=PartState.LEFT, deadline_ms=deadline_ms, notes=(*record.notes, why))


def drawing(record: PartRecord, round_: int, context: Context) -> PartRecord:
    """Delivered, or to be judged again: the client's time to open its link begins (rules 4 and 10)."""
    names = {judge.node for judge in record.assignment.validators}
    assert names.issuperset(context.left_out), "only the pool's own can be left out of it"
    return msgspec.structs.replace(
        record,
        state=PartState.DRAWING,
        round=round_,
        commits={},
        reveals={},
        left_out=context.left_out,
        deadline_ms=context.now_ms + context.rules.draw_s * 1000,
    )


def revealing(record: PartRecord, context: Context) -> PartRecord:
    """The seats' time to open their commitments begins (rule 7)."""
    deadline_ms = context.now_ms + context.rules.reveal_s * 1000
    return msgspec.structs.replace(record, state=PartState.REVEALING, deadline_ms=deadline_ms)
