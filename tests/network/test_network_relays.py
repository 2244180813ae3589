"""Two relays, three processors, three validators and two clients as processes beside a chain; one relay is killed."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("web3") is None:  # not imported here: antiphon.ledger.evm comes first, and keeps the recursion limit
    pytest.skip("antiphon[evm] is not installed", allow_module_level=True)
from evm_anvil import DEV_KEYS, Anvil
from evm_chain import anvil, chain, deployed
from processes import Processes, free_port, processes, until

from antiphon.audio import read
from antiphon.door.receipts import verify_receipt
from antiphon.economy.types import NANO
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.evm.contracts import Contracts
from antiphon.ledger.evm.keys import Key, from_hex
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.rpc import Rpc
from antiphon.ledger.evm.wallet import Wallet
from antiphon.protocol import load_or_create

__all__ = ["anvil", "chain", "deployed"]
pytestmark = pytest.mark.slow

TEXT = "One boat left the old harbour. Two dogs ran along the wall. Three bells rang. Four men came home. "
CLIENTS = ("ann", "ben")
RELAYS = ("relay-a", "relay-b")
PROCESSORS = ("hibari", "hibari-2", "hibari-3")
VALIDATORS = ("validator", "validator-2", "validator-3")
SERVING = re.compile(r"^(?:processor|validator) \w{8} \(.*\) at http", re.MULTILINE)
BOND, DEPOSIT, SESSION = 100 * NANO, 50 * NANO, 20


def key_of(name: str) -> Key:
    return from_hex(secret_of(name))


def secret_of(name: str) -> str:
    from hashlib import sha256

    return sha256(f"chain key of {name}".encode()).hexdigest()


async def found(run: Processes, anvil: Anvil, chain: ChainFile) -> None:
    """Money and stakes on the chain, as `antiphon chain deposit` and `stake` bring them (docs/chain.md)."""
    rpc = Rpc(anvil.url)
    contracts = await Contracts.open(rpc, chain)
    bank = await Outbox.open(rpc, from_hex(DEV_KEYS[0]), run.folder / "bank.db", confirmations=1, fees=Fees())

    async def wallet(name: str) -> Wallet:
        anvil.ask("anvil_setBalance", key_of(name).address, hex(10**20))
        data = contracts.token.encode("transfer", key_of(name).address, BOND)
        await bank.send(f"give {name}", contracts.token.address, data)
        file = run.folder / f"{name}.db"
        return Wallet(contracts, await Outbox.open(rpc, key_of(name), file, confirmations=1, fees=Fees()))

    async def join(name: str, home: Path, key: str, role: str) -> None:
        await (await wallet(name)).stake(BOND, load_or_create(home / "keys" / f"{key}.key"), role, "")

    async def deposit(name: str) -> None:
        await (await wallet(name)).deposit(DEPOSIT)

    relays = [join(name, run.folder / name, "relay", "relay") for name in RELAYS]
    processors = [join(name, run.home, name, "processor") for name in PROCESSORS]
    validators = [join(name, run.home, name, "validator") for name in VALIDATORS]
    await asyncio.gather(*relays, *processors, *validators, *(deposit(name) for name in CLIENTS))
    await rpc.close()


@pytest.fixture
def run(tmp_path: Path, anvil: Anvil, chain: tuple[ChainFile, Path]) -> Iterator[Processes]:
    with processes(tmp_path) as made:
        asyncio.run(found(made, anvil, chain[0]))
        made.variables = {"ANTIPHON_RPC": anvil.url, "ANTIPHON_CHAIN": str(chain[1])}
        yield made


def start_all(run: Processes) -> str:
    """Relays and nodes, as the page says; what --ledger is for all."""
    ports = [free_port() for _ in RELAYS]
    for name, port in zip(RELAYS, ports, strict=True):
        key = {"ANTIPHON_CHAIN_KEY": secret_of(name)}
        run.start(name, "relay", "serve", "--port", str(port), home=run.folder / name, variables=key)
    for name in RELAYS:
        until(lambda name=name: " at evm:http" in run.said(name), f"{name} serves")  # type: ignore[misc]
    ledger = "evm:" + ",".join(f"http://127.0.0.1:{port}" for port in ports)
    run.variables["ANTIPHON_LEDGER"] = ledger
    for name in PROCESSORS:
        run.start(name, "node", "processor", "--engine", "hibari", "--name", name)
    for name in VALIDATORS:
        run.start(name, "node", "validator", "--probe-every", "0", "--name", name)
    for name in (*PROCESSORS, *VALIDATORS):
        until(lambda name=name: len(SERVING.findall(run.said(name))) == 2, f"{name} is at both")  # type: ignore[misc]
    return ledger


def test_a_second_relay_takes_over_when_the_first_is_killed(run: Processes, anvil: Anvil) -> None:
    ledger = start_all(run)
    second = ledger.split(",")[1]
    for name in CLIENTS:
        key = {"ANTIPHON_CHAIN_KEY": secret_of(name)}
        told = run.call("chain", "session", str(SESSION), home=run.folder / name, variables=key)
        assert "has 20 ANT at" in told
        output = str(run.folder / f"{name}.wav")
        words = ("say", TEXT, "--voice", "hibari", "-o", output, "--json")
        run.start(f"say-{name}", *words, home=run.folder / name, variables=key)
    until(lambda: any("part" in run.said(name) for name in PROCESSORS), "a processor is at work")
    run.kill(RELAYS[0])

    for name in CLIENTS:
        assert run.wait(f"say-{name}") == 0, run.said(f"say-{name}")
        said = run.said(f"say-{name}")
        assert f"Going on at evm:{second}" in said
        assert read(run.folder / f"{name}.wav").duration_s > 4
        result = json.loads(said[said.index("{\n") :])
        for receipt in result["receipts"]:
            assert verify_receipt(Path(receipt)).parts
        key = {"ANTIPHON_CHAIN_KEY": secret_of(name)}
        listed = run.call("chain", "sessions", home=run.folder / name, variables=key)
        assert len(re.findall("20 ANT left, expires in 4[78]", listed)) == 2, listed

    anvil.ask("evm_increaseTime", 49 * 3_600)
    anvil.mine(5)
    for name in CLIENTS:
        key = {"ANTIPHON_CHAIN_KEY": secret_of(name)}
        told = run.call("chain", "sessions", "--close", home=run.folder / name, variables=key)
        assert told.strip() == "Closed   2"
        assert "Balance  50 ANT" in run.call("chain", "status", home=run.folder / name, variables=key)
