"""A receipt convinces without the ledger, and any change to it is found and named."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ledger_market import CLIENT, INVALID, OPERATOR, VALID, Market, party, seated, task_id

from antiphon.clock import ManualClock
from antiphon.economy.beacon import Chain
from antiphon.economy.types import Offer, Role, Rules
from antiphon.errors import ProtocolError
from antiphon.ledger.journal import LEDGER_JOURNAL, Entry, Journal
from antiphon.ledger.opening import LEDGER_OPEN, Opening
from antiphon.ledger.receipts import audit, build
from antiphon.ledger.records import TaskState
from antiphon.ledger.sql import SqlLedger
from antiphon.protocol import canonical, envelope
from antiphon.protocol import receipt as receipts
from antiphon.protocol.receipt import Receipt


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    clock = ManualClock()
    ledger = await SqlLedger.open(
        tmp_path / "ledger.db", operator=OPERATOR, clock=clock, rules=Rules(live_s=10**7, appeal_s=0)
    )
    market = Market(ledger, clock)
    await market.found()
    yield market
    await ledger.close()


@pytest.fixture
async def receipt(market: Market) -> Receipt:
    """Two parts: one fails over after an invalid result, the other has a missed deadline, a dissenter and a hider.

    One validator cannot sit when it is delivered."""
    clock = market.clock
    assert isinstance(clock, ManualClock)
    await market.open(task_id(1), units=(100, 50))
    await market.beat(party("validator 6"), role=Role.VALIDATOR, live=False)
    await market.deliver(task_id(1), 0)
    await market.judge(task_id(1), 0, (INVALID, INVALID, VALID))
    clock.advance(121)
    await market.ledger.expire()
    await market.deliver(task_id(1), 0)
    await market.judge(task_id(1), 0)
    await market.deliver(task_id(1), 1)
    seats = seated(await market.ledger.part(task_id(1), 1))
    for who in seats:
        await market.commit(task_id(1), 1, who, VALID)
    for who in seats[:2]:
        await market.reveal(task_id(1), 1, who, VALID)
    clock.advance(31)
    await market.ledger.expire()
    return await build(market.ledger, task_id(1))


async def test_a_receipt_survives_its_file_and_passes_the_audit(receipt: Receipt) -> None:
    read = receipts.load(receipts.dump(receipt))
    report = audit(read, ledger=OPERATOR.node_id)
    assert (report.state, report.parts, report.rulings) == (TaskState.COMPLETED, 2, 3)
    assert report.client == CLIENT.node_id
    assert not report.evidence_only


async def test_the_evidence_alone_passes_too_and_the_report_says_so(receipt: Receipt) -> None:
    assert audit(msgspec.structs.replace(receipt, statement={})).evidence_only


async def test_the_statement_explains_every_payment(receipt: Receipt) -> None:
    ruling = receipt.statement["parts"][0]["rulings"][0]
    words = " ".join(ruling["in_words"])
    for transfer in ruling["settlement"]["transfers"]:
        assert f"{transfer['amount_nano']} nano from {transfer['source']} to {transfer['target']}" in words
    assert "found invalid (2 for, 1 against, 0 without a vote)" in words


async def test_the_statement_agrees_with_the_ledgers_accounts(market: Market, receipt: Receipt) -> None:
    spent = -receipt.statement["net_nano"][f"balance:{CLIENT.node_id}"]
    assert (await market.ledger.account(CLIENT.node_id)).balance_nano == 1_000 * 10**9 - spent


async def test_another_ledgers_receipt_is_refused(receipt: Receipt) -> None:
    with pytest.raises(ProtocolError, match="another ledger"):
        audit(receipt, ledger=CLIENT.node_id)


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, (*path, key))]
    if isinstance(value, list):
        return [leaf for key, inner in enumerate(value) for leaf in _leaves(inner, (*path, key))]
    return [path]


async def test_any_changed_word_or_number_of_the_statement_is_found(receipt: Receipt) -> None:
    leaves = _leaves(receipt.statement)
    assert len(leaves) > 200
    for path in leaves[:: max(1, len(leaves) // 25)]:
        changed = copy.deepcopy(receipt.statement)
        inner = changed
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = inner[path[-1]] + 1 if isinstance(inner[path[-1]], int | float) else "something else"
        with pytest.raises(ProtocolError, match="statement is not what its evidence says"):
            audit(msgspec.structs.replace(receipt, statement=changed))


async def test_an_omitted_or_added_statement_entry_is_found(receipt: Receipt) -> None:
    for change in (lambda s: s["transfers"].pop(), lambda s: s["parts"][0]["rulings"].pop(), lambda s: s.pop("beacon")):
        changed = copy.deepcopy(receipt.statement)
        change(changed)
        with pytest.raises(ProtocolError, match="statement is not what"):
            audit(msgspec.structs.replace(receipt, statement=changed))


async def test_any_omitted_envelope_is_found(receipt: Receipt) -> None:
    for place in range(len(receipt.envelopes)):
        left = receipt.envelopes[:place] + receipt.envelopes[place + 1 :]
        with pytest.raises(ProtocolError):
            audit(msgspec.structs.replace(receipt, envelopes=left))


Cheat = Callable[[Opening, Journal], tuple[Opening, Journal]]


def forged(
    receipt: Receipt, clock: ManualClock, change: Callable[[Opening, Journal], tuple[Opening, Journal]]
) -> Receipt:
    """What a cheating ledger could sign: its own envelopes changed, and everything closed anew."""
    raw = list(receipt.envelopes[:-1])
    own = [envelope.verify_at(raw[1]), envelope.verify_at(raw[-1])]
    bodies = change(canonical.decode(Opening, own[0].body), canonical.decode(Journal, own[1].body))
    signed = [
        envelope.sign(
            OPERATOR,
            kind=kind,
            receiver=OPERATOR.node_id,
            task=receipt.task,
            body=canonical.encode(body),
            clock=clock,
        )
        for kind, body in zip((LEDGER_OPEN, LEDGER_JOURNAL), bodies, strict=True)
    ]
    raw[1], raw[-1] = signed
    raw.append(receipts.close(OPERATOR, receipt.task, raw, clock))
    return msgspec.structs.replace(receipt, envelopes=tuple(raw), statement={})


def cheaper(offer: Offer) -> Offer:
    return msgspec.structs.replace(offer, price_nano=offer.price_nano - 1)


def _turned(offer: Offer) -> Offer:
    """The cheapest is the dearest."""
    return msgspec.structs.replace(offer, price_nano=3_000 - offer.price_nano)


def _left_out(journal: Journal, names: tuple[str, ...]) -> Journal:
    """Who could not sit, told otherwise than it was."""
    entries = tuple(replace(entry, left_out=names) if entry.left_out else entry for entry in journal.entries)
    assert entries != journal.entries
    return replace(journal, entries=entries)


def _numbered(entries: tuple[Entry, ...]) -> list[tuple[int, Entry]]:
    """Each entry with the number of draws of its part before it."""
    return [
        (sum(bool(before.link) and before.index == entry.index for before in entries[:place]), entry)
        for place, entry in enumerate(entries)
    ]


replace = msgspec.structs.replace
CHEATS: dict[str, Cheat] = {
    "another producer first": lambda o, j: (
        replace(o, producers={role: tuple(map(_turned, offers)) for role, offers in o.producers.items()}),
        j,
    ),
    "an end state that did not follow": lambda o, j: (o, replace(j, state=TaskState.FAILED)),
    "an omitted vote": lambda o, j: (o, replace(j, entries=j.entries[:5] + j.entries[6:])),
    "a vote counted twice": lambda o, j: (o, replace(j, entries=(*j.entries, j.entries[-2]))),
    "a deadline before its time": lambda o, j: (
        o,
        replace(j, entries=(Entry(at_ms=o.opened_ms + 1, index=0, envelope=-1), *j.entries)),
    ),
    "a deadline after the end": lambda o, j: (
        o,
        replace(j, entries=(*j.entries[:-1], replace(j.entries[-1], at_ms=j.entries[-1].at_ms + 60_000))),
    ),
    "an opening before it was asked for": lambda o, j: (replace(o, opened_ms=o.opened_ms - 15_000), j),
    "operations in another order": lambda o, j: (o, replace(j, entries=j.entries[::-1])),
    "an event on no part": lambda o, j: (
        o,
        replace(j, entries=(Entry(at_ms=o.opened_ms, index=9, envelope=-1), *j.entries)),
    ),
    "seats drawn with another link of its own": lambda o, j: (
        replace(o, tips=tuple(Chain(b"%032d" % i).tip for i in range(len(o.tips)))),
        replace(j, entries=tuple(replace(e, link=Chain(bytes(32)).link(0)) if e.link else e for e in j.entries)),
    ),
    "a tip chosen after the draw": lambda o, j: (
        replace(o, tips=(Chain(b"x" * 32).tip, *o.tips[1:])),
        replace(
            j,
            entries=tuple(
                replace(e, link=Chain(b"x" * 32).link(n)) if e.link and not e.index else e
                for n, e in _numbered(j.entries)
            ),
        ),
    ),
    "somebody else left out": lambda o, j: (o, _left_out(j, (party("validator 3").node_id,))),
    "nobody left out": lambda o, j: (o, _left_out(j, ())),
    "a stranger left out": lambda o, j: (o, _left_out(j, (CLIENT.node_id,))),
    "no validators": lambda o, j: (replace(o, validators=()), j),
}


@pytest.mark.parametrize("name", CHEATS)
async def test_a_cheating_ledger_cannot_sign_itself_out(receipt: Receipt, market: Market, name: str) -> None:
    assert isinstance(market.clock, ManualClock)
    cheat = forged(receipt, market.clock, CHEATS[name])
    with pytest.raises(ProtocolError):
        audit(cheat, ledger=OPERATOR.node_id)


async def test_the_ledgers_own_envelopes_signed_anew_without_change_still_pass(
    receipt: Receipt, market: Market
) -> None:
    assert isinstance(market.clock, ManualClock)
    audit(forged(receipt, market.clock, lambda o, j: (o, j)))


async def test_a_statement_with_other_prices_does_not_follow_from_other_offers(
    receipt: Receipt, market: Market
) -> None:
    """A ledger that changes the offers it signed changes what everybody earned, so the old statement no longer fits."""
    assert isinstance(market.clock, ManualClock)

    def lower(opening: Opening, journal: Journal) -> tuple[Opening, Journal]:
        return replace(opening, validators=tuple(map(cheaper, opening.validators))), journal

    cheat = msgspec.structs.replace(forged(receipt, market.clock, lower), statement=receipt.statement)
    with pytest.raises(ProtocolError):
        audit(cheat)


async def test_a_ledger_that_puts_its_clock_forward_for_a_moment_is_caught(market: Market) -> None:
    """So that a producer seems too late, and the next one, which it likes better, has the part."""
    clock = market.clock
    assert isinstance(clock, ManualClock)
    await market.open(task_id(2))
    clock.advance(121)
    await market.ledger.expire()
    clock.advance(-121)
    await market.deliver(task_id(2))
    await market.judge(task_id(2))
    with pytest.raises(ProtocolError, match="time runs back"):
        await build(market.ledger, task_id(2))
