"""The state machine of one part: no IO, no clock, no keys. Every backend and every audit runs this code.

```
WAITING -> ASSIGNED -> DRAWING -> DELIVERED -> REVEALING -> VALID
             ^  |  ^      ^           |           |
             |  |  |      +-----------+-----------+   fresh seats (no majority)
             |  |  +------------------+-----------+   next producer (INVALID)
             +--+
   decline, skip, time-out -> next producer; nobody left -> REFUNDED / INVALID; cancel -> CANCELLED
```

Rules (the numbers are cited in the code and in error messages of the audit):

 1. A final part never changes again: any event on it is a conflict.
 2. START: a WAITING part becomes ASSIGNED when all parts of earlier phases are valid; its producer's time begins.
 3. ABANDON: a WAITING part whose earlier phase failed is REFUNDED, less the hold fees (rule 16).
 4. DELIVER: only the assigned producer, only for the current attempt, only in ASSIGNED, only before its deadline.
    The draw of its seats begins (rule 15).
 5. DECLINE: only the assigned producer. SKIP: only the client. Both only in ASSIGNED and for the current attempt.
 6. Decline, skip and a missed delivery deadline pass the part on to the next producer (`attempt + 1`) with a full
    delivery time; with no producer left the part is REFUNDED, less the hold fees (rule 16). No producer is punished.
 7. COMMIT: only a seat of this round, once, in DELIVERED, before the deadline. When all seats have committed the
    reveal phase begins at once; at the deadline it begins when at least one has, else the round ends without votes
    (rule 10).
 8. REVEAL: only a seat that committed, once, in REVEALING, before the deadline; vote and salt must match its
    commitment. When all that committed have revealed, or at the deadline, the votes are counted. Whoever committed to
    no vote, or hid it, is punished with or without a majority.
 9. A majority settles the delivery. VALID is final. INVALID goes on to the next producer with fresh seats
    (`attempt + 1`, `round + 1`), and is final when none is left or when the client has already heard it ("stream").
10. No majority of a full round: fresh seats judge the same delivery again (`round + 1`), at most `rules.redraws` times
    per attempt; then the part is REFUNDED. So it is when nobody is left who could make a majority. That nothing was
    shown is no majority either, unless most seats say so in every round on the delivery, to the last: nobody else can
    check it, so two seats alone could take any producer's stake.
11. CANCEL: only the client. An undelivered part is CANCELLED and refunded, less the hold fees (rule 16). One whose
    seats wait to be drawn is CANCELLED late: its producer is paid R*Q, and the other producers and whoever might have
    been drawn get a hold fee. One whose seats are drawn is still judged and paid, but has no failover.
12. When a part is final nothing of its reserve remains: what was not earned went back to the client.
13. `round` never starts again within a part, so a late vote can never count for another delivery.
14. WITHDRAW: a consent that the task relies on was revoked. An undelivered part ends as by CANCEL (rule 11), and says
    so; a delivered one has no failover any more.
15. DRAW SEATS: only the client, once for each round, in DRAWING, before the deadline. Who can sit was fixed when the
    part came to be DRAWING, and the client signs whom it saw. Its link and the ledger's must be the next ones of their
    chains; the seats follow from both. The commit phase begins. A client that keeps its link back until the deadline
    has cancelled late (rule 11).
16. HOLD FEES: a part that ends without any delivery costs its client a small part of R*Q for each producer that it
    held: paid to those whose turn had not ended, burnt for those skipped or too late. Who declined gets nothing.
17. EXPOSE: only a seat of the round that has not committed, in DELIVERED. The producer signed that it showed
    something else than it delivered: that is proof by itself. The attempt is INVALID, nobody but the producer is
    punished. Not once votes are told: a producer would sign such a proof to spare its outvoted friends their fine.
18. APPEAL: fines by rule 9 wait until nobody can appeal any more, or the jury has voted (`appeals`). Until then the
    part may change although it is final.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection
from typing import Any

import msgspec

from antiphon.economy import accounts
from antiphon.economy.beacon import both
from antiphon.economy.selection import draw_seats
from antiphon.economy.settlement import hold_fee, late_cancel, refund, settle, unused
from antiphon.economy.types import (
    Mode,
    Outcome,
    Settlement,
    Terms,
    Verdict,
    Vote,
)
from antiphon.economy.votes import tally
from antiphon.errors import ConflictError
from antiphon.ledger import appeals, panel, showings, turns
from antiphon.ledger.events import (
    Abandon,
    Context,
    Event,
    PartOperation,
    Start,
    Step,
    Tick,
    Withdraw,
)
from antiphon.ledger.operations import Appeal, Cancel, Commit, Decline, Deliver, DrawSeats, Expose, Reveal, Skip
from antiphon.ledger.records import PartRecord, PartState, Ruling, Seating

__all__ = [
    "REVOKED",
    "Abandon",
    "Context",
    "Event",
    "PartOperation",
    "Start",
    "Step",
    "Tick",
    "Withdraw",
    "due",
    "leads_to_a_draw",
    "transition",
]

REVOKED = "consent revoked"
"""The note on each part that was open when a consent was revoked."""


def transition(record: PartRecord, event: Event, context: Context) -> Step:
    """The step that `event` makes on `record`.

    Raises ConflictError when the event does not fit the state (late, double, not this node's turn), and InputError when
    somebody else than the client acts for the client.
    """
    if (step := _appealed(record, event, context)) is not None:  # rule 18
        return step
    if record.state.final:  # rule 1
        raise ConflictError(f"{turns.name(record)} is already {record.state}", "Nothing can change it any more.")
    step = _MOVES[type(event)](record, event, context)
    step = msgspec.structs.replace(step, record=msgspec.structs.replace(step.record, version=record.version + 1))
    assert not step.record.state.final or step.record.remaining_nano == 0, "a final part holds no money"  # rule 12
    return step


def _appealed(record: PartRecord, event: Event, context: Context) -> Step | None:
    """What an event does to an appeal; None when it is about the part itself."""
    sender, rules, now_ms = context.sender, context.rules, context.now_ms
    if isinstance(event, Appeal):
        done = appeals.appeal(record, event, sender, rules, now_ms)
    elif isinstance(event, Commit) and event.round >= appeals.JURY:
        done = appeals.commit(record, event, sender, rules, now_ms)
    elif isinstance(event, Reveal) and event.round >= appeals.JURY:
        done = appeals.reveal(record, event, sender, context.client, rules, now_ms)
    elif isinstance(event, Tick) and (late := appeals.due(record, now_ms)) is not None:
        done = appeals.tick(record, late, context.client, rules, now_ms)
    else:
        return None
    record = msgspec.structs.replace(done.record, version=done.record.version + 1)
    return Step(record=record, transfers=done.transfers, scores=done.scores)


def due(record: PartRecord, now_ms: int) -> bool:
    """Whether a Tick would move the record."""
    return appeals.due(record, now_ms) is not None or turns.late_itself(record, now_ms)


def leads_to_a_draw(record: PartRecord, event: Event) -> bool:
    """Whether the event may leave the part DRAWING, so that who can sit must be known."""
    if isinstance(event, Reveal) and event.round < appeals.JURY:
        return len(record.reveals) + 1 == len(record.commits)
    if isinstance(event, Tick):
        return record.state is PartState.REVEALING or (record.state is PartState.DELIVERED and not record.commits)
    return isinstance(event, Deliver)


def _start(record: PartRecord, _: Start, context: Context) -> Step:
    turns.expect(record, PartState.WAITING, "started")  # rule 2
    return Step(record=_assigned(record, record.attempt, context))


def _abandon(record: PartRecord, _: Abandon, context: Context) -> Step:
    turns.expect(record, PartState.WAITING, "abandoned")  # rule 3
    return _end(record, PartState.REFUNDED, "an earlier phase failed", context)


def _deliver(record: PartRecord, event: Deliver, context: Context) -> Step:
    turns.expect(record, PartState.ASSIGNED, "delivered")  # rule 4
    turns.expect_producer(record, event.attempt, context)
    turns.expect_in_time(record, context)
    record = _drawing(msgspec.structs.replace(record, delivery=event), record.round, context)
    if not panel.pool(record, context.rules):
        return _end(record, PartState.REFUNDED, "too few validators can judge it now", context)  # rule 10
    return Step(record=record)


def _decline(record: PartRecord, event: Decline, context: Context) -> Step:
    turns.expect(record, PartState.ASSIGNED, "declined")  # rule 5
    turns.expect_producer(record, event.attempt, context)
    return _pass_on(record, f"declined: {event.reason}", context, lapsed=False)


def _skip(record: PartRecord, event: Skip, context: Context) -> Step:
    turns.expect_client(context, "skip a producer")  # rule 5
    turns.expect(record, PartState.ASSIGNED, "skipped")
    if event.attempt != record.attempt:
        raise ConflictError(f"{turns.name(record)} is at attempt {record.attempt}, not {event.attempt}")
    return _pass_on(record, f"skipped by the client: {event.reason}", context)


def _pass_on(record: PartRecord, why: str, context: Context, *, lapsed: bool = True) -> Step:
    """Rule 6."""
    note = f"attempt {record.attempt}, {panel.producer(record).node}: {why}"
    fee_nano = hold_fee(panel.producer(record), context.rules) if lapsed else 0
    record = msgspec.structs.replace(record, notes=(*record.notes, note), lapsed_nano=record.lapsed_nano + fee_nano)
    if record.attempt + 1 < len(record.assignment.producers):
        return Step(record=_assigned(record, record.attempt + 1, context))
    return _end(record, PartState.REFUNDED, "no producer delivered", context, standing=())


def _draw_seats(record: PartRecord, event: DrawSeats, context: Context) -> Step:
    turns.expect_client(context, "open its link")  # rule 15
    turns.expect(record, PartState.DRAWING, "drawn for")
    turns.expect_in_time(record, context)
    if (event.attempt, event.round) != (record.attempt, record.round):
        raise ConflictError(f"{turns.name(record)} is in attempt {record.attempt}, round {record.round}")
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
    drawn = draw_seats(panel.pool(record, context.rules), panel.size(record, context.rules), seed)
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


def _commit(record: PartRecord, event: Commit, context: Context) -> Step:
    seats = [seat.node for seat in panel.seats(record)]  # rule 7
    turns.expect(record, PartState.DELIVERED, "committed to")
    turns.expect_seat(record, event.round, seats, context)
    turns.expect_in_time(record, context)
    if context.sender in record.commits:
        raise ConflictError(f"{context.sender} has already committed on {turns.name(record)} in round {record.round}")
    record = msgspec.structs.replace(record, commits={**record.commits, context.sender: event.commitment})
    return Step(record=_revealing(record, context) if len(record.commits) == len(seats) else record)


def _reveal(record: PartRecord, event: Reveal, context: Context) -> Step:
    turns.expect(record, PartState.REVEALING, "revealed")  # rule 8
    turns.expect_seat(record, event.round, list(record.commits), context)
    turns.expect_in_time(record, context)
    if context.sender in record.reveals:
        raise ConflictError(f"{context.sender} has already revealed on {turns.name(record)} in round {record.round}")
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
            f"The vote {context.sender} reveals on {turns.name(record)} is not the one it committed to",
            "Reveal the committed vote with its salt before the deadline.",
        )
    record = msgspec.structs.replace(record, reveals={**record.reveals, context.sender: event.vote})
    return _judge(record, context) if len(record.reveals) == len(record.commits) else Step(record=record)


def _tick(record: PartRecord, _: Tick, context: Context) -> Step:
    if not due(record, context.now_ms):
        raise ConflictError(f"{turns.name(record)} is {record.state} and its deadline has not passed")
    if record.state is PartState.ASSIGNED:
        return _pass_on(record, "delivered nothing in time", context)
    if record.state is PartState.DRAWING:
        return _late(record, "the client kept its link back", context)  # rule 15
    if record.state is PartState.DELIVERED and record.commits:
        return Step(record=_revealing(record, context))
    return _judge(record, context)


def _judge(record: PartRecord, context: Context) -> Step:
    """Rules 9 and 10: count the votes."""
    seats = [seat.node for seat in panel.seats(record)]
    hidden = record.commits.keys() - record.reveals.keys()
    outcome = tally(record.reveals, seats, panel.size(record, context.rules), len(hidden))
    if outcome.absent and not _never_shown(record, context):
        unheard = tuple(
            seat for seat in seats if seat not in record.reveals or not record.reveals[seat].verdict.conclusive
        )
        outcome = Outcome(verdict=None, score_ppm=None, abstained=unheard)
    return _rule(record, outcome, context, hidden=hidden, missing=set(seats) - record.commits.keys())


def _never_shown(record: PartRecord, context: Context) -> bool:
    """Rule 10: whether no further round can follow, and most seats of each round before this one were shown nothing."""
    size = panel.size(record, context.rules)
    earlier = [ruling.votes.values() for ruling in record.rulings if ruling.attempt == record.attempt]
    unseen = [sum(vote.verdict is Verdict.ABSENT for vote in votes) for votes in earlier]
    return len(earlier) >= context.rules.redraws and all(2 * count > size for count in unseen)


def _expose(record: PartRecord, event: Expose, context: Context) -> Step:
    if record.state is not PartState.DELIVERED:  # rule 17
        raise ConflictError(f"{turns.name(record)} is {record.state}: no seat is judging", "Drop this proof.")
    turns.expect_seat(record, event.round, [seat.node for seat in panel.seats(record)], context)
    if context.sender in record.commits:
        raise ConflictError(f"{context.sender} has committed to a vote on {turns.name(record)}", "Reveal it.")
    if not showings.equivocates(record, event.shown, context.ledger):
        raise ConflictError(f"{turns.name(record)}: that is what the producer delivered", "It is no proof against it.")
    own = Vote(verdict=Verdict.INVALID, score_ppm=0)
    record = msgspec.structs.replace(record, reveals={context.sender: own})
    others = tuple(seat.node for seat in panel.seats(record) if seat.node != context.sender)
    outcome = Outcome(verdict=Verdict.INVALID, score_ppm=0, majority=(context.sender,), abstained=others)
    return _rule(record, outcome, context, proven=True)


def _rule(
    record: PartRecord,
    outcome: Outcome,
    context: Context,
    *,
    hidden: Collection[str] = (),
    missing: Collection[str] = (),
    proven: bool = False,
) -> Step:
    """Rules 9 and 10: move the money, decide how the part goes on."""
    rules = context.rules
    judged = sum(ruling.attempt == record.attempt for ruling in record.rulings)
    producers_left = len(record.assignment.producers) - record.attempt - 1
    next_round = _drawing(record, record.round + 1, context)
    again = outcome.verdict is None and judged < rules.redraws and bool(panel.pool(next_round, rules))
    onward = outcome.verdict is Verdict.INVALID and context.mode is Mode.VERIFIED and producers_left > 0
    settlement = settle(
        client=context.client,
        task=record.task,
        producer=panel.producer(record),
        units=record.part.units,
        seats=panel.seats(record),
        votes=record.reveals,
        outcome=outcome,
        reserve_nano=record.remaining_nano,
        stakes=panel.locks(record, rules),
        rules=rules,
        last=not (again or onward),
        role=record.part.role,
        hidden=hidden,
        missing=missing,
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
    record = msgspec.structs.replace(record, rulings=(*record.rulings, ruling))
    if not proven:
        record, settlement = appeals.holds_back(record, ruling, rules, context.now_ms)
    record = _paid(record, settlement)
    if again:
        record = _drawing(record, record.round + 1, context)
    elif onward:
        record = _assigned(msgspec.structs.replace(record, round=record.round + 1), record.attempt + 1, context)
    else:
        state = PartState.REFUNDED if outcome.verdict is None else PartState(outcome.verdict)
        record = msgspec.structs.replace(record, state=state, deadline_ms=0)
    return _moved(record, settlement)


def _cancel(record: PartRecord, _: Cancel, context: Context) -> Step:
    turns.expect_client(context, "cancel a task")  # rule 11
    return _stop(record, "cancelled by the client", context, withdrawn=False)


def _withdraw(record: PartRecord, _: Withdraw, context: Context) -> Step:
    step = _stop(record, REVOKED, context, withdrawn=True)  # rule 14
    if step.record.state.final:
        return step
    return Step(record=msgspec.structs.replace(step.record, notes=(*record.notes, REVOKED)))


def _stop(record: PartRecord, why: str, context: Context, *, withdrawn: bool) -> Step:
    if record.state in {PartState.WAITING, PartState.ASSIGNED}:
        return _end(record, PartState.CANCELLED, why, context)
    if record.state is PartState.DRAWING and not withdrawn:
        return _late(record, why, context)
    kept = msgspec.structs.replace(record.assignment, producers=record.assignment.producers[: record.attempt + 1])
    return Step(record=msgspec.structs.replace(record, assignment=kept))


_MOVES: dict[type[Event], Callable[[PartRecord, Any, Context], Step]] = {
    Start: _start,
    Abandon: _abandon,
    Deliver: _deliver,
    Decline: _decline,
    Skip: _skip,
    DrawSeats: _draw_seats,
    Commit: _commit,
    Expose: _expose,
    Reveal: _reveal,
    Tick: _tick,
    Cancel: _cancel,
    Withdraw: _withdraw,
}


def _end(
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


def _late(record: PartRecord, why: str, context: Context) -> Step:
    """Rule 11: delivered, and the client does not have it judged."""
    maker, others = panel.producer(record), record.assignment.producers[record.attempt + 1 :]
    standing = (*others, *panel.pool(record, context.rules))
    left_nano = record.remaining_nano
    paid = late_cancel(record.task, context.client, maker, left_nano, why, standing=standing, rules=context.rules)
    return _close(record, PartState.CANCELLED, why, paid)


def _close(record: PartRecord, state: PartState, why: str, settlement: Settlement) -> Step:
    record = _paid(msgspec.structs.replace(record, state=state, deadline_ms=0, notes=(*record.notes, why)), settlement)
    return _moved(record, settlement)


def _moved(record: PartRecord, settlement: Settlement) -> Step:
    return Step(record=record, transfers=settlement.transfers, scores=settlement.scores, turnout=settlement.turnout)


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


def _drawing(record: PartRecord, round_: int, context: Context) -> PartRecord:
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


def _revealing(record: PartRecord, context: Context) -> PartRecord:
    deadline_ms = context.now_ms + context.rules.reveal_s * 1000
    return msgspec.structs.replace(record, state=PartState.REVEALING, deadline_ms=deadline_ms)
