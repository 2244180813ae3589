"""`antiphon bench --only chain`: gas within its targets; where nothing to measure with is installed, it says so."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from antiphon.bench import anvil, chain
from antiphon.bench.figure import Figure

TARGETS = 7
"""Figures of the area that have one."""


async def collected() -> list[Figure]:
    return [one async for one in chain.figures("antiphon", tries=1, peer_python=None) if isinstance(one, Figure)]


async def test_without_a_chain_nothing_is_measured_and_every_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTIPHON_ANVIL", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", "/nowhere")
    found = await collected()
    assert len([one for one in found if one.target]) == TARGETS
    assert all(one.value is None and one.reached is None and "is not installed" in one.note for one in found)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("web3") is None, reason="antiphon[evm] is not installed")
async def test_gas_is_within_its_targets_and_a_relay_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    from evm_anvil import program

    monkeypatch.setenv("ANTIPHON_ANVIL", program())
    assert not anvil.missing()
    found = {one.name: one for one in await collected()}
    assert all(one.value for one in found.values())
    missed = [name for name, one in found.items() if one.reached is False]
    assert not [name for name in missed if "gas" in name or "in flight" in name], "times are the machine's, gas is not"
