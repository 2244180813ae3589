"""What a command does with a wallet, ended by SIGKILL: evm_wallet_victim.py URL CHAIN FOLDER KEY N WHAT

N counts both sides of each sending: 1 is before the first, 2 after it, and so on. 0: never.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from antiphon.ledger.evm import config
from antiphon.ledger.evm.contracts import Contracts
from antiphon.ledger.evm.keys import from_hex
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.rpc import Rpc
from antiphon.ledger.evm.wallet import Wallet
from antiphon.protocol import Identity


class Mortal(Rpc):
    """Dies at one place."""

    passed, last = 0, 0

    def _pass(self) -> None:
        self.passed += 1
        if self.passed == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    async def ask(self, method: str, *params: object) -> Any:
        if method != "eth_sendRawTransaction":
            return await super().ask(method, *params)
        self._pass()
        answer = await super().ask(method, *params)
        self._pass()
        return answer


async def main() -> None:
    url, chain, folder, key, last, what = sys.argv[1:]
    rpc = Mortal(url)
    rpc.last = int(last)
    contracts = await Contracts.open(rpc, config.load(Path(chain)))
    outbox = await Outbox.open(rpc, from_hex(key), Path(folder) / "outbox.db", confirmations=2, fees=Fees())
    wallet = Wallet(contracts, outbox)
    match what:
        case "deposit":
            await wallet.deposit(7)
        case "session":
            await wallet.open_session(2, 3, 3_600)
        case "stake":
            await wallet.stake(10**11, Identity.from_seed(b"v" * 32), "validator", "")
        case "close":
            await wallet.close_expired()
        case "withdraw":
            await wallet.withdraw(1)
    await rpc.close()


asyncio.run(main())
