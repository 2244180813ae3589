"""A validator that is killed anywhere weighs once, reveals what it committed to, and is paid once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evm_epochs import World, secret_of

from antiphon.ledger.evm import config
from antiphon.ledger.evm.epochs.terms import Phase

VICTIM = Path(__file__).with_name("evm_epoch_victim.py")
DELAYS_S = ("0.01", "0.05", "0.1", "0.2", "0.4")


@contextmanager
def killer(world: World, secret: str) -> Iterator[subprocess.Popen[str]]:
    file = world.folder / "chain.json"
    config.save(file, world.contracts.chain)
    command = [sys.executable, str(VICTIM), world.anvil.url, str(file), str(world.folder), secret, *DELAYS_S]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as made:
        yield made
        assert made.stdin is not None
        made.stdin.close()
        assert made.wait(60) == 0


async def killed_and_done(made: subprocess.Popen[str]) -> None:
    """Killed a few times; then it may end."""
    assert made.stdin is not None
    assert made.stdout is not None
    made.stdin.write("again\n")
    told = await asyncio.to_thread(made.stdout.readline)
    assert told.startswith("[")
    assert "Not done" not in told


async def test_a_validator_that_is_killed_anywhere_does_each_step_once(world: World) -> None:
    validator, rpc, epochs = world.validators[0], world.contracts.rpc, world.contracts.epochs
    first = await rpc.number("eth_getTransactionCount", validator.address, "latest")
    with killer(world, secret_of("validator 0")) as victim:
        await killed_and_done(victim)
        await world.to(Phase.REVEAL)
        await killed_and_done(victim)
        head = (await rpc.block("latest")).number
        for event in ("Committed", "Revealed"):
            assert len(await epochs.told(event, 0, head, None, bytes.fromhex(validator.address[2:]))) == 1
        await world.to(Phase.POST)
        await killed_and_done(victim)
        epoch = await world.to(Phase.OPEN, later=True) - 1
        before = await world.nano(validator)
        await killed_and_done(victim)
    assert await world.reader.finished(epoch) is not None
    assert await world.nano(validator) > before
    assert await validator.claim(epoch) == []
    used = await rpc.number("eth_getTransactionCount", validator.address, "latest") - first
    # commit, reveal, allow, post, finish, claim, bond, the next epoch's commit: none of them twice
    assert used == 8
