"""Attacks on the market's rules, played by whoever can see all that the ledger shows. Not one of them pays."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ledger_market import (
    ABSENT,
    CLIENT,
    INVALID,
    OPERATOR,
    SPEECH,
    UNSURE,
    VALID,
    Market,
    chain,
    party,
    producer,
    seated,
    task_id,
)

from antiphon.clock import ManualClock
from antiphon.economy.selection import judging_cost
from antiphon.economy.types import NANO, Mode, Part, Role, Rules
from antiphon.errors import UnavailableError
from antiphon.ledger import panel
from antiphon.ledger.operations import Cancel, OpenTask
from antiphon.ledger.records import PartRecord, PartState
from antiphon.ledger.sql import SqlLedger

RULES = Rules(live_s=10**7, appeal_s=0)
CARTEL = [party(f"validator {number}").node_id for number in range(2)]


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    """One producer, which belongs to the cartel, and five validators, of which two do."""
    clock = ManualClock()
    ledger = await SqlLedger.open(tmp_path / "ledger.db", operator=OPERATOR, clock=clock, rules=RULES)
    market = Market(ledger, clock, producers=1, validators=5)
    await market.found()
    yield market
    held = [await ledger.account(who) for who in market.people]
    assert all(account.locked_nano == 0 for account in held), "stake stays locked"
    await ledger.close()
    db = sqlite3.connect(tmp_path / "ledger.db")
    assert db.execute("SELECT sum(nano) FROM accounts").fetchone() == (0,)
    db.close()


async def wealth(market: Market, *who: str) -> int:
    accounts = [await market.ledger.account(owner) for owner in who]
    return sum(account.balance_nano + account.stake_nano for account in accounts)


def told(record: PartRecord) -> set[str]:
    """Which validators the ledger names as judges of the part, to whoever reads the record."""
    return {seat.node for drawn in record.seatings for seat in drawn.seats}


async def test_a_cartel_of_two_in_five_cannot_know_when_it_holds_the_majority(market: Market) -> None:
    """It was paid for silence in 6 of 6 tasks when seats were known before. Now it must choose blindly, and loses."""
    maker = party("producer 0").node_id
    before, honestly = await wealth(market, maker, *CARTEL), 0
    captured = 0
    for number in range(24):
        await market.open(task_id(number))
        record = await market.ledger.part(task_id(number), 0)
        assert not told(record), "nothing to decide by before it delivers"
        waiting = await market.deliver(task_id(number), draws=False)
        assert not told(waiting)
        assert len(panel.pool(waiting, RULES)) >= 3  # those that lose too often become too dear
        record = await market.draw(task_id(number))
        captured += len(set(seated(record)) & set(CARTEL)) == 2
        votes = [VALID if who in CARTEL else INVALID for who in seated(record)]  # it always delivers silence
        await market.judge(task_id(number), votes=votes)
        honestly += record.assignment.producers[0].reward_nano + 10_000 * len(set(seated(record)) & set(CARTEL))
    assert captured <= 15  # 7.2 of 24, sd 2.2: as often as its stake says, no oftener
    assert await wealth(market, maker, *CARTEL) - before < 0 < honestly


async def test_grinding_opens_tells_a_client_nothing_about_seats(market: Market) -> None:
    """606 tries in 16 s once seated a client's two sybils. Now a try ends before anything is drawn, or it is paid."""
    maker = party("producer 0").node_id
    for number in range(40):
        await market.open(task_id(number))
        record = await market.ledger.part(task_id(number), 0)
        links = chain(record.task, 0)
        assert not told(record)
        assert links.link(0) not in (record.client_tip, record.ledger_tip), "and the ledger's link is not told"
        await market.do(CLIENT, Cancel(task=task_id(number)))
    before = await wealth(market, CLIENT.node_id)
    await market.open(task_id(99))
    await market.deliver(task_id(99), draws=False)
    await market.do(CLIENT, Cancel(task=task_id(99)))
    record = await market.ledger.part(task_id(99), 0)
    assert not told(record)
    reward_nano = record.assignment.producers[0].reward_nano
    stood_by = 5 * 10_000 * RULES.hold_ppm // 10**6  # five validators that might have been drawn
    cost_nano = reward_nano + stood_by + judging_cost(record.assignment, RULES)
    assert await wealth(market, CLIENT.node_id) == before - cost_nano
    assert producer(record) == maker


async def test_looking_and_leaving_pays_whoever_stood_by(market: Market) -> None:
    maker = party("producer 0").node_id
    before = await wealth(market, maker)
    for number in range(20):
        await market.open(task_id(number))
        await market.do(CLIENT, Cancel(task=task_id(number)))
    assert await wealth(market, maker) == before + 20 * 2_000  # .02 of 100,000 each time


