"""Who sits on a part, and how much of their stake it holds: pure functions of the part's record."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

from antiphon.economy.quote import seat_count
from antiphon.economy.selection import judging_cost
from antiphon.economy.settlement import exposure, penalty
from antiphon.economy.types import Candidate, Role, Rules, Terms
from antiphon.ledger import appeals
from antiphon.ledger.commitments import commitment
from antiphon.ledger.records import PartRecord, PartState
from antiphon.protocol import canonical

__all__ = [
    "active",
    "commitment",
    "locks",
    "places",
    "pool",
    "pool_hash",
    "producer",
    "seats",
    "shifted",
    "sitting",
    "size",
]

_PLACES_DOMAIN = b"antiphon listening places 1\n"
_POOL_DOMAIN = b"antiphon pool 1\n"


def producer(record: PartRecord) -> Terms:
    """The node whose turn it is to produce (or that produced what is being judged)."""
    return record.assignment.producers[record.attempt]


def places(record: PartRecord, attempt: int) -> bytes:
    """What decides which places of a long delivery are listened to, 32 bytes: unknown to everybody when it was
    delivered, and the same for every round and jury that judges it."""
    drawn = next(one for one in record.seatings if one.attempt == attempt)
    return sha256(_PLACES_DOMAIN + drawn.client_link + drawn.ledger_link).digest()


def seats(record: PartRecord) -> tuple[Terms, ...]:
    """The validators of the record's round; nobody before they are drawn."""
    drawn = record.seatings[-1] if record.seatings else None
    return drawn.seats if drawn is not None and drawn.round == record.round else ()


def size(record: PartRecord, rules: Rules) -> int:
    """Seats of a full round. Votes are counted against it, however many could be drawn: a smaller round would be
    cheaper to capture."""
    return seat_count(len(record.assignment.validators), rules)


def pool(record: PartRecord, rules: Rules) -> tuple[Candidate, ...]:
    """Who may be drawn in the round to come: those who can sit and have not judged this delivery yet.

    When these do not fill a round, everybody who can sit. Nobody when they could not make a majority of a full round.
    """
    able = [judge for judge in record.assignment.validators if judge.node not in record.left_out]
    sat = {seat.node for drawn in record.seatings if drawn.attempt == record.attempt for seat in drawn.seats}
    fresh = [judge for judge in able if judge.node not in sat]
    found = fresh if len(fresh) >= size(record, rules) else able
    return tuple(found) if 2 * len(found) > size(record, rules) else ()


def pool_hash(record: PartRecord, rules: Rules) -> bytes:
    """What a client signs when it opens its link, 32 bytes: for which draw, out of whom, with which weights."""
    digest = sha256(_POOL_DOMAIN)
    named = record.task, record.part.index, record.attempt, record.round, pool(record, rules)
    digest.update(canonical.pack(named))
    return digest.digest()


def active(record: PartRecord) -> Counter[tuple[str, Role]]:
    """Who is at work on the part now: what `Offer.load` counts."""
    if record.state.final or record.state is PartState.WAITING:
        return Counter()
    busy = Counter({(producer(record).node, record.part.role): 1})
    busy.update((seat.node, Role.VALIDATOR) for seat in sitting(record))
    return busy


def locks(record: PartRecord, rules: Rules) -> Counter[str]:
    """Stake held by the part, in nano, by node: every penalty that can still follow.

    Producers are held from the opening, each for one invalid delivery. Validators are held from the delivery: whoever
    may be drawn until the draw, then the seats until they are judged.
    """
    held = appeals.locks(record, rules)
    if record.state.final:
        return held
    judging_nano = judging_cost(record.assignment, rules)
    for terms in record.assignment.producers[record.attempt :]:
        held[terms.node] += penalty(terms, rules, judging_nano)
    for seat in pool(record, rules) if record.state is PartState.DRAWING else sitting(record):
        held[seat.node] += exposure(seat, rules, Role.VALIDATOR)
    return held


def shifted(before: PartRecord, after: PartRecord, rules: Rules) -> dict[str, int]:
    """Stake that a step locks (positive) or sets free, by node.

    A step locks more only where a draw is to come, and only of those who can sit in it. So every penalty is covered
    from before anybody knows who is drawn, whatever happens on other parts meanwhile.
    """
    held, holds = locks(before, rules), locks(after, rules)
    moved = {node: holds[node] - held[node] for node in held.keys() | holds.keys() if holds[node] != held[node]}
    grown = {node for node, nano in moved.items() if nano > 0}
    able = {judge.node for judge in pool(after, rules)} if after.state is PartState.DRAWING else set()
    own = {who for dispute in after.disputes for who in (dispute.appellant, *dispute.commits)}
    assert grown <= able | own, (
        "a step locks no stake but of those who may be drawn, who appeal, or who judge an appeal"
    )
    return moved


def sitting(record: PartRecord) -> tuple[Terms, ...]:
    """Who judges the part at this moment."""
    return seats(record) if record.state in {PartState.DELIVERED, PartState.REVEALING} else ()
