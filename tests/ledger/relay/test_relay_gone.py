"""A relay that disappears for good, with a task in every state: all money comes home through the contracts alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from evm_anvil import Anvil
from ledger_market import VALID, seated, task_id
from relay_market import BOND_NANO, SESSION_NANO, SPARE_NANO, RelayMarket, chain_key

from antiphon.ledger.evm.contracts import Contracts
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.wallet import Wallet
from antiphon.ledger.records import PartState

Open = Callable[..., Awaitable[RelayMarket]]
WEEK_S = 7 * 86_400


async def in_every_state(market: RelayMarket) -> set[PartState]:
    """Tasks, each left in another state of its part."""
    states = set()
    for number, far in enumerate(("opened", "delivered", "drawn", "committed", "revealing", "valid")):
        task = task_id(number)
        await market.open(task)
        if far != "opened":
            await market.deliver(task, draws=False)
        if far in {"drawn", "committed", "revealing", "valid"}:
            await market.draw(task)
        seats = seated(await market.ledger.part(task, 0))
        if far in {"committed", "revealing", "valid"}:
            for who in seats if far != "committed" else seats[:1]:
                await market.commit(task, 0, who, VALID)
        if far in {"revealing", "valid"}:
            for who in seats if far == "valid" else seats[:1]:
                await market.reveal(task, 0, who, VALID)
        states.add((await market.ledger.part(task, 0)).state)
    return states


async def wallet(contracts: Contracts, name: str, folder: Path) -> Wallet:
    key = chain_key(name)
    return Wallet(
        contracts, await Outbox.open(contracts.rpc, key, folder / f"{name}.home.db", confirmations=1, fees=Fees())
    )


async def test_every_escrow_comes_home_through_the_contracts_alone(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(own_chain)
    assert await in_every_state(market) == {
        PartState.ASSIGNED, PartState.DRAWING, PartState.DELIVERED, PartState.REVEALING, PartState.VALID
    }  # fmt: skip
    contracts = market.ledger._facts.contracts
    await market.ledger.close()  # and nobody hears of it again

    node, stranger = await wallet(contracts, "validator 0", tmp_path), await wallet(contracts, "producer 0", tmp_path)
    client = await wallet(contracts, "client", tmp_path)
    quorum, registry = contracts.quorum, contracts.registry
    await node._outbox.send("leave", quorum.address, quorum.encode("leave"))
    await asyncio.to_thread(own_chain.ask, "evm_increaseTime", WEEK_S)
    await asyncio.to_thread(own_chain.mine, 3)

    assert [one.left_nano for one in await client.sessions()] == [SESSION_NANO]
    await stranger.close_session(1)  # anybody's call
    assert await client.sessions() == []
    await client.withdraw(SESSION_NANO)
    assert (await client.holdings()).wallet_nano == SESSION_NANO
    assert await quorum.read("held") == 0

    for step, (contract, *call) in enumerate(
        [
            (quorum, "release", node.address),
            (registry, "unstake", BOND_NANO),
        ]
    ):
        await node._outbox.send(f"exit {step}", contract.address, contract.encode(*call))
    unbond_s = (await registry.read("terms"))[1]
    await asyncio.to_thread(own_chain.ask, "evm_increaseTime", unbond_s + 1)
    await asyncio.to_thread(own_chain.mine, 3)
    await node._outbox.send("exit", registry.address, registry.encode("withdraw"))
    assert (await node.holdings()).wallet_nano == BOND_NANO + SPARE_NANO
