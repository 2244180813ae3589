"""A whole network in one process: ledger, processors, validators and a client over the in-process transport.

The nodes are the same objects that run as separate processes and hold no reference to each other. What they share is
the owner's machine: engines and judges are loaded once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from antiphon.client.client import Client
from antiphon.clock import Clock, SystemClock
from antiphon.economy.types import NANO, Role
from antiphon.engines import registry
from antiphon.engines.base import Cloner
from antiphon.errors import AntiphonError, InputError
from antiphon.genki.renting.judge import JobTrainer
from antiphon.genki.sharing import KEY_NAME, sold_here
from antiphon.genki.voting.judge import Appraiser
from antiphon.ledger.base import Ledger
from antiphon.ledger.expiry import run_expiry
from antiphon.ledger.sql import SqlLedger
from antiphon.network import homes
from antiphon.network.funding import fund, grant_once
from antiphon.nodes.appraising import ENGINE as APPRAISER
from antiphon.nodes.appraising import AppraisalRunner
from antiphon.nodes.engine_runner import EngineRunner, EnrolmentRunner, GenerationRunner
from antiphon.nodes.evaluation import Evaluator
from antiphon.nodes.evaluation.evaluator import STORE
from antiphon.nodes.evaluation.rendering import describe
from antiphon.nodes.memory import memory_of
from antiphon.nodes.node import Node, log
from antiphon.nodes.producer import Producer
from antiphon.nodes.selling import SaleRunner
from antiphon.nodes.training import ENGINE as LEARNER
from antiphon.nodes.training import TrainingRunner
from antiphon.nodes.validator import Validator
from antiphon.objects import opened
from antiphon.parties.actor import Actor, Context
from antiphon.protocol import load_or_create
from antiphon.transport import InProcessTransport

if TYPE_CHECKING:
    from antiphon.dama import Shelf
    from antiphon.nodes.pool.runner import PoolRunner

PRICES_NANO = {"hibari": 20_000, "kokoro": 400_000, "espeak": 8_000, "soundstorm": 100_000, "ruby": 100_000}
"""Default price per character, ordered by measured compute time (docs/engines.md)."""
OTHER_PRICE_NANO = 50_000
VALIDATOR_PRICE_NANO = 15_000
GRANT_NANO = 1_000 * NANO
"""What the client of a new embedded network starts with: play money of its own ledger."""
BOND_NANO = 100 * NANO


@dataclass(frozen=True, slots=True)
class Plan:
    """Which nodes an embedded network has: `processors` and `trainers` name an engine for each node, or what
    opens one, such as openai:URL."""

    processors: tuple[str, ...] = (
        "hibari", "hibari", "kokoro", "kokoro", "espeak", "mimic", "chiptune", "soundstorm", "ruby",
    )  # fmt: skip
    trainers: tuple[str, ...] = ("mimic", "soundstorm")
    validators: int = 3
    grant_nano: int = GRANT_NANO
    appraises: bool = False  # whether a node appraises rounds of federations, out of the data folder's store
    learns: bool = False  # whether a node does local jobs of federations, out of the same store
    weighs: bool = True  # its validators take part in epochs, whenever one is due

    def serving(self, engine: str) -> Plan:
        """The part of it that work of one engine can fall to: its processors, and all validators."""
        processors = tuple(one for one in self.processors if one == engine)
        return replace(
            self, processors=processors, trainers=(), appraises=engine == APPRAISER, learns=engine == LEARNER
        )


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
    home: Path, evaluator: Evaluator, *, plan: Plan | None = None, clock: Clock | None = None
) -> AsyncIterator[Network]:
    """Open (first run: create) the network that lives in `home`, run its nodes, and stop them at the end."""
    plan, clock = plan or Plan(), clock or SystemClock()
    async with AsyncExitStack() as stack:
        alone = stack.enter_context(homes.presence(home))
        new = homes.begins(home)
        operator = homes.operator_of(home)
        ledger = await SqlLedger.open(home / homes.LEDGER, operator=operator, clock=clock)
        stack.push_async_callback(ledger.close)
        stack.push_async_callback(_ended, asyncio.create_task(run_expiry(ledger), name="deadlines"))
        transport = InProcessTransport()
        stack.push_async_callback(transport.close)

        def context(name: str) -> Context:
            return Context(load_or_create(home / "keys" / f"{name}.key"), ledger, transport, clock)

        bank = Actor(Context(operator, ledger, transport, clock))
        network = Network(ledger, Client(context("client")), bank, transport, clock)
        if new:
            if plan.grant_nano:
                await grant_once(bank, network.client.node_id, plan.grant_nano, "client")
            homes.begun(home)
        for name, node in _nodes(plan, evaluator, context, home):
            account = await fund(bank, node, BOND_NANO)
            if account.stake_nano < ledger.rules.min_stake_nano:
                log.warning("%s has lost its stake and stays out; to stake anew: %s", name, _remedy(node))
                continue
            await node.start(transport.register(name, node.handle))
            network.nodes.append(node)
            stack.push_async_callback(_leave, node, alone)
        yield network


def _remedy(node: Actor) -> str:
    return f"antiphon account deposit {BOND_NANO // NANO} --to {node.node_id}"


def processing(engine: str, price_nano: int | None = None, options: Mapping[str, object] | None = None) -> EngineRunner:
    """What a processor with this engine runs: a name, or `family:argument` with options. Raises `InputError`."""
    return GenerationRunner(registry.open_engine(engine, options), _price(engine, price_nano))


def processing_asset(engine: str, asset: str, shelf: Shelf, price_nano: int | None = None) -> EngineRunner:
    """The same with a model that was pulled, which it announces. Raises `InputError` for an asset that is not here, or
    is another engine's, `ModelError` for one that was changed."""
    card = shelf.signed(asset).manifest.card
    if card.engine != engine:
        raise InputError(
            f"The asset {asset[:12]} is for the engine {card.engine or 'of nobody'}, not {engine}", "Choose that one."
        )
    model, loader = shelf.loader(asset)
    loader.path(model.name)  # every file's hash
    made = registry.with_weights(engine, shelf.folder(asset))
    return GenerationRunner(made, _price(engine, price_nano), asset)


