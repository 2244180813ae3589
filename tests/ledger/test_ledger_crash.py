"""`kill -9` at every state: what was answered is there, what was not may be sent again, and every task still ends."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from ledger_market import OPERATOR, VALID, Market, seated
from ledger_victim import RULES
from postgres_server import PostgresServer, ask

from antiphon.clock import SystemClock
from antiphon.ledger.receipts import audit, build
from antiphon.ledger.records import PartRecord, PartState, TaskState
from antiphon.ledger.sql import SqlLedger

VICTIM = Path(__file__).with_name("ledger_victim.py")


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A file's path or a database's URL."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new()


def run_until_killed(place: str, *, state: str, times: int = 1, then_s: float = 0.0) -> tuple[list[bytes], list[bytes]]:
    """Kill the victim `then_s` after the state was announced. Returns the envelopes sent, and those answered."""
    with subprocess.Popen([sys.executable, str(VICTIM), place], stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        lines = []
        for line in victim.stdout:
            lines.append(line.split())
            times -= line.split() == ["state", state]
            if times == 0:
                break
        time.sleep(then_s)
        victim.send_signal(signal.SIGKILL)
        lines += [line.split() for line in victim.stdout if line.endswith("\n")]
    words = [words for words in lines if len(words) == 2]
    return (
        [bytes.fromhex(what) for word, what in words if word == "sent"],
        [bytes.fromhex(what) for word, what in words if word == "done"],
    )


async def finish(market: Market, record: PartRecord) -> None:
    """Take a part from whatever state it was in to its end."""
    task, index = record.task, record.part.index
    if record.state is PartState.ASSIGNED:
        await market.deliver(task, index)
        record = await market.ledger.part(task, index)
    if record.state is PartState.DRAWING:
        record = await market.draw(task, index)
    for who in seated(record):
        if record.state is PartState.DELIVERED and who not in record.commits:
            await market.commit(task, index, who, VALID)
    record = await market.ledger.part(task, index)
    for who in sorted(record.commits):
        if record.state is PartState.REVEALING and who not in record.reveals:
            await market.reveal(task, index, who, VALID)


def evidence(place: str) -> set[bytes]:
    """Every envelope that the ledger keeps."""
    question = "SELECT raw FROM envelopes WHERE raw IS NOT NULL UNION ALL SELECT raw FROM registrations"
    if place.startswith("postgresql:"):
        return {raw for (raw,) in ask(place, question)}  # type: ignore[misc]
    with closing(sqlite3.connect(place)) as database:
        return {raw for (raw,) in database.execute(question)}


async def recover(place: str, sent: list[bytes], done: list[bytes]) -> None:
    ledger = await SqlLedger.open(place, operator=OPERATOR, clock=SystemClock(), rules=RULES)
    market = Market(ledger, SystemClock())
    assert set(done) <= evidence(place), "everything that was answered is still there"
    for raw in [*done[-20:], *(raw for raw in sent if raw not in set(done))]:
        await ledger.submit(raw)  # nobody can know which of the unanswered ones were applied: send them again
    for task in await ledger.tasks(limit=500):
        for record in await ledger.parts(task.task):
            if not record.state.final:
                await finish(market, record)
    for task in await ledger.tasks(limit=500):
        assert task.state is TaskState.COMPLETED
        audit(await build(ledger, task.task), ledger=OPERATOR.node_id)
    assert all([(await ledger.account(owner)).locked_nano == 0 for owner in market.people])
    await ledger.close()


@pytest.mark.slow
@pytest.mark.parametrize("state", ["assigned", "delivered", "revealing", "valid"])
def test_nothing_is_lost_when_the_process_is_killed(place: str, state: str) -> None:
    sent, done = run_until_killed(place, state=state)
    asyncio.run(recover(place, sent, done))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_lost_when_the_process_is_killed_at_any_moment(place: str, seed: int) -> None:
    moment_s = random.Random(seed).uniform(0.0, 0.2)
    sent, done = run_until_killed(place, state="founded", then_s=moment_s)
    asyncio.run(recover(place, sent, done))
