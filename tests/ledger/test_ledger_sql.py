"""What only the SQL backend promises: group commit, bounded waiting, no busy waiting, keeping time."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ledger_market import CLIENT, OPERATOR, VALID, Market, committed, party, producer, seated, task_id

from antiphon.clock import ManualClock
from antiphon.economy.types import NANO, Role, Rules, Transfer
from antiphon.errors import BusyError, ConflictError, FundsError, StateError, UnavailableError
from antiphon.ledger.expiry import run_expiry
from antiphon.ledger.limits import MAX_PHASES
from antiphon.ledger.operations import Deposit, Reveal, Stake, Unstake
from antiphon.ledger.records import PartState
from antiphon.ledger.sql import SqlLedger, money, outcomes, waiters, worker
from antiphon.ledger.sql.worker import Session


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    clock = ManualClock()
    ledger = await SqlLedger.open(tmp_path / "ledger.db", operator=OPERATOR, clock=clock, rules=Rules(live_s=10**7))
    market = Market(ledger, clock)
    await market.found()
    yield market
    await ledger.close()


def sql(market: Market) -> SqlLedger:
    assert isinstance(market.ledger, SqlLedger)
    return market.ledger


def ask(tmp_path: Path, question: str) -> list[tuple[object, ...]]:
    db = sqlite3.connect(tmp_path / "ledger.db")
    try:
        return db.execute(question).fetchall()
    finally:
        db.close()


async def test_operations_that_wait_together_share_a_transaction_and_fail_alone(market: Market) -> None:
    commits = []
    sql(market)._writer._db.set_trace_callback(lambda text: commits.append(text) if text == "COMMIT" else None)
    good = [market.sign(OPERATOR, Deposit(account=CLIENT.node_id, amount_nano=1)) for _ in range(40)]
    bad = [market.sign(CLIENT, Stake(amount_nano=10**17)) for _ in range(10)]
    mixed = [raw for pair in zip(good[:10], bad, strict=True) for raw in pair] + good[10:]
    before = await market.ledger.account(CLIENT.node_id)
    results = await asyncio.gather(*map(market.ledger.submit, mixed), return_exceptions=True)
    assert sum(isinstance(result, FundsError) for result in results) == 10
    assert (await market.ledger.account(CLIENT.node_id)).balance_nano == before.balance_nano + 40
    assert len(commits) < 25, "fifty operations need fewer transactions"


async def test_a_hundred_tasks_at_once_all_end_paid(market: Market) -> None:
    async def whole(task: str) -> PartState:
        await market.open(task, units=(20,))
        await market.deliver(task)
        return (await market.judge(task)).state

    states = await asyncio.gather(*(whole(task_id(n)) for n in range(60)))
    assert set(states) == {PartState.VALID}
    accounts = [await market.ledger.account(owner) for owner in market.people]
    assert sum(a.balance_nano + a.stake_nano for a in accounts) == 2_000 * NANO
    assert all(a.locked_nano == a.escrow_nano == 0 for a in accounts)


async def test_a_caller_that_gives_up_does_not_undo_its_operation(market: Market) -> None:
    before = await market.ledger.account(CLIENT.node_id)
    call = asyncio.create_task(market.fund(CLIENT, 5))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await market.ledger.submit(market.last)
    assert (await market.ledger.account(CLIENT.node_id)).balance_nano == before.balance_nano + 5


async def test_waiting_costs_no_processor_time(market: Market) -> None:
    await market.open(task_id(1))
    polls = [asyncio.create_task(market.ledger.part(task_id(1), 0, newer_than=0, wait_s=0.8)) for _ in range(200)]
    await asyncio.sleep(0.2)
    began_s = time.thread_time()
    await asyncio.sleep(0.4)
    assert time.thread_time() - began_s < 0.1
    await asyncio.gather(*polls)
    assert len(sql(market)._waiters) == 0


async def test_too_many_waiters_are_turned_away(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiters, "MAX_WAITERS", 2)
    await market.open(task_id(1))
    polls = [asyncio.create_task(market.ledger.part(task_id(1), 0, newer_than=0, wait_s=0.3)) for _ in range(3)]
    results = await asyncio.gather(*polls, return_exceptions=True)
    assert sum(isinstance(result, BusyError) for result in results) == 1


async def test_too_many_operations_are_turned_away(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "MAX_QUEUE", 0)
    with pytest.raises(BusyError, match="Retry later"):
        await market.fund(CLIENT, 1)


async def test_deadlines_take_effect_while_somebody_tends_the_ledger(market: Market) -> None:
    keeper = asyncio.create_task(run_expiry(market.ledger, 0.02))
    await market.open(task_id(1))
    waiting = asyncio.create_task(market.ledger.part(task_id(1), 0, newer_than=0, wait_s=25.0))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    market.clock.advance(120)  # type: ignore[attr-defined]
    assert (await asyncio.wait_for(waiting, 15)).attempt == 1
    keeper.cancel()


async def test_a_reveal_after_the_commit_deadline_needs_nobody_to_call_expire(market: Market) -> None:
    await market.open(task_id(1))
    await market.deliver(task_id(1))
    record = await market.ledger.part(task_id(1), 0)
    who = seated(record)[0]
    await market.do(who, committed(record, who, VALID))
    market.clock.advance(30)  # type: ignore[attr-defined]
    await market.do(who, Reveal(task=task_id(1), index=0, round=0, vote=VALID, salt=b"s" * 16))
    assert (await market.ledger.part(task_id(1), 0)).round == 1, "one vote of three seats is no majority"


async def test_a_deadline_stays_passed_even_when_the_late_operation_is_refused(market: Market, tmp_path: Path) -> None:
    await market.open(task_id(1))
    record = await market.ledger.part(task_id(1), 0)
    market.clock.advance(120)  # type: ignore[attr-defined]
    late = Reveal(task=task_id(1), index=0, round=0, vote=VALID, salt=b"s" * 16)
    with pytest.raises(ConflictError):
        await market.do(producer(record), late)
    assert (await market.ledger.part(task_id(1), 0)).attempt == 1
    assert ask(tmp_path, "SELECT count(*) FROM journal WHERE envelope IS NULL") == [(1,)]


async def test_refusals_and_heartbeats_are_forgotten_when_they_are_stale(market: Market, tmp_path: Path) -> None:
    registered = 10
    for _ in range(5):
        await market.beat(party("producer 0"))
        with pytest.raises(FundsError):
            await market.do(CLIENT, Stake(amount_nano=10**17))
    assert ask(tmp_path, "SELECT count(*) FROM envelopes WHERE raw IS NULL") == [(registered + 10,)]
    market.clock.advance(outcomes.KEEP_MS / 1000 + 1)  # type: ignore[attr-defined]
    await market.beat(party("producer 0"))
    assert ask(tmp_path, "SELECT count(*) FROM envelopes WHERE raw IS NULL") == [(1,)]


async def test_stake_history_tells_what_was_locked_and_released(market: Market, tmp_path: Path) -> None:
    await market.open(task_id(1), units=(10, 20))
    for index in range(2):
        await market.deliver(task_id(1), index)
        await market.judge(task_id(1), index)
    rows = ask(tmp_path, "SELECT node, sum(nano), max(nano) FROM stake_history GROUP BY node")
    assert rows
    assert all(total == 0 and locked > 0 for _, total, locked in rows)


async def test_money_that_does_not_add_up_is_never_committed(market: Market) -> None:
    before = await market.ledger.account(CLIENT.node_id)

    def embezzle(session: worker.Session) -> None:
        session.db.execute("UPDATE accounts SET nano = nano + 1 WHERE name = ?", (f"balance:{CLIENT.node_id}",))

    with pytest.raises(StateError, match="money is conserved"):
        await sql(market)._writer.run(embezzle)

    def overdraw(session: worker.Session) -> None:
        session.db.execute("UPDATE accounts SET nano = nano - 10000 * 1000000000 WHERE name LIKE 'balance:%'")

    with pytest.raises(StateError, match="breaks its rules"):
        await sql(market)._writer.run(overdraw)
    assert await market.ledger.account(CLIENT.node_id) == before


@pytest.mark.slow
async def test_a_task_costs_a_few_milliseconds_and_no_memory(market: Market) -> None:
    """Generous, for busy machines; `docs` quote measured figures."""
    for number in range(10):
        began_s = time.process_time()
        await market.open(task_id(number))
        await market.deliver(task_id(number))
        await market.judge(task_id(number))
        spent_s = time.process_time() - began_s
    assert spent_s < 0.1


async def crowded(tmp_path: Path, max_nodes: int) -> Market:
    """A ledger that is full with the processors that `Market` founds, each with 100 ANT."""
    clock = ManualClock()
    rules = Rules(max_nodes=max_nodes)
    ledger = await SqlLedger.open(tmp_path / "small.db", operator=OPERATOR, clock=clock, rules=rules)
    market = Market(ledger, clock, producers=max_nodes, validators=0)
    await market.found()
    return market


async def test_a_full_ledger_keeps_those_with_the_most_stake(tmp_path: Path) -> None:
    market = await crowded(tmp_path, 4)
    with pytest.raises(UnavailableError, match="none has less stake"):
        await market.join(party("as rich"), Role.PROCESSOR, 10, stake_nano=100 * NANO)
    await market.join(party("richer"), Role.PROCESSOR, 10, stake_nano=101 * NANO)
    listed = {record.node for record in await market.ledger.nodes()}
    assert len(listed) == 4
    assert party("richer").node_id in listed
    await sql(market).close()


async def test_who_took_back_its_stake_or_fell_silent_is_in_nobodys_way(tmp_path: Path) -> None:
    market = await crowded(tmp_path, 4)
    await market.do(party("producer 1"), Unstake(amount_nano=95 * NANO))
    await market.join(party("small"), Role.PROCESSOR, 10, stake_nano=10 * NANO)
    listed = {record.node for record in await market.ledger.nodes()}
    assert party("producer 1").node_id not in listed
    market.clock.advance(Rules().silent_s + 1)  # type: ignore[attr-defined]
    await market.beat(party("small"))
    for number in (0, 2):
        await market.beat(party(f"producer {number}"))
    await market.join(party("second"), Role.PROCESSOR, 10, stake_nano=10 * NANO)
    listed = {record.node for record in await market.ledger.nodes()}
    assert listed == {party(name).node_id for name in ("small", "second", "producer 0", "producer 2")}
    await sql(market).close()


async def test_a_node_at_work_keeps_its_place(tmp_path: Path) -> None:
    clock = ManualClock()
    ledger = await SqlLedger.open(tmp_path / "x.db", operator=OPERATOR, clock=clock, rules=Rules(max_nodes=4))
    market = Market(ledger, clock, producers=1, validators=3)
    await market.found()
    await market.open(task_id(1))
    await market.deliver(task_id(1), draws=False)  # whoever may be drawn is held
    busy = {record.node for record in await ledger.nodes() if record.locked_nano}
    with pytest.raises(UnavailableError):
        await market.join(party("rich"), Role.PROCESSOR, 10, stake_nano=500 * NANO)
    assert len(busy) == 4
    await ledger.close()


async def test_stake_on_its_way_back_still_answers_for_penalties(tmp_path: Path) -> None:
    market = await crowded(tmp_path, 2)
    who = party("producer 0")
    await market.do(who, Unstake(amount_nano=99 * NANO))

    def punish(session: Session) -> None:
        node = who.node_id
        fine = Transfer(source=f"stake:{node}", target="burnt", amount_nano=50 * NANO, why="a late judgement")
        money.move(session.db, [fine], at_ms=market.clock.now_ms())

    await sql(market)._writer.run(punish)
    account = await market.ledger.account(who.node_id)
    assert (account.stake_nano, account.unbonding_nano) == (0, 50 * NANO)
    market.clock.advance(Rules().unbond_s)  # type: ignore[attr-defined]
    await market.ledger.expire()
    account = await market.ledger.account(who.node_id)
    assert (account.balance_nano, account.unbonding_nano, account.unbonding_until_ms) == (50 * NANO, 0, 0)
    await sql(market).close()


async def test_unbonding_outlasts_every_task() -> None:
    """Or the same money could judge twice: by the weight that it gave one key when a task opened, and under another."""
    rules = Rules()
    judged_s = rules.deliver_s + (1 + rules.redraws) * (rules.draw_s + rules.commit_s + rules.reveal_s)
    appeal_s = rules.appeal_s + rules.commit_s + rules.reveal_s
    assert rules.unbond_s > MAX_PHASES * (1 + rules.failovers) * judged_s + appeal_s