def pooled(
    engine: str, workers: str, price_nano: int | None = None, options: Mapping[str, object] | None = None
) -> PoolRunner:
    """The same, made by workers at a NATS server. Raises `InputError`, `UnavailableError`."""
    from antiphon.nodes.pool.runner import PoolRunner

    made = registry.open_engine(engine, options)
    return PoolRunner(made, _price(engine, price_nano), workers)


def training(engine: str, price_nano: int | None = None) -> EngineRunner:
    """What a trainer with this engine runs. Raises `InputError` for an engine that cannot enrol voices."""
    made = registry.load(engine)
    if not isinstance(made, Cloner):
        raise InputError(f"The engine {engine} cannot enrol voices", "Engines that can: antiphon engines.")
    return EnrolmentRunner(made, _price(engine, price_nano), describe)


def _price(engine: str, price_nano: int | None) -> int:
    return PRICES_NANO.get(engine, OTHER_PRICE_NANO) if price_nano is None else price_nano


def _nodes(
    plan: Plan, evaluator: Evaluator, context: Callable[[str], Context], home: Path
) -> Iterator[tuple[str, Node]]:
    counts: dict[str, int] = {}
    for spec in plan.processors:
        runner = processing(spec)
        engine = runner.offers[0].engine
        counts[engine] = counts.get(engine, 0) + 1
        name = f"{engine}-{counts[engine]}"
        yield name, Producer(context(name), runner, queue=32)
    for engine in plan.trainers:
        name = f"{engine}-trainer"
        yield name, Producer(context(name), training(engine), role=Role.TRAINER, queue=8)
    if plan.appraises:
        yield APPRAISER, Producer(context(APPRAISER), AppraisalRunner(Appraiser(opened(home / STORE))), queue=8)
    if plan.learns:
        yield LEARNER, Producer(context(LEARNER), TrainingRunner(JobTrainer(opened(home / STORE))), queue=8)
    yield from _seller(context, home)
    for number in range(1, plan.validators + 1):
        name = f"validator-{number}"
        own = context(name)
        memory = memory_of(home, own.identity.node_id)
        yield name, Validator(own, evaluator, VALIDATOR_PRICE_NANO, memory=memory, weighs=plan.weighs)


def _seller(context: Callable[[str], Context], home: Path) -> Iterator[tuple[str, Node]]:
    """Who sells the data that is shared here, if any is; a damaged offer keeps nobody from anything else."""
    try:
        if sold := sold_here(home):
            own = context(KEY_NAME)
            yield KEY_NAME, Producer(own, SaleRunner(sold, own.identity, own.clock), queue=32)
    except AntiphonError as error:
        log.warning("no data is sold: %s", error)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _leave(node: Node, alone: Callable[[], bool]) -> None:
    """Nodes say goodbye only when no other process runs the same embedded network."""
    await node.stop(goodbye=alone())
