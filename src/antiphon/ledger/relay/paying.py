"""Whether the chain has paid for a part as its client had signed, or ended it for somebody else.

A client can sign two assignments, or a voucher, for one part of its session: the other one names itself as the
producer, and seats of its own. The chain pays the first that comes, and its event does not say whom. So the call is
read, which says it. What came through another contract cannot be read, and counts as paid to somebody else.
"""

from __future__ import annotations

import msgspec

from antiphon.errors import ConflictError
from antiphon.ledger.operations import Endorse
from antiphon.ledger.records import PartRecord
from antiphon.ledger.relay import quorum
from antiphon.ledger.relay.facts import Ended, Facts


class Paid(msgspec.Struct, frozen=True, kw_only=True):
    """What a session gave for one part, to those that worked for it."""

    nano: int
    by_voucher: bool  # all of it to the producer


async def paid(
    facts: Facts, record: PartRecord, request_hash: bytes, terms: Endorse, final: int | str = "latest"
) -> Paid | None:
    """None: nothing was paid for what `terms` names, up to this block."""
    ended = (await facts.ended(terms.session, final)).get(terms.part)
    if ended is None:
        return None
    if ended.producer:
        own = ended.producer.lower() == terms.producer.lower()
        return Paid(nano=ended.nano, by_voucher=True) if own else None
    try:
        made = quorum.assignment(record, request_hash, terms)
    except ConflictError:
        return None
    return Paid(nano=ended.nano, by_voucher=False) if await _names(facts, ended, made) else None


async def _names(facts: Facts, ended: Ended, made: quorum.Assignment) -> bool:
    """Whether the call that settled the part was about this assignment."""
    contract = facts.contracts.quorum
    sent = await facts.contracts.rpc.ask("eth_getTransactionByHash", ended.transaction)
    if sent is None or str(sent["to"]).lower() != contract.address.lower():
        return False
    name, told = contract.decode(bytes.fromhex(str(sent["input"]).removeprefix("0x")))
    if name != "settle":
        return False
    case = told["case"]
    words = [one["seat"] for one in case["ballots"]]
    terms = (case["place"], case["producer"].lower(), case["reward"], case["due"], case["task"], case["result"], words)
    place = made.session << 96 | made.part << 64 | made.attempt << 32 | made.round
    return terms == (
        place,
        made.producer.lower(),
        made.reward_nano,
        made.due_s,
        made.task,
        made.result,
        made.words,
    )
