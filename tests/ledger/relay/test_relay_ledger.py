"""A relay has no powers: money, stakes and registry are the chain's, over restarts and kills."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from evm_anvil import Anvil
from ledger_market import CLIENT, OPERATOR, Market, party, task_id
from relay_market import BOND_NANO, SESSION_NANO, RelayMarket, chain_key, open_relay

from antiphon.clock import ManualClock
from antiphon.economy.types import NANO, Role
from antiphon.errors import ConflictError, FundsError, InputError, ProtocolError
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.wallet import Wallet
from antiphon.ledger.operations import CallEpoch, Deposit, Pay, Stake, Unstake
from antiphon.ledger.receipts import audit, build
from antiphon.ledger.records import PartState

Open = Callable[..., Awaitable[RelayMarket]]


@pytest.mark.parametrize("operation", [
    Deposit(account=CLIENT.node_id, amount_nano=1), Pay(account=CLIENT.node_id, amount_nano=1),
    Stake(amount_nano=1), Unstake(amount_nano=1),
])  # fmt: skip
async def test_not_even_its_operator_moves_money(founded: Anvil, opened: Open, operation: object) -> None:
    market = await opened(founded, found=False)
    for who in (OPERATOR, CLIENT):
        with pytest.raises(InputError, match="are on the chain: antiphon chain deposit, session, stake"):
            await market.do(who, operation)


async def test_a_relay_has_no_epochs(founded: Anvil, opened: Open) -> None:
    market = await opened(founded, found=False)
    with pytest.raises(InputError, match="A relay issues no money"):
        await market.do(OPERATOR, CallEpoch(epoch=1))


async def test_balances_are_sessions_and_stakes_are_bonds(founded: Anvil, opened: Open) -> None:
    market = await opened(founded)
    assert (await market.ledger.account(CLIENT.node_id)).balance_nano == SESSION_NANO
    assert (await market.ledger.account(party("validator 3").node_id)).stake_nano == BOND_NANO


async def test_a_task_is_worked_judged_and_paid_out_of_a_session(founded: Anvil, opened: Open) -> None:
    market = await opened(founded)
    await market.open(task_id(1))
    await market.deliver(task_id(1))
    assert (await market.judge(task_id(1))).state is PartState.VALID
    report = audit(await build(market.ledger, task_id(1)), ledger=OPERATOR.node_id)
    spent = -report.net_nano[f"balance:{CLIENT.node_id}"]
    assert (await market.ledger.account(CLIENT.node_id)).balance_nano == SESSION_NANO - spent


async def test_a_session_is_claimed_by_both_keys_once_and_for_one_account(founded: Anvil, opened: Open) -> None:
    market = await opened(founded)
    with pytest.raises(ConflictError, match="belongs to another account here"):
        await market.claim(1, who=party("producer 0"))
    with pytest.raises(InputError, match="who did not give it to this account"):
        await market.claim(1, key="relay")
    with pytest.raises(InputError, match="There is no session 77 on the chain yet"):
        await market.claim(77)
    await market.claim(1)
    await market.ledger.submit(market.last)
    assert (await market.ledger.account(CLIENT.node_id)).balance_nano == SESSION_NANO


async def test_a_session_is_spent_at_the_relay_that_the_chain_names_and_at_no_other(
    own_chain: Anvil, opened: Open, tmp_path: Path
) -> None:
    market = await opened(own_chain, found=False)
    contracts, key = market.ledger._facts.contracts, chain_key("producer 0")
    wallet = Wallet(
        contracts, await Outbox.open(contracts.rpc, key, tmp_path / "rich.db", confirmations=2, fees=Fees())
    )
    await wallet.deposit(3 * NANO)
    named = {await wallet.open_session(1, NANO, 9_999, one): one for one in (party("another").node_id, "")}
    for number, relay in named.items():
        with pytest.raises(InputError, match=f"is given to {relay[:8] or 'no relay'}, not to {OPERATOR.node_id[:8]}"):
            await market.claim(number, key="producer 0")
    await market.claim(await wallet.open_session(1, NANO, 9_999, OPERATOR.node_id), key="producer 0")
    assert (await market.ledger.account(CLIENT.node_id)).balance_nano == NANO
    assert [one.relay for one in await wallet.sessions()] == [*named.values(), OPERATOR.node_id]


async def test_who_is_not_on_the_chain_or_in_another_role_does_not_register(founded: Anvil, opened: Open) -> None:
    market = await opened(founded, found=False)
    with pytest.raises(InputError, match=r"The chain knows no node .* antiphon chain stake ANT --role processor"):
        await market.register(party("stranger"), Role.PROCESSOR, 1_000)
    with pytest.raises(ConflictError, match="is a processor, not a validator"):
        await market.register(party("producer 0"), Role.VALIDATOR, 100)


async def test_a_bond_that_leaves_is_no_stake_any_more(own_chain: Anvil, opened: Open, tmp_path: Path) -> None:
    market = await opened(own_chain)
    contracts = market.ledger._facts.contracts
    outbox = await Outbox.open(
        contracts.rpc, chain_key("validator 0"), tmp_path / "leaving.db", confirmations=2, fees=Fees()
    )
    await outbox.send("leave", contracts.quorum.address, contracts.quorum.encode("leave"))
    await market.ledger.follow()
    node = party("validator 0")
    assert (await market.ledger.account(node.node_id)).stake_nano == 0
    with pytest.raises(FundsError, match=r"The bond of .* is 0 nano.* antiphon chain stake ANT"):
        await market.register(node, Role.VALIDATOR, 100)
    await Wallet(contracts, outbox).stake(NANO, None, "", "")  # what is free is bonded anew
    await market.ledger.follow()
    assert (await market.ledger.account(node.node_id)).stake_nano == BOND_NANO + NANO


async def test_a_session_ends_before_it_expires_and_leaves_what_was_spent(own_chain: Anvil, opened: Open) -> None:
    market = await opened(own_chain)
    await market.open(task_id(1))
    await market.deliver(task_id(1))
    await market.judge(task_id(1))
    await market.open(task_id(2))
    own_chain.ask("evm_increaseTime", 6 * 86_400 - 1_800)
    await asyncio.sleep(0.5)
    await market.ledger.follow()
    client = await market.ledger.account(CLIENT.node_id)
    assert client.balance_nano == 0, "nothing more is opened with it"
    assert client.escrow_nano > 0, "what is under way goes on"
    await market.deliver(task_id(2))
    await market.judge(task_id(2))
    await market.ledger.follow()
    await market.ledger.follow()
    assert (await market.ledger.account(CLIENT.node_id)).balance_nano == 0
    with pytest.raises((ConflictError, FundsError)):
        await market.claim(1)
    assert (await market.ledger.account(CLIENT.node_id)).balance_nano == 0


async def test_a_restart_knows_everything_again(
    founded: Anvil, opened: Open, deployed: tuple[Path, ChainFile], tmp_path: Path
) -> None:
    market = await opened(founded)
    await market.open(task_id(1))
    before = await market.ledger.account(CLIENT.node_id)
    await market.ledger.close()
    relay, rpc = await open_relay(founded.url, deployed[1], tmp_path, market.clock)
    market.ledger = relay
    assert await relay.account(CLIENT.node_id) == before
    await market.register(party("producer 1"), Role.PROCESSOR, 1_001)
    await market.deliver(task_id(1))
    assert (await market.judge(task_id(1))).state is PartState.VALID
    await relay.close()
    await rpc.close()


async def test_a_chain_that_is_away_stops_nothing_under_way(own_chain: Anvil, opened: Open) -> None:
    market = await opened(own_chain)
    market.ledger._facts.contracts.rpc._patience_s = 0.2
    await market.open(task_id(1))
    own_chain.kill()
    with pytest.raises(Exception, match="does not answer"):
        await market.ledger.follow()
    await market.deliver(task_id(1))
    assert (await market.judge(task_id(1))).state is PartState.VALID
    await asyncio.to_thread(own_chain.start)
    await market.ledger.follow()


async def test_a_plain_ledger_takes_no_claim_and_signs_no_book(tmp_path: Path) -> None:
    from antiphon.ledger.operations import ClaimSession
    from antiphon.ledger.sql import SqlLedger

    clock = ManualClock()
    ledger = await SqlLedger.open(tmp_path / "ledger.db", operator=OPERATOR, clock=clock)
    market = Market(ledger, clock)
    with pytest.raises(InputError, match="This ledger is no relay"):
        await market.do(CLIENT, ClaimSession(session=1, signature=bytes(65)))
    with pytest.raises(InputError, match="signs no book"):
        await ledger.book()
    with pytest.raises((InputError, ProtocolError)):
        await market.do(CLIENT, ClaimSession(session=1, signature=bytes(3)))
    await ledger.close()
