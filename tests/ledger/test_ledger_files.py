"""The ledger's file: damaged, foreign, older, newer, full, read-only, shared. Every failure says what to do next."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ledger_market import CLIENT, OPERATOR, SPEECH, Market, task_id

from antiphon.clock import ManualClock
from antiphon.economy.types import DEFAULT_RULES, Role, Rules
from antiphon.errors import InputError, OutputError, StateError
from antiphon.ledger.records import PartState
from antiphon.ledger.sql import SqlLedger, files
from antiphon.ledger.sql.schema import APPLICATION_ID, MIGRATIONS, VERSION


async def opened(path: Path, rules: Rules = DEFAULT_RULES) -> Market:
    clock = ManualClock()
    return Market(await SqlLedger.open(path, operator=OPERATOR, clock=clock, rules=rules), clock)


async def test_what_is_not_a_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are my notes, and they are longer than a header.")
    with pytest.raises(StateError, match="not a ledger"):
        await opened(path)
    assert path.read_text().startswith("These are my notes")


async def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE songs (name TEXT)")
    with pytest.raises(StateError, match="another program's"):
        await opened(path)


async def test_a_newer_schema_asks_for_an_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await (await opened(path)).ledger.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StateError, match="Upgrade antiphon"):
        await opened(path)


async def test_an_older_schema_is_migrated_and_its_copy_kept(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(MIGRATIONS[0])
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
        db.execute("INSERT INTO locked VALUES ('somebody', 7)")
        db.commit()
    market = await opened(path)
    await market.fund(CLIENT, 5)
    await market.ledger.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == VERSION
        assert db.execute("SELECT node, nano FROM stake_history").fetchall() == [("somebody", 7)]
    with closing(sqlite3.connect(tmp_path / "ledger.db.v1.bak")) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == 1
        assert db.execute("SELECT nano FROM locked").fetchone()[0] == 7


async def test_a_damaged_file_is_noticed_when_opened(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    market = await opened(path)
    await market.found()
    await market.ledger.close()
    raw = bytearray(path.read_bytes())
    for start in range(4096, len(raw), 4096):
        raw[start : start + 64] = b"\xa5" * 64
    path.write_bytes(raw)
    with pytest.raises(StateError, match=r"damaged.*[Rr]estore a backup"):
        await opened(path)


async def test_a_file_cut_short_is_noticed_when_opened(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    market = await opened(path)
    await market.found()
    await market.ledger.close()
    path.write_bytes(path.read_bytes()[: 4096 * 3])
    with pytest.raises(StateError, match="damaged"):
        await opened(path)


async def test_money_changed_behind_the_ledgers_back_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    market = await opened(path)
    await market.fund(CLIENT)
    await market.ledger.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE accounts SET nano = nano + 1 WHERE name LIKE 'balance:%'")
        db.commit()
    with pytest.raises(StateError, match="accounts sum to 1"):
        await opened(path)


async def test_only_its_operator_opens_a_ledger(tmp_path: Path) -> None:
    await (await opened(tmp_path / "ledger.db")).ledger.close()
    with pytest.raises(StateError, match="its own key"):
        await SqlLedger.open(tmp_path / "ledger.db", operator=CLIENT, clock=ManualClock())


async def test_a_ledger_keeps_the_rules_it_was_created_with(tmp_path: Path) -> None:
    await (await opened(tmp_path / "ledger.db", Rules(seats=5))).ledger.close()
    market = await opened(tmp_path / "ledger.db", Rules(seats=1))
    assert isinstance(market.ledger, SqlLedger)
    assert market.ledger.rules.seats == 5
    await market.ledger.close()


async def test_a_full_disk_changes_nothing_and_work_goes_on_when_there_is_room(tmp_path: Path) -> None:
    market = await opened(tmp_path / "ledger.db")
    await market.found()
    ledger = market.ledger
    assert isinstance(ledger, SqlLedger)

    def limit(pages: int) -> None:
        ledger._writer._db.execute(f"PRAGMA max_page_count = {pages}")

    pages = ledger._writer._db.execute("PRAGMA page_count").fetchone()[0]
    limit(pages)
    before = await ledger.account(CLIENT.node_id)
    with pytest.raises(OutputError, match="Free disk space"):
        await market.open(task_id(1), units=[10] * 200)
    refused = market.last
    assert await ledger.account(CLIENT.node_id) == before
    with pytest.raises(InputError, match="no task"):
        await ledger.task(task_id(1))
    assert len(await ledger.offers(SPEECH, Role.PROCESSOR)) == 3
    limit(1_000_000)
    await ledger.submit(refused)
    assert (await ledger.part(task_id(1), 199)).state is PartState.ASSIGNED
    await ledger.close()


async def test_when_a_group_is_lost_only_the_operations_that_fail_alone_hear_of_it(tmp_path: Path) -> None:
    market = await opened(tmp_path / "ledger.db")
    await market.found()
    ledger = market.ledger
    assert isinstance(ledger, SqlLedger)
    pages = ledger._writer._db.execute("PRAGMA page_count").fetchone()[0]
    ledger._writer._db.execute(f"PRAGMA max_page_count = {pages + 2}")
    sizes = [1, 1_000, 1]
    results = await asyncio.gather(
        *(market.open(task_id(n), units=[1] * size) for n, size in enumerate(sizes)), return_exceptions=True
    )
    assert isinstance(results[1], OutputError)
    assert [task.task for task in await ledger.tasks()] == [task_id(n) for n in (2, 0) if results[n] is None]
    await ledger.close()


async def test_two_handles_on_one_file_see_each_others_work(tmp_path: Path) -> None:
    one, two = await opened(tmp_path / "ledger.db"), await opened(tmp_path / "ledger.db")
    await one.found()
    await two.open(task_id(1))
    waiting = asyncio.create_task(two.ledger.part(task_id(1), 0, newer_than=0, wait_s=25.0))
    await asyncio.sleep(0.3)
    await one.deliver(task_id(1), draws=False)
    assert (await asyncio.wait_for(waiting, 15)).state is PartState.DRAWING
    await two.draw(task_id(1))
    assert (await one.judge(task_id(1))).state is PartState.VALID
    await one.ledger.close()
    await two.ledger.close()


def readable_by_others(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if file.stat().st_mode & 0o077]


async def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    market = await opened(tmp_path / "ledger.db")
    await market.fund(CLIENT)
    assert readable_by_others(tmp_path) == []
    await market.ledger.close()


async def test_a_folder_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="is a folder"):
        await opened(tmp_path)


async def test_a_closed_ledger_says_so(tmp_path: Path) -> None:
    market = await opened(tmp_path / "ledger.db")
    await market.ledger.close()
    await market.ledger.close()
    with pytest.raises(StateError, match="closed"):
        await market.ledger.nodes()


def test_every_error_of_the_database_has_a_next_step(tmp_path: Path) -> None:
    for code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CORRUPT):
        error = sqlite3.OperationalError("it failed")
        error.sqlite_errorcode = code
        assert files.translate(error, tmp_path).hint
