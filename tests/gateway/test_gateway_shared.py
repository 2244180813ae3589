"""One server, and two behind one store: tasks, budgets and places are the same from whichever is asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from postgres_server import PostgresServer
from up_server import ended, up

import antiphon
from antiphon.gateway.app import application
from antiphon.gateway.database import Storage
from antiphon.gateway.errors import ApiError
from antiphon.gateway.guard import Access
from antiphon.gateway.keyring import Keyring
from antiphon.gateway.keys import KeyStore
from antiphon.gateway.orders import reservation_nano
from antiphon.gateway.serving import serving
from antiphon.gateway.shared_turns import SharedTurns
from antiphon.gateway.turn_store import SCHEMA

SPEECH = {"service": "speech", "text": "One server is asked. Another one tells.", "voice": "hibari", "seed": 1}
LONG = SPEECH | {"text": " ".join(f"This is sentence number {number} of a long text." for number in range(1, 61))}


@dataclass(frozen=True, slots=True)
class Servers:
    """Clients of the first and the last of them."""

    first: httpx.AsyncClient
    last: httpx.AsyncClient


@contextlib.asynccontextmanager
async def servers(count: int, storage: Storage, network: antiphon.AsyncNetwork, secret: str) -> AsyncIterator[Servers]:
    async with contextlib.AsyncExitStack() as stack:
        clients = []
        for _ in range(count):
            keyring = await stack.enter_async_context(Keyring.opened(storage))
            turns = await stack.enter_async_context(SharedTurns.opened(storage))
            made = application(network, Access.of(), keyring=keyring, storage=storage, shared=turns)
            url = await stack.enter_async_context(serving(await stack.enter_async_context(made)))
            headers = {"authorization": f"Bearer {secret}"}
            client = httpx.AsyncClient(base_url=url, headers=headers, timeout=120)
            clients.append(await stack.enter_async_context(client))
        yield Servers(clients[0], clients[-1])


@contextlib.contextmanager
def keys(storage: Storage) -> Iterator[KeyStore]:
    store = KeyStore(storage)
    try:
        yield store
    finally:
        store.close()


async def events(client: httpx.AsyncClient, task: str) -> list[tuple[str, dict[str, Any]]]:
    found, name = [], ""
    async with client.stream("GET", f"/api/v1/tasks/{task}/events") as answer:
        async for line in answer.aiter_lines():
            kind, _, value = line.partition(": ")
            if kind == "event":
                name = value
            elif kind == "data":
                found.append((name, json.loads(value)))
    return found


async def sound(client: httpx.AsyncClient, task: str) -> bytes:
    return (await client.get(f"/api/v1/tasks/{task}/sound", params={"format": "pcm"})).content


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2])
async def test_a_task_is_followed_heard_repeated_and_cancelled_at_any_server(count: int, storage: Storage) -> None:
    with keys(storage) as store:
        secret = store.create("anybody", budget_nano=10**10, per_minute=10_000)[1]
    async with (
        antiphon.AsyncNetwork(storage.home / "home") as network,
        servers(count, storage, network, secret) as asked,
    ):
        headers = {"idempotency-key": "once"}
        made = await asyncio.gather(
            *(one.post("/api/v1/tasks", json=SPEECH, headers=headers) for one in (asked.first, asked.last) * 3)
        )
        assert sorted(answer.status_code for answer in made) == [200] * 5 + [201]
        (task,) = {answer.json()["id"] for answer in made}
        told, other, heard, again = await asyncio.gather(
            events(asked.first, task), events(asked.last, task), sound(asked.first, task), sound(asked.last, task)
        )
        assert told[-1] == other[-1]
        assert (told[-1][0], told[-1][1]["state"], told[-1][1]["paid_final"]) == ("end", "completed", True)
        assert heard == again == await sound(asked.last, task)
        assert len(heard) == round(told[-1][1]["seconds"] * 24_000) * 2
        for one in (asked.first, asked.last):
            parts = (await one.get(f"/api/v1/tasks/{task}/parts")).json()["parts"]
            assert {part["state"] for part in parts} == {"valid"}
            assert [part for name, part in other if name == "part"][-1] in parts
        long = (await asked.first.post("/api/v1/tasks", json=LONG)).json()["id"]
        async with asked.last.stream("GET", f"/api/v1/tasks/{long}/sound", params={"format": "pcm"}) as answer:
            pieces = answer.aiter_raw()
            await anext(pieces)
            refused = await asked.last.delete(f"/api/v1/tasks/{long}")
            assert refused.json()["error"]["code"] == "task_under_way"
            async with asyncio.timeout(120):
                while not (ending := (await asked.last.post(f"/api/v1/tasks/{long}/cancel")).json())["ended_ms"]:
                    pass  # it waits by itself
            assert ending["state"] == "cancelled"
            with pytest.raises(httpx.RemoteProtocolError):
                _ = [piece async for piece in pieces]
        done = (await events(asked.last, long))[-1][1]
        assert done["paid_nano"] < done["max_nano"] / 2
        assert (await asked.last.delete(f"/api/v1/tasks/{task}")).json()["deleted"]
        assert (await asked.first.get(f"/api/v1/tasks/{task}")).status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2])
async def test_a_budget_is_kept_by_all_servers_together(count: int, storage: Storage) -> None:
    asked = {"model": "tts-1", "voice": "hibari", "input": SPEECH["text"], "response_format": "pcm"}
    async with antiphon.AsyncNetwork(storage.home / "home") as network:
        price = reservation_nano(await network.price_nano(antiphon.Say(text=str(SPEECH["text"]), voice="hibari")))
        with keys(storage) as store:
            key, secret = store.create("two", budget_nano=2 * price)
            before = await network.balance_nano()
            async with servers(count, storage, network, secret) as both:
                clients = (both.first, both.last, both.first, both.last)
                answers = await asyncio.gather(*(one.post("/v1/audio/speech", json=asked) for one in clients))
                assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429]
                async with asyncio.timeout(120):
                    while store.usage(key).held_nano:  # noqa: ASYNC110 - it is another's
                        await asyncio.sleep(0.05)
            assert store.usage(key).paid_nano == before - await network.balance_nano() > 0


async def test_places_are_shared_and_keys_take_turns(storage: Storage) -> None:
    came: list[str] = []

    async def order(turns: SharedTurns, whose: str) -> None:
        async with turns.turn(whose):
            came.append(whose)
            await asyncio.sleep(0)

    async with (
        SharedTurns.opened(storage, places=1, waiting=8, wait_s=60) as one,
        SharedTurns.opened(storage, places=1, waiting=8, wait_s=60) as two,
    ):
        async with one.turn("first"):
            waiting = []
            for turns, whose in ((two, "a"), (one, "a"), (two, "b")):
                waiting.append(asyncio.create_task(order(turns, whose)))
                await queued(storage, len(waiting))
            with pytest.raises(ApiError) as refused:
                await order(two, "a")
            assert refused.value.status == 429
            leaving = asyncio.create_task(order(one, "c"))
            await queued(storage, 4)
            leaving.cancel()
            await queued(storage, 3)
            assert came == []
        await asyncio.gather(*waiting)
        assert came == ["a", "b", "a"]


async def queued(storage: Storage, count: int) -> None:
    """Until so many wait."""
    looking = storage.open(SCHEMA)
    async with asyncio.timeout(60):
        while True:
            with looking.translated():
                if looking.one("SELECT count(*) FROM turns WHERE placed = 0")[0] == count:
                    break
            await asyncio.sleep(0.01)
    looking.close()


@pytest.mark.slow
async def test_a_store_that_goes_away_and_comes_back_loses_no_task(tmp_path: Path) -> None:
    server = await asyncio.to_thread(PostgresServer)
    try:
        storage = Storage(tmp_path, server.new())
        with keys(storage) as store:
            secret = store.create("anybody", budget_nano=10**10, per_minute=10_000)[1]
        async with (
            antiphon.AsyncNetwork(tmp_path / "home") as network,
            servers(1, storage, network, secret) as asked,
        ):
            before = await network.balance_nano()
            task = (await asked.first.post("/api/v1/tasks", json=SPEECH)).json()["id"]
            await asyncio.to_thread(server.stop)
            for answer in (
                await asked.first.post("/api/v1/tasks", json=SPEECH),
                await asked.first.get(f"/api/v1/tasks/{task}"),
                await asked.first.get("/v1/usage"),
            ):
                assert (answer.status_code, answer.json()["error"]["code"]) == (503, "busy")
                assert int(answer.headers["retry-after"]) >= 1
                assert str(server.port) not in answer.text
            await asyncio.sleep(2)
            await asyncio.to_thread(server.start)
            end = (await events(asked.first, task))[-1]
            assert end[0] == "end"
            assert end[1]["state"] == "completed", end
            async with asyncio.timeout(120):
                while (usage := (await asked.first.get("/v1/usage")).json())["reserved_nano"]:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            assert usage["paid_nano"] == end[1]["paid_nano"] == before - await network.balance_nano()
            assert len((await asked.first.get("/api/v1/tasks")).json()["tasks"]) == 1
    finally:
        server.remove()


def process_of(client: httpx.Client, parent: int) -> int:
    """The child at the other end of the client's one connection."""
    (connection,) = client._transport._pool.connections  # type: ignore[attr-defined]
    port = connection._connection._network_stream.get_extra_info("client_addr")[1]
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    (inode,) = (row[9] for row in rows if int(row[2].partition(":")[2], 16) == port)
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    for child in children:
        for file in Path(f"/proc/{child}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if str(file.readlink()) == f"socket:[{inode}]":
                    return int(child)
    raise AssertionError(children)


@pytest.mark.slow
def test_a_killed_process_of_several_is_started_again_and_its_task_has_failed(tmp_path: Path) -> None:
    headers = {"idempotency-key": "once"}
    with up(tmp_path / "home", "--processes", "2") as server:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            before = client.post("/api/v1/quotes", json=SPEECH).json()["balance_nano"]
            task = client.post("/api/v1/tasks", json=LONG, headers=headers).json()["id"]
            while client.get(f"/api/v1/tasks/{task}").json()["seconds"] < 1:
                time.sleep(0.05)
            os.kill(process_of(client, server.process.pid), 9)
        with httpx.Client(base_url=server.url, timeout=60) as client:
            end_s = time.monotonic() + 120
            while not (failed := client.get(f"/api/v1/tasks/{task}").json())["ended_ms"]:
                assert time.monotonic() < end_s, failed
                time.sleep(0.1)
            assert (failed["state"], failed["error"]["code"]) == ("failed", "server_stopped")
            again = client.post("/api/v1/tasks", json=LONG, headers=headers)
            assert (again.status_code, again.json()["id"]) == (200, task)
            done = ended(client, client.post("/api/v1/tasks", json=SPEECH).json()["id"])
            assert done["state"] == "completed"
            left = client.post("/api/v1/quotes", json=SPEECH).json()["balance_nano"]
            assert done["paid_nano"] <= before - left <= done["paid_nano"] + failed["max_nano"]
        end_s = time.monotonic() + 240
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
        while len(children.read_text().split()) < 2:
            assert time.monotonic() < end_s
            time.sleep(0.1)
        server.end()
