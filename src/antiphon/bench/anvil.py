"""A chain of our own to measure on: a real anvil, if it is installed, with the contracts on it."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

from antiphon.errors import AntiphonError, UnavailableError
from antiphon.ledger.evm import reverts
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.evm.contracts import Contract, Contracts
from antiphon.ledger.evm.deploy import Plan, deploy
from antiphon.ledger.evm.keys import Key, from_hex
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.rpc import RefusedError, Rpc

RICH = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""The first of the keys that anvil gives coin to; everybody knows it."""
BLOCK_S = 0.1
START_S = 30.0
GAS_LIMIT = 15_000_000


def missing() -> str:
    """What is not installed, and how to get it; empty: nothing."""
    if find_spec("web3") is None:
        return "web3.py is not installed: pip install 'antiphon[evm]'"
    if program() is None:
        return "anvil is not installed: npm install @foundry-rs/anvil (docs/chain.md), and name it in ANTIPHON_ANVIL"
    return ""


def program() -> str | None:
    """ANTIPHON_ANVIL, the one on the path, or the one that scripts/fetch_anvil keeps."""
    named = os.environ.get("ANTIPHON_ANVIL") or shutil.which("anvil")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "antiphon"
    kept = sorted(cache.glob("anvil-*/node_modules/@foundry-rs/anvil-*/bin/anvil"))
    return named or (str(kept[-1]) if kept else None)


class OwnChain:
    """The contracts on it, and transactions of whoever is named: anvil signs for everybody."""

    def __init__(self, contracts: Contracts, chain: ChainFile, outbox: Outbox, folder: Path) -> None:
        self.contracts, self.chain, self.folder = contracts, chain, folder
        self.rpc, self.rich = contracts.rpc, outbox.key.address
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # one transaction of a sender at a time

    async def send(self, sender: str, contract: Contract, function: str, *args: object) -> int:
        """Call it in a transaction; the gas that it used. Raises ConflictError when it failed."""
        data = "0x" + contract.encode(function, *args).hex()
        async with self._turns[sender]:
            call = {"from": sender, "to": contract.address, "data": data, "gas": hex(GAS_LIMIT)}
            found = await self.rpc.ask("eth_sendTransaction", call)
            while (receipt := await self.rpc.ask("eth_getTransactionReceipt", found)) is None:  # noqa: ASYNC110 - polled
                await asyncio.sleep(BLOCK_S / 2)
        if int(receipt["status"], 16) != 1:
            raise UnavailableError(f"{contract.name}.{function} failed, {await self._why(sender, contract, data)}")
        return int(receipt["gasUsed"], 16)

    async def _why(self, sender: str, contract: Contract, data: str) -> str:
        try:
            await self.rpc.ask("eth_call", {"from": sender, "to": contract.address, "data": data}, "latest")
        except RefusedError as e:
            return reverts.told(e).what
        return "and would not fail now"

    async def endow(self, key: Key, nano: int) -> str:
        """Coin for gas, and ANT; the address."""
        await self.rpc.ask("anvil_setBalance", key.address, hex(10**20))
        await self.send(self.rich, self.contracts.token, "transfer", key.address, nano)
        return key.address

    async def pass_time(self, seconds: int, blocks: int = 2) -> None:
        await self.rpc.ask("evm_increaseTime", seconds)
        await self.rpc.ask("anvil_mine", hex(blocks))

    async def now_s(self) -> int:
        return (await self.rpc.block("latest")).time_s


@asynccontextmanager
async def own_chain() -> AsyncIterator[OwnChain]:
    """Raises UnavailableError when it does not start."""
    with tempfile.TemporaryDirectory(prefix="chain-") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        command = [str(program()), "--port", str(port), "--silent", "--block-time", str(BLOCK_S)]
        command += ["--slots-in-an-epoch", "1", "--auto-impersonate", "--cache-path", folder]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        rpc = Rpc(f"http://127.0.0.1:{port}", patience_s=START_S)
        try:
            fees = Fees()
            outbox = await Outbox.open(rpc, from_hex(RICH), Path(folder) / "bank.db", confirmations=1, fees=fees)
            chain = await deploy(rpc, outbox, Plan(), confirmations=1, name="bench")
            yield OwnChain(Contracts(rpc, chain), chain, outbox, Path(folder))
        except AntiphonError as e:
            raise UnavailableError(f"The chain of the measurement failed: {e.what}", "Try again.") from e
        finally:
            await rpc.close()
            process.kill()
            await process.wait()
