"""Who sits on a part, and how much of their stake it holds: pure functions of the part's record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from hashlib import sha256

from antiphon.economy.selection import judging_cost
from antiphon.economy.settlement import dissent, penalty
from antiphon.economy.types import Role, Rules, Terms, Vote
from antiphon.ledger.base import PartRecord, PartState
from antiphon.protocol import canonical

_COMMIT_DOMAIN = b"antiphon vote commitment 1\n"


def commitment(vote: Vote, salt: bytes, *, validator: str, task: str, index: int, round: int) -> bytes:  # noqa: A002
    """What a validator commits to before it reveals: SHA-256, 32 bytes. `salt` is 16 random bytes.

    Each field is preceded by its length, so that no two different votes share an encoding.
    """
    digest = sha256(_COMMIT_DOMAIN)
    for field in (canonical.encode(vote), salt, validator.encode(), task.encode(), b"%d" % index, b"%d" % round):
        digest.update(len(field).to_bytes(4, "big") + field)
    return digest.digest()


def producer(record: PartRecord) -> Terms:
    """The node whose turn it is to produce (or that produced what is being judged)."""
    return record.assignment.producers[record.attempt]


def seats(record: PartRecord, rules: Rules) -> tuple[Terms, ...]:
    """The validators of the record's round: the next `rules.seats` of the draw that have not sat yet.

    When the draw runs out it starts again with its first round. Rounds are full or not drawn at all
    (`economy.selection.assign`), so a panel is never smaller than the first one.
    """
    drawn = record.assignment.validators
    size = min(rules.seats, len(drawn))
    assert size, "a part without validators is never opened"
    assert len(drawn) % size == 0, "each round is drawn in full"
    first = record.round * size
    return tuple(drawn[(first + k) % len(drawn)] for k in range(size))


def active(record: PartRecord, rules: Rules) -> Counter[tuple[str, Role]]:
    """Who is at work on the part now: what `Offer.load` counts."""
    if record.state.final or record.state is PartState.WAITING:
        return Counter()
    busy = Counter({(producer(record).node, record.part.role): 1})
    if record.state is not PartState.ASSIGNED:
        busy.update((seat.node, Role.VALIDATOR) for seat in seats(record, rules))
    return busy


def locks(record: PartRecord, rules: Rules) -> Counter[str]:
    """Stake held by the part, in nano, by node: every penalty that can still follow. It never grows.

    A producer is punished at most once, a validator at most once per attempt (only a majority punishes, and a
    majority ends the attempt). So a penalty is always covered, whatever happens on other parts meanwhile.
    """
    held: Counter[str] = Counter()
    if record.state.final:
        return held
    ahead = record.assignment.producers[record.attempt :]
    judging_nano = judging_cost(record.assignment, rules)
    for terms in ahead:
        held[terms.node] += penalty(terms, rules, judging_nano)
    for terms in record.assignment.validators:
        held[terms.node] += dissent(terms, rules) * len(ahead)
    return held


def released(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Stake that a step set free, by node."""
    freed = {node: nano - after.get(node, 0) for node, nano in before.items() if nano != after.get(node, 0)}
    assert all(nano > 0 for nano in freed.values()), "a step never locks more stake"
    assert after.keys() <= before.keys(), "a step never locks another node's stake"
    return freed
