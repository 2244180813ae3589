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
SERVING = r"^(?:processor|validator) \w{8} \(.*\) at http"
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


def start_relays(run: Processes) -> list[str]:
    """As the page says; where they are."""
    ports = [free_port() for _ in RELAYS]
    for name, port in zip(RELAYS, ports, strict=True):
        key = {"ANTIPHON_CHAIN_KEY": secret_of(name)}
        run.start(name, "relay", "serve", "--port", str(port), home=run.folder / name, variables=key)
    for name in RELAYS:
        run.until_said(name, " at evm:http")
    return [f"http://127.0.0.1:{port}" for port in ports]


def start_nodes(run: Processes) -> None:
    for name in PROCESSORS:
        run.start(name, "node", "processor", "--engine", "hibari", "--name", name)
    for name in VALIDATORS:
        run.start(name, "node", "validator", "--probe-every", "0", "--name", name)


def start_each(run: Processes, job: str, *words: str) -> None:
    """A command of each client, all at once; CLIENT in a word is its name."""
    for name in CLIENTS:
        key = {"ANTIPHON_CHAIN_KEY": secret_of(name)}
        given = [word.replace("CLIENT", name) for word in words]
        run.start(f"{job}-{name}", *given, home=run.folder / name, variables=key)


def ended(run: Processes, job: str) -> list[tuple[str, str]]:
    """(client, what its command said), once they have ended well."""
    for name in CLIENTS:
        assert run.wait(f"{job}-{name}") == 0, run.said(f"{job}-{name}")
    return [(name, run.said(f"{job}-{name}")) for name in CLIENTS]


def test_a_second_relay_takes_over_when_the_first_is_killed(run: Processes, anvil: Anvil) -> None:
    relays = start_relays(run)
    run.variables["ANTIPHON_LEDGER"] = "evm:" + ",".join(relays)
    start_nodes(run)
    start_each(run, "session", "chain", "session", str(SESSION))
    assert all("has 20 ANT at" in told for _, told in ended(run, "session"))
    for name in (*PROCESSORS, *VALIDATORS):
        run.until_said(name, SERVING, len(RELAYS))

    start_each(run, "say", "say", TEXT, "--voice", "hibari", "-o", str(run.folder / "CLIENT.wav"), "--json")
    until(lambda: any("part" in run.said(name) for name in PROCESSORS), "a processor is at work")
    run.kill(RELAYS[0])
    for name, said in ended(run, "say"):
        assert f"Going on at evm:{relays[1]}" in said
        assert read(run.folder / f"{name}.wav").duration_s > 4
        result = json.loads(said[said.index("{\n") :])
        for receipt in result["receipts"]:
            assert verify_receipt(Path(receipt)).parts

    for name in (RELAYS[1], *PROCESSORS, *VALIDATORS):  # what is left comes home by the chain alone
        run.kill(name)
    start_each(run, "list", "chain", "sessions")
    for _, listed in ended(run, "list"):
        assert len(re.findall("20 ANT left, expires in 4[78]", listed)) == 2, listed
    anvil.ask("evm_increaseTime", 49 * 3_600)
    anvil.mine(5)
    start_each(run, "close", "chain", "sessions", "--close")
    assert all(told.startswith("Closed   2") for _, told in ended(run, "close"))
    start_each(run, "status", "chain", "status")
    assert all("Balance  50 ANT" in told for _, told in ended(run, "status"))
