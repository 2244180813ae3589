"""The state machine of one appeal: no IO, no clock, no keys. It goes on beside its part, which may be final already.

```
OPEN -> COMMITTING -> REVEALING -> over
  |          |
  +----------+----> over: nobody appealed, or nobody on the jury voted
```

1. A verdict that fines somebody for its vote, or a producer for its work, holds these fines back for `rules.appeal_s`,
   if enough others of the pool could judge again. What the escrow pays is not held back.
2. APPEAL: whoever is fined, once. The jury is everybody of the pool who did not sit. Its round is `JURY + round`.
3. COMMIT and REVEAL as by the machine's rules 7 and 8, with that round. A juror that commits puts the price of dissent
   at stake; one that does not loses nothing.
4. At the end `economy.appeal.decide` moves the money. Without an appeal the fines are carried out.
5. While it lasts, all that can be taken from anybody stays locked: fines, the producer's penalty, the first majority's
   fee and price of dissent, the appellant's bond, a committed juror's price of dissent.
"""

from __future__ import annotations

import hmac
from collections import Counter

import msgspec

from antiphon.economy.appeal import Case, bond, decide
from antiphon.economy.selection import judging_cost
from antiphon.economy.settlement import dissent, penalty
from antiphon.economy.types import Rules, ScoreEvent, Settlement, Transfer, Verdict
from antiphon.errors import ConflictError
from antiphon.ledger.commitments import commitment
from antiphon.ledger.operations import Appeal, Commit, Reveal
from antiphon.ledger.records import Dispute, DisputeState, PartRecord, Ruling

JURY = 100
"""A jury's votes on round r name the round JURY + r, so that none ever counts for another."""


class AppealStep(msgspec.Struct, frozen=True, kw_only=True):
    """What one step of an appeal moves."""

    record: PartRecord
    transfers: tuple[Transfer, ...] = ()
    scores: tuple[ScoreEvent, ...] = ()


def holds_back(record: PartRecord, ruling: Ruling, rules: Rules, now_ms: int) -> tuple[PartRecord, Settlement]:
    """The record with a dispute, and what of the ruling's settlement is carried out at once. Rule 1."""
    whole, outcome = ruling.settlement, ruling.outcome
    fined = set(outcome.minority) | ({ruling.producer.node} if outcome.verdict is Verdict.INVALID else set())
    sources = {f"stake:{node}" for node in fined}
    held = tuple(move for move in whole.transfers if move.source in sources)
    drawn = record.seatings[-1]
    sat = {seat.node for seat in drawn.seats}
    jury = tuple(judge for judge in record.assignment.validators if judge.node not in sat)
    if not rules.appeal_s or not held or not outcome.majority or len(jury) < rules.jury:
        return record, whole
    dispute = Dispute(
        attempt=ruling.attempt,
        round=ruling.round,
        held=held,
        held_scores=whole.scores,
        jury=tuple(judge.node for judge in jury),
        deadline_ms=now_ms + rules.appeal_s * 1000,
    )
    now = tuple(move for move in whole.transfers if move not in held)
    record = msgspec.structs.replace(record, disputes=(*record.disputes, dispute))
    return record, msgspec.structs.replace(whole, transfers=now, scores=())


def due(record: PartRecord, now_ms: int) -> Dispute | None:
    """The dispute whose deadline passed first."""
    late = [dispute for dispute in record.disputes if now_ms >= dispute.deadline_ms]
    return min(late, key=lambda dispute: dispute.deadline_ms, default=None)


def locks(record: PartRecord, rules: Rules) -> Counter[str]:
    """Rule 5."""
    held: Counter[str] = Counter()
    for dispute in record.disputes:
        case = case_of(record, dispute, client="")
        seats = {seat.node: seat for seat in case.panel}
        for node in case.outcome.minority:
            held[node] += dissent(seats[node], rules)
        for node in case.outcome.majority:
            held[node] += seats[node].reward_nano + dissent(seats[node], rules)
        held[case.producer.node] += penalty(case.producer, rules, judging_cost(record.assignment, rules))
        if dispute.appellant:
            held[dispute.appellant] += bond_of(record, dispute)
        for node in dispute.commits:
            held[node] += at_risk(record, node, rules)
    return held


def bond_of(record: PartRecord, dispute: Dispute) -> int:
    """What an appeal costs whoever is wrong, in nano."""
    return bond([judge for judge in record.assignment.validators if judge.node in dispute.jury])


def at_risk(record: PartRecord, juror: str, rules: Rules) -> int:
    """What a juror puts at stake with its vote, in nano."""
    return sum(dissent(judge, rules) for judge in record.assignment.validators if judge.node == juror)


def find(record: PartRecord, round_: int) -> Dispute:
    """The dispute about a round. Raises ConflictError."""
    for dispute in record.disputes:
        if dispute.round == round_:
            return dispute
    raise ConflictError(f"Nothing is held back for round {round_} of part {record.part.index}", "It is decided.")


def may_appeal(record: PartRecord, dispute: Dispute) -> set[str]:
    """Whoever the verdict fines."""
    ruling = ruling_of(record, dispute)
    maker = {ruling.producer.node} if ruling.outcome.verdict is Verdict.INVALID else set()
    return set(ruling.outcome.minority) | maker


