"""A whole network in one process: ledger, processors, validators and a client over the in-process transport.

The nodes are the same objects that run as separate processes and hold no reference to each other. What they share is
the owner's machine: engines and judges are loaded once.
"""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from antiphon.clock import Clock, SystemClock
from antiphon.economy.types import NANO, Role
from antiphon.engines import registry
from antiphon.engines.base import Cloner
from antiphon.errors import InputError, OutputError
from antiphon.ledger.base import Ledger
from antiphon.ledger.operations import Deposit, Stake
from antiphon.ledger.sql import SqlLedger
from antiphon.ledger.tend import tend
from antiphon.nodes.client import Client
from antiphon.nodes.listening import Listener
from antiphon.nodes.listening.clones import describe
from antiphon.nodes.node import Actor, Context, Node
from antiphon.nodes.producer import Producer
from antiphon.nodes.transport import InProcessTransport
from antiphon.nodes.validator import Validator
from antiphon.nodes.workshop import EngineWorkshop, EnrolWorkshop, Workshop
from antiphon.protocol import Identity, load_or_create

PRICES_NANO = {"hibari": 20_000, "kokoro": 400_000, "espeak": 8_000, "soundstorm": 100_000}
"""Default price per character, ordered by measured compute time (docs/engines.md)."""
OTHER_PRICE_NANO = 50_000
VALIDATOR_PRICE_NANO = 15_000
GRANT_NANO = 1_000 * NANO
"""What the client of a new embedded network starts with: play money of its own ledger."""
BOND_NANO = 100 * NANO


@dataclass(frozen=True, slots=True)
class Plan:
    """Which nodes an embedded network has: `processors` and `trainers` name an engine for each node."""

    processors: tuple[str, ...] = (
        "hibari", "hibari", "kokoro", "kokoro", "espeak", "mimic", "chiptune", "soundstorm",
    )  # fmt: skip
    trainers: tuple[str, ...] = ("mimic", "soundstorm")
    validators: int = 3
    grant_nano: int = GRANT_NANO


@dataclass(slots=True)
class Network:
    """A running embedded network."""

    ledger: Ledger
    client: Client
    bank: Actor  # the ledger's operator, who alone may deposit
    transport: InProcessTransport
    clock: Clock
    nodes: list[Node] = field(default_factory=list)

    async def drain(self) -> None:
        """Wait for all background work of all nodes."""
        for node in self.nodes:
            await node.drain()


@asynccontextmanager
async def embedded(
    home: Path, listener: Listener, *, plan: Plan | None = None, clock: Clock | None = None
) -> AsyncIterator[Network]:
    """Open (first run: create) the network that lives in `home`, run its nodes, and stop them at the end."""
    plan, clock = plan or Plan(), clock or SystemClock()
    async with AsyncExitStack() as stack:
        alone = stack.enter_context(_presence(home))
        new = not (home / "ledger.db").exists()
        operator = operator_of(home)
        ledger = await SqlLedger.open(home / "ledger.db", operator=operator, clock=clock)
        stack.push_async_callback(ledger.close)
        stack.push_async_callback(_ended, asyncio.create_task(tend(ledger), name="deadlines"))
        transport = InProcessTransport()
        stack.push_async_callback(transport.close)

        def context(name: str) -> Context:
            return Context(load_or_create(home / "keys" / f"{name}.key"), ledger, transport, clock)

        bank = Actor(Context(operator, ledger, transport, clock))
        network = Network(ledger, Client(context("client")), bank, transport, clock)
        if new and plan.grant_nano:
            await bank.submit(Deposit(account=network.client.node_id, amount_nano=plan.grant_nano))
        for name, node in _nodes(plan, listener, context):
            await fund(bank, node, BOND_NANO)
            await node.start(transport.register(name, node.handle))
            network.nodes.append(node)
            stack.push_async_callback(_leave, node, alone)
        yield network


def operator_of(home: Path) -> Identity:
    """The identity of the ledger that lives in `home`, stored anew only together with a new ledger.

    A ledger that lost its key is opened with a stranger's, and says so itself.
    """
    key = home / "keys" / "operator.key"
    if (home / "ledger.db").exists() and not key.exists():
        return Identity.generate()
    return load_or_create(key)


async def fund(bank: Actor, node: Actor, bond_nano: int) -> None:
    """Top a node's stake up to `bond_nano`, with newly deposited money."""
    account = await bank.context.ledger.account(node.node_id)
    if (missing := bond_nano - account.stake_nano) > 0:
        await bank.submit(Deposit(account=node.node_id, amount_nano=missing))
        await node.submit(Stake(amount_nano=missing))


def processing(engine: str, price_nano: int | None = None) -> Workshop:
    """What a processor with this engine runs. Raises `InputError` for an unknown engine."""
    return EngineWorkshop(registry.load(engine), _price(engine, price_nano))


def training(engine: str, price_nano: int | None = None) -> Workshop:
    """What a trainer with this engine runs. Raises `InputError` for an engine that cannot enrol voices."""
    made = registry.load(engine)
    if not isinstance(made, Cloner):
        raise InputError(f"The engine {engine} cannot enrol voices", "Engines that can: antiphon engines.")
    return EnrolWorkshop(made, _price(engine, price_nano), describe)


def _price(engine: str, price_nano: int | None) -> int:
    return PRICES_NANO.get(engine, OTHER_PRICE_NANO) if price_nano is None else price_nano


def _nodes(plan: Plan, listener: Listener, context: Callable[[str], Context]) -> Iterator[tuple[str, Node]]:
    counts: dict[str, int] = {}
    for engine in plan.processors:
        counts[engine] = counts.get(engine, 0) + 1
        name = f"{engine}-{counts[engine]}"
        yield name, Producer(context(name), processing(engine), queue=32)
    for engine in plan.trainers:
        name = f"{engine}-trainer"
        yield name, Producer(context(name), training(engine), role=Role.TRAINER, queue=8)
    for number in range(1, plan.validators + 1):
        name = f"validator-{number}"
        yield name, Validator(context(name), listener, VALIDATOR_PRICE_NANO)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _leave(node: Node, alone: Callable[[], bool]) -> None:
    """Nodes say goodbye only when no other process runs the same embedded network."""
    await node.stop(goodbye=alone())


@contextmanager
def _presence(home: Path) -> Iterator[Callable[[], bool]]:
    """A shared file lock held while the process runs; yields a test for "nobody else holds it"."""
    path = home / "network.lock"
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = path.open("a")
    except OSError as e:
        raise OutputError(f"{home} cannot be written: {e.strerror}", "Choose another folder with --home.") from e

    def alone() -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        # Kept: whoever starts this network now waits until we have said goodbye, and registers after it.
        return True

    with file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield alone
