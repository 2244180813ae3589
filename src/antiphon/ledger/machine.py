"""The state machine of one part: no IO, no clock, no keys. Every backend and every audit runs this code.

```
WAITING -> ASSIGNED -> DELIVERED -> REVEALING -> VALID
             ^  |  ^       |  ^         |
             |  |  +-------|--+---------+   next producer (INVALID), fresh seats (no majority)
             +--+          |
   decline, skip, time-out -> next producer; nobody left -> REFUNDED / INVALID; cancel -> CANCELLED
```

Rules (the numbers are cited in the code and in error messages of the audit):

 1. A final part never changes again: any event on it is a conflict.
 2. START: a WAITING part becomes ASSIGNED when all parts of earlier phases are valid; its producer's time begins.
 3. ABANDON: a WAITING part whose earlier phase failed is REFUNDED in full.
 4. DELIVER: only the assigned producer, only for the current attempt, only in ASSIGNED, only before its deadline.
    The commit phase begins.
 5. DECLINE: only the assigned producer. SKIP: only the client. Both only in ASSIGNED and for the current attempt.
 6. Decline, skip and a missed delivery deadline pass the part on to the next producer (`attempt + 1`) with a full
    delivery time; with no producer left the part is REFUNDED. Nobody is punished for them.
 7. COMMIT: only a seat of this round, once, in DELIVERED, before the deadline. When all seats have committed the
    reveal phase begins at once; at the deadline it begins when at least one has, else the round ends without votes
    (rule 10).
 8. REVEAL: only a seat that committed, once, in REVEALING, before the deadline; vote and salt must match its
    commitment. When all that committed have revealed, or at the deadline, the votes are counted.
 9. A majority settles the delivery. VALID is final. INVALID goes on to the next producer with fresh seats
    (`attempt + 1`, `round + 1`), and is final when none is left or when the client has already heard it ("stream").
10. No majority: fresh seats judge the same delivery again (`round + 1`), at most `rules.redraws` times per attempt;
    then the part is REFUNDED.
11. CANCEL: only the client. An undelivered part is CANCELLED and refunded; a delivered one is still judged and paid,
    but has no failover any more.
12. When a part is final nothing of its reserve remains: what was not earned went back to the client.
13. `round` never starts again within a part, so a late vote can never count for another delivery.
14. WITHDRAW: a consent that the task relies on was revoked. The part ends as by CANCEL (rule 11), and says so.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

import msgspec

from antiphon.economy import accounts
from antiphon.economy.settlement import refund, settle
from antiphon.economy.types import Rules, ScoreEvent, Settlement, Transfer, Verdict
from antiphon.economy.votes import tally
from antiphon.errors import ConflictError, InputError
from antiphon.ledger import panel
from antiphon.ledger.base import PartRecord, PartState, Ruling
from antiphon.ledger.operations import Cancel, Commit, Decline, Deliver, Reveal, Skip

STREAM = "stream"
VERIFIED = "verified"
MODES = (STREAM, VERIFIED)
REVOKED = "consent revoked"
"""The note on each part that was open when a consent was revoked."""


class Tick(msgspec.Struct, frozen=True):
    """The part's deadline has passed."""


class Start(msgspec.Struct, frozen=True):
    """All earlier phases are valid."""


class Abandon(msgspec.Struct, frozen=True):
    """An earlier phase failed."""


class Withdraw(msgspec.Struct, frozen=True):
    """A consent that the task relies on was revoked."""


