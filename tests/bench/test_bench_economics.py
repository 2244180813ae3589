"""The simulated promises as lines of `antiphon bench --only emission`, at a small size."""

from __future__ import annotations

from antiphon.bench.economics import economic_figures
from antiphon.simulation.strategies import DISHONEST


def test_every_strategy_has_a_line_with_a_target_and_cheats_that_are_heard_lose() -> None:
    found = {one.name: one for one in economic_figures(nodes=40, epochs=3, seeds=(1, 2), large=100)}
    assert [name for name in found if "with a third" in name] == [f"{name} with a third: gain" for name in DISHONEST]
    assert all(one.target and one.value is not None for one in found.values())
    for name in ("lazy", "result-copier", "whitewasher", "league", "griefing-client", "free-rider"):
        assert found[f"{name} with a third: gain"].reached, name
    assert found["simulated honest deliveries fined"].value == 0
    assert found["simulation of 100 nodes x 20 epochs"].reached
