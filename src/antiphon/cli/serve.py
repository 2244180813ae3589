"""`antiphon ledger serve` and `antiphon node ...`: the embedded network's objects as processes over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.app import Settings, run
from antiphon.clock import SystemClock
from antiphon.economy.types import NANO
from antiphon.errors import FundsError, InputError, OutputError, UnavailableError

if TYPE_CHECKING:
    from antiphon.nodes.node import Context, Node
    from antiphon.nodes.prompts import PromptSource

LEDGER_PORT = 7411
EXPIRE_S = 1.0
MAX_NAMES = 64


@click.group()
def ledger() -> None:
    """Run the shared ledger."""


@ledger.command("serve", epilog="Example: antiphon ledger serve --port 7411")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=LEDGER_PORT, show_default=True, type=click.IntRange(0, 65535))
@click.option("--grant", default=1000.0, show_default=True, help="ANT credited to this data folder's client at first.")
@click.pass_obj
def serve_ledger(settings: Settings, host: str, port: int, grant: float) -> None:
    """Serve this data folder's ledger over HTTP until Ctrl-C. Commands with the same --home find it by themselves."""
    run(_serve_ledger(settings, host, port, round(grant * NANO)))


async def _serve_ledger(settings: Settings, host: str, port: int, grant_nano: int) -> None:
    from antiphon.cli.connect import LEDGER_FILE
    from antiphon.ledger.operations import Deposit
    from antiphon.ledger.remote import LedgerService
    from antiphon.ledger.sql import SqlLedger
    from antiphon.nodes.node import Actor, Context
    from antiphon.nodes.transport import InProcessTransport, serve
    from antiphon.protocol import load_or_create

    home = settings.home
    new = not (home / "ledger.db").exists()
    operator = load_or_create(home / "keys" / "operator.key")
    with _lock(home / "ledger.lock", "Another ledger serves this data folder"):
        store = await SqlLedger.open(home / "ledger.db", operator=operator, clock=SystemClock())
        try:
            if new and grant_nano:
                bank = Actor(Context(operator, store, InProcessTransport(), SystemClock()))
                client = load_or_create(home / "keys" / "client.key")
                await bank.submit(Deposit(account=client.node_id, amount_nano=grant_nano))
            server = await serve(LedgerService(store).handle, host, port)
            note = home / LEDGER_FILE
            note.write_text(server.endpoint)
            click.echo(f"Ledger {operator.node_id[:8]} at {server.endpoint}", err=True)
            try:
                async with _until_signalled() as stopped:
                    while not stopped.is_set():
                        await store.expire()
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(stopped.wait(), EXPIRE_S)
            finally:
                note.unlink(missing_ok=True)
                await server.stop()
        finally:
            await store.close()


@click.group()
def node() -> None:
    """Run a node and earn."""


