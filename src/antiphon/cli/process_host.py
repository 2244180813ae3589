"""How a ledger or a node runs as a process: locks, stake, server, signals, and one line in the log per part worked."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from antiphon.clock import SystemClock
from antiphon.door.settings import Settings
from antiphon.economy.types import DEFAULT_RULES, NANO, Rules
from antiphon.errors import AntiphonError, FundsError, InputError, OutputError, UnavailableError

if TYPE_CHECKING:
    from antiphon.door.relays import Address as RelayAddress
    from antiphon.ledger.sql import SqlLedger
    from antiphon.nodes.node import Node
    from antiphon.parties.actor import Context
    from antiphon.protocol import Identity

MAX_NAMES = 64
SERVING_LOCK = "ledger.lock"
MAX_RULES_BYTES = 64 * 1024
FINISH_S = 20.0
"""Longest wait, after the first signal, for parts in work and votes that are due."""
REJOIN_S = 5.0
"""Between two tries to join one of several relays."""
LEDGER_ANSWERS = 8_192
"""Most calls a served ledger answers at once: nearly all of them are long polls that only wait."""

Build = Callable[["Context"], "Node"]
Beside = Callable[["Context"], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class BindAddress:
    """Where a process listens, and under which URL others reach it (empty: as it listens)."""

    host: str
    port: int
    endpoint: str = ""


def read_rules(file: Path | None) -> Rules | None:
    """The default rules with the changes in a JSON file. Raises `InputError` for what is no rule or breaks one."""
    if file is None:
        return None
    try:
        raw = file.read_bytes()
        if len(raw) > MAX_RULES_BYTES:
            raise InputError(f"{file} is longer than {MAX_RULES_BYTES} bytes", "Give a JSON object of rules.")
        changes = msgspec.json.decode(raw, type=dict[str, int | list[str]])
        return msgspec.convert({**msgspec.structs.asdict(DEFAULT_RULES), **changes}, Rules)
    except OSError as e:
        raise InputError(f"{file} cannot be read: {e.strerror}", "Check --rules.") from e
    except (msgspec.MsgspecError, ValueError) as e:
        raise InputError(f"{file} holds no rules: {e}", 'Give JSON like {"deliver_s": 60, "seats": 5}.') from e


async def run_ledger(home: Path, address: BindAddress, grant_nano: int, rules: Rules | None, db: str = "") -> None:
    """Serve the data folder's ledger, which lies in it or in the database `db`, until a signal comes."""
    from antiphon.ledger.expiry import run_expiry
    from antiphon.ledger.remote import LedgerService
    from antiphon.ledger.sql import SqlLedger
    from antiphon.network import homes
    from antiphon.transport import Limits, serve

    async with AsyncExitStack() as stack:
        stack.enter_context(locked(home / SERVING_LOCK, "Another ledger serves this data folder"))
        starting = stack.enter_context(ExitStack())
        starting.enter_context(homes.nobody_present(home))
        new = homes.begins(home, elsewhere=bool(db))
        operator = homes.operator_of(home)
        store = await SqlLedger.open(
            db or home / homes.LEDGER,
            operator=operator,
            clock=SystemClock(),
            rules=rules or DEFAULT_RULES,
            create=new,
        )
        stack.push_async_callback(store.close)
        if rules is not None and store.rules != rules:
            raise InputError("This ledger has other rules and keeps them", "Leave --rules out, or use a new --home.")
        if new:
            if grant_nano:
                await _grant(home, operator, store, grant_nano)
            homes.begun(home)
        keeping = asyncio.create_task(run_expiry(store), name="deadlines")
        stack.push_async_callback(ended, keeping)
        limits = Limits(concurrent=LEDGER_ANSWERS, connections=LEDGER_ANSWERS)
        server = await serve(LedgerService(store, operator).handle, address.host, address.port, limits)
        stack.push_async_callback(server.stop)
        url = address.endpoint or server.endpoint
        homes.note_served(home, url)
        starting.close()
        click.echo(f"Ledger {operator.node_id} at {url}", err=True)
        async with until_signalled() as stopped:
            await stopped.wait()


