"""kill -9 of a node over a relay in every state of a task: the task ends well, nothing is lost, nothing paid twice."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest
from conformance import RULES
from evm_anvil import Anvil
from ledger_market import CLIENT, OPERATOR, SPEECH, party
from network_of import ScriptedEvaluator, ToneRunner, collect, say
from relay_market import RelayMarket, chain_secret, open_relay

from antiphon.client.client import Client, Job
from antiphon.clock import SystemClock
from antiphon.economy.types import Role
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.expiry import run_expiry
from antiphon.ledger.receipts import audit, build
from antiphon.ledger.records import PartState, TaskState
from antiphon.ledger.relay.ledger import RelayLedger
from antiphon.ledger.relay.watch import WatchedLedger
from antiphon.ledger.remote import LedgerService, RemoteLedger
from antiphon.ledger.retrying import RetryingLedger
from antiphon.nodes.node import Node
from antiphon.nodes.producer import Producer
from antiphon.nodes.validator import Validator
from antiphon.parties.actor import Context
from antiphon.protocol import keystore
from antiphon.transport import HttpTransport, serve

HERE = Path(__file__).parent
SHORT = msgspec.structs.replace(RULES, deliver_s=20, draw_s=20, commit_s=8, reveal_s=8, audit_ppm=0)
"""What a dead node holds up ends soon; the living have time enough on a busy machine."""
PATIENCE_S = 120.0
NODES = {"producer 0": Role.PROCESSOR, "producer 1": Role.PROCESSOR} | {
    f"validator {i}": Role.VALIDATOR for i in range(3)
}
KILLS = {
    "assigned": ("producer 0", "before", "Deliver"),
    "drawing": ("producer 0", "after", "Deliver"),
    "delivered": ("validator 0", "before", "Commit"),
    "committed": ("validator 0", "after", "Commit"),
    "revealing": ("validator 0", "before", "Reveal"),
    "revealed": ("validator 0", "after", "Reveal"),
}


class World:
    """A relay and all nodes but one, over HTTP in this process, and a client that watches the relay."""

    def __init__(self, relay: RelayLedger, watched: WatchedLedger, client: Client, command: list[str]) -> None:
        self.relay, self.watched, self.client, self._command = relay, watched, client, command
        self._log = Path(command[4]) / "victim.log"
        self._process: Process | None = None

    async def start(self, name: str, *kill: str) -> Process:
        """The node that is missing, as a process; it kills itself at `kill`."""
        paths = [HERE, HERE.parent, HERE.parents[1] / "network", HERE.parent / "evm", os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
        words = [*self._command, name, NODES[name].value, chain_secret(name), *kill]
        with self._log.open("wb") as log:
            process = await asyncio.create_subprocess_exec(*words, stdout=log, stderr=log, env=environment)
        self._process = process
        while b" at http" not in self._log.read_bytes():
            assert process.returncode is None, self._log.read_text()
            await asyncio.sleep(0.05)
        return process

    def close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def money(self) -> int:
        """Everything that anybody has, and what was burnt."""
        owners = [CLIENT.node_id, *(party(name).node_id for name in NODES)]
        accounts = [await self.relay.account(owner) for owner in owners]
        held = sum(one.balance_nano + one.stake_nano + one.escrow_nano for one in accounts)
        return held + (await self.relay.supply()).burnt_nano

    async def order(self) -> None:
        _, (closed,) = await collect(self.client, Job(say("One.", "Two."), SPEECH))
        assert closed.task.state is TaskState.COMPLETED


async def _background(stack: AsyncExitStack, relay: RelayLedger) -> None:
    async def follow() -> None:
        while True:
            await relay.follow()
            await asyncio.sleep(0.2)

    for work in (asyncio.create_task(follow()), asyncio.create_task(run_expiry(relay))):
        stack.callback(work.cancel)


@pytest.fixture
async def world(founded: Anvil, chain: tuple[ChainFile, Path], tmp_path: Path, state: str) -> AsyncIterator[World]:
    clock, victim = SystemClock(), KILLS[state][0]
    async with AsyncExitStack() as stack:
        relay, rpc = await open_relay(founded.url, chain[0], tmp_path, clock, rules=SHORT)
        stack.push_async_callback(rpc.close)
        stack.push_async_callback(relay.close)
        transport = HttpTransport(allow_private=True)
        stack.push_async_callback(transport.close)
        await RelayMarket(relay, clock).claim(1)
        server = await serve(LedgerService(relay, OPERATOR).handle, "127.0.0.1", 0)
        stack.push_async_callback(server.stop)
        await _background(stack, relay)
        for name, role in NODES.items():
            if name == victim:
                keystore._create(tmp_path / "keys" / f"{name}.key", party(name))
                continue
            context = Context(party(name), relay, transport, clock)
            node: Node = Validator(context, ScriptedEvaluator(), 15_000, weighs=False)
            if role is Role.PROCESSOR:
                node = Producer(context, ToneRunner())
            served = await serve(node.handle, "127.0.0.1", 0)
            stack.push_async_callback(served.stop)
            await node.start(served.endpoint)
            stack.push_async_callback(node.stop)
        url = server.endpoint
        remote = RemoteLedger(lambda to, raw, s: transport.request(to, raw, deadline_s=s), url, ledger=OPERATOR.node_id)
        watched = WatchedLedger(RetryingLedger(remote), relay._facts, tmp_path / "head.json")
        client = Client(Context(CLIENT, watched, transport, clock))
        command = [sys.executable, str(HERE / "relay_node_victim.py"), founded.url, str(chain[1]), str(tmp_path), url]
        made = World(relay, watched, client, command)
        stack.callback(made.close)
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("state", KILLS)
async def test_a_node_that_is_killed_in_any_state_costs_nobody_a_task(world: World, state: str) -> None:
    """Orders come until one kills the node; it is started again while that goes on, and takes part in the next."""
    victim, *kill = KILLS[state]
    async with asyncio.timeout(PATIENCE_S):
        process = await world.start(victim, *kill)
        before = await world.money()
        while True:
            order = asyncio.create_task(world.order())
            dead = asyncio.create_task(process.wait())
            await asyncio.wait({order, dead}, return_when=asyncio.FIRST_COMPLETED)
            if dead.done():
                break
            dead.cancel()
            await order
        assert process.returncode == -9
        process = await world.start(victim)
        await order
        await world.order()
        process.terminate()
        assert await process.wait() == 0

    for task in await world.relay.tasks(CLIENT.node_id):
        assert task.state is TaskState.COMPLETED
        assert {part.state for part in await world.relay.parts(task.task)} == {PartState.VALID}
        report = audit(await build(world.watched, task.task), ledger=OPERATOR.node_id)
        assert sum(report.net_nano.values()) == 0
    assert await world.money() == before
    assert (await world.relay.account(CLIENT.node_id)).escrow_nano == 0
    assert await world.watched.watch() > 0