async def test_one_client_cannot_lock_what_honest_orders_need(market: Market) -> None:
    """90% of everybody's stake was locked in 1.8 s, for nothing, with escrow that came back."""
    maker = party("producer 0").node_id
    opened = 0
    while True:
        try:
            await market.open(task_id(opened), units=(5_000,) * 20)
        except UnavailableError as error:
            assert "one client may hold" in str(error)  # noqa: PT017 - how often it may open is what is asked
            break
        opened += 1
    account = await market.ledger.account(maker)
    assert account.stake_nano // 5 < account.locked_nano <= account.stake_nano // 4
    other = party("newcomer")
    market.people[other.node_id] = other
    await market.fund(other, NANO)
    await market.do(other, opening(task_id(5_000), units=100))
    assert (await market.ledger.part(task_id(5_000), 0)).state is PartState.ASSIGNED, "an honest order finds some"
    for _ in range(3):
        market.clock.advance(RULES.deliver_s)  # type: ignore[attr-defined]
        await market.ledger.expire()
    assert (await market.ledger.account(maker)).locked_nano == 0
    assert 100 <= opened <= 125
    assert await spent(market) >= opened * 20 * 100_000  # .02 of 5,000,000 for every part that it held


async def test_two_of_three_that_never_reveal_block_nothing_and_pay_each_time(market: Market) -> None:
    bad = [party(f"validator {number}").node_id for number in range(2)]
    for number in (2, 3):
        await market.beat(party(f"validator {number}"), role=Role.VALIDATOR, live=False)
    before = await wealth(market, *bad)
    for number in range(6):
        await market.open(task_id(number))
        record = await market.deliver(task_id(number))
        assert set(seated(record)) > set(bad), "three of the five are there"
        for who in seated(record):
            await market.commit(task_id(number), 0, who, VALID)
        for who in set(seated(record)) - set(bad):
            await market.reveal(task_id(number), 0, who, VALID)
        market.clock.advance(RULES.reveal_s)  # type: ignore[attr-defined]
        await market.ledger.expire()
        assert (await market.ledger.part(task_id(number), 0)).state is PartState.VALID
    assert await wealth(market, *bad) == before - 2 * 6 * 10_000


async def test_who_never_gives_a_conclusive_vote_is_hardly_drawn_any_more(market: Market) -> None:
    """A quarter of good work went unpaid when two always said "inconclusive". Honest rates of it cost nothing."""
    idle, doubting = party("validator 0").node_id, party("validator 1").node_id
    for number in range(60):
        await market.open(task_id(number))
        record = await market.deliver(task_id(number))
        for _ in range(2):
            if record.state is PartState.DRAWING:
                record = await market.draw(task_id(number))
            if record.state is PartState.DELIVERED:
                unsure = {idle} | ({doubting} if number % 10 == 0 else set())
                votes = [UNSURE if who in unsure else VALID for who in seated(record)]
                record = await market.judge(task_id(number), votes=votes)
    await market.open(task_id(99))
    record = await market.ledger.part(task_id(99), 0)
    weights = {judge.node: judge.weight_nano for judge in record.assignment.validators}
    assert weights[idle] < 40 * NANO < 100 * NANO == weights[doubting]
    await market.do(CLIENT, Cancel(task=task_id(99)))


async def test_a_producer_that_delivers_and_shows_nobody_loses_its_stake(market: Market) -> None:
    maker = party("producer 0").node_id
    before = await wealth(market, maker)
    await market.open(task_id(1))
    await market.deliver(task_id(1))
    record = await market.judge(task_id(1), votes=(ABSENT,) * 3)
    assert record.state is PartState.DRAWING, "others are asked, before stake is taken"
    await market.draw(task_id(1))
    record = await market.judge(task_id(1), votes=(ABSENT,) * 3)
    assert record.state is PartState.INVALID
    assert await wealth(market, maker) == before - 200_000


async def spent(market: Market) -> int:
    """What the client has lost of the 1,000 ANT that it began with."""
    account = await market.ledger.account(CLIENT.node_id)
    return 1_000 * NANO - account.balance_nano - account.escrow_nano


def opening(task: str, units: int) -> OpenTask:
    return OpenTask(
        task=task,
        selector=SPEECH,
        parts=(Part(index=0, units=units),),
        mode=Mode.VERIFIED,
        request_hash=bytes(32),
        tips=(chain(task, 0).tip,),
        max_total_nano=NANO,
    )