async def _grant(home: Path, operator: Identity, store: SqlLedger, grant_nano: int) -> None:
    from antiphon.network.funding import grant_once
    from antiphon.parties.actor import Actor, Context
    from antiphon.protocol import load_or_create
    from antiphon.transport import InProcessTransport

    bank = Actor(Context(operator, store, InProcessTransport(), SystemClock()))
    client = load_or_create(home / "keys" / "client.key")
    await grant_once(bank, client.node_id, grant_nano, "client")


def stop_serving(home: Path) -> bool:
    """Let commands open the folder's network themselves again. Whether it was served. Raises UnavailableError."""
    from antiphon.network import homes

    if not homes.served_at(home):
        return False
    with locked(home / SERVING_LOCK, "The ledger of this data folder is being served now"):
        homes.unserve(home)
    return True


async def run_node(
    settings: Settings,
    build: Build,
    name: str,
    address: BindAddress,
    bond_nano: int,
    *,
    purse_nano: int = 0,
    beside: Beside | None = None,
) -> None:
    """Hold a stake, serve, register. The first signal takes no more work and finishes; the second ends it at once.

    With several relays it is a node at each, by the same key, with the same engine or judges.
    """
    from antiphon.door import relays
    from antiphon.door.connecting import find_ledger

    log_to_stderr()
    named = await relays.addresses(settings, find_ledger(settings))
    places = _places(address, len(named))
    async with AsyncExitStack() as stack:
        key = stack.enter_context(_own_key(settings.home, name))
        hosted = _Hosted(settings, build, key, bond_nano, purse_nano, beside)
        if len(named) == 1:
            await hosted.work_at(named[0], places[0])
            return
        stopped = await stack.enter_async_context(until_signalled())
        async with asyncio.TaskGroup() as group:
            for where, place in zip(named, places, strict=True):
                group.create_task(hosted.keep_working_at(where, place, stopped), name=f"node at {where.url}")


def _places(address: BindAddress, count: int) -> list[BindAddress]:
    """A node listens once for each relay: at the next port, under the next of the endpoints (separated by commas)."""
    endpoints = address.endpoint.split(",") if address.endpoint else [""] * count
    if len(endpoints) != count:
        raise InputError(f"--endpoint has {len(endpoints)} addresses for {count} relays", "Give one for each: URL,URL")
    ports = [address.port + number if address.port else 0 for number in range(count)]
    return [BindAddress(address.host, port, one) for port, one in zip(ports, endpoints, strict=True)]


@dataclass(frozen=True, slots=True)
class _Hosted:
    """A node in this process: it is the same at each ledger."""

    settings: Settings
    build: Build
    key: Path
    bond_nano: int
    purse_nano: int
    beside: Beside | None

    async def keep_working_at(self, where: RelayAddress, address: BindAddress, stopped: asyncio.Event) -> None:
        """As `work_at`; while the relay is away or refuses us, it is tried again."""
        told = ""
        while not stopped.is_set():
            try:
                await self.work_at(where, address, stopped)
            except AntiphonError as e:
                if str(e) != told:
                    click.echo(f"{where.url}: {e}", err=True)
                told = str(e)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stopped.wait(), REJOIN_S)

    async def work_at(self, where: RelayAddress, address: BindAddress, stopped: asyncio.Event | None = None) -> None:
        """Until the signal; None: it is waited for here."""
        from antiphon.door import relays
        from antiphon.door.connecting import reach
        from antiphon.parties.actor import Context
        from antiphon.protocol import load_or_create
        from antiphon.transport import serve

        async with AsyncExitStack() as stack:
            identity = load_or_create(self.key)
            store, transport = await stack.enter_async_context(reach(self.settings, where, identity))
            collector = relays.collector_of(self.settings, store, identity.node_id)
            notary = relays.notary_of(store)
            context = Context(identity, store, transport, SystemClock(), collector=collector, notary=notary)
            made = self.build(context)
            if where.url.startswith(relays.PREFIX):
                await _expect_bond(made)
                if problem := await relays.signing_problem(self.settings, made.node_id):
                    click.echo(problem, err=True)
            else:
                await _hold_stake(self.settings.home, made, self.bond_nano, self.purse_nano)
            server = await serve(made.handle, address.host, address.port)
            stack.push_async_callback(server.stop)
            if stopped is None:
                stopped = await stack.enter_async_context(until_signalled())
            endpoint = address.endpoint or server.endpoint
            await made.start(endpoint)
            click.echo(f"{made.role} {made.node_id[:8]} ({self.key.stem}) at {endpoint}", err=True)
            extra = [asyncio.create_task(self.beside(context), name="beside")] if self.beside else []
            try:
                await stopped.wait()
                click.echo("Leaving: finishing what is in work. Once more ends it at once.", err=True)
            finally:
                await ended(*extra)
                await made.stop(finish_s=FINISH_S if stopped.is_set() else 0.0)


