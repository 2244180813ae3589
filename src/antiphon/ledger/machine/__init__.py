"""The state machine of one part: no IO, no clock, no keys. Every backend and every audit runs this code.

```
WAITING -> ASSIGNED -> DRAWING -> DELIVERED -> REVEALING -> VALID
             ^  |  ^      ^           |           |
             |  |  |      +-----------+-----------+   fresh seats (no majority)
             |  |  +------------------+-----------+   next producer (INVALID)
             +--+
   decline, skip, time-out -> next producer; nobody left -> REFUNDED / INVALID; cancel -> CANCELLED
```

Rules (the numbers are cited in the code and in error messages of the audit; `producing` has 2 to 6 and 15, `judging` 7
to 10 and 17, `ending` 11, 12, 14, 16 and 19, `appeals` 18):

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
    seats wait to be drawn is CANCELLED late: its producer is paid a part of R*Q (the rest is burnt), and the other
    producers and whoever might have been drawn get a hold fee. One whose seats are drawn is still judged and paid, but
    has no failover.
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
19. VOUCHERS: while a part whose client signs vouchers (`funds`) is listened to, a cancel, or a skip of the
    last producer, leaves it LEFT for as long as
    the client has to open a link. REDEEM: only the assigned producer, in ASSIGNED or LEFT, with the client's signed
    word: it is paid what the voucher says, never more than R*Q, the others their hold fees (rule 16), and the part is
    CANCELLED. Declined or not redeemed in time it ends as by CANCEL (rule 11). A delivered part is judged, whatever
    was signed.
20. ENDORSE: only the client, and after it the producer with the same words, once for each round, while its seats judge.
    It is kept, like the ballot in a REVEAL; nothing follows from either here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from antiphon.errors import ConflictError
from antiphon.ledger import appeals
from antiphon.ledger.machine import ending, judging, producing, states, turns
from antiphon.ledger.machine.ending import REVOKED
from antiphon.ledger.machine.events import (
    Abandon,
    Context,
    Event,
    PartOperation,
    Start,
    Step,
    TaskOperation,
    Tick,
    Withdraw,
)
from antiphon.ledger.operations import (
    Appeal,
    Cancel,
    Commit,
    Decline,
    Deliver,
    DrawSeats,
    Endorse,
    Expose,
    Redeem,
    Reveal,
    Skip,
)
from antiphon.ledger.records import PartRecord, PartState

__all__ = [
    "REVOKED",
    "Abandon",
    "Context",
    "Event",
    "PartOperation",
    "Start",
    "Step",
    "TaskOperation",
    "Tick",
    "Withdraw",
    "due",
    "leads_to_a_draw",
    "transition",
]


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


def _tick(record: PartRecord, _: Tick, context: Context) -> Step:
    if not due(record, context.now_ms):
        raise ConflictError(f"{turns.name(record)} is {record.state} and its deadline has not passed", "Wait for it.")
    if record.state is PartState.LEFT:
        return ending.unheard(record, context)  # rule 19
    if record.state is PartState.ASSIGNED:
        return producing.pass_on(record, "delivered nothing in time", context)
    if record.state is PartState.DRAWING:
        return ending.late(record, "the client kept its link back", context)  # rule 15
    if record.state is PartState.DELIVERED and record.commits:
        return Step(record=states.revealing(record, context))
    return judging.judge(record, context)


_MOVES: dict[type[Event], Callable[[PartRecord, Any, Context], Step]] = {
    Start: producing.start,
    Abandon: producing.abandon,
    Deliver: producing.deliver,
    Decline: producing.decline,
    Skip: producing.skip,
    Redeem: ending.redeem,
    DrawSeats: producing.draw_seats,
    Endorse: judging.endorse,
    Commit: judging.commit,
    Expose: judging.expose,
    Reveal: judging.reveal,
    Tick: _tick,
    Cancel: ending.cancel,
    Withdraw: ending.withdraw,
}
