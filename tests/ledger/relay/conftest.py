"""Fixtures: chains with the contracts on them, and one on which a whole market was founded."""

import asyncio
import contextlib
from importlib.util import find_spec

import pytest

if find_spec("web3") is None:  # not imported here: antiphon.ledger.evm comes first, and keeps the recursion limit
    pytest.skip("antiphon[evm] is not installed", allow_module_level=True)

from evm_anvil import Anvil, snapshot
from evm_chain import anvil, chain, deployed, still
from relay_market import RelayMarket, found_on_chain, open_relay

from antiphon.clock import ManualClock

__all__ = ["anvil", "chain", "deployed", "still"]


@pytest.fixture(scope="session")
def founded(deployed, tmp_path_factory):
    """A chain with ten nodes, a relay and two sessions of one client. Only `own_chain` may change one."""
    folder = tmp_path_factory.mktemp("founded")
    made = Anvil(state=snapshot(deployed[0], folder / "anvil.json"), block_s=0.1).start()
    asyncio.run(found_on_chain(made, deployed[1], folder))
    made.mine(5)
    made.stop()  # writes the state
    made.start()
    made.mine(5)
    yield made
    made.kill()


@pytest.fixture
def own_chain(founded, tmp_path):
    """A copy of it, to change."""
    made = Anvil(state=snapshot(founded.state, tmp_path / "own.json"), block_s=0.1).start()
    made.mine(5)
    yield made
    made.kill()


@pytest.fixture
async def opened(deployed, tmp_path):
    """Opens (relay market, connection) over a chain; the relay's files stay, as after a restart."""
    async with contextlib.AsyncExitStack() as stack:

        async def open_(anvil, clock=None, found=True, db=""):
            made = clock or ManualClock()
            relay, rpc = await open_relay(anvil.url, deployed[1], tmp_path, made, db)
            stack.push_async_callback(rpc.close)
            stack.push_async_callback(relay.close)
            market = RelayMarket(relay, made)
            if found:
                await market.found()
            return market

        yield open_
