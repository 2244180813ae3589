"""The index of offers: it says what the rows say, whatever happened to them, and a task sees a bounded choice."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_market import CLIENT, OPERATOR, SPEECH, Market, party, task_id

from antiphon.clock import ManualClock
from antiphon.economy.types import NANO, Role, Rules, Transfer
from antiphon.errors import AntiphonError
from antiphon.ledger.operations import Cancel, Register, Retire, Selector, ServiceOffer, Unstake
from antiphon.ledger.sql import SqlLedger, money
from antiphon.ledger.sql.offers import OfferIndex
from antiphon.ledger.sql.worker import Session

RULES = Rules(candidates=8, pool=3, live_s=10**6)
DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["open", "cancel", "register", "retire", "unstake", "away", "beat", "refused", "silent"]),
        st.integers(0, 5),
    ),
    max_size=12,
)


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    clock = ManualClock()
    ledger = await SqlLedger.open(tmp_path / "ledger.db", operator=OPERATOR, clock=clock, rules=RULES)
    market = Market(ledger, clock, producers=6, validators=6)
    await market.found()
    yield market
    await ledger.close()


async def deed(market: Market, what: str, number: int) -> None:
    who = party(f"producer {number}")
    match what:
        case "open":
            await market.open(task_id(number))
        case "cancel":
            await market.do(CLIENT, Cancel(task=task_id(number)))
        case "register":
            offer = ServiceOffer(service="speech", price_nano=500 + number, languages=("en-gb", "fr"))
            offers = (offer, ServiceOffer(service="speech", price_nano=900, languages=("en-us",)))
            endpoint = f"test:{who.node_id[:8]}"
            await market.do(
                who, Register(role=Role.PROCESSOR, offers=offers, seal_key=who.seal_public, endpoint=endpoint)
            )
        case "retire":
            await market.do(who, Retire(role=Role.PROCESSOR))
        case "unstake":
            await market.do(who, Unstake(amount_nano=95 * NANO))
        case "away":
            await market.beat(who, live=False)
        case "beat":
            await market.beat(who)
        case "refused":
            await market.open(task_id(number), max_total_nano=1)
        case "silent":
            market.clock.advance(RULES.silent_s // 3)  # type: ignore[attr-defined]
            await market.ledger.expire()


async def history(path: Path, deeds: list[tuple[str, int]]) -> None:
    clock = ManualClock()
    ledger = await SqlLedger.open(path, operator=OPERATOR, clock=clock, rules=RULES)
    market = Market(ledger, clock, producers=6, validators=6)
    await market.found()
    for what, number in deeds:
        try:
            await deed(market, what, number)
        except AntiphonError:
            continue
        finally:
            await compare(market)
    await ledger.close()


async def compare(market: Market) -> None:
    """Both indices, kept up step by step, against one that has just read everything."""
    ledger = market.ledger
    assert isinstance(ledger, SqlLedger)

    def told(session: Session) -> None:
        fresh = OfferIndex(ledger._executor.secret, RULES)
        fresh.refresh(session.db)
        session.index.refresh(session.db)
        for language in ("en-us", "en-gb", "fr", ""):
            selector = Selector(service="speech", language=language)
            for role in (Role.PROCESSOR, Role.VALIDATOR):
                now_ms = market.clock.now_ms()
                kept = session.index.choose(selector, role, now_ms=now_ms)
                assert sorted(kept, key=lambda offer: offer.node) == sorted(
                    fresh.choose(selector, role, now_ms=now_ms), key=lambda offer: offer.node
                )

    await ledger._writer.run(told)
    await ledger._reader.run(told)


@given(deeds=DEEDS)
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
async def test_an_index_kept_up_says_what_a_new_one_says(
    tmp_path_factory: pytest.TempPathFactory, deeds: list[tuple[str, int]]
) -> None:
    await history(tmp_path_factory.mktemp("history") / "ledger.db", deeds)


async def test_an_index_that_read_a_lost_transaction_reads_again(market: Market) -> None:
    ledger = market.ledger
    assert isinstance(ledger, SqlLedger)
    who = party("producer 0").node_id

    def lost(session: Session) -> None:
        fine = Transfer(source=f"stake:{who}", target="burnt", amount_nano=95 * NANO, why="to be lost")
        money.move(session.db, [fine], at_ms=0)
        session.index.refresh(session.db)
        session.db.execute("UPDATE supply SET nano = 1")  # the transaction will not be committed

    with pytest.raises(AntiphonError):
        await ledger._writer.run(lost)
    await compare(market)
    offers = {offer.node: offer for offer in await ledger.offers(SPEECH, Role.PROCESSOR)}
    assert offers[who].free_stake_nano == 100 * NANO


async def test_a_task_is_drawn_from_a_bounded_choice(market: Market) -> None:
    """Eight of 16 producers: newcomers, those with much stake, and the cheapest; of 16 validators the 12 richest."""
    for number in range(10):
        await market.join(party(f"dear {number}"), Role.PROCESSOR, 1_500, stake_nano=(200 + number) * NANO)
        await market.join(party(f"rich {number}"), Role.VALIDATOR, 100, stake_nano=(300 + number) * NANO)
    makers = {offer.node for offer in await market.ledger.offers(SPEECH, Role.PROCESSOR)}
    assert len(makers) == RULES.candidates
    assert {party("dear 9").node_id, party("dear 8").node_id} < makers, "a quarter by stake"
    assert {party(f"producer {n}").node_id for n in range(6)} < makers, "the cheapest"
    judges = {offer.node for offer in await market.ledger.offers(SPEECH, Role.VALIDATOR)}
    assert {party(f"rich {n}").node_id for n in range(10)} < judges
    assert len(judges) == 12
    await market.open(task_id(1))
    (record,) = await market.ledger.parts(task_id(1))
    pool = {terms.node for terms in record.assignment.validators}
    assert len(pool) == RULES.pool
    assert pool < judges


async def test_nodes_of_an_older_file_register_anew(tmp_path: Path) -> None:
    from antiphon.ledger.sql import schema

    path = tmp_path / "old.db"
    db = sqlite3.connect(path)
    for step in schema.MIGRATIONS[:3]:
        db.executescript(step)
    db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    db.execute("PRAGMA user_version = 3")
    db.close()
    clock = ManualClock()
    ledger = await SqlLedger.open(path, operator=OPERATOR, clock=clock)
    market = Market(ledger, clock, producers=1, validators=3)
    await market.found()
    await market.open(task_id(1))
    await ledger.close()
