"""The API is paid for by whoever knows only x402: a public client, a real chain, a real network."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from eth_account import Account
from evm_anvil import DEV_KEYS, Anvil
from evm_chain import anvil, chain, deployed
from x402 import x402Client
from x402.http.clients.httpx import x402HttpxClient
from x402.http.utils import decode_payment_required_header, decode_payment_response_header
from x402.mechanisms.evm.exact import ExactEvmScheme

from antiphon.door.paying import till
from antiphon.door.settings import Settings
from antiphon.economy.types import NANO
from antiphon.errors import InputError
from antiphon.ledger.evm import config
from antiphon.ledger.evm.contracts import Contracts
from antiphon.ledger.evm.keys import from_hex
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.rpc import Rpc

__all__ = ["anvil", "chain", "deployed"]
pytestmark = [pytest.mark.slow]
START_S = 240.0
PAYER = Account.from_key("0x" + "5a" * 32)
SENTENCE = {"input": "Whoever asks pays for this sentence.", "voice": "hibari", "response_format": "wav"}


@pytest.fixture
async def paid(anvil: Anvil, chain, tmp_path: Path) -> AsyncIterator[tuple[str, Contracts]]:
    """(URL of `antiphon up --x402`, a process of its own; the contracts). The payer has one ANT."""
    home, log = tmp_path / "home", tmp_path / "log"
    home.mkdir()
    config.save(home / "chain.json", chain[0])
    rpc = Rpc(anvil.url)
    contracts = await Contracts.open(rpc, chain[0])
    outbox = await Outbox.open(rpc, from_hex(DEV_KEYS[0]), tmp_path / "bank.db", confirmations=1, fees=Fees())
    await outbox.send("give", contracts.token.address, contracts.token.encode("transfer", PAYER.address, NANO))
    command = [sys.executable, "-m", "antiphon", "--home", str(home), "up", "--x402", "--port", "0"]
    env = {**os.environ, "ANTIPHON_CHAIN_KEY": DEV_KEYS[0], "ANTIPHON_RPC": anvil.url}
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(*command, stdout=out, stderr=out, env=env)
    try:
        async with asyncio.timeout(START_S):
            while not (found := re.search(r"API at (http\S+)/v1", log.read_text())):
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.1)
        yield f"{found[1]}/v1/audio/speech", contracts
        process.send_signal(signal.SIGINT)
        assert await process.wait() in {0, 130}
        assert "Traceback" not in log.read_text()
        assert DEV_KEYS[0] not in log.read_text()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await rpc.close()


def public_client() -> x402Client:
    """It pays in tokens that it does not know only when it is told so."""
    made = x402Client().register("eip155:31337", ExactEvmScheme(PAYER))
    made.set_spend_controls(False)
    return made


async def test_a_client_that_knows_only_x402_pays_for_what_it_hears(paid: tuple[str, Contracts]) -> None:
    url, contracts = paid
    async with httpx.AsyncClient(timeout=600) as plain:
        asked = await plain.post(url, json=SENTENCE)
        assert (asked.status_code, asked.json()["error"]["code"]) == (402, "payment_required")
        (accepted,) = decode_payment_required_header(asked.headers["payment-required"]).accepts
        price = int(accepted.amount)
        nonsense = await plain.post(url, json=SENTENCE, headers={"payment-signature": "bm90aGluZw=="})
        assert nonsense.status_code == 402
        assert "cannot be read" in nonsense.json()["error"]["message"]
        free = await plain.get(url.replace("audio/speech", "models"))
        assert free.status_code == 200
    client = public_client()
    async with x402HttpxClient(client, timeout=600) as paying:
        unknown = await paying.post(url, json=SENTENCE | {"voice": "nobody"})
        assert unknown.status_code == 400, "what cannot be made is not paid for"
        answer = await paying.post(url, json=SENTENCE)
    assert answer.status_code == 200, answer.text[:300]
    assert answer.content[:4] == b"RIFF"
    told = decode_payment_response_header(answer.headers["payment-response"])
    assert (told.success, told.payer, told.network) == (True, PAYER.address, "eip155:31337")
    left = await contracts.token.read("balanceOf", PAYER.address)
    assert NANO - left == int(told.amount) >= price > 0


async def test_without_a_chain_key_there_is_no_till(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no chain key"):
        async with till(Settings(tmp_path)):
            pass
