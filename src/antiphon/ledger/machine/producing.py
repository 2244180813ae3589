"""A part on its way to a delivery: start, work, passing on, and the draw of seats (rules 2 to 6, and 15)."""

from __future__ import annotations

import msgspec

from antiphon.economy import selection
from antiphon.economy.beacon import both
from antiphon.economy.settlement import hold_fee
from antiphon.economy.types import Terms
from antiphon.errors import ConflictError
from antiphon.ledger import panel
from antiphon.ledger.machine import ending, states, turns
from antiphon.ledger.machine.events import Abandon, Context, Start, Step
from antiphon.ledger.operations import Decline, Deliver, DrawSeats, Skip
from antiphon.ledger.records import PartRecord, PartState, Seating


def start(record: PartRecord, _: Start, context: Context) -> Step:
    """Rule 2."""
    turns.expect(record, PartState.WAITING, "started")
    return Step(record=states.assigned(record, record.attempt, context))


def abandon(record: PartRecord, _: Abandon, context: Context) -> Step:
    """Rule 3."""
    turns.expect(record, PartState.WAITING, "abandoned")
    return ending.end(record, PartState.REFUNDED, "an earlier phase failed", context)


def deliver(record: PartRecord, event: Deliver, context: Context) -> Step:
    """Rule 4."""
    turns.expect(record, PartState.ASSIGNED, "delivered")
    turns.expect_producer(record, event.attempt, context)
    turns.expect_in_time(record, context)
    record = states.drawing(msgspec.structs.replace(record, delivery=event), record.round, context)
    if not panel.pool(record, context.rules):
        return ending.end(record, PartState.REFUNDED, "too few validators can judge it now", context)  # rule 10
    return Step(record=record)


def decline(record: PartRecord, event: Decline, context: Context) -> Step:
    """Rule 5, and 19."""
    if record.state is PartState.LEFT:
        turns.expect_producer(record, event.attempt, context)
        return ending.unheard(record, context)
    turns.expect(record, PartState.ASSIGNED, "declined")
    turns.expect_producer(record, event.attempt, context)
    return pass_on(record, f"declined: {event.reason}", context, lapsed=False)


def skip(record: PartRecord, event: Skip, context: Context) -> Step:
    """Rule 5."""
    turns.expect_client(context, "skip a producer")
    turns.expect(record, PartState.ASSIGNED, "skipped")
    if event.attempt != record.attempt:
        raise ConflictError(f"{turns.name(record)} is at attempt {record.attempt}, not {event.attempt}", turns.LOOK)
    if record.funds is not None and record.attempt + 1 == len(record.assignment.producers):
        return Step(record=states.left(record, "skipped by the client while it was listened to", context))  # rule 19
    return pass_on(record, f"skipped by the client: {event.reason}", context)


def pass_on(record: PartRecord, why: str, context: Context, *, lapsed: bool = True) -> Step:
    """Rule 6."""
    note = f"attempt {record.attempt}, {panel.producer(record).node}: {why}"
    fee_nano = hold_fee(panel.producer(record), context.rules) if lapsed else 0
    record = msgspec.structs.replace(record, notes=(*record.notes, note), lapsed_nano=record.lapsed_nano + fee_nano)
    if record.attempt + 1 < len(record.assignment.producers):
        return Step(record=states.assigned(record, record.attempt + 1, context))
    return ending.end(record, PartState.REFUNDED, "no producer delivered", context, standing=())


def draw_seats(record: PartRecord, event: DrawSeats, context: Context) -> Step:
    """Rule 15."""
    turns.expect_client(context, "open its link")
    turns.expect(record, PartState.DRAWING, "drawn for")
    turns.expect_in_time(record, context)
    if (event.attempt, event.round) != (record.attempt, record.round):
        raise ConflictError(f"{turns.name(record)} is in attempt {record.attempt}, round {record.round}", turns.LOOK)
    turns.expect_link("client", event.link, [drawn.client_link for drawn in record.seatings], record.client_tip)
    turns.expect_link("ledger", context.link, [drawn.ledger_link for drawn in record.seatings], record.ledger_tip)
    if event.pool_hash != panel.pool_hash(record, context.rules):
        raise ConflictError(f"The client saw another pool of {turns.name(record)}", "Read the part again.")
    seed = both(
        event.link,
        context.link,
        task=record.task,
        index=record.part.index,
        attempt=record.attempt,
        round_=record.round,
    )
    drawn = selection.draw_seats(panel.pool(record, context.rules), panel.size(record, context.rules), seed)
    seating = Seating(
        attempt=record.attempt,
        round=record.round,
        client_link=event.link,
        ledger_link=context.link,
        seats=tuple(Terms(node=s.node, price_nano=s.price_nano, quality_ppm=s.quality_ppm) for s in drawn),
    )
    deadline_ms = context.now_ms + context.rules.commit_s * 1000
    return Step(
        record=msgspec.structs.replace(
            record, state=PartState.DELIVERED, seatings=(*record.seatings, seating), deadline_ms=deadline_ms
        )
    )
