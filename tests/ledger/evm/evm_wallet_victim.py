"""What a command does with a wallet, in a process that is ended by SIGKILL."""

import asyncio
import os
import signal
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


def run(url: str, chain: Path, folder: Path, key: str, last: int, what: str) -> None:
    """`last` counts both sides of each sending: 1 is before the first, 2 after it, and so on. 0: never."""
    asyncio.run(_run(url, chain, folder, key, last, what))


async def _run(url: str, chain: Path, folder: Path, key: str, last: int, what: str) -> None:
    rpc = Mortal(url)
    rpc.last = last
    contracts = await Contracts.open(rpc, config.load(chain))
    outbox = await Outbox.open(rpc, from_hex(key), folder / "outbox.db", confirmations=2, fees=Fees())
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