PartOperation = Deliver | Decline | Skip | Commit | Reveal | Cancel
Event = PartOperation | Tick | Start | Abandon | Withdraw


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a transition needs besides the record. `sender` is empty for the ledger's own events."""

    client: str
    mode: str
    rules: Rules
    now_ms: int
    sender: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from one event: the new record, the money and the scores that move."""

    record: PartRecord
    transfers: tuple[Transfer, ...] = ()
    scores: tuple[ScoreEvent, ...] = ()


def transition(record: PartRecord, event: Event, context: Context) -> Step:
    """The step that `event` makes on `record`.

    Raises ConflictError when the event does not fit the state (late, double, not this node's turn), and InputError when
    somebody else than the client acts for the client.
    """
    if record.state.final:  # rule 1
        raise ConflictError(f"{_name(record)} is already {record.state}", "Nothing can change it any more.")
    step = _MOVES[type(event)](record, event, context)
    step = msgspec.structs.replace(step, record=msgspec.structs.replace(step.record, version=record.version + 1))
    assert not step.record.state.final or step.record.remaining_nano == 0, "a final part holds no money"  # rule 12
    return step


def due(record: PartRecord, now_ms: int) -> bool:
    """Whether a Tick would move the record."""
    return not record.state.final and record.state is not PartState.WAITING and now_ms >= record.deadline_ms


def _start(record: PartRecord, _: Start, context: Context) -> Step:
    _expect(record, PartState.WAITING, "started")  # rule 2
    return Step(record=_assigned(record, record.attempt, context))


def _abandon(record: PartRecord, _: Abandon, context: Context) -> Step:
    _expect(record, PartState.WAITING, "abandoned")  # rule 3
    return _end(record, PartState.REFUNDED, "an earlier phase failed", context)


def _deliver(record: PartRecord, event: Deliver, context: Context) -> Step:
    _expect(record, PartState.ASSIGNED, "delivered")  # rule 4
    _expect_producer(record, event.attempt, context)
    _expect_in_time(record, context)
    return Step(record=_judging(msgspec.structs.replace(record, delivery=event), record.round, context))


def _decline(record: PartRecord, event: Decline, context: Context) -> Step:
    _expect(record, PartState.ASSIGNED, "declined")  # rule 5
    _expect_producer(record, event.attempt, context)
    return _pass_on(record, f"declined: {event.reason}", context)


def _skip(record: PartRecord, event: Skip, context: Context) -> Step:
    _expect_client(context, "skip a producer")  # rule 5
    _expect(record, PartState.ASSIGNED, "skipped")
    if event.attempt != record.attempt:
        raise ConflictError(f"{_name(record)} is at attempt {record.attempt}, not {event.attempt}")
    return _pass_on(record, f"skipped by the client: {event.reason}", context)


def _pass_on(record: PartRecord, why: str, context: Context) -> Step:
    """Rule 6."""
    note = f"attempt {record.attempt}, {panel.producer(record).node}: {why}"
    record = msgspec.structs.replace(record, notes=(*record.notes, note))
    if record.attempt + 1 < len(record.assignment.producers):
        return Step(record=_assigned(record, record.attempt + 1, context))
    return _end(record, PartState.REFUNDED, "no producer delivered", context)


def _commit(record: PartRecord, event: Commit, context: Context) -> Step:
    seats = [seat.node for seat in panel.seats(record, context.rules)]  # rule 7
    _expect(record, PartState.DELIVERED, "committed to")
    _expect_seat(record, event.round, seats, context)
    _expect_in_time(record, context)
    if context.sender in record.commits:
        raise ConflictError(f"{context.sender} has already committed on {_name(record)} in round {record.round}")
    record = msgspec.structs.replace(record, commits={**record.commits, context.sender: event.commitment})
    return Step(record=_revealing(record, context) if len(record.commits) == len(seats) else record)


def _reveal(record: PartRecord, event: Reveal, context: Context) -> Step:
    _expect(record, PartState.REVEALING, "revealed")  # rule 8
    _expect_seat(record, event.round, list(record.commits), context)
    _expect_in_time(record, context)
    if context.sender in record.reveals:
        raise ConflictError(f"{context.sender} has already revealed on {_name(record)} in round {record.round}")
    opened = panel.commitment(
        event.vote,
        event.salt,
        validator=context.sender,
        task=record.task,
        index=record.part.index,
        round=record.round,
    )
    if not hmac.compare_digest(opened, record.commits[context.sender]):
        raise ConflictError(
            f"The vote {context.sender} reveals on {_name(record)} is not the one it committed to",
            "Reveal the committed vote with its salt before the deadline.",
        )
    record = msgspec.structs.replace(record, reveals={**record.reveals, context.sender: event.vote})
    return _judge(record, context) if len(record.reveals) == len(record.commits) else Step(record=record)


def _tick(record: PartRecord, _: Tick, context: Context) -> Step:
    if not due(record, context.now_ms):
        raise ConflictError(f"{_name(record)} is {record.state} and its deadline has not passed")
    if record.state is PartState.ASSIGNED:
        return _pass_on(record, "delivered nothing in time", context)
    if record.state is PartState.DELIVERED and record.commits:
        return Step(record=_revealing(record, context))
    return _judge(record, context)


def _judge(record: PartRecord, context: Context) -> Step:
    """Rules 9 and 10: count the votes, move the money, decide how the part goes on."""
    rules = context.rules
    seats = panel.seats(record, rules)
    outcome = tally(record.reveals, [seat.node for seat in seats])
    judged = sum(ruling.attempt == record.attempt for ruling in record.rulings)
    producers_left = len(record.assignment.producers) - record.attempt - 1
    again = outcome.verdict is None and judged < rules.redraws
    onward = outcome.verdict is Verdict.INVALID and context.mode == VERIFIED and producers_left > 0
    settlement = settle(
        client=context.client,
        task=record.task,
        producer=panel.producer(record),
        units=record.part.units,
        seats=seats,
        votes=record.reveals,
        outcome=outcome,
        reserve_nano=record.remaining_nano,
        stakes=panel.locks(record, rules),
        rules=rules,
        last=not (again or onward),
        role=record.part.role,
        hidden=record.commits.keys() - record.reveals.keys(),
    )
    assert record.delivery is not None, "only a delivered part is judged"
    ruling = Ruling(
        attempt=record.attempt,
        round=record.round,
        producer=panel.producer(record),
        delivery=record.delivery,
        votes=record.reveals,
        outcome=outcome,
        settlement=settlement,
    )
    record = _paid(msgspec.structs.replace(record, rulings=(*record.rulings, ruling)), settlement)
    if again:
        record = _judging(record, record.round + 1, context)
    elif onward:
        record = _assigned(msgspec.structs.replace(record, round=record.round + 1), record.attempt + 1, context)
    else:
        state = PartState.REFUNDED if outcome.verdict is None else PartState(outcome.verdict)
        record = msgspec.structs.replace(record, state=state, deadline_ms=0)
    return Step(record=record, transfers=settlement.transfers, scores=settlement.scores)


def _cancel(record: PartRecord, _: Cancel, context: Context) -> Step:
    _expect_client(context, "cancel a task")  # rule 11
    return _stop(record, "cancelled by the client", context)


def _withdraw(record: PartRecord, _: Withdraw, context: Context) -> Step:
    step = _stop(record, REVOKED, context)  # rule 14
    if step.record.state.final:
        return step
    return Step(record=msgspec.structs.replace(step.record, notes=(*record.notes, REVOKED)))


def _stop(record: PartRecord, why: str, context: Context) -> Step:
    if record.state in {PartState.WAITING, PartState.ASSIGNED}:
        return _end(record, PartState.CANCELLED, why, context)
    kept = msgspec.structs.replace(record.assignment, producers=record.assignment.producers[: record.attempt + 1])
    return Step(record=msgspec.structs.replace(record, assignment=kept))


_MOVES: dict[type[Event], Callable[[PartRecord, Any, Context], Step]] = {
    Start: _start,
    Abandon: _abandon,
    Deliver: _deliver,
    Decline: _decline,
    Skip: _skip,
    Commit: _commit,
    Reveal: _reveal,
    Tick: _tick,
    Cancel: _cancel,
    Withdraw: _withdraw,
}


def _end(record: PartRecord, state: PartState, why: str, context: Context) -> Step:
    settlement = refund(record.task, context.client, record.remaining_nano, why)
    record = _paid(msgspec.structs.replace(record, state=state, deadline_ms=0, notes=(*record.notes, why)), settlement)
    return Step(record=record, transfers=settlement.transfers, scores=settlement.scores)


def _paid(record: PartRecord, settlement: Settlement) -> PartRecord:
    """The record after a settlement's transfers left its reserve."""
    spent = sum(t.amount_nano for t in settlement.transfers if t.source == accounts.escrow(record.task))
    assert record.remaining_nano - spent == settlement.remaining_nano >= 0, "a part never pays more than its reserve"
    return msgspec.structs.replace(record, remaining_nano=settlement.remaining_nano)


def _assigned(record: PartRecord, attempt: int, context: Context) -> PartRecord:
    return msgspec.structs.replace(
        record,
        state=PartState.ASSIGNED,
        attempt=attempt,
        delivery=None,
        commits={},
        reveals={},
        deadline_ms=context.now_ms + context.rules.deliver_s * 1000,
    )


def _judging(record: PartRecord, round_: int, context: Context) -> PartRecord:
    return msgspec.structs.replace(
        record,
        state=PartState.DELIVERED,
        round=round_,
        commits={},
        reveals={},
        deadline_ms=context.now_ms + context.rules.commit_s * 1000,
    )


def _revealing(record: PartRecord, context: Context) -> PartRecord:
    deadline_ms = context.now_ms + context.rules.reveal_s * 1000
    return msgspec.structs.replace(record, state=PartState.REVEALING, deadline_ms=deadline_ms)


def _expect(record: PartRecord, state: PartState, done: str) -> None:
    if record.state is not state:
        raise ConflictError(
            f"{_name(record)} is {record.state} and cannot be {done} now", f"It must be {state} for that."
        )


def _expect_producer(record: PartRecord, attempt: int, context: Context) -> None:
    if attempt != record.attempt or panel.producer(record).node != context.sender:
        raise ConflictError(
            f"Attempt {record.attempt} of {_name(record)} belongs to {panel.producer(record).node}, "
            f"not to attempt {attempt} of {context.sender}",
            "Drop this work: the part was passed on.",
        )


def _expect_seat(record: PartRecord, round_: int, seats: list[str], context: Context) -> None:
    if round_ != record.round:
        raise ConflictError(f"{_name(record)} is in round {record.round}, not {round_}", "Drop this vote.")
    if context.sender not in seats:
        raise ConflictError(
            f"{context.sender} may not vote on {_name(record)} now", f"Votes come from {', '.join(seats)}."
        )


def _expect_client(context: Context, deed: str) -> None:
    if context.sender != context.client:
        raise InputError(f"Only the client {context.client} may {deed}")


def _expect_in_time(record: PartRecord, context: Context) -> None:
    if due(record, context.now_ms):
        raise ConflictError(f"The deadline of {_name(record)} passed {context.now_ms - record.deadline_ms} ms ago")


def _name(record: PartRecord) -> str:
    return f"part {record.part.index} of task {record.task}"
