"""The contracts, deployed once into a state file; each test that wants them starts a chain of its own from it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from evm_anvil import DEV_KEYS, Anvil, snapshot

from antiphon.errors import AntiphonError
from antiphon.ledger.evm import config
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.evm.deploy import Plan, deploy
from antiphon.ledger.evm.keys import from_hex
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.rpc import Rpc

CONFIRMATIONS = 2
TRIES = 3
"""Two processes that look for a free port at once may find the same; every test of a worker hangs on this chain."""


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ChainFile]:
    """(state of a chain with the contracts, its chain file)."""
    for _ in range(TRIES - 1):
        with contextlib.suppress(AntiphonError, AssertionError):
            return _begun(tmp_path_factory.mktemp("chain"))
    return _begun(tmp_path_factory.mktemp("chain"))


def _begun(folder: Path) -> tuple[Path, ChainFile]:
    state = folder / "state.json"
    anvil = Anvil(state=state, block_s=0.1).start()
    try:
        chain = asyncio.run(_deploy(anvil.url, folder))
    finally:
        anvil.stop()
    return state, chain


async def _deploy(url: str, folder: Path) -> ChainFile:
    rpc = Rpc(url)
    try:
        outbox = await Outbox.open(
            rpc, from_hex(DEV_KEYS[0]), folder / "outbox.db", confirmations=CONFIRMATIONS, fees=Fees()
        )
        return await deploy(rpc, outbox, Plan(), confirmations=CONFIRMATIONS, name="test")
    finally:
        await rpc.close()


@pytest.fixture
def chain(deployed: tuple[Path, ChainFile], tmp_path: Path) -> tuple[ChainFile, Path]:
    """(chain file, where it lies)."""
    file = tmp_path / "chain.json"
    config.save(file, deployed[1])
    return deployed[1], file


@pytest.fixture
def anvil(deployed: tuple[Path, ChainFile], tmp_path: Path) -> Iterator[Anvil]:
    """A chain with the contracts that makes a block every tenth of a second."""
    made = Anvil(state=snapshot(deployed[0], tmp_path / "anvil.json"), block_s=0.1).start()
    yield made
    made.kill()


@pytest.fixture
def still(deployed: tuple[Path, ChainFile], tmp_path: Path) -> Iterator[Anvil]:
    """A chain with the contracts that makes a block only when it is told to."""
    made = Anvil(state=snapshot(deployed[0], tmp_path / "anvil.json")).start()
    yield made
    made.kill()
