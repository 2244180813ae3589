"""The same network on the embedded ledger and on a relay beside a real chain, in turns: what the relay costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median

from antiphon.bench.anvil import OwnChain
from antiphon.bench.gas import key_of
from antiphon.bench.overhead import InstantEvaluator, InstantRunner, one_task
from antiphon.client.client import Client
from antiphon.clock import SystemClock
from antiphon.economy.types import NANO
from antiphon.ledger.base import Ledger
from antiphon.ledger.evm.cursor import Cursor
from antiphon.ledger.evm.keys import Key
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.wallet import Wallet
from antiphon.ledger.operations import ClaimSession, Deposit
from antiphon.ledger.relay import heads
from antiphon.ledger.relay.facts import Facts
from antiphon.ledger.relay.ledger import RelayLedger
from antiphon.ledger.relay.watch import WatchedLedger
from antiphon.ledger.sql import SqlLedger
from antiphon.network.embedded import VALIDATOR_PRICE_NANO
from antiphon.network.funding import fund
from antiphon.nodes.node import Node
from antiphon.nodes.producer import Producer
from antiphon.nodes.validator import Validator
from antiphon.parties.actor import Actor, Context
from antiphon.protocol import Identity
from antiphon.transport import InProcessTransport

AT_ONCE, ROUNDS = 100, 3
MAKERS, JUDGES = 2, 3
BOND, MONEY = 100 * NANO, 1_000 * NANO
FOLLOW_S, WATCH_S = 1.0, 5.0


@dataclass(frozen=True)
class Compared:
    """Seconds of (processors, clock), embedded and with a relay, for `AT_ONCE` tasks of each round."""

    rounds: tuple[tuple[tuple[float, float], tuple[float, float]], ...]
    settled: int

    @property
    def cpu_ratio(self) -> float:
        return median(relay[0] / embedded[0] for embedded, relay in self.rounds)

    @property
    def wall_ratio(self) -> float:
        return median(relay[1] / embedded[1] for embedded, relay in self.rounds)

    @property
    def embedded_ms(self) -> float:
        return 1_000 * median(embedded[0] for embedded, _ in self.rounds) / AT_ONCE

    @property
    def relay_ms(self) -> float:
        return 1_000 * median(relay[0] for _, relay in self.rounds) / AT_ONCE

    @property
    def per_s(self) -> float:
        return AT_ONCE / median(relay[1] for _, relay in self.rounds)


async def compared(chain: OwnChain) -> Compared:
    """Rounds of both, one after the other."""
    rounds, settled = [], 0
    async with _embedded(chain) as alone, _relayed(chain) as beside:
        for client in (alone, beside):
            await one_task(client)
        for _ in range(ROUNDS):
            before, _ = await _spent(alone)
            after, settled = await _spent(beside)
            rounds.append((before, after))
    return Compared(tuple(rounds), settled)


async def _spent(client: Client) -> tuple[tuple[float, float], int]:
    busy, begun = time.process_time(), time.perf_counter()
    done = await asyncio.gather(*(one_task(client) for _ in range(AT_ONCE)))
    return (time.process_time() - busy, time.perf_counter() - begun), len(done)


@asynccontextmanager
async def _embedded(chain: OwnChain) -> AsyncIterator[Client]:
    operator, transport = Identity.generate(), InProcessTransport()
    ledger = await SqlLedger.open(chain.folder / "embedded.db", operator=operator, clock=SystemClock())
    bank = Actor(Context(operator, ledger, transport, SystemClock()))
    client = Client(Context(Identity.generate(), ledger, transport, SystemClock()))
    await bank.submit(Deposit(account=client.node_id, amount_nano=MONEY))
    nodes = _nodes(ledger, transport, [Identity.generate() for _ in range(MAKERS + JUDGES)])
    for node in nodes:
        await fund(bank, node, BOND)
    async with _working(nodes, transport):
        yield client
    await ledger.close()


@asynccontextmanager
async def _relayed(chain: OwnChain) -> AsyncIterator[Client]:
    """Watched by its client, as whoever uses a relay does."""
    operator, transport, facts = Identity.generate(), InProcessTransport(), Facts(chain.contracts)
    people = [Identity.generate() for _ in range(MAKERS + JUDGES)]
    key = key_of("relay")
    roles = ["processor"] * MAKERS + ["validator"] * JUDGES
    joining = [
        _joined(chain, f"relayed {role} {number}", one, role)
        for number, (one, role) in enumerate(zip(people, roles, strict=True))
    ]
    await asyncio.gather(_joined(chain, "relay", operator, "relay"), *joining)
    store = await SqlLedger.open(
        chain.folder / "relay.db", operator=operator, clock=SystemClock(), rules=await facts.rules()
    )
    relay = RelayLedger(store, facts, Cursor(chain.contracts, chain.folder / "cursor.json"), key, SystemClock())
    watcher = WatchedLedger(relay, facts, chain.folder / "head.json")
    client = Client(Context(Identity.generate(), watcher, transport, SystemClock()))
    await relay.follow()
    await _session(chain, client, operator)
    beside = [asyncio.create_task(_again(relay.follow, FOLLOW_S)), asyncio.create_task(_again(watcher.watch, WATCH_S))]
    async with _working(_nodes(relay, transport, people), transport):
        yield client
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)
    await watcher.watch()
    await relay.close()


def _nodes(ledger: Ledger, transport: InProcessTransport, people: list[Identity]) -> list[Node]:
    contexts = [Context(one, ledger, transport, SystemClock()) for one in people]
    makers: list[Node] = [Producer(one, InstantRunner(), slots=4, queue=200) for one in contexts[:MAKERS]]
    return makers + [Validator(one, InstantEvaluator(), VALIDATOR_PRICE_NANO, queue=400) for one in contexts[MAKERS:]]


@asynccontextmanager
async def _working(nodes: list[Node], transport: InProcessTransport) -> AsyncIterator[None]:
    for number, node in enumerate(nodes):
        await node.start(transport.register(f"node-{number}", node.handle))
    try:
        yield
    finally:
        for node in nodes:
            await node.stop()
        await transport.close()


async def _wallet(chain: OwnChain, name: str, nano: int) -> Wallet:
    key: Key = key_of(name)
    await chain.endow(key, nano)
    file = chain.folder / f"outbox of {name}.db"
    outbox = await Outbox.open(chain.rpc, key, file, confirmations=1, fees=Fees())
    return Wallet(chain.contracts, outbox)


async def _joined(chain: OwnChain, name: str, node: Identity, role: str) -> None:
    await (await _wallet(chain, name, BOND)).stake(BOND, node, role, "")


async def _session(chain: OwnChain, client: Client, relay: Identity) -> None:
    wallet = await _wallet(chain, "relayed client", MONEY)
    await wallet.deposit(MONEY)
    number = await wallet.open_session(1_000, MONEY // 1_000, 86_400, relay.node_id)
    content = heads.claim(relay.node_id, client.node_id, number)
    await client.submit(ClaimSession(session=number, signature=heads.signed(chain.chain, wallet.key, content)))


async def _again(what: Callable[[], Awaitable[object]], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        await what()
