"""What one client of the network API can take from the others, and from the disk; what is kept and what goes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from antiphon.errors import InputError
from antiphon.gateway.database import Storage
from antiphon.gateway.errors import ApiError
from antiphon.gateway.network import examples
from antiphon.gateway.network.bodies import Part, Task, Webhook
from antiphon.gateway.network.store import SCHEMA, Stored, TaskStore
from antiphon.gateway.network.streams import MAX_STREAMS, MAX_STREAMS_OF_KEY, Streams
from antiphon.gateway.network.webhook_store import WebhookStore

TASK = msgspec.convert(examples.TASK, Task)
PART = msgspec.convert(examples.PARTS["parts"][0], Part)


def test_one_key_leaves_streams_to_the_others() -> None:
    streams = Streams()
    with contextlib.ExitStack() as stack:
        for _ in range(MAX_STREAMS_OF_KEY):
            stack.enter_context(streams.one("a"))
        with pytest.raises(ApiError) as refused:
            stack.enter_context(streams.one("a"))
        assert refused.value.status == 429
        for _ in range(MAX_STREAMS - MAX_STREAMS_OF_KEY):
            stack.enter_context(streams.one(""))
        with pytest.raises(ApiError) as busy:
            stack.enter_context(streams.one("b"))
        assert busy.value.status == 503
    with streams.one("a"):
        pass


def test_old_tasks_are_forgotten_while_the_server_runs(storage: Storage) -> None:
    store = TaskStore(storage)
    now_ms = int(time.time() * 1000)
    for name, age_s in (("old", 4_000), ("new", 60)):
        task = msgspec.structs.replace(TASK, id=name, created_ms=now_ms - age_s * 1000)
        store.add(Stored(task=task, key="", body_sha256=b""), None)
        store.save(task, (), ended=True)
    assert store.sounding(3_600) == store.forget(3_600) == ["old"]
    assert store.find("", "old") is None
    assert store.find("", "new") is not None
    store.close()


def test_a_deleted_task_is_nowhere_in_the_files_and_its_idempotency_key_stays_used(tmp_path: Path) -> None:
    store = TaskStore(Storage(tmp_path))
    for number in range(200):
        task = msgspec.structs.replace(TASK, id=f"{number:032x}", title=f"secret number {number:03}", voice="whose")
        store.add(Stored(task=task, key="mine", body_sha256=b"digest"), f"key-{number}" if number % 2 else None)
        store.save(task, (PART,), ended=True, over=True)
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("api-tasks.db*"))
    assert kept.count(b"secret number 007") >= 1
    for number in range(0, 200, 7):
        store.delete("another", f"{number:032x}")
        assert store.find("mine", f"{number:032x}") is not None
        store.delete("mine", f"{number:032x}")
        assert store.find("mine", f"{number:032x}") is None
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("api-tasks.db*"))
    assert [number for number in range(200) if b"secret number %03d" % number not in kept] == list(range(0, 200, 7))
    assert len(store.page("mine", None, 300)) == 200 - 29
    gone = store.repeated("mine", "key-7")
    assert gone is not None
    assert (gone.deleted, gone.task.title, gone.parts, gone.body_sha256) == (True, "", (), b"")
    assert store.repeated("mine", "key-14") is None
    store.close()


def test_a_task_that_its_process_is_not_done_with_is_not_deleted_and_is_over_when_that_was_killed(
    storage: Storage,
) -> None:
    making, other = TaskStore(storage), TaskStore(storage)
    making.add(Stored(task=TASK, key="", body_sha256=b""), "once")
    cancelled = msgspec.structs.replace(TASK, state="cancelled")
    for told in (lambda: making.sync([(cancelled, ())]), lambda: making.save(cancelled, (), ended=True)):
        told()
        other.delete("", TASK.id)
        assert other.fail_lost(frozenset()) == []
        found = other.find("", TASK.id)
        assert found is not None, "its text would stay, and its sound come"
        assert not found.over
    assert making.fail_lost(frozenset()) == []  # as whoever finds a dead process's
    found = other.find("", TASK.id)
    assert found is not None
    assert (found.over, found.task) == (True, cancelled), "who follows it comes to its end"
    other.delete("", TASK.id)
    assert other.find("", TASK.id) is None
    making.close()
    other.close()


def test_tasks_of_the_version_before_are_brought_up_to_date(storage: Storage) -> None:
    file = storage.open(replace(SCHEMA, steps=SCHEMA.steps[:1]))
    row = (TASK.id, "", "owner", 1, 1, "once", b"digest", msgspec.json.encode(TASK).decode(), "[]")
    with file.transaction():
        file.execute("INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *row)
    file.close()
    store = TaskStore(storage)
    found = store.repeated("", "once")
    assert found is not None
    assert (found.task, found.deleted, found.over) == (TASK, False, True)
    store.silence(TASK.id)
    assert [task.sound for task in store.page("", None, 5)] == [False]
    store.close()


def test_what_a_store_cannot_hold_tells_a_client_nothing_of_the_store(storage: Storage) -> None:
    store, told = TaskStore(storage), ""
    try:
        assert store.find("", "\0") is None
    except InputError as error:  # PostgreSQL's text holds no NUL
        told = str(error)
    store.close()
    assert ("takes no such value" in told) is bool(storage.url)
    assert "postgres" not in told


async def test_a_key_has_so_many_webhooks_however_they_are_registered_at_once(storage: Storage) -> None:
    stores = [WebhookStore(storage) for _ in range(2)]
    made = [
        Webhook(id=f"{number:032x}", url="https://example.org", created_ms=number, secret="whsec_")
        for number in range(12)
    ]
    added = await asyncio.gather(*(stores[n % 2].add("key", one, 8) for n, one in enumerate(made)))
    assert sum(added) == len(await stores[0].of("key")) == 8
    for store in stores:
        await store.close()
