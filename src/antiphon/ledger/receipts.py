"""Receipts of closed tasks: why everybody got what they got, for people to read and for anybody to check offline.

The statement is derived from the evidence by the same code that moved the money, so `audit` needs no ledger: it checks
the signatures, repeats quote, draw, votes and settlements, and compares every number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from antiphon.economy import accounts
from antiphon.economy.types import Rules
from antiphon.errors import ConflictError, ProtocolError, StateError
from antiphon.ledger.audits import drawn_audit
from antiphon.ledger.base import Ledger
from antiphon.ledger.operations import Endorse
from antiphon.ledger.records import PartRecord, Ruling, Seating, TaskState
from antiphon.ledger.replay import Move, Replayed, differences, replay
from antiphon.protocol import receipt as receipts
from antiphon.protocol.consent import Consent
from antiphon.protocol.receipt import Receipt


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit found to be true."""

    ledger: str
    task: str
    client: str
    state: TaskState
    envelopes: int
    parts: int
    rulings: int
    locked_nano: int
    net_nano: dict[str, int]  # by account; sums to 0
    named: tuple[tuple[int, int], ...] = ()  # (session, part) on a chain that its client has signed for it, ascending
    evidence_only: bool  # the receipt had no statement to compare
    drawn: tuple[tuple[int, int, int], ...] = ()  # what parts with vouchers took: session, its part, nano


async def build(ledger: Ledger, task: str) -> Receipt:
    """The receipt of a closed task.

    Raises ConflictError while the task is open, and StateError if the ledger's records contradict its evidence.
    """
    record = await ledger.task(task)
    if record.state is TaskState.OPEN:
        raise ConflictError(f"Task {task} is still open", "A receipt exists once the task is closed.")
    own = await ledger.identity()
    receipt = Receipt(ledger=own, task=task, envelopes=await ledger.evidence(task))
    replayed = replay(own, receipts.verify_signatures(receipt, ledger=own))
    if replayed.task != record or replayed.parts != await ledger.parts(task):
        raise StateError(f"The ledger's records of task {task} contradict its evidence", "Restore a backup.")
    return msgspec.structs.replace(receipt, statement=statement(replayed))


def audit(receipt: Receipt, *, ledger: str | None = None) -> AuditReport:
    """Check a receipt without any network. Raises ProtocolError naming the first thing that differs.

    1. Every envelope is signed, for this ledger and task, and the ledger's closing envelope covers exactly them
    (`receipt.verify_signatures`; give `ledger` to insist on one that you trust). 2. The history they tell is one that
    the rules allow (`replay`). 3. The statement says the same, number by number. 4. All money is accounted for.
    """
    messages = receipts.verify_signatures(receipt, ledger=ledger)  # 1
    replayed = replay(receipt.ledger, messages)  # 2
    if receipt.statement and (found := differences(receipt.statement, statement(replayed))):  # 3
        raise ProtocolError(f"The receipt's statement is not what its evidence says: {found}", "Do not trust it.")
    net_nano = _net(replayed.moves)
    assert sum(net_nano.values()) == 0, "money is conserved"  # 4
    assert net_nano.get(f"escrow:{receipt.task}", 0) == 0, "a closed task holds no money"
    return AuditReport(
        ledger=receipt.ledger,
        task=receipt.task,
        client=replayed.task.client,
        state=replayed.task.state,
        envelopes=len(receipt.envelopes),
        parts=len(replayed.parts),
        rulings=sum(len(part.rulings) for part in replayed.parts),
        locked_nano=replayed.moves[0].transfer.amount_nano,
        net_nano=net_nano,
        named=tuple(sorted({(e.session, e.part) for e in _endorsements(replayed)})),
        evidence_only=not receipt.statement,
        drawn=_drawn(replayed),
    )


def _endorsements(replayed: Replayed) -> list[Endorse]:
    return [one.operation for part in replayed.parts for one in part.endorsed]