async def _expect_bond(node: Node) -> None:
    """On a relay a node's stake is its bond on the chain."""
    account = await node.context.ledger.account(node.node_id)
    if not account.stake_nano:
        raise FundsError(
            f"The chain has no bond of this node, {node.node_id}",
            f"antiphon chain stake 100 --role {node.role} --name NAME, with its key's name; then wait.",
        )


async def _hold_stake(home: Path, node: Node, bond_nano: int, purse_nano: int) -> None:
    """Stake what is missing out of the node's own balance. If the operator's key is here, a new node is given its
    bond, and a purse; once. A node whose stake was taken in part goes on with the rest."""
    from antiphon.network.funding import fund, grant_once, stake_own
    from antiphon.network.homes import own_ledger
    from antiphon.parties.actor import Actor, Context
    from antiphon.protocol import load_or_create

    context = node.context
    bank: Actor | None = None
    if own_ledger(home) == await context.ledger.identity():
        operator = load_or_create(home / "keys" / "operator.key")
        bank = Actor(Context(operator, context.ledger, context.transport, context.clock))
    account = await (fund(bank, node, bond_nano) if bank is not None else stake_own(node, bond_nano))
    missing = bond_nano - account.stake_nano
    if missing > 0:
        told = f"This node needs a stake of {bond_nano / NANO:g} ANT and has {account.stake_nano / NANO:g}"
        remedy = f"antiphon account deposit {missing / NANO:g} --to {node.node_id}"
        if not account.stake_nano:
            raise FundsError(told, f"Ask the ledger's operator to run: {remedy}")
        click.echo(f"{told}. It goes on with that; for the rest: {remedy}", err=True)
    if bank is not None and purse_nano:
        await grant_once(bank, node.node_id, purse_nano, "purse")


async def ended(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    for failed in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(failed, Exception):
            logging.getLogger("antiphon.cli").error("a task beside the node failed", exc_info=failed)


def log_to_stderr(room: str = "antiphon.nodes") -> None:
    """What a node earns is what its owner wants to see: one line per part, whatever else is logged."""
    log = logging.getLogger(room)
    if logging.getLogger().level > logging.INFO:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)


@asynccontextmanager
async def until_signalled() -> AsyncIterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set; a second one cancels the task that waits here."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    me = asyncio.current_task()
    assert me is not None

    def stop() -> None:
        if stopped.is_set():
            me.cancel()
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield stopped
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@contextmanager
def locked(path: Path, taken: str) -> Iterator[None]:
    """Hold an exclusive file lock. Raises `UnavailableError` when another process holds it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = path.open("a")
    except OSError as e:
        raise OutputError(f"{path} cannot be written: {e.strerror}", "Choose another folder with --home.") from e
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise UnavailableError(taken, "Stop it first, or use another --home.") from e
        yield


@contextmanager
def _own_key(home: Path, name: str) -> Iterator[Path]:
    """The first of `name`, `name-2`, ... whose key no running node uses."""
    if not name.isprintable() or "/" in name or name.startswith("."):
        raise InputError(f"{name!r} is no name for a key", "Use letters, digits and dashes.")
    for number in range(1, MAX_NAMES + 1):
        label = name if number == 1 else f"{name}-{number}"
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(locked(home / "keys" / f"{label}.lock", "in use"))
            except UnavailableError:
                continue
            yield home / "keys" / f"{label}.key"
            return
    raise UnavailableError(f"{MAX_NAMES} nodes named {name!r} run already", "Give another --name.")
