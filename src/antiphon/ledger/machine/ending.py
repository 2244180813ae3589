"""A part that ends without a verdict, and the money that leaves its reserve (rules 11, 12, 14, 16 and 19)."""

from __future__ import annotations

import msgspec

from antiphon.economy import accounts
from antiphon.economy.selection import judging_cost
from antiphon.economy.settlement import heard, late_cancel, refund, unused
from antiphon.economy.types import Settlement, Terms
from antiphon.errors import ConflictError
from antiphon.ledger import panel, vouchers
from antiphon.ledger.machine import states, turns
from antiphon.ledger.machine.events import Context, Step, Withdraw
from antiphon.ledger.operations import Cancel, Redeem
from antiphon.ledger.records import PartRecord, PartState

REVOKED = "consent revoked"
"""The note on each part that was open when a consent was revoked."""


def cancel(record: PartRecord, _: Cancel, context: Context) -> Step:
    """Rule 11."""
    turns.expect_client(context, "cancel a task")
    return _stop(record, "cancelled by the client", context, withdrawn=False)


def withdraw(record: PartRecord, _: Withdraw, context: Context) -> Step:
    """Rule 14."""
    step = _stop(record, REVOKED, context, withdrawn=True)
    if step.record.state.final:
        return step
    return Step(record=msgspec.structs.replace(step.record, notes=(*record.notes, REVOKED)))


def redeem(record: PartRecord, event: Redeem, context: Context) -> Step:
    """Rule 19."""
    if record.funds is None:
        raise ConflictError(f"The client of {turns.name(record)} signs no vouchers", "It is paid when it is judged.")
    if record.state is not PartState.LEFT:
        turns.expect(record, PartState.ASSIGNED, "redeemed")
    turns.expect_producer(record, event.attempt, context)
    turns.expect_in_time(record, context)
    maker = panel.producer(record)
    told = vouchers.read(event.heard, client=context.client, producer=maker.node, task=record.task)
    if (told.index, told.attempt) != (record.part.index, record.attempt):
        raise ConflictError(f"The voucher is not for attempt {record.attempt} of {turns.name(record)}", turns.LOOK)
    if not 0 < told.amount_nano <= min(maker.reward_nano, record.funds.part_nano):
        raise ConflictError(
            f"A voucher over {told.amount_nano} nano is more than {turns.name(record)} costs", turns.LOOK
        )
    settlement = heard(
        record.task,
        context.client,
        maker,
        told.amount_nano,
        record.remaining_nano,
        standing=record.assignment.producers[record.attempt + 1 :],
        lapsed_nano=record.lapsed_nano,
        rules=context.rules,
    )
    return _close(record, PartState.CANCELLED, f"{told.position} bytes were heard", settlement)


def unheard(record: PartRecord, context: Context) -> Step:
    """Rule 19: no voucher is brought."""
    return end(record, PartState.CANCELLED, "no voucher", context)


def _stop(record: PartRecord, why: str, context: Context, *, withdrawn: bool) -> Step:
    if record.state is PartState.ASSIGNED and record.funds is not None:
        return Step(record=states.left(record, why, context))  # rule 19
    if record.state is PartState.LEFT:
        return Step(record=record)
    if record.state in {PartState.WAITING, PartState.ASSIGNED}:
        return end(record, PartState.CANCELLED, why, context)
    if record.state is PartState.DRAWING and not withdrawn:
        return late(record, why, context)
    kept = msgspec.structs.replace(record.assignment, producers=record.assignment.producers[: record.attempt + 1])
    return Step(record=msgspec.structs.replace(record, assignment=kept))


def end(
    record: PartRecord, state: PartState, why: str, context: Context, standing: tuple[Terms, ...] | None = None
) -> Step:
    """The part ends without another delivery: all that is left returns to the client, less the hold fees (rule 16)."""
    if record.delivery is not None or record.rulings:
        settlement = refund(record.task, context.client, record.remaining_nano, why)
    else:
        held = record.assignment.producers[record.attempt :] if standing is None else standing
        settlement = unused(
            record.task, context.client, held, record.lapsed_nano, record.remaining_nano, context.rules, why
        )
    return _close(record, state, why, settlement)


def late(record: PartRecord, why: str, context: Context) -> Step:
    """Rule 11: delivered, and the client does not have it judged."""
    maker, others = panel.producer(record), record.assignment.producers[record.attempt + 1 :]
    standing = (*others, *panel.pool(record, context.rules))
    settlement = late_cancel(
        record.task,
        context.client,
        maker,
        record.remaining_nano,
        why,
        standing=standing,
        judging_nano=judging_cost(record.assignment, context.rules),
        rules=context.rules,
    )
    return _close(record, PartState.CANCELLED, why, settlement)


def _close(record: PartRecord, state: PartState, why: str, settlement: Settlement) -> Step:
    record = paid(msgspec.structs.replace(record, state=state, deadline_ms=0, notes=(*record.notes, why)), settlement)
    return moved(record, settlement)


def moved(record: PartRecord, settlement: Settlement) -> Step:
    """The step that carries out a settlement."""
    return Step(record=record, transfers=settlement.transfers, scores=settlement.scores, turnout=settlement.turnout)


def paid(record: PartRecord, settlement: Settlement) -> PartRecord:
    """The record after a settlement's transfers left its reserve."""
    spent = sum(t.amount_nano for t in settlement.transfers if t.source == accounts.escrow(record.task))
    assert record.remaining_nano - spent == settlement.remaining_nano >= 0, "a part never pays more than its reserve"
    return msgspec.structs.replace(record, remaining_nano=settlement.remaining_nano)
