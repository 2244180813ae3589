"""Relays: a ledger named `evm:URL` is used through a watcher, which believes the chain instead of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from antiphon.door.settings import Settings
from antiphon.errors import AntiphonError, ProtocolError
from antiphon.ledger.base import Ledger

PREFIX = "evm:"
WATCH_S = 5.0
log = logging.getLogger("antiphon")


def chain_file(settings: Settings) -> Path:
    """Where it is said which contracts are meant."""
    return settings.chain or settings.home / "chain.json"


@asynccontextmanager
async def watched(settings: Settings, ledger: Ledger, ledger_id: str) -> AsyncIterator[Ledger]:
    """The relay behind `ledger`, watched while it is used, and once more at the end. Raises what the watcher finds."""
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
        made = WatchedLedger(ledger, Facts(contracts), settings.home / "relays" / f"{ledger_id}.json")
        await made.watch()
        watching = asyncio.create_task(_keep_watching(made), name="watching the relay")
        try:
            yield made
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
        await made.watch()
    finally:
        await rpc.close()


async def _keep_watching(ledger: object) -> None:
    from antiphon.ledger.relay.watch import WatchedLedger

    assert isinstance(ledger, WatchedLedger)
    while True:
        await asyncio.sleep(WATCH_S)
        try:
            await ledger.watch()
        except ProtocolError as e:
            log.error("%s", e)
            return
        except AntiphonError as e:
            log.info("the relay's book could not be read: %s", e)
