"""Who stays silent, or comes anew each time to stay silent, keeps nobody else from being paid."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from evm_anvil import Anvil
from ledger_market import OPERATOR, SPEECH, chain, party, task_id
from relay_market import RelayMarket, chain_key
from test_relay_settling import NAMES, Parties, settler, work

from antiphon.economy.types import NANO, Mode, Part
from antiphon.ledger.batches import Batch
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.wallet import Wallet
from antiphon.ledger.operations import OpenTask
from antiphon.ledger.relay.settling import Settler

WITHIN_S = 600
Open = Callable[..., Awaitable[RelayMarket]]


async def order(anvil: Anvil, market: RelayMarket, folder: Path, number: int) -> str:
    """One whole task of a stranger, who has a session and a key that nobody else has."""
    contracts, key = market.ledger._facts.contracts, f"stranger {number}"
    anvil.ask("anvil_setBalance", chain_key(key).address, hex(10**20))

    async def wallet_of(name: str) -> Wallet:
        file = folder / f"wallet-{name}.db"
        return Wallet(contracts, await Outbox.open(contracts.rpc, chain_key(name), file, confirmations=2, fees=Fees()))

    await (await wallet_of(f"producer {number % 3}")).pay(NANO, chain_key(key).address)
    wallet, who, task = await wallet_of(key), party(key), task_id(number)
    await wallet.deposit(NANO)
    market.people[who.node_id] = who
    await market.claim(await wallet.open_session(100, NANO // 100, 86_400, OPERATOR.node_id), key, who)
    fields = {"parts": (Part(index=0, units=100),), "selector": SPEECH, "max_total_nano": NANO}
    opening = OpenTask(task=task, mode=Mode.VERIFIED, request_hash=bytes(32), tips=(chain(task, 0).tip,), **fields)
    await market.do(who, opening)
    await market.deliver(task)
    await market.judge(task)
    return task


async def expire(anvil: Anvil, market: RelayMarket, relay: Settler) -> Batch:
    """The batch that waits can be settled no more; the one that follows it."""
    (old,) = await market.ledger.batches()
    anvil.ask("evm_increaseTime", 2 * WITHIN_S)
    anvil.mine(6)
    for _ in range(10):
        await relay.step()
        found = [one for one in await market.ledger.batches() if one.number != old.number]
        if found:
            return found[0]
    raise AssertionError("no batch follows the one that expired")


async def test_new_clients_that_never_sign_spoil_every_second_batch_at_most(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(own_chain)
    parties, relay = Parties(market, tmp_path), await settler(market, tmp_path, within_s=WITHIN_S)
    honest = await work(market, 1)
    await order(own_chain, market, tmp_path, 2)
    await relay.step()
    assert len((await market.ledger.batches())[0].tasks) == 2
    await parties.attend()  # all but the stranger
    late = await order(own_chain, market, tmp_path, 3)
    batch = await expire(own_chain, market, relay)
    assert late not in batch.tasks, "it is not known to sign"
    await parties.attend()
    await relay.step()
    assert (await market.ledger.batches(honest))[0].settled


async def test_tasks_of_a_silent_node_hide_no_later_ones_however_many_they_are(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(own_chain)
    parties, relay = Parties(market, tmp_path), await settler(market, tmp_path, within_s=WITHIN_S)
    for number in range(1, 7):
        await work(market, number)
    relay._limit = 1  # as if a page were full of tasks of the silent one
    await relay.step()
    (batch,) = await market.ledger.batches()
    names = {chain_key(name).address: name for name in NAMES}
    silent = next(names[one] for one in batch.parties if names[one].startswith("validator"))
    others = [name for name in NAMES if name != silent]
    await parties.attend(others)
    batch = await expire(own_chain, market, relay)
    assert chain_key(silent).address not in batch.parties, "the first task waits, and the others do not wait for it"
    await parties.attend(others)
    await relay.step()
    assert (await market.ledger.batches(batch.tasks[0]))[0].settled
