"""A relay as a process of its own, to be killed anywhere: relay_victim.py RPC CHAIN_FILE FOLDER PORT"""

import asyncio
import sys
from pathlib import Path

from ledger_market import OPERATOR
from relay_market import open_relay

from antiphon.clock import SystemClock
from antiphon.ledger.evm import config
from antiphon.ledger.remote import LedgerService
from antiphon.transport import serve


async def main() -> None:
    url, chain, folder, port = sys.argv[1:]
    relay, _ = await open_relay(url, config.load(Path(chain)), Path(folder), SystemClock())
    await serve(LedgerService(relay, OPERATOR).handle, "127.0.0.1", int(port))
    print("serving", flush=True)
    while True:
        await relay.follow()
        await asyncio.sleep(0.2)


asyncio.run(main())
