"""Relays: a ledger named `evm:URL` is used through a watcher, which believes the chain instead of it. What its tasks
earned is signed with the chain key, if there is one, so that it comes to the chain."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from antiphon.clock import SystemClock
from antiphon.door.settings import Settings
from antiphon.errors import AntiphonError, ProtocolError
from antiphon.ledger.base import Ledger
from antiphon.parties.actor import Actor, Context
from antiphon.parties.vouchers import Collector, Wallet
from antiphon.protocol import Identity
from antiphon.transport import InProcessTransport

if TYPE_CHECKING:
    from antiphon.ledger.evm.keys import Key
    from antiphon.ledger.relay.facts import Facts
    from antiphon.ledger.relay.watch import WatchedLedger

PREFIX = "evm:"
WATCH_S = 5.0
log = logging.getLogger("antiphon")


def chain_file(settings: Settings) -> Path:
    """Where it is said which contracts are meant."""
    return settings.chain or settings.home / "chain.json"


async def chain_key(settings: Settings) -> Key | None:
    """The key that signs for this process; None: there is none, or nobody gave its password. Raises InputError."""
    from antiphon.ledger.evm import keys

    keystore = settings.home / "keys" / "chain.json"
    if settings.chain_key:
        return keys.from_hex(settings.chain_key)
    if not settings.chain_password or not keystore.exists():
        return None
    return await asyncio.to_thread(keys.load, keystore, settings.chain_password)


async def signing_problem(settings: Settings, node: str) -> str:
    """Why this node cannot sign for its pay, in words; empty: it can."""
    from antiphon.ledger.evm import config
    from antiphon.ledger.evm.contracts import Contracts
    from antiphon.ledger.evm.rpc import Rpc
    from antiphon.ledger.relay.facts import Facts

    key = await chain_key(settings)
    if key is None:
        return (
            "This node has no chain key, so it signs no batches: its pay stays at the relay, which is trusted for it. "
            "Set ANTIPHON_CHAIN_KEY, or ANTIPHON_CHAIN_PASSWORD for the key in the data folder."
        )
    rpc = Rpc(settings.rpc)
    try:
        contracts = await Contracts.open(rpc, config.load(chain_file(settings)))
        address = await Facts(contracts).address(node)
    finally:
        await rpc.close()
    if address == key.address:
        return ""
    return f"The chain key is {key.address}, this node is registered at {address}: it cannot sign for its pay."


async def wallet_of(settings: Settings, ledger: Ledger) -> Wallet | None:
    """What signs vouchers at this relay; None: no relay, or no chain key that opens without asking."""
    if not settings.ledger or not settings.ledger.startswith(PREFIX):
        return None
    from antiphon.ledger.relay.collecting import SessionWallet
    from antiphon.ledger.relay.watch import WatchedLedger

    key = await chain_key(settings)
    if key is None or not isinstance(ledger, WatchedLedger):
        return None
    return SessionWallet(ledger.facts, key)


def collector_of(settings: Settings, ledger: Ledger, node: str) -> Collector | None:
    """What keeps a producer's vouchers at this relay; None: no relay."""
    if not settings.ledger or not settings.ledger.startswith(PREFIX):
        return None
    from antiphon.ledger.relay.collecting import FILE, VoucherStore
    from antiphon.ledger.relay.watch import WatchedLedger

    if not isinstance(ledger, WatchedLedger):
        return None
    return VoucherStore(ledger.facts, node, settings.home / FILE)


@asynccontextmanager
async def watched(
    settings: Settings, ledger: Ledger, ledger_id: str, identity: Identity | None = None
) -> AsyncIterator[Ledger]:
    """The relay behind `ledger`, watched while it is used, and once more at the end. Raises what the watcher finds.

    `identity`: whose balance is checked, and who sends what the chain key signs."""
    from antiphon.ledger.evm import config
    from antiphon.ledger.evm.contracts import Contracts
    from antiphon.ledger.evm.rpc import Rpc
    from antiphon.ledger.relay.facts import Facts
    from antiphon.ledger.relay.watch import WatchedLedger

    file = chain_file(settings)
    chain = config.load(file)
    rpc = Rpc(settings.rpc)
    try:
        contracts = await Contracts.open(rpc, chain, str(file))
        await rpc.expect_alive(time.time())
        facts = Facts(contracts)
        made = WatchedLedger(ledger, facts, settings.home / "relays" / f"{ledger_id}.json")
        await made.watch()
        file = settings.home / "relays" / f"{ledger_id}.db"
        watching = asyncio.create_task(_keep_watching(made, settings, facts, identity, file), name="watching the relay")
        try:
            yield made
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
        await made.watch()
    finally:
        await rpc.close()


async def _keep_watching(
    ledger: WatchedLedger, settings: Settings, facts: Facts, identity: Identity | None, file: Path
) -> None:
    from antiphon.ledger.relay.signing import Balance, Signer, SigningStore

    actor = Actor(Context(identity, ledger, InProcessTransport(), SystemClock())) if identity else None
    key = await chain_key(settings) if actor else None
    store = SigningStore(file)
    signer = Signer(ledger, facts, key, store) if key else None
    while True:
        try:
            if actor and signer:
                for operation in await signer.attend():
                    await actor.submit(operation)
            await asyncio.sleep(WATCH_S)
            await ledger.watch()
            if actor:
                await Balance(ledger, facts, actor.node_id, key.address if key else "", store).check(ledger.own_tasks)
        except ProtocolError as e:
            log.error("%s", e)
            ledger.refuse(e)
            return
        except AntiphonError as e:
            log.info("the relay's book could not be read: %s", e)
            await asyncio.sleep(WATCH_S)