def appeal(record: PartRecord, event: Appeal, sender: str, rules: Rules, now_ms: int) -> AppealStep:
    dispute = find(record, event.round)  # rule 2
    if dispute.state is not DisputeState.OPEN or now_ms >= dispute.deadline_ms:
        raise ConflictError(f"Round {event.round} of part {record.part.index} is {dispute.state}", "It is too late.")
    if sender not in may_appeal(record, dispute):
        raise ConflictError(f"{sender} was not fined in round {event.round}", "Only who was fined may appeal.")
    return AppealStep(
        record=_put(
            record,
            msgspec.structs.replace(
                dispute,
                state=DisputeState.COMMITTING,
                appellant=sender,
                deadline_ms=now_ms + rules.commit_s * 1000,
            ),
        )
    )


def commit(record: PartRecord, event: Commit, sender: str, rules: Rules, now_ms: int) -> AppealStep:
    dispute = _voting(record, event.round, sender, DisputeState.COMMITTING, now_ms)  # rule 3
    if sender in dispute.commits:
        raise ConflictError(f"{sender} has already committed on this appeal")
    dispute = msgspec.structs.replace(dispute, commits={**dispute.commits, sender: event.commitment})
    if len(dispute.commits) == len(dispute.jury):
        dispute = _revealing(dispute, rules, now_ms)
    return AppealStep(record=_put(record, dispute))


def reveal(record: PartRecord, event: Reveal, sender: str, client: str, rules: Rules, now_ms: int) -> AppealStep:
    dispute = _voting(record, event.round, sender, DisputeState.REVEALING, now_ms)  # rule 3
    if sender not in dispute.commits or sender in dispute.reveals:
        raise ConflictError(f"{sender} has no vote to reveal on this appeal")
    opened = commitment(
        event.vote, event.salt, validator=sender, task=record.task, index=record.part.index, round=event.round
    )
    if not hmac.compare_digest(opened, dispute.commits[sender]):
        raise ConflictError(f"The vote {sender} reveals is not the one it committed to", "Reveal that one.")
    dispute = msgspec.structs.replace(dispute, reveals={**dispute.reveals, sender: event.vote})
    record = _put(record, dispute)
    return (
        _end(record, dispute, client, rules)
        if len(dispute.reveals) == len(dispute.commits)
        else AppealStep(record=record)
    )


def tick(record: PartRecord, dispute: Dispute, client: str, rules: Rules, now_ms: int) -> AppealStep:
    if dispute.state is DisputeState.COMMITTING and dispute.commits:
        return AppealStep(record=_put(record, _revealing(dispute, rules, now_ms)))
    return _end(record, dispute, client, rules)


def _end(record: PartRecord, dispute: Dispute, client: str, rules: Rules) -> AppealStep:
    """Rule 4."""
    left = tuple(other for other in record.disputes if other.round != dispute.round)
    what = f"round {dispute.round}"
    if not dispute.appellant:
        done = msgspec.structs.replace(record, disputes=left)
        return AppealStep(record=done, transfers=dispute.held, scores=dispute.held_scores)
    alone = msgspec.structs.replace(record, disputes=(dispute,))
    found = decide(case_of(record, dispute, client), dispute.reveals, locks(alone, rules), rules)
    word = "overturned" if found.overturned else "upheld"
    note = f"{what}: {word} on appeal of {dispute.appellant} by a jury of {len(dispute.reveals)}"
    done = msgspec.structs.replace(record, disputes=left, notes=(*record.notes, note))
    return AppealStep(record=done, transfers=found.transfers, scores=found.scores)


def ruling_of(record: PartRecord, dispute: Dispute) -> Ruling:
    return next(ruling for ruling in record.rulings if ruling.round == dispute.round)


def case_of(record: PartRecord, dispute: Dispute, client: str) -> Case:
    ruling = ruling_of(record, dispute)
    drawn = next(drawn for drawn in record.seatings if drawn.round == dispute.round)
    fees = {
        seat.node: sum(
            move.amount_nano for move in ruling.settlement.transfers if move.target == f"balance:{seat.node}"
        )
        for seat in drawn.seats
    }
    return Case(
        client=client,
        producer=ruling.producer,
        role=record.part.role,
        outcome=ruling.outcome,
        votes=ruling.votes,
        panel=drawn.seats,
        fees_nano=fees,
        held=dispute.held,
        held_scores=dispute.held_scores,
        pool=record.assignment.validators,
        jury=dispute.jury,
        appellant=dispute.appellant,
        hidden=tuple(sorted(dispute.commits.keys() - dispute.reveals.keys())),
    )


def _put(record: PartRecord, dispute: Dispute) -> PartRecord:
    others = tuple(dispute if other.round == dispute.round else other for other in record.disputes)
    return msgspec.structs.replace(record, disputes=others)


def _revealing(dispute: Dispute, rules: Rules, now_ms: int) -> Dispute:
    return msgspec.structs.replace(dispute, state=DisputeState.REVEALING, deadline_ms=now_ms + rules.reveal_s * 1000)


def _voting(record: PartRecord, round_: int, sender: str, state: DisputeState, now_ms: int) -> Dispute:
    dispute = find(record, round_ - JURY)
    if dispute.state is not state or now_ms >= dispute.deadline_ms:
        raise ConflictError(f"The appeal on round {round_ - JURY} is {dispute.state}, or its time is over")
    if sender not in dispute.jury:
        raise ConflictError(f"{sender} is not on the jury of this appeal")
    return dispute
