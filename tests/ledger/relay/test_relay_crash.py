"""kill -9 of the relay, and of the chain under it, in every state of a task: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from evm_anvil import Anvil, free_port, snapshot
from ledger_market import CLIENT, OPERATOR, VALID, party, seated, task_id
from relay_market import SESSION_NANO, RelayMarket

from antiphon.clock import SystemClock
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.evm.contracts import Contracts
from antiphon.ledger.evm.rpc import Rpc
from antiphon.ledger.receipts import audit, build
from antiphon.ledger.records import PartState
from antiphon.ledger.relay.facts import Facts
from antiphon.ledger.relay.watch import WatchedLedger
from antiphon.ledger.remote import RemoteLedger
from antiphon.ledger.retrying import RetryingLedger
from antiphon.transport import HttpTransport

HERE = Path(__file__).parent
STATES = ("claimed", "opened", "delivered", "drawn", "committed", "revealing", "valid")


class Relay:
    """The process. Started again, it is the same relay."""

    def __init__(self, *arguments: object, port: int) -> None:
        self.port = port
        self._command = [sys.executable, HERE / "relay_victim.py", *map(str, arguments), str(port)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        paths = [str(HERE), str(HERE.parent), str(HERE.parent / "evm"), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, env=environment)
        assert self._process.stdout.readline() == b"serving\n"

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture
def own_chain(founded: Anvil, tmp_path: Path) -> Iterator[Anvil]:
    """It makes no blocks and was saved, so a kill finds it where it was: anvil may lose a file that it writes."""
    keeps = ("--preserve-historical-states",)  # it is asked about final blocks, below its newest one
    made = Anvil(state=snapshot(founded.state, tmp_path / "own.json"), saves=False, arguments=keeps).start()
    made.mine(5)
    made.stop()
    yield made.start()
    made.kill()


@pytest.fixture
def relay(own_chain: Anvil, chain: tuple[ChainFile, Path], tmp_path: Path) -> Iterator[Relay]:
    made = Relay(own_chain.url, chain[1], tmp_path, port=free_port())
    made.start()
    yield made
    made.kill()


@pytest.fixture
async def market(
    relay: Relay, own_chain: Anvil, chain: tuple[ChainFile, Path], tmp_path: Path
) -> AsyncIterator[RelayMarket]:
    """Everybody, through a watching client."""
    rpc, transport = Rpc(own_chain.url), HttpTransport(allow_private=True)
    facts = Facts(await Contracts.open(rpc, chain[0]))

    def request(endpoint: str, message: bytes, deadline_s: float) -> AsyncIterator[bytes]:
        return transport.request(endpoint, message, deadline_s=deadline_s)

    remote = RemoteLedger(request, f"http://127.0.0.1:{relay.port}", ledger=OPERATOR.node_id)
    watched = WatchedLedger(RetryingLedger(remote), facts, tmp_path / "head.json")
    watched._facts = facts
    yield RelayMarket(watched, SystemClock())
    await transport.close()
    await rpc.close()


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["relay", "chain"])
async def test_a_kill_in_any_state_of_a_task_loses_nothing(
    market: RelayMarket, relay: Relay, own_chain: Anvil, victim: str
) -> None:
    """One task; before each of its steps the victim is killed and started again, and each step is sent once more."""

    def kill() -> None:
        if victim == "relay":
            relay.kill()
            relay.start()
        else:
            own_chain.kill()
            own_chain.start()

    async def again() -> None:
        sent = market.last
        await asyncio.to_thread(kill)
        await market.ledger.submit(sent)  # who lost the answer sends the same again

    await market.found()
    for state in STATES:
        task = task_id(1)
        match state:
            case "claimed":
                await market.claim(1)
            case "opened":
                await market.open(task)
            case "delivered":
                await market.deliver(task, draws=False)
            case "drawn":
                await market.draw(task)
            case "committed":
                for who in seated(await market.ledger.part(task, 0)):
                    await market.commit(task, 0, who, VALID)
            case "revealing":
                first, *others = seated(await market.ledger.part(task, 0))
                await market.reveal(task, 0, first, VALID)
            case "valid":
                for who in others:
                    await market.reveal(task, 0, who, VALID)
        await again()
    record = await market.ledger.part(task, 0)
    assert record.state is PartState.VALID
    report = audit(await build(market.ledger, task), ledger=OPERATOR.node_id)
    spent = -report.net_nano[f"balance:{CLIENT.node_id}"]
    assert spent > 0
    assert (await market.ledger.account(CLIENT.node_id)).balance_nano == SESSION_NANO - spent
    earned = sum([(await market.ledger.account(party(f"producer {i}").node_id)).balance_nano for i in range(3)])
    judged = sum([(await market.ledger.account(party(f"validator {i}").node_id)).balance_nano for i in range(7)])
    assert earned + judged == spent
    assert await market.ledger.watch() > len(STATES)
