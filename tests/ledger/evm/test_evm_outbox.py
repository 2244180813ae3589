"""Transactions arrive once: killed processes, stuck and replaced ones, re-orgs, a chain that dies, too little money."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from evm_anvil import DEV_KEYS, Anvil

from antiphon.economy.types import NANO
from antiphon.errors import (
    AntiphonError,
    ConflictError,
    FundsError,
    ProtocolError,
    StateError,
    UnavailableError,
    UnreachableError,
)
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.evm.contracts import Contract
from antiphon.ledger.evm.keys import Key, from_hex
from antiphon.ledger.evm.outbox import GWEI, Fees, Outbox
from antiphon.ledger.evm.rpc import Rpc

HERE = Path(__file__).parent
TO = "0x0000000000000000000000000000000000001111"
Open = Callable[..., Awaitable[tuple[Outbox, Contract]]]


@pytest.fixture
async def opened(chain: tuple[ChainFile, Path], tmp_path: Path) -> AsyncIterator[Open]:
    """Opens (outbox, token) on a chain; closes the connections."""
    made: list[Rpc] = []

    async def open_(anvil: Anvil, *, key: Key | None = None, file: str = "outbox.db", **fees: float) -> tuple:
        rpc = Rpc(anvil.url, patience_s=5)
        made.append(rpc)
        outbox = await Outbox.open(
            rpc, key or from_hex(DEV_KEYS[0]), tmp_path / file, confirmations=2, fees=Fees(**fees)
        )
        return outbox, Contract(rpc, "token", chain[0].contracts["token"].address)

    yield open_
    for rpc in made:
        await rpc.close()


async def until(anvil: Anvil, work: asyncio.Task) -> object:
    """Blocks, until the work is done."""
    for _ in range(200):
        if work.done():
            return await work
        await asyncio.to_thread(anvil.mine)
        await asyncio.sleep(0.05)
    raise AssertionError("not done after 200 blocks")


async def test_the_same_key_is_the_same_transaction(anvil: Anvil, opened: Open) -> None:
    outbox, token = await opened(anvil)
    data = token.encode("transfer", TO, 7)
    first = await outbox.send("pay", token.address, data)
    assert await outbox.send("pay", token.address, data) == first
    assert await token.read("balanceOf", TO) == 7
    with pytest.raises(StateError, match="used for another transaction"):
        await outbox.send("pay", token.address, token.encode("transfer", TO, 8))


async def test_many_at_once_take_their_numbers_in_order(anvil: Anvil, opened: Open) -> None:
    one, token = await opened(anvil)
    other, _ = await opened(anvil)
    data = token.encode("transfer", TO, 1)
    await asyncio.gather(
        *(box.send(f"{name} {i}", token.address, data) for i in range(10) for name, box in (("a", one), ("b", other)))
    )
    assert await token.read("balanceOf", TO) == 20


def kill_after(pause_s: float, command: list[object]) -> None:
    with subprocess.Popen(command, stdout=subprocess.PIPE) as victim:
        assert victim.stdout.readline() == b"open\n"
        time.sleep(pause_s)
        victim.kill()


async def test_a_killed_process_sends_nothing_twice(still: Anvil, opened: Open, tmp_path: Path) -> None:
    outbox, token = await opened(still)
    data = token.encode("transfer", TO, 5)
    command = [sys.executable, HERE / "evm_victim.py", still.url, tmp_path / "outbox.db", DEV_KEYS[0]]
    for pause_s in (0.0, 0.02, 0.3):
        await asyncio.to_thread(kill_after, pause_s, [*command, "pay", token.address, data.hex()])
    await until(still, asyncio.create_task(outbox.send("pay", token.address, data)))
    assert await token.read("balanceOf", TO) == 5


async def test_a_transaction_that_does_not_get_in_is_replaced_by_a_dearer_one(still: Anvil, opened: Open) -> None:
    outbox, token = await opened(still, stuck_s=0.2)
    work = asyncio.create_task(outbox.send("pay", token.address, token.encode("transfer", TO, 3)))
    await asyncio.sleep(1.5)
    waiting = still.ask("txpool_content")["pending"][outbox.key.address.lower()]
    (only,) = waiting.values()  # one number, however often it was sent
    assert len(outbox._find("pay").sent) > 2
    assert int(only["maxFeePerGas"], 16) > outbox._find("pay").sent[0].fee
    receipt = await until(still, work)
    assert receipt.hash == only["hash"] or receipt.hash in {sent.hash for sent in outbox._find("pay").sent}
    assert await token.read("balanceOf", TO) == 3


async def test_no_replacement_is_dearer_than_allowed(still: Anvil, opened: Open) -> None:
    limit = 3 * GWEI
    outbox, token = await opened(still, stuck_s=0.1, max_fee=limit)
    work = asyncio.create_task(outbox.send("pay", token.address, token.encode("transfer", TO, 3)))
    await asyncio.sleep(1.5)
    assert all(sent.fee <= limit for sent in outbox._find("pay").sent)
    await until(still, work)


async def test_a_reorg_takes_nothing_that_was_counted(still: Anvil, opened: Open) -> None:
    outbox, token = await opened(still)
    work = asyncio.create_task(outbox.send("pay", token.address, token.encode("transfer", TO, 9)))
    await asyncio.sleep(0.5)
    still.mine(2)  # in a block, not final
    await asyncio.sleep(0.6)
    assert await token.read("balanceOf", TO) == 9
    assert not work.done()
    still.ask("anvil_reorg", 2, [])
    assert await token.read("balanceOf", TO) == 0, "the re-org took it out"
    receipt = await until(still, work)
    assert await token.read("balanceOf", TO) == 9
    assert receipt.block <= int(still.ask("eth_blockNumber"), 16) - 2


async def test_a_node_that_rewrites_what_was_final_is_not_believed(still: Anvil, opened: Open) -> None:
    outbox, _ = await opened(still)
    still.mine(5)
    await outbox._rpc.final(2)
    still.ask("anvil_reorg", 5, [])
    still.mine(3)
    with pytest.raises(ProtocolError, match=r"another history from before block .* Use another node"):
        await outbox._rpc.final(2)


async def test_another_programs_transaction_with_the_same_number_is_told(still: Anvil, opened: Open) -> None:
    one, token = await opened(still)
    other, _ = await opened(still, file="other.db")
    work = asyncio.create_task(one.send("pay", token.address, token.encode("transfer", TO, 1)))
    await asyncio.sleep(0.5)
    still.ask("anvil_dropAllTransactions")
    theirs = asyncio.create_task(other.send("pay", token.address, token.encode("transfer", TO, 2)))
    await asyncio.sleep(0.05)
    with pytest.raises(ConflictError, match="Another program sent transaction number"):
        await asyncio.gather(until(still, work), until(still, theirs))
    assert await token.read("balanceOf", TO) in {1, 2}
    theirs.cancel()


async def test_a_chain_that_is_killed_and_started_again_loses_no_transaction(anvil: Anvil, opened: Open) -> None:
    outbox, token = await opened(anvil)
    await outbox.send("first", token.address, token.encode("transfer", TO, 1))
    await asyncio.sleep(1.5)  # the state file is written every second
    anvil.crash()
    work = asyncio.create_task(outbox.send("second", token.address, token.encode("transfer", TO, 2)))
    await asyncio.sleep(0.5)
    await asyncio.to_thread(anvil.start)
    await work
    assert await token.read("balanceOf", TO) == 3


@pytest.mark.parametrize(
    ("amount", "error", "words"),
    [(2 * 10**9 * NANO, FundsError, "token: insufficient balance.* `antiphon chain status`")],
)
async def test_what_would_fail_is_refused_before_it_costs(
    anvil: Anvil, opened: Open, amount: int, error: type[AntiphonError], words: str
) -> None:
    outbox, token = await opened(anvil)
    used = anvil.ask("eth_getTransactionCount", outbox.key.address, "latest")
    with pytest.raises(error, match=words):
        await outbox.send("pay", token.address, token.encode("transfer", TO, amount))
    assert anvil.ask("eth_getTransactionCount", outbox.key.address, "latest") == used


async def test_without_allowance_and_without_coin_the_remedy_is_named(
    anvil: Anvil, opened: Open, chain: tuple[ChainFile, Path]
) -> None:
    outbox, token = await opened(anvil)
    quorum = Contract(outbox._rpc, "quorum", chain[0].contracts["quorum"].address)
    with pytest.raises(FundsError, match=r"insufficient allowance\. Repeat the command"):
        await outbox.send("deposit", quorum.address, quorum.encode("deposit", 5))
    poor, _ = await opened(anvil, key=from_hex("11" * 32))
    with pytest.raises(FundsError, match="holds 0 of the chain's coin"):
        await poor.send("allow", token.address, token.encode("approve", TO, 5))


async def test_gas_above_the_limit_is_not_paid(anvil: Anvil, opened: Open) -> None:
    outbox, token = await opened(anvil, max_fee=1)
    anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(50 * GWEI))
    await asyncio.sleep(0.3)
    with pytest.raises(UnavailableError, match=r"Gas costs .* gwei now, more than the limit .* Raise --max-fee"):
        await outbox.send("pay", token.address, token.encode("transfer", TO, 1))


async def test_what_takes_too_long_stays_under_way(still: Anvil, opened: Open) -> None:
    hasty, token = await opened(still, patience_s=0.4)
    data = token.encode("transfer", TO, 4)
    with pytest.raises(UnavailableError, match=r"not final after 0 s.* give the same command again"):
        await hasty.send(hasty.begin("pay"), token.address, data)
    patient, _ = await opened(still)
    key = patient.begin("pay")
    await until(still, asyncio.create_task(patient.send(key, token.address, data)))
    assert await token.read("balanceOf", TO) == 4
    patient.end(key)
    assert patient.begin("pay") != key


async def test_a_chain_that_stays_away_is_told(anvil: Anvil, opened: Open) -> None:
    outbox, token = await opened(anvil)
    outbox._rpc._patience_s = 0.3
    anvil.crash()
    with pytest.raises(UnreachableError, match="does not answer"):
        await outbox.send("pay", token.address, token.encode("transfer", TO, 1))
