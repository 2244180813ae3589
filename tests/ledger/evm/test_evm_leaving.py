"""A node's stake comes home, on a real chain with time that is set."""

from __future__ import annotations

from pathlib import Path

import pytest
from evm_anvil import DEV_KEYS, Anvil

from antiphon.economy.types import NANO
from antiphon.errors import ConflictError, FundsError
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.evm.contracts import Contracts
from antiphon.ledger.evm.keys import from_hex
from antiphon.ledger.evm.leaving import Leaving, claim, leave
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.rpc import Rpc
from antiphon.ledger.evm.wallet import Wallet
from antiphon.protocol import Identity

STAKE = 100 * NANO
WEEK_S, HOUR_S = 7 * 86_400, 3_600


def later(anvil: Anvil, seconds: int) -> None:
    anvil.ask("evm_increaseTime", seconds)
    anvil.mine(1)


@pytest.mark.parametrize("role", ["validator", "relay"])
async def test_all_of_a_stake_comes_home_and_each_step_is_sent_once(
    role: str, anvil: Anvil, chain: tuple[ChainFile, Path], tmp_path: Path
) -> None:
    rpc = Rpc(anvil.url)
    contracts = await Contracts.open(rpc, chain[0])
    outbox = await Outbox.open(
        rpc, from_hex(DEV_KEYS[0]), tmp_path / "outbox.db", confirmations=2, fees=Fees(poll_s=0.03)
    )
    wallet = Wallet(contracts, outbox)
    before = (await wallet.holdings()).wallet_nano
    with pytest.raises(ConflictError, match="no stake"):
        await leave(wallet)
    assert await claim(wallet) == 0
    await wallet.stake(STAKE, Identity.from_seed(b"v" * 32), role, "")

    if role == "validator":
        bonded = await leave(wallet)
        assert (bonded.bond_nano, bonded.unbonding_nano, bonded.locked_nano) == (STAKE, 0, 0)
        assert bonded.bond_s > (await rpc.block("latest")).time_s
        assert await leave(wallet) == bonded  # nothing more is due
        later(anvil, WEEK_S)
    waits = await leave(wallet)
    assert (waits.bond_nano, waits.unbonding_nano, waits.paid_nano) == (0, STAKE, 0)
    assert await leave(wallet) == waits
    assert (await wallet.holdings()).unbonding_nano == STAKE
    later(anvil, HOUR_S)
    assert await leave(wallet) == Leaving(paid_nano=STAKE, unbonded_s=waits.unbonded_s)

    left = await wallet.holdings()
    assert (left.wallet_nano, left.stake_nano, left.bond_nano, left.unbonding_nano) == (before, 0, 0, 0)
    await rpc.close()


async def test_more_than_there_is_says_how_much_there_is(
    anvil: Anvil, chain: tuple[ChainFile, Path], tmp_path: Path
) -> None:
    rpc = Rpc(anvil.url)
    outbox = await Outbox.open(rpc, from_hex(DEV_KEYS[0]), tmp_path / "outbox.db", confirmations=2, fees=Fees())
    wallet = Wallet(await Contracts.open(rpc, chain[0]), outbox)
    with pytest.raises(FundsError, match="0 ANT are deposited and free, less than 3"):
        await wallet.withdraw(3 * NANO)
    with pytest.raises(FundsError, match="0 ANT are deposited and free, less than 4"):
        await wallet.open_session(2, 2 * NANO, HOUR_S)
    await rpc.close()
