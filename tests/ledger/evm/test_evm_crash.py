"""kill -9 of whoever sends transactions, around the sendings of each command: given again, it happens once."""

from __future__ import annotations

import asyncio
import multiprocessing
from pathlib import Path

import evm_wallet_victim
import pytest
from evm_anvil import DEV_KEYS, Anvil

from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.evm.contracts import Contracts
from antiphon.ledger.evm.rpc import Rpc

WARM = multiprocessing.get_context("forkserver")
"""Each victim is a process of its own, without the seconds that its imports take."""
KILLED_AT = {"deposit": (1, 4), "session": (2,), "withdraw": (1,), "close": (2,), "stake": (1, 4, 5, 8)}
"""Allow and deposit; open; withdraw; close; allow, register, trust and bond. Odd: before a sending, even: after it."""


def run(arguments: tuple[object, ...], last: int, what: str) -> int | None:
    """The exit code of the process; -9: it was killed."""
    WARM.set_forkserver_preload([evm_wallet_victim.__name__])
    victim = WARM.Process(target=evm_wallet_victim.run, args=(*arguments, last, what))
    victim.start()
    victim.join(300)
    return victim.exitcode


@pytest.mark.slow
async def test_a_command_that_is_killed_at_each_sending_happens_once(
    anvil: Anvil, chain: tuple[ChainFile, Path], tmp_path: Path
) -> None:
    arguments = (anvil.url, chain[1], tmp_path, DEV_KEYS[0])
    rpc = Rpc(anvil.url)
    contracts = await Contracts.open(rpc, chain[0])
    quorum, registry = contracts.quorum, contracts.registry
    me = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    before = await contracts.token.read("balanceOf", me)

    for what, places in KILLED_AT.items():
        if what == "close":
            anvil.ask("evm_increaseTime", 3_601)
            anvil.mine(3)
        # Given again until it ends well; what it sends again counts, too.
        ends: list[int | None] = []
        for place in (*places, 0):
            ends.append(await asyncio.to_thread(run, arguments, place, what))
            if ends[-1] == 0:
                break
        assert ends[0] == -9, f"{what} was not killed"
        assert ends[-1] == 0

    assert await quorum.read("session_count") == 1
    assert await quorum.read("balances", me) == 7 - 1
    assert await quorum.read("bonds", me) == 10**11
    assert (await registry.read("nodes", me))[1] == 10**11
    assert await contracts.token.read("balanceOf", me) == before - 7 + 1 - 10**11
    await rpc.close()
