"""`antiphon relay serve`: a ledger without its powers, beside a chain."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import click

from antiphon.cli.app import run
from antiphon.cli.chain import Place, chain_options
from antiphon.cli.groups import Verbs
from antiphon.cli.process_host import LEDGER_ANSWERS, SERVING_LOCK, BindAddress, ended, locked, until_signalled
from antiphon.cli.serve import bind_options, db_option
from antiphon.errors import AntiphonError, FundsError

if TYPE_CHECKING:
    from antiphon.ledger.relay.facts import Facts

PORT = 7412
FOLLOW_S = 1.0
log = logging.getLogger("antiphon.cli")


@click.group(cls=Verbs, epilog="\b\nExamples:\n  antiphon relay serve\n")
def relay() -> None:
    """Run a relay: it orders what others have signed, and holds no money."""


@relay.command("serve", epilog="\b\nExamples:\n  antiphon relay serve\n")
@click.option(
    "--settle-every",
    type=click.FloatRange(min=1),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="How often what was earned is proposed to be settled on the chain.",
)
@click.option(
    "--settle-within",
    type=click.IntRange(10, 3_600),
    default=120,
    show_default=True,
    metavar="SECONDS",
    help="How long all have time to sign it; who does not is left out.",
)
@bind_options(PORT)
@db_option
@chain_options
def serve_relay(place: Place, address: BindAddress, db: str, settle_every: float, settle_within: int) -> None:
    """Serve a relay over HTTP until Ctrl-C. Its bond comes first: antiphon chain stake 100 --role relay"""
    run(_serve(place, address, db, settle_every, settle_within))


async def _serve(place: Place, address: BindAddress, db: str, every_s: float, within_s: int) -> None:
    from antiphon.clock import SystemClock
    from antiphon.ledger.evm import config
    from antiphon.ledger.evm.contracts import Contracts
    from antiphon.ledger.evm.cursor import Cursor
    from antiphon.ledger.evm.outbox import Fees, Outbox
    from antiphon.ledger.evm.rpc import Rpc
    from antiphon.ledger.expiry import run_expiry
    from antiphon.ledger.relay.facts import Facts
    from antiphon.ledger.relay.ledger import RelayLedger
    from antiphon.ledger.relay.settling import Settler
    from antiphon.ledger.remote import LedgerService
    from antiphon.ledger.sql import SqlLedger
    from antiphon.protocol import load_or_create
    from antiphon.transport import Limits, serve

    chain, key, home = config.load(place.file), place.open_key(), place.home
    async with AsyncExitStack() as stack:
        stack.enter_context(locked(home / f"relay-{SERVING_LOCK}", "Another relay serves this data folder"))
        rpc = Rpc(place.rpc)
        stack.push_async_callback(rpc.close)
        contracts = await Contracts.open(rpc, chain, str(place.file))
        facts, identity = Facts(contracts), load_or_create(home / "keys" / "relay.key")
        await _expect_bond(facts, key.address, identity.node_id)
        clock = SystemClock()
        store = await SqlLedger.open(db or home / "relay.db", operator=identity, clock=clock, rules=await facts.rules())
        made = RelayLedger(store, facts, Cursor(contracts, home / "relay-cursor.json"), key, clock)
        stack.push_async_callback(made.close)
        await made.follow()
        fees = Fees(max_fee=place.max_fee)
        outbox = await Outbox.open(rpc, key, home / "outbox.db", confirmations=chain.confirmations, fees=fees)
        settler = Settler(store, facts, outbox, clock, every_s=every_s, within_s=within_s)
        beside = [
            asyncio.create_task(run_expiry(made)),
            asyncio.create_task(_for_ever(made.follow, "the chain could not be followed")),
            asyncio.create_task(_for_ever(settler.step, "nothing could be settled")),
        ]
        stack.push_async_callback(ended, *beside)
        limits = Limits(concurrent=LEDGER_ANSWERS, connections=LEDGER_ANSWERS)
        server = await serve(LedgerService(made, identity).handle, address.host, address.port, limits)
        stack.push_async_callback(server.stop)
        click.echo(f"Relay {identity.node_id} at evm:{address.endpoint or server.endpoint}", err=True)
        async with until_signalled() as stopped:
            await stopped.wait()


async def _expect_bond(facts: Facts, address: str, node: str) -> None:
    bond = await facts.bond(address, "latest")
    if bond is None or (bond.role, bond.node) != ("relay", node) or not bond.nano:
        raise FundsError(
            f"{address} has no bond as a relay with this data folder's key", "antiphon chain stake 100 --role relay"
        )


async def _for_ever(step: Callable[[], Awaitable[None]], what: str) -> None:
    """A step again and again. A chain that is away is told once, and stops nothing that is under way."""
    told = ""
    while True:
        try:
            await step()
            told = ""
        except AntiphonError as e:
            if str(e) != told:
                log.warning("%s: %s", what, e)
            told = str(e)
        await asyncio.sleep(FOLLOW_S)
