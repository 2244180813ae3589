"""The ledger's database on a real PostgreSQL server: gone and back, shared, foreign, full, and names that are wrong."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from ledger_market import CLIENT, OPERATOR, VALID, Market, committed, seated, task_id
from postgres_server import PASSWORD, PostgresServer, ask, running

from antiphon.clock import ManualClock
from antiphon.economy import accounts
from antiphon.economy.types import DEFAULT_RULES, Rules
from antiphon.errors import (
    AntiphonError,
    BusyError,
    InputError,
    ModelError,
    OutputError,
    StateError,
    UnreachableError,
)
from antiphon.ledger.book import EMPTY, extend
from antiphon.ledger.operations import Deposit
from antiphon.ledger.queries import ReadAccount
from antiphon.ledger.receipts import audit, build
from antiphon.ledger.records import PartState
from antiphon.ledger.remote import LedgerService, RemoteLedger
from antiphon.ledger.retrying import RetryingLedger
from antiphon.ledger.sql import SqlLedger, book, mirror
from antiphon.ledger.sql import postgres as backend
from antiphon.ledger.sql.schema import APPLICATION_ID, MIGRATIONS, VERSION
from antiphon.postgres import dialect


async def opened(url: str, rules: Rules = DEFAULT_RULES, *, create: bool = True) -> Market:
    clock = ManualClock()
    return Market(await SqlLedger.open(url, operator=OPERATOR, clock=clock, rules=rules, create=create), clock)


@pytest.fixture
async def market(postgres: PostgresServer) -> AsyncIterator[Market]:
    market = await opened(postgres.new())
    await market.found()
    yield market
    await market.ledger.close()


@pytest.fixture(scope="module")
def second() -> Iterator[PostgresServer]:
    with running() as server:
        yield server


@pytest.fixture
def own(second: PostgresServer) -> PostgresServer:
    """A server that a test may end."""
    second.start()
    return second


async def balance(market: Market) -> int:
    return (await market.ledger.account(CLIENT.node_id)).balance_nano


async def test_a_restarted_server_is_found_again_and_nothing_is_lost(own: PostgresServer) -> None:
    market = await opened(own.new())
    await market.found()
    await market.open(task_id(1))
    own.stop()
    with pytest.raises(UnreachableError, match="counts once"):
        await market.fund(CLIENT, 5)
    unanswered = market.last
    with pytest.raises(UnreachableError, match="cannot be reached"):
        await market.ledger.account(CLIENT.node_id)
    own.start()
    before = await balance(market)
    await market.ledger.submit(unanswered)
    await market.ledger.submit(unanswered)
    assert await balance(market) == before + 5
    await market.deliver(task_id(1))
    assert (await market.judge(task_id(1))).state is PartState.VALID
    await market.ledger.close()


async def test_a_restart_between_two_operations_is_not_even_noticed(own: PostgresServer) -> None:
    market = await opened(own.new())
    await market.found()
    before = await balance(market)
    own.stop()
    own.start()
    await market.fund(CLIENT, 5)
    assert await balance(market) == before + 5
    await market.ledger.close()


async def test_a_server_that_crashes_under_load_loses_nothing_and_counts_nothing_twice(own: PostgresServer) -> None:
    market = await opened(own.new())
    await market.found()
    before = await balance(market)
    patient = RetryingLedger(market.ledger)
    deposits = [market.sign(OPERATOR, Deposit(account=CLIENT.node_id, amount_nano=1)) for _ in range(600)]
    crashed = threading.Event()
    crash = threading.Timer(0.15, lambda: (own.stop(signal.SIGQUIT), crashed.set(), own.start()))
    crash.start()
    for start in range(0, 600, 20):
        await asyncio.gather(*map(patient.submit, deposits[start : start + 20]))
    assert crashed.is_set(), "it crashed under load"
    await asyncio.to_thread(crash.join)
    await asyncio.gather(*map(patient.submit, deposits))
    assert await balance(market) == before + 600
    await market.ledger.close()


async def test_a_long_poll_goes_on_over_a_restart(own: PostgresServer) -> None:
    market = await opened(own.new())
    await market.found()
    await market.open(task_id(1))
    waiting = asyncio.create_task(market.ledger.part(task_id(1), 0, newer_than=0, wait_s=20.0))
    await asyncio.sleep(0.3)
    await asyncio.to_thread(own.stop)
    await asyncio.sleep(0.3)
    await asyncio.to_thread(own.start)
    await market.deliver(task_id(1), draws=False)
    assert (await asyncio.wait_for(waiting, 15)).state is PartState.DRAWING
    await market.ledger.close()


async def test_two_processes_on_one_database_take_turns_and_hear_of_each_other(postgres: PostgresServer) -> None:
    url = postgres.new()
    one, two = await opened(url), await opened(url)
    await one.found()
    deposits = [one.sign(OPERATOR, Deposit(account=CLIENT.node_id, amount_nano=1)) for _ in range(40)]
    before = await balance(one)
    await asyncio.gather(*(m.ledger.submit(raw) for m in (one, two) for raw in deposits))
    assert await balance(one) == await balance(two) == before + 40
    await two.open(task_id(1))
    waiting = asyncio.create_task(two.ledger.part(task_id(1), 0, newer_than=0, wait_s=25.0))
    await asyncio.sleep(0.3)
    await one.deliver(task_id(1), draws=False)
    assert (await asyncio.wait_for(waiting, 15)).state is PartState.DRAWING
    await two.draw(task_id(1))
    assert (await one.judge(task_id(1))).state is PartState.VALID
    await one.ledger.close()
    await two.ledger.close()


async def test_a_task_ends_paid_through_the_ledgers_service(market: Market) -> None:
    service = LedgerService(market.ledger, OPERATOR)
    client = RemoteLedger(lambda _, message, __: service.handle(message), "inproc:ledger", clock=market.clock)
    far = Market(client, market.clock)
    await far.open(task_id(1))
    record = await far.deliver(task_id(1))
    for who in seated(record):
        await far.do(who, committed(record, who, VALID))
    for who in seated(record):
        await far.reveal(task_id(1), 0, who, VALID)
    audit(await build(client, task_id(1)), ledger=OPERATOR.node_id)


async def test_another_process_that_keeps_the_lock_is_told_as_busy(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "LOCK_MS", 100)
    url = postgres.new()
    market = await opened(url)
    with psycopg.connect(url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (APPLICATION_ID,))
        with pytest.raises(BusyError, match="Retry"):
            await market.fund(CLIENT, 5)
    await market.ledger.submit(market.last)
    assert await balance(market) == 5
    await market.ledger.close()


@pytest.mark.parametrize(
    ("state", "kind", "hint"),
    [
        ("53100", OutputError, "Free disk space"),
        ("25006", OutputError, "primary server"),
        ("53200", BusyError, "Retry"),
        ("23514", StateError, "Report this"),
    ],
)
async def test_what_the_server_refuses_changes_nothing_and_says_what_to_do(
    postgres: PostgresServer, state: str, kind: type[AntiphonError], hint: str
) -> None:
    """The server itself raises the state, by a trigger."""
    url = postgres.new()
    market = await opened(url)
    await market.fund(CLIENT, 5)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'it is refused' USING ERRCODE = '{state}'; END $$"
        )
        db.execute("CREATE TRIGGER refuse BEFORE INSERT ON transfers FOR EACH ROW EXECUTE FUNCTION refuse()")
    with pytest.raises(kind, match=f"it is refused.*{hint}"):
        await market.fund(CLIENT, 7)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("DROP TRIGGER refuse ON transfers")
    assert await balance(market) == 5
    await market.ledger.submit(market.last)
    assert await balance(market) == 12
    await market.ledger.close()


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """60 MB that everybody may fill. Skips where nobody may mount one."""
    folder = Path(tempfile.mkdtemp(prefix="antiphon-disk-"))
    command = ["mount", "-t", "tmpfs", "-o", "size=60m,mode=0777", "tmpfs", folder]
    if os.geteuid() or subprocess.run(command, check=False).returncode:
        folder.rmdir()
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
    folder.rmdir()


def fill(file: Path) -> None:
    """Until the disk is full."""
    filler = os.open(file, os.O_CREAT | os.O_WRONLY)
    with suppress(OSError):
        while True:
            os.write(filler, bytes(4_096))
    os.close(filler)
    assert not shutil.disk_usage(file.parent).free


async def test_a_full_disk_changes_nothing_and_work_goes_on_when_there_is_room(small_disk: Path) -> None:
    with running() as server:
        tables = small_disk / "tables"
        tables.mkdir()
        shutil.chown(tables, "nobody")
        server.do(f"CREATE TABLESPACE small LOCATION '{tables}'")
        market = await opened(server.new() + "%20-cdefault_tablespace%3Dsmall")
        await market.found()
        before = await balance(market)
        fill(small_disk / "filler")
        with pytest.raises(OutputError, match="Free disk space on the server"):
            await market.open(task_id(1), units=[10] * 400)
        assert await balance(market) == before
        (small_disk / "filler").unlink()
        await market.ledger.submit(market.last)
        assert (await market.ledger.part(task_id(1), 399)).state is PartState.ASSIGNED
        await market.ledger.close()


async def test_a_text_that_postgres_cannot_hold_is_refused_and_stops_nobody(market: Market) -> None:
    with pytest.raises(InputError, match="cannot be stored"):
        await market.ledger.read(ReadAccount(owner="a\0b"))
    await market.fund(CLIENT, 5)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda url: url.replace("postgres@", f"reader:wrong{PASSWORD[:3]}@"), "does not let us in.*PGPASSWORD"),
        (lambda url: url.replace("postgres@", "reader@"), "does not let us in.*PGPASSWORD"),
        (lambda url: url.replace("postgres@", "nobody@"), "does not let us in"),
        (lambda url: url.replace("/postgres?", "/missing?"), "does not exist.*createdb"),
        (lambda _: "postgresql://postgres@127.0.0.1:1/ledger", "cannot be reached.*Start the server"),
        (lambda url: url.replace("postgres@", f"reader:{PASSWORD}@"), "cannot be read.*%40"),
        (lambda url: url.replace("postgres@", "reader:12/s3cr3t@"), "cannot be read"),
        (lambda url: url.replace("postgres@", "reader:s3cr3t%zz@"), "cannot be read"),
    ],
)
async def test_what_a_url_gets_wrong_is_told_without_its_password(
    postgres: PostgresServer, change, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    postgres.do(f"DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
    caplog.set_level(logging.DEBUG)
    with pytest.raises((InputError, UnreachableError), match=told) as failed:
        await opened(change(postgres.new()))
    chain: BaseException | None = failed.value
    while chain is not None:
        assert "s3cr3t" not in f"{chain} {chain!r}"
        chain = chain.__cause__
    assert "s3cr3t" not in caplog.text


async def test_a_password_with_signs_works_where_it_is_escaped_or_in_the_environment(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.do(f"DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
    url = postgres.new()
    escaped = PASSWORD.replace("/", "%2F").replace("@", "%40")
    market = await opened(url.replace("postgres@", f"reader:{escaped}@"))
    assert isinstance(market.ledger, SqlLedger)
    assert market.ledger._database.name == postgres.url("postgres", user="reader")
    await market.ledger.close()
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    await (await opened(url.replace("postgres@", "reader@"))).ledger.close()


async def test_another_programs_database_is_refused_and_left_alone(postgres: PostgresServer) -> None:
    url = postgres.new()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("CREATE TABLE songs (name TEXT)")
    with pytest.raises(StateError, match="another program's"):
        await opened(url)
    assert ask(url, "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()") == [("songs",)]


async def test_a_database_without_text_as_utf_8_is_refused(postgres: PostgresServer) -> None:
    postgres.do("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StateError, match=r"LATIN1.*createdb"):
        await opened(postgres.url("latin"))


async def test_an_empty_database_is_no_lost_ledgers_place(postgres: PostgresServer) -> None:
    url = postgres.new()
    with pytest.raises(StateError, match=r"holds no ledger.*backup"):
        await opened(url, create=False)
    await (await opened(url)).ledger.close()
    await (await opened(url, create=False)).ledger.close()


async def test_only_its_operator_opens_a_ledger_and_it_keeps_its_rules(postgres: PostgresServer) -> None:
    url = postgres.new()
    await (await opened(url, Rules(seats=5))).ledger.close()
    with pytest.raises(StateError, match="its own key"):
        await SqlLedger.open(url, operator=CLIENT, clock=ManualClock())
    market = await opened(url, Rules(seats=1))
    assert isinstance(market.ledger, SqlLedger)
    assert market.ledger.rules.seats == 5
    await market.ledger.close()


async def test_an_older_schema_is_migrated_and_a_newer_one_asks_for_an_upgrade(postgres: PostgresServer) -> None:
    url = postgres.new()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(dialect.migration(MIGRATIONS[0]))
        db.execute("CREATE TABLE antiphon_schema (version BIGINT NOT NULL)")
        db.execute("INSERT INTO antiphon_schema VALUES (1)")
        db.execute("INSERT INTO locked VALUES ('somebody', 7)")
    await (await opened(url)).ledger.close()
    assert ask(url, "SELECT version FROM antiphon_schema") == [(VERSION,)]
    assert ask(url, "SELECT node, nano FROM stake_history") == [("somebody", 7)]
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("UPDATE antiphon_schema SET version = version + 1")
    with pytest.raises(StateError, match="Upgrade antiphon"):
        await opened(url)


async def test_money_changed_behind_the_ledgers_back_is_noticed(postgres: PostgresServer) -> None:
    url = postgres.new()
    market = await opened(url)
    await market.fund(CLIENT)
    await market.ledger.close()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("UPDATE accounts SET nano = nano + 1 WHERE name LIKE 'balance:%'")
    with pytest.raises(StateError, match="accounts sum to 1"):
        await opened(url)


async def test_text_is_compared_by_its_bytes_whatever_the_databases_language(postgres: PostgresServer) -> None:
    url = postgres.new()
    await (await opened(url)).ledger.close()
    found = ask(
        url,
        "SELECT DISTINCT collation_name FROM information_schema.columns WHERE data_type = 'text' "
        "AND table_schema = current_schema() AND table_name <> 'sqlite_sequence'",
    )
    assert found == [("C",)]


async def test_a_relays_mirror_and_book_are_kept_there_too(market: Market) -> None:
    ledger = market.ledger
    assert isinstance(ledger, SqlLedger)
    account = accounts.balance(CLIENT.node_id)
    before = await balance(market)
    for nano in (7, 7, 3):
        await ledger.write(lambda s, nano=nano: mirror.put(s.db, "session:1:9", account, nano, at_ms=0))
        assert await balance(market) == before + nano
    assert await ledger.write(lambda s: mirror.applied(s.db, "session:")) == {"session:1:9": (account, 3)}
    assert await ledger.write(lambda s: mirror.applied(s.db, "session:2")) == {}
    await ledger.write(lambda s: book.write(s.db))
    entries, place, digest = await ledger.write(lambda s: book.page(s.db, 0, 1_000))
    assert place == len(entries) > 10
    assert digest == extend(EMPTY, entries)
    assert await ledger.write(lambda s: book.page(s.db, place, 5)) == ((), place, digest)


async def test_without_psycopg_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("antiphon.ledger.sql.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ModelError, match=r"antiphon\[postgres\]"):
        await opened("postgresql://postgres@127.0.0.1:1/ledger")
