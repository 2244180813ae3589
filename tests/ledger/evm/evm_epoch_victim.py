"""Processes that do what is due of an epoch, killed anywhere: evm_epoch_victim.py URL CHAIN FOLDER KEY DELAY_S...

For each line that it reads it begins one for each delay, kills it after that, and then lets one end. Prints what that
one has done.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from evm_epochs import wallet

from antiphon.ledger.evm import config
from antiphon.ledger.evm.contracts import Contracts
from antiphon.ledger.evm.epochs.keeping import Keeper
from antiphon.ledger.evm.epochs.reading import Reader
from antiphon.ledger.evm.keys import from_hex
from antiphon.ledger.evm.rpc import Rpc


async def act(url: str, file: str, folder: str, key: str) -> list[str]:
    reader = await Reader.open(Contracts(Rpc(url), config.load(Path(file))))
    person = await wallet(reader, Path(folder), from_hex(key))
    keeper = Keeper(person, lambda columns: [65_535, *[7] * (len(columns) - 1)], Path(folder) / "done")
    try:
        return [line async for line in keeper.act()]
    finally:
        await reader.contracts.rpc.close()


def main() -> None:
    where, delays_s = sys.argv[1:5], [float(one) for one in sys.argv[5:]]
    for _ in sys.stdin:
        for delay_s in delays_s:
            child = os.fork()
            if not child:
                asyncio.run(act(*where))
                os._exit(0)
            time.sleep(delay_s)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        print(asyncio.run(act(*where)), flush=True)


main()
