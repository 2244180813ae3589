"""Fixtures: chains with the contracts on them."""

import pytest

pytest.importorskip("web3", reason="antiphon[evm] is not installed")

from evm_chain import anvil, chain, deployed, still

__all__ = ["anvil", "chain", "deployed", "still"]