def statement(replayed: Replayed) -> dict[str, Any]:
    """Everything that led to each payment, as plain values (bytes in base64) and in words."""
    task = replayed.task
    told = {
        "task": task.task,
        "client": task.client,
        "asked_for": msgspec.to_builtins(task.selector),
        "mode": task.mode,
        "synthetic": task.synthetic,
        "state": task.state.value,
        "opened_ms": task.opened_ms,
        "closed_ms": task.closed_ms,
        "request_hash": task.request_hash.hex(),
        "beacon": task.beacon.hex(),
        "rules": msgspec.to_builtins(task.rules),
        "quote": {
            "expected_nano": task.quote.expected_nano,
            "total_nano": task.quote.total_nano,
            "parts": msgspec.to_builtins(task.quote.parts),
        },
        "consents": [_consent(consent, replayed.revoked_ms) for consent in replayed.consents],
        "parts": [_part(part, task.rules) for part in replayed.parts],
        "transfers": [_transfer(move) for move in replayed.moves],
        "net_nano": _net(replayed.moves),
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(told))  # as it will be read from a file
    return plain


def _consent(consent: Consent, revoked_ms: Mapping[str, int]) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(consent.grant)
    references = [reference.hex() for reference in consent.grant.references]
    named = {"id": consent.id, "grantor": consent.grantor, "revoked_ms": revoked_ms.get(consent.id, 0)}
    return named | plain | {"references": references}


def _part(record: PartRecord, rules: Rules) -> dict[str, Any]:
    return {
        "index": record.part.index,
        "units": record.part.units,
        "phase": record.part.phase,
        "role": record.part.role.value,
        "state": record.state.value,
        "reserve_nano": record.assignment.reserve_nano,
        "producers": msgspec.to_builtins(record.assignment.producers),
        "validators": msgspec.to_builtins(record.assignment.validators),
        "seatings": [_seating(drawn) for drawn in record.seatings],
        "tips": {"client": record.client_tip.hex(), "ledger": record.ledger_tip.hex()},
        "notes": list(record.notes),
        "rulings": [_ruling(ruling, _audited(record, ruling, rules)) for ruling in record.rulings],
    }


def _seating(drawn: Seating) -> dict[str, Any]:
    """One draw: with both links, their tips and the pool anybody can repeat it."""
    seats = [seat.node for seat in drawn.seats]
    links = {"client_link": drawn.client_link.hex(), "ledger_link": drawn.ledger_link.hex()}
    return {"attempt": drawn.attempt, "round": drawn.round, "seats": seats} | links


def _ruling(ruling: Ruling, audited: bool) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(ruling)
    return plain | {"audited": audited, "in_words": _explain(ruling, audited)}


def _audited(record: PartRecord, ruling: Ruling, rules: Rules) -> bool:
    """Whether the draw of the ruling's seats had them audit the delivery."""
    drawn = next(one for one in record.seatings if one.round == ruling.round)
    return drawn_audit(record, drawn, ruling.delivery, rules) is not None


def _explain(ruling: Ruling, audited: bool) -> list[str]:
    """One sentence for the vote, one for an audit, then one for each transfer."""
    votes, terms = ruling.outcome, ruling.producer
    counted = f"{len(votes.majority)} for, {len(votes.minority)} against, {len(votes.abstained)} without a vote"
    verdict = votes.verdict.value if votes.verdict else "without a majority"
    lines = [
        f"Delivery {ruling.attempt + 1} by {terms.node} was found {verdict} ({counted}).",
        f"Its price R is {terms.price_nano} nano at quality Q = {terms.quality_ppm} ppm, so R*Q = {terms.reward_nano}.",
    ]
    if audited:
        lines.append("The draw of the seats had them audit how it was made.")
    moves = ruling.settlement.transfers
    return lines + [f"{m.amount_nano} nano from {m.source} to {m.target}: {m.why}." for m in moves]


def _transfer(move: Move) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(move.transfer)
    return {"part": move.part} | plain


def _drawn(replayed: Replayed) -> tuple[tuple[int, int, int], ...]:
    """Of the parts that have funds of their own on the chain (`ledger.vouchers`): what left the escrow for others."""
    escrow, client = accounts.escrow(replayed.task.task), accounts.balance(replayed.task.client)
    spent: Counter[int] = Counter()
    for move in replayed.moves:
        if move.transfer.source == escrow and move.transfer.target != client:
            spent[move.part] += move.transfer.amount_nano
    funded = [(part.funds, spent[part.part.index]) for part in replayed.parts]
    return tuple((funds.session, funds.part, nano) for funds, nano in funded if funds is not None and nano)


def _net(moves: tuple[Move, ...]) -> dict[str, int]:
    net: Counter[str] = Counter()
    for move in moves:
        net[move.transfer.source] -= move.transfer.amount_nano
        net[move.transfer.target] += move.transfer.amount_nano
    return {account: nano for account, nano in sorted(net.items()) if nano}
