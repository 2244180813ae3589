"""Fixtures: chains with the contracts on them."""

from importlib.util import find_spec

import pytest

if find_spec("web3") is None:  # not imported here: antiphon.ledger.evm comes first, and keeps the recursion limit
    pytest.skip("antiphon[evm] is not installed", allow_module_level=True)

from evm_chain import anvil, chain, deployed, still
from evm_epochs import joined, world

__all__ = ["anvil", "chain", "deployed", "joined", "still", "world"]
