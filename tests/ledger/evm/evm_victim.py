"""A process that sends one transaction, to be killed anywhere: evm_victim.py URL OUTBOX KEY LABEL TARGET DATA"""

import asyncio
import sys
from pathlib import Path

from antiphon.ledger.evm.keys import from_hex
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.rpc import Rpc


async def main() -> None:
    url, file, key, label, target, data = sys.argv[1:]
    outbox = await Outbox.open(Rpc(url), from_hex(key), Path(file), confirmations=2, fees=Fees())
    print("open", flush=True)
    receipt = await outbox.send(label, target, bytes.fromhex(data))
    print(receipt.hash, flush=True)


asyncio.run(main())
