"""A delivery before its seats: commit, reveal, count, and what a verdict leads to (rules 7 to 10, and 17)."""

from __future__ import annotations

import hmac
from collections.abc import Collection

import msgspec

from antiphon.economy.settlement import settle
from antiphon.economy.types import Mode, Outcome, Settlement, Verdict, Vote
from antiphon.economy.votes import tally
from antiphon.errors import ConflictError
from antiphon.ledger import appeals, panel, showings
from antiphon.ledger.machine import ending, states, turns
from antiphon.ledger.machine.events import Context, Step
from antiphon.ledger.operations import Commit, Endorse, Expose, Reveal
from antiphon.ledger.records import Ballot, Endorsed, PartRecord, PartState, Ruling


def endorse(record: PartRecord, event: Endorse, context: Context) -> Step:
    """Rule 20."""
    if record.state not in {PartState.DELIVERED, PartState.REVEALING}:
        raise ConflictError(f"{turns.name(record)} is {record.state}: no seat is judging", turns.LOOK)
    if (event.attempt, event.round) != (record.attempt, record.round):
        raise ConflictError(f"{turns.name(record)} is in attempt {record.attempt}, round {record.round}", turns.LOOK)
    turns.expect_in_time(record, context)
    made = [
        one for one in record.endorsed if (one.operation.attempt, one.operation.round) == (event.attempt, event.round)
    ]
    if any(one.node == context.sender for one in made):
        raise ConflictError(f"{context.sender} has endorsed {turns.name(record)} already", "It counts as it is.")
    if context.sender != context.client:
        turns.expect_producer(record, event.attempt, context)
        same = [msgspec.structs.replace(one.operation, signature=event.signature) for one in made]
        if event not in same:
            raise ConflictError(f"The client has not endorsed {turns.name(record)} so", "Wait for it; sign the same.")
    elif len(event.seats) != len(panel.seats(record)):
        raise ConflictError(f"{turns.name(record)} has {len(panel.seats(record))} seats", turns.LOOK)
    endorsed = (*record.endorsed, Endorsed(node=context.sender, operation=event))
    return Step(record=msgspec.structs.replace(record, endorsed=endorsed))


def commit(record: PartRecord, event: Commit, context: Context) -> Step:
    """Rule 7."""
    seats = [seat.node for seat in panel.seats(record)]
    turns.expect(record, PartState.DELIVERED, "committed to")
    turns.expect_seat(record, event.round, seats, context)
    turns.expect_in_time(record, context)
    if context.sender in record.commits:
        raise ConflictError(
            f"{context.sender} has already committed on {turns.name(record)} in round {record.round}",
            "Reveal what was committed.",
        )
    record = msgspec.structs.replace(record, commits={**record.commits, context.sender: event.commitment})
    return Step(record=states.revealing(record, context) if len(record.commits) == len(seats) else record)


def reveal(record: PartRecord, event: Reveal, context: Context) -> Step:
    """Rule 8."""
    turns.expect(record, PartState.REVEALING, "revealed")
    turns.expect_seat(record, event.round, list(record.commits), context)
    turns.expect_in_time(record, context)
    if context.sender in record.reveals:
        raise ConflictError(
            f"{context.sender} has already revealed on {turns.name(record)} in round {record.round}",
            "Its vote counts as it is.",
        )
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
    ballots = record.ballots
    if event.ballot:
        ballot = Ballot(attempt=record.attempt, round=record.round, node=context.sender, signature=event.ballot)
        ballots = (*ballots, ballot)
    reveals = {**record.reveals, context.sender: event.vote}
    record = msgspec.structs.replace(record, reveals=reveals, ballots=ballots)
    return judge(record, context) if len(record.reveals) == len(record.commits) else Step(record=record)


def judge(record: PartRecord, context: Context) -> Step:
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


def expose(record: PartRecord, event: Expose, context: Context) -> Step:
    """Rule 17."""
    if record.state is not PartState.DELIVERED:
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
    next_round = states.drawing(record, record.round + 1, context)
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
    ruling = _ruling(record, outcome, settlement)
    record = msgspec.structs.replace(record, rulings=(*record.rulings, ruling))
    if not proven:
        record, settlement = appeals.holds_back(record, ruling, rules, context.now_ms)
    record = ending.paid(record, settlement)
    if again:
        record = states.drawing(record, record.round + 1, context)
    elif onward:
        record = states.assigned(msgspec.structs.replace(record, round=record.round + 1), record.attempt + 1, context)
    else:
        state = PartState.REFUNDED if outcome.verdict is None else PartState(outcome.verdict)
        record = msgspec.structs.replace(record, state=state, deadline_ms=0)
    return ending.moved(record, settlement)


def _ruling(record: PartRecord, outcome: Outcome, settlement: Settlement) -> Ruling:
    assert record.delivery is not None, "only a delivered part is judged"
    return Ruling(
        attempt=record.attempt,
        round=record.round,
        producer=panel.producer(record),
        delivery=record.delivery,
        votes=record.reveals,
        outcome=outcome,
        settlement=settlement,
    )