@node.command("processor", epilog="Example: antiphon node processor --engine kokoro --price 150")
@click.option("--engine", required=True, help="What to run: see `antiphon engines`.")
@click.option("--price", type=float, metavar="uANT", help="Per character, in millionths of an ANT.")
@click.option("--slots", default=1, show_default=True, type=click.IntRange(1, 64), help="Parts made at once.")
@click.option("--queue", default=16, show_default=True, type=click.IntRange(0, 1024), help="Parts that may wait.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="By default any free one.")
@click.option("--name", help="Name of this node's key in the data folder; by default the engine's.")
@click.option("--bond", default=100.0, show_default=True, help="Stake to hold, in ANT.")
@click.pass_obj
def processor(
    settings: Settings,
    engine: str,
    price: float | None,
    slots: int,
    queue: int,
    host: str,
    port: int,
    name: str | None,
    bond: float,
) -> None:
    """Run a processor node: it makes audio with one engine."""
    from antiphon.engines import registry
    from antiphon.nodes.network import OTHER_PRICE_NANO, PRICES_NANO
    from antiphon.nodes.producer import Producer
    from antiphon.nodes.workshop import EngineWorkshop

    price_nano = PRICES_NANO.get(engine, OTHER_PRICE_NANO) if price is None else round(price * 1000)
    if price_nano <= 0:
        raise InputError(f"A price of {price:g} uANT is not positive")
    workshop = EngineWorkshop(registry.load(engine), price_nano)

    def build(context: Context) -> Node:
        return Producer(context, workshop, slots=slots, queue=queue)

    run(_serve_node(settings, build, name or engine, host, port, round(bond * NANO)))


@node.command("validator", epilog="Example: antiphon node validator --probe-every 60")
@click.option("--price", type=float, metavar="uANT", help="Per character, in millionths of an ANT.")
@click.option("--probe-every", default=60.0, show_default=True, help="Seconds between own test prompts; 0 = none.")
@click.option("--prompt-api", envvar="ANTIPHON_PROMPT_API", help="URL of an OpenAI-compatible API for test prompts.")
@click.option("--prompt-model", default="default", envvar="ANTIPHON_PROMPT_MODEL", show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="By default any free one.")
@click.option("--name", default="validator", show_default=True, help="Name of this node's key in the data folder.")
@click.option("--bond", default=100.0, show_default=True, help="Stake to hold, in ANT.")
@click.pass_obj
def validator(
    settings: Settings,
    price: float | None,
    probe_every: float,
    prompt_api: str | None,
    prompt_model: str,
    host: str,
    port: int,
    name: str,
    bond: float,
) -> None:
    """Run a validator node: it judges what processors deliver, and tests them with prompts of its own.

    The prompt API's key, if it needs one, is read from ANTIPHON_PROMPT_API_KEY.
    """
    from antiphon.nodes.listener import listener_of
    from antiphon.nodes.network import VALIDATOR_PRICE_NANO, speech_judge_offer
    from antiphon.nodes.validator import Validator

    ears = listener_of(settings.profile)
    ears.warm_up()
    price_nano = VALIDATOR_PRICE_NANO if price is None else round(price * 1000)
    offers = (speech_judge_offer(ears.languages, price_nano),)

    def build(context: Context) -> Node:
        return Validator(context, ears, offers)

    async def probing(context: Context) -> None:
        from antiphon.nodes.client import Client
        from antiphon.nodes.prober import Prober

        prompts = _prompts(context.identity.node_id, prompt_api, prompt_model)
        await Prober(Client(context), prompts, every_s=probe_every, chance=random.Random()).run()  # noqa: S311

    run(_serve_node(settings, build, name, host, port, round(bond * NANO), probing if probe_every > 0 else None))


def _prompts(seed: str, api: str | None, model: str) -> PromptSource:
    import time

    from antiphon.nodes.prompts import ApiPrompts, GrammarPrompts
    from antiphon.protocol import Secret

    grammar = GrammarPrompts(f"{seed} {time.time_ns()}")
    if not api:
        return grammar
    key = os.environ.get("ANTIPHON_PROMPT_API_KEY")
    return ApiPrompts(api, Secret(key.encode()) if key else None, model, grammar)


Build = Callable[["Context"], "Node"]
Beside = Callable[["Context"], Coroutine[Any, Any, None]]


async def _serve_node(
    settings: Settings, build: Build, name: str, host: str, port: int, bond_nano: int, beside: Beside | None = None
) -> None:
    """Hold a stake, serve, register; on a signal say goodbye."""
    from antiphon.cli.connect import find_ledger, reach
    from antiphon.nodes.node import Context
    from antiphon.nodes.transport import serve
    from antiphon.protocol import load_or_create

    url = await find_ledger(settings)
    with _own_key(settings.home, name) as key:
        async with reach(url) as (store, transport):
            context = Context(load_or_create(key), store, transport, SystemClock())
            made = build(context)
            await _hold_stake(settings.home, made, bond_nano)
            server = await serve(made.handle, host, port)
            extra: asyncio.Task[None] | None = None
            try:
                await made.start(server.endpoint)
                click.echo(f"{made.role} {made.node_id[:8]} ({key.stem}) at {server.endpoint}", err=True)
                extra = asyncio.create_task(beside(context)) if beside else None
                async with _until_signalled() as stopped:
                    await stopped.wait()
            finally:
                if extra is not None:
                    extra.cancel()
                    await asyncio.gather(extra, return_exceptions=True)
                await made.stop()
                await server.stop()


async def _hold_stake(home: Path, node: Node, bond_nano: int) -> None:
    """Stake what is missing: from the node's own balance, or deposited by the operator if its key is here."""
    from antiphon.ledger.operations import Stake
    from antiphon.nodes.network import fund
    from antiphon.nodes.node import Actor, Context
    from antiphon.protocol import load_or_create

    context = node.context
    account = await context.ledger.account(node.node_id)
    missing = bond_nano - account.stake_nano
    if missing <= 0:
        return
    operator = home / "keys" / "operator.key"
    if account.balance_nano >= missing:
        await node.submit(Stake(amount_nano=missing))
    elif operator.exists():
        bank = Actor(Context(load_or_create(operator), context.ledger, context.transport, context.clock))
        await fund(bank, node, bond_nano)
    else:
        raise FundsError(
            f"This node needs a stake of {bond_nano / NANO:g} ANT and has {account.stake_nano / NANO:g}",
            f"Ask the ledger's operator to run: antiphon account deposit {missing / NANO:g} --to {node.node_id}",
        )


@asynccontextmanager
async def _until_signalled() -> AsyncIterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        yield stopped
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@contextmanager
def _lock(path: Path, taken: str) -> Iterator[None]:
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
    for number in range(1, MAX_NAMES + 1):
        label = name if number == 1 else f"{name}-{number}"
        lock = _lock(home / "keys" / f"{label}.lock", "in use")
        try:
            lock.__enter__()
        except UnavailableError:
            continue
        try:
            yield home / "keys" / f"{label}.key"
        finally:
            lock.__exit__(None, None, None)
        return
    raise UnavailableError(f"{MAX_NAMES} nodes named {name!r} run already", "Give another --name.")
