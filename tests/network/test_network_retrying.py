"""A ledger over HTTP that dies and comes back on the same port, under everything a node and a client do with it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from network_of import ScriptedEvaluator, ToneRunner, collect, say

from antiphon.client.client import Client, Job
from antiphon.clock import SystemClock
from antiphon.economy.types import NANO, Mode
from antiphon.errors import BusyError, InputError, UnreachableError
from antiphon.ledger.operations import Deposit, Selector
from antiphon.ledger.remote import LedgerService, RemoteLedger
from antiphon.ledger.retrying import RetryingLedger
from antiphon.ledger.sql import SqlLedger
from antiphon.network.funding import fund
from antiphon.nodes.node import Node
from antiphon.nodes.producer import Producer
from antiphon.nodes.validator import Validator
from antiphon.parties.actor import Actor, Context
from antiphon.protocol import Identity
from antiphon.transport import HttpTransport, Limits, Server, serve

SPEECH = Selector(service="speech", language="en-us", voice="tone")


class Flaky:
    """Fails so many times before it answers."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.left, self.asked = error, times, 0

    async def identity(self) -> str:
        self.asked += 1
        if self.left > 0:
            self.left -= 1
            raise self.error
        return "me"


@pytest.mark.parametrize("error", [UnreachableError("away"), BusyError("full", retry_after_s=9)])
async def test_what_passes_is_waited_for(error: Exception) -> None:
    flaky = Flaky(error, 3)
    assert await RetryingLedger(flaky).identity() == "me"  # type: ignore[arg-type]
    assert flaky.asked == 4


async def test_a_refusal_is_an_answer_and_not_asked_again() -> None:
    flaky = Flaky(InputError("no"), 1)
    with pytest.raises(InputError):
        await RetryingLedger(flaky).identity()  # type: ignore[arg-type]
    assert flaky.asked == 1


async def test_patience_ends() -> None:
    with pytest.raises(UnreachableError):
        await RetryingLedger(Flaky(UnreachableError("gone"), 1_000), patience_s=0.3).identity()  # type: ignore[arg-type]


class Host:
    """A served ledger that can be stopped without a goodbye and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "ledger.db"
        self.operator = Identity.generate()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.store: SqlLedger | None = None
        self.server: Server | None = None

    async def start(self) -> None:
        self.store = await SqlLedger.open(self.file, operator=self.operator, clock=SystemClock())
        self.server = await serve(
            LedgerService(self.store, self.operator).handle, port=self.port, limits=Limits(concurrent=1000)
        )

    async def stop(self) -> None:
        assert self.server is not None
        assert self.store is not None
        await self.server.stop()
        await self.store.close()


@asynccontextmanager
async def http_world(folder: Path) -> AsyncIterator[tuple[Host, Client, list[Node]]]:
    """Ledger, two producers, three validators and a client, all over HTTP."""
    host = Host(folder)
    await host.start()
    servers: list[Server] = []
    nodes: list[Node] = []
    async with HttpTransport(allow_private=True) as transport:
        remote = RemoteLedger(lambda url, raw, s: transport.request(url, raw, deadline_s=s), host.url)
        ledger = RetryingLedger(remote)

        def context() -> Context:
            return Context(Identity.generate(), ledger, transport, SystemClock())

        bank = Actor(Context(host.operator, ledger, transport, SystemClock()))
        nodes += [Producer(context(), ToneRunner()) for _ in range(2)]
        nodes += [Validator(context(), ScriptedEvaluator(), 15_000) for _ in range(3)]
        for node in nodes:
            servers.append(await serve(node.handle))
            await fund(bank, node, 100 * NANO)
            await node.start(servers[-1].endpoint)
        client = Client(context())
        await bank.submit(Deposit(account=client.node_id, amount_nano=100 * NANO))
        try:
            yield host, client, nodes
        finally:
            await asyncio.gather(*(node.stop() for node in nodes))
            await asyncio.gather(*(server.stop() for server in servers))
    await host.stop()


async def test_jobs_in_both_modes_over_http_end_with_a_receipt(tmp_path: Path) -> None:
    async with http_world(tmp_path) as (_, client, _nodes):
        for mode in (Mode.VERIFIED, Mode.STREAM):
            _, (closed,) = await collect(client, Job(say("Over real sockets.", "And again."), SPEECH, mode=mode))
            assert str(closed.task.state) == "completed"


async def test_a_job_outlives_its_ledger_whenever_that_restarts(tmp_path: Path) -> None:
    async with http_world(tmp_path) as (host, client, nodes):
        for delay_s in (0.01, 0.06):
            job = asyncio.create_task(collect(client, Job(say(*(f"Sentence {n}." for n in range(6))), SPEECH)))
            await asyncio.sleep(delay_s)
            await host.stop()
            await asyncio.sleep(0.1)
            await host.start()
            async with asyncio.timeout(300):
                _, (closed,) = await job
            assert str(closed.task.state) == "completed"
        async with asyncio.timeout(60):
            await asyncio.gather(*(node.drain() for node in nodes))
        assert (await client.context.ledger.account(client.node_id)).escrow_nano == 0


async def test_a_busy_producer_over_http_says_so_and_the_client_comes_again(tmp_path: Path) -> None:
    async with http_world(tmp_path) as (_, client, nodes):
        for node in nodes[:2]:
            assert isinstance(node, Producer)
            node._limit = 1
        _, (closed,) = await collect(client, Job(say(*(f"Sentence {n}." for n in range(8))), SPEECH))
        assert str(closed.task.state) == "completed"


async def test_leaving_over_http_ends_at_once_and_frees_the_producer(tmp_path: Path) -> None:
    async with http_world(tmp_path) as (_, client, nodes):
        for wait_s in (0.0, 0.005, 0.02, 0.05):
            job = asyncio.create_task(collect(client, Job(say("One.", "Two.", "Three."), SPEECH, mode=Mode.STREAM)))
            await asyncio.sleep(wait_s)
            job.cancel()
            async with asyncio.timeout(15):
                await asyncio.gather(job, return_exceptions=True)
        async with asyncio.timeout(15):
            await asyncio.gather(*(node.drain() for node in nodes))
        assert not any(getattr(node, "_taken", None) for node in nodes)
        assert (await client.context.ledger.account(client.node_id)).escrow_nano == 0
