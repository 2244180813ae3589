"""An appeal on a real chain: a cartel that held the panel is outvoted by a drawn jury, each by its own wallet."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from evm_anvil import Anvil
from ledger_market import INVALID, producer, seated
from relay_market import BOND_NANO, RelayMarket, chain_key, chain_secret, nodes
from test_relay_quorum import BY_NODE, GOOD, Signed, case_of

from antiphon.economy.types import Role, Verdict
from antiphon.errors import ConflictError, InputError
from antiphon.ledger.evm.appealing import AppealWallet, State
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.relay import quorum

Open = Callable[..., Awaitable[RelayMarket]]
VALIDATORS = [name for name, role, _ in nodes() if role is Role.VALIDATOR]


async def by_command(anvil: Anvil, file: Path, name: str, *words: str) -> str:
    """What `antiphon chain appeal` prints to the owner of this key."""
    command = [sys.executable, "-m", "antiphon", "chain", "--rpc", anvil.url, "--chain", str(file), "appeal", *words]
    home = {"ANTIPHON_HOME": str(file.parent / f"home {name}"), "ANTIPHON_CHAIN_KEY": chain_secret(name)}
    run = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, **home}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await run.communicate()
    assert run.returncode == 0, out.decode()
    return out.decode()


async def test_whoever_was_fined_wrongly_is_made_whole_by_a_jury(
    own_chain: Anvil, opened: Open, chain: tuple[ChainFile, Path], tmp_path: Path
) -> None:
    market = await opened(own_chain)
    signed, contracts = Signed(market, tmp_path), market.ledger._facts.contracts
    own_chain.ask("evm_increaseTime", 4_000)  # stakes count from the registry's next epoch on
    own_chain.mine(3)

    async def wallet(name: str) -> AppealWallet:
        file = tmp_path / f"appeal-{name}.db"
        outbox = await Outbox.open(contracts.rpc, chain_key(name), file, confirmations=1, fees=Fees())
        return AppealWallet(contracts, outbox)

    task = await signed.work(1, (GOOD, GOOD, INVALID))
    record = await market.ledger.part(task, 0)
    maker, seats = BY_NODE[producer(record)], [BY_NODE[node] for node in seated(record)]
    (kept,) = signed.stores[maker].cases(task)
    case = case_of(contracts, kept)
    honest = await wallet(seats[2])
    await quorum.settle(honest._outbox, contracts.quorum, case)

    (dispute,) = await honest.disputes()
    assert dispute.state is State.HELD
    assert dispute.fined == (honest.address,)
    with pytest.raises(ConflictError, match="is not fined by this verdict"):
        await (await wallet(seats[0])).appeal(dispute)
    with pytest.raises(InputError, match="No open disputes begin with 'ffff'"):
        await honest.dispute("ffff")
    listed = json.loads(await by_command(own_chain, chain[1], seats[2], "--json"))
    assert [(one["dispute"], one["fined"]) for one in listed] == [(dispute.id.hex(), [honest.address])]
    told = await by_command(own_chain, chain[1], seats[2], dispute.id.hex()[:6])
    assert told.startswith("Appealed, with at most 0.00048 ANT at stake")
    with pytest.raises(ConflictError, match="is drawing, not held"):
        await honest.appeal(dispute)
    own_chain.mine(4)
    assert "Jury drawn" in await by_command(own_chain, chain[1], "client", dispute.id.hex()[:6], "--draw")

    jury = [name for name in VALIDATORS if name not in seats]
    assert len(jury) == 4
    with pytest.raises(ConflictError, match="The contract refuses: appeal: not a juror"):
        await (await wallet(seats[1])).commit(dispute, Verdict.VALID, 800_000)
    jurors = [await wallet(name) for name in jury]
    await asyncio.gather(*(one.commit(dispute, Verdict.INVALID, 90_000) for one in jurors))
    assert (await honest.dispute(dispute.id.hex()[:16])).state is State.REVEAL
    await asyncio.gather(*(one.reveal(dispute, Verdict.INVALID, 90_000) for one in jurors))
    assert "Ended" in await by_command(own_chain, chain[1], "client", dispute.id.hex()[:6], "--end")
    assert "No fines wait." in await by_command(own_chain, chain[1], "client")

    assert await honest.disputes() == []
    fees = {name: word >> 160 for name, word in zip(sorted(seats, key=_place), case.assignment.words, strict=True)}
    for name in seats[:2]:
        bond = await contracts.quorum.read("bonds", chain_key(name).address)
        assert bond == BOND_NANO - await _paid(contracts, name) - fees[name], "its fee, and the price of dissent"
    assert await contracts.quorum.read("bonds", honest.address) == BOND_NANO
    assert await contracts.registry.read("claims", honest.address) == fees[seats[2]]
    assert (
        await contracts.registry.read("claims", chain_key("client").address) >= record.rulings[0].producer.reward_nano
    )
    for name in [*jury, *seats]:
        assert await contracts.registry.read("locks", contracts.appeal.address, chain_key(name).address) == 0


def _place(name: str) -> int:
    return int(chain_key(name).address, 16)


async def _paid(contracts, name: str) -> int:
    return int(await contracts.quorum.read("balances", chain_key(name).address))
