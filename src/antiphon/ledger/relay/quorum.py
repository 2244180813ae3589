"""One part settled on the chain by what was signed for it while it ran: assignment, consent and votes (EIP-712).

Everything is derived from the part's record, which its evidence proves, so each party signs what it computes itself and
anybody can bring it to `quorum.settle` (`contracts/quorum.vy`), with or without the relay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from antiphon.economy.types import Reading, Verdict, Vote
from antiphon.errors import ConflictError, InputError
from antiphon.ledger.evm.contracts import Contract, Contracts
from antiphon.ledger.evm.keys import Key
from antiphon.ledger.evm.outbox import Outbox, Receipt
from antiphon.ledger.operations import Deliver, Endorse
from antiphon.ledger.records import PartRecord
from antiphon.ledger.relay.heads import recovered
from antiphon.ledger.relay.netting import compact

ALIKE = 255
"""Instead of a number of readings: they are those whose hash the case gives."""
MAX_READINGS = 8
"""Of one vote that the contract takes."""
VERDICTS = {Verdict.VALID: 1, Verdict.INVALID: 2, Verdict.INCONCLUSIVE: 3, Verdict.ABSENT: 4}
_ASSIGNMENT = (
    "Assignment(uint256 session,uint256 part,uint256 attempt,uint256 round,address producer,uint256 reward,"
    "uint256 due,bytes32 task,bytes32 result,uint256[] seats)"
)
_VOTE = "Vote(bytes32 assignment,uint8 verdict,uint256 score_ppm,uint256[] readings)"
_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
Signature = tuple[int, int]
NOTHING: Signature = (0, 0)


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """Who made what for how much, and who judges it: what the client and the producer sign."""

    session: int
    part: int
    attempt: int
    round: int
    producer: str
    reward_nano: int
    due_s: int
    task: bytes  # 32: hash of the order
    result: bytes  # 32: hash of the work
    seats: tuple[tuple[str, str, int], ...]  # (address, node, fee in nano), by address, ascending

    @property
    def cost_nano(self) -> int:
        """The most that the session gives for it."""
        return self.reward_nano + sum(fee for _, _, fee in self.seats)

    @property
    def words(self) -> list[int]:
        """The seats as the contract takes them."""
        return [fee << 160 | int(address, 16) for address, _, fee in self.seats]


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """All that `quorum.settle` needs of one round."""

    assignment: Assignment
    client: Signature
    consent: Signature
    votes: tuple[tuple[Vote, Signature] | None, ...]  # one for each seat, in the assignment's order


def assignment(record: PartRecord, request_hash: bytes, terms: Endorse) -> Assignment:
    """What `terms` is signed over. Raises ConflictError for a round that was not delivered, or other seats."""
    drawn = next((one for one in record.seatings if (one.attempt, one.round) == (terms.attempt, terms.round)), None)
    delivery = _delivery(record, terms.attempt, terms.round)
    if drawn is None or delivery is None or len(drawn.seats) != len(terms.seats):
        raise ConflictError(f"Part {record.part.index} has no such round to settle", "Wait until its seats are drawn.")
    maker = record.assignment.producers[terms.attempt]
    seats = [(address, one.node, one.reward_nano) for address, one in zip(terms.seats, drawn.seats, strict=True)]
    return Assignment(
        session=terms.session,
        part=terms.part,
        attempt=terms.attempt,
        round=terms.round,
        producer=terms.producer,
        reward_nano=maker.reward_nano,
        due_s=terms.due_s,
        task=request_hash,
        result=delivery.result_hash,
        seats=tuple(sorted(seats, key=lambda seat: int(seat[0], 16))),
    )


def assignment_hash(made: Assignment) -> bytes:
    """EIP-712's hash of the struct: a vote names its assignment by it."""
    kinds = ["bytes32", *["uint256"] * 4, "address", *["uint256"] * 2, *["bytes32"] * 3]
    numbers = (made.session, made.part, made.attempt, made.round)
    seats = _keccak(b"".join(word.to_bytes(32) for word in made.words))
    rest = (made.producer, made.reward_nano, made.due_s, made.task, made.result, seats)
    return _struct(_ASSIGNMENT, kinds, *numbers, *rest)


def assignment_digest(quorum: Contract, chain_id: int, made: Assignment) -> bytes:
    """What client and producer sign, 32 bytes."""
    return _digest(quorum, chain_id, assignment_hash(made))


def vote_digest(quorum: Contract, chain_id: int, made: Assignment, vote: Vote) -> bytes:
    """What a seat signs, 32 bytes. Raises InputError for a vote that the contract does not take."""
    if len(vote.readings) > MAX_READINGS:
        raise InputError(f"A vote has {len(vote.readings)} readings, the chain takes {MAX_READINGS}", "It is netted.")
    listed = _keccak(b"".join(word.to_bytes(32) for word in _readings(vote)))
    kinds = ["bytes32", "bytes32", "uint8", "uint256", "bytes32"]
    fields = (assignment_hash(made), VERDICTS[vote.verdict], vote.score_ppm or 0, listed)
    return _digest(quorum, chain_id, _struct(_VOTE, kinds, *fields))


def sign(digest: bytes, key: Key) -> bytes:
    """64 bytes: r, vs."""
    r, vs = compact(key.sign_hash(digest))
    return r.to_bytes(32) + vs.to_bytes(32)


def cases(record: PartRecord, request_hash: bytes, client: str, quorum: Contract, chain_id: int) -> list[Case]:
    """A part's rounds that its client has endorsed, the newest first; signatures that are wrong count as none."""
    terms = [one.operation for one in reversed(record.endorsed) if one.node == client]
    return [_case(record, request_hash, one, quorum, chain_id) for one in terms]


async def settle(outbox: Outbox, quorum: Contract, case: Case) -> Receipt:
    """Bring one part to the chain; anybody may, once. Raises ConflictError: no verdict yet, settled already, ..."""
    made, alike = case.assignment, _alike(case)
    ballots, readings = [], list[int]()
    for word, one in zip(made.words, case.votes, strict=True):
        if one is None:
            ballots.append((word, 0, NOTHING))
            continue
        vote, signature = one
        own = _readings(vote)
        listed = vote.verdict is alike[0]
        count = ALIKE if listed else len(own)
        readings += [] if listed else own
        ballots.append((word, VERDICTS[vote.verdict] << 8 | count << 16 | (vote.score_ppm or 0) << 32, signature))
    place = made.session << 96 | made.part << 64 | made.attempt << 32 | made.round
    terms = (place, made.producer, made.reward_nano, made.due_s, made.task, made.result)
    data = quorum.encode("settle", (*terms, case.client, case.consent, alike[1], ballots, readings))
    key = f"quorum:{made.session}:{made.part}:{hashlib.sha256(data).hexdigest()[:16]}"
    return await outbox.send(key, quorum.address, data)


async def carry_out(outbox: Outbox, contracts: Contracts, case: Case) -> Receipt | None:
    """Take the fines of a part that was settled, once nobody can appeal any more; None: it has none. Anybody may.
    Raises ConflictError while an appeal may come, or is under way."""
    reference = case.assignment.session << 16 | case.assignment.part
    first, quorum = contracts.chain.first_block, contracts.quorum.address
    for log in await contracts.appeal.logs("Held", 2, reference.to_bytes(32), first):
        told = contracts.appeal.event(log).values
        if told["market"] == quorum:
            data = contracts.appeal.encode("settle", quorum, reference, told["held"], [])
            return await outbox.send(f"fines:{reference}", contracts.appeal.address, data)
    return None


def _alike(case: Case) -> tuple[Verdict | None, bytes]:
    """The verdict most votes are for, if all of these gave the same readings, and the hash of them: cheaper than to
    list them each time."""
    votes = [one[0] for one in case.votes if one is not None]
    for verdict in (Verdict.VALID, Verdict.INVALID):
        given = [tuple(_readings(vote)) for vote in votes if vote.verdict is verdict]
        if 2 * len(given) > len(case.votes) and len(set(given)) == 1 and given[0]:
            return verdict, _keccak(b"".join(word.to_bytes(32) for word in given[0]))
    return None, bytes(32)


def _case(record: PartRecord, request_hash: bytes, terms: Endorse, quorum: Contract, chain_id: int) -> Case:
    made = assignment(record, request_hash, terms)
    digest = assignment_digest(quorum, chain_id, made)
    maker = record.assignment.producers[terms.attempt].node
    consents = [
        one.operation.signature
        for one in record.endorsed
        if one.node == maker and msgspec.structs.replace(one.operation, signature=terms.signature) == terms
    ]
    consent = next((one for one in consents if recovered(digest, one) == made.producer), b"")
    votes = _votes(record, terms.attempt, terms.round)
    signed = {
        one.node: one.signature for one in record.ballots if (one.attempt, one.round) == (made.attempt, made.round)
    }
    cast: list[tuple[Vote, Signature] | None] = []
    for address, node, _ in made.seats:
        vote, ballot = votes.get(node), signed.get(node, b"")
        ok = vote is not None and ballot and len(vote.readings) <= MAX_READINGS
        if ok and vote is not None and recovered(vote_digest(quorum, chain_id, made, vote), ballot) == address:
            cast.append((vote, _split(ballot)))
        else:
            cast.append(None)
    return Case(
        assignment=made,
        client=_split(terms.signature),
        consent=_split(consent) if consent else NOTHING,
        votes=tuple(cast),
    )


def _votes(record: PartRecord, attempt: int, round_: int) -> dict[str, Vote]:
    for ruling in record.rulings:
        if (ruling.attempt, ruling.round) == (attempt, round_):
            return ruling.votes
    return record.reveals if (record.attempt, record.round) == (attempt, round_) else {}


def _delivery(record: PartRecord, attempt: int, round_: int) -> Deliver | None:
    for ruling in record.rulings:
        if (ruling.attempt, ruling.round) == (attempt, round_):
            return ruling.delivery
    return record.delivery if record.attempt == attempt else None


def _readings(vote: Vote) -> list[int]:
    """Each a word: 24 bytes of its key's hash, then its value + 2**63; ascending."""
    return sorted(_word(reading) for reading in vote.readings)


def _word(reading: Reading) -> int:
    return int.from_bytes(hashlib.sha256(reading.key.encode()).digest()[:24]) << 64 | reading.value + 2**63


def _split(signature: bytes) -> Signature:
    return int.from_bytes(signature[:32]), int.from_bytes(signature[32:])


def _digest(quorum: Contract, chain_id: int, content: bytes) -> bytes:
    fields = _keccak(b"Antiphon quorum"), _keccak(b"1"), chain_id, quorum.address
    domain = _struct(_DOMAIN, ["bytes32", "bytes32", "bytes32", "uint256", "address"], *fields)
    return _keccak(b"\x19\x01" + domain + content)


def _struct(kind: str, kinds: Sequence[str], *values: Any) -> bytes:
    from eth_abi.abi import encode

    return _keccak(encode(list(kinds), [_keccak(kind.encode()), *values]))


def _keccak(data: bytes) -> bytes:
    from eth_utils.crypto import keccak

    return bytes(keccak(data))
