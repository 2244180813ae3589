"""The economy's promises, simulated: what cheats gain, honest work that is fined, copied weights, time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec

from antiphon.bench.figure import Figure, figure
from antiphon.economy.types import NANO, PPM
from antiphon.simulation.comparing import compare
from antiphon.simulation.network import Network
from antiphon.simulation.profiles import profile
from antiphon.simulation.strategies import DISHONEST, WeightCopier, WeightInflator
from antiphon.simulation.study import SHARE
from antiphon.simulation.sweeps import copied

EACH = 0.02
"""Share of each strategy in the large network."""


def economic_figures(
    nodes: int = 100, epochs: int = 40, seeds: tuple[int, ...] = (1,), large: int = 1_000
) -> Iterator[Figure]:
    """Every strategy with a third of nodes, stake or orders against its owner's honest life, in ANT an epoch: < 0, and
    exactly 0 for inflated weights, of which nothing counts.
    docs/economics.md says what each number means, and which are known to be missed."""
    world = profile("default")
    busy = msgspec.structs.replace(world, load_ppm=PPM)
    for name in DISHONEST:
        found = compare(busy, nodes, epochs, name, SHARE, seeds)
        tasks, issued = found.tasks_nano - found.honest_tasks_nano, found.issued_nano - found.honest_issued_nano
        note = f"tasks {tasks / NANO:+.3f}, emission {issued / NANO:+.3f}, error {found.error_nano / NANO:.3f}"
        target = "<= 0" if name == WeightInflator.name else "< 0"
        yield figure(f"{name} with a third: gain", found.profit_nano / NANO, "ANT", target, note)
    counts = Network(busy, nodes, {}, 1).run(epochs).counts
    wronged = 100 * counts.wronged / max(1, counts.honest)
    yield figure("simulated honest deliveries fined", wronged, "%", "< 0.1", f"of {counts.honest}")
    paid = copied(Network(world, nodes, {WeightCopier.name: 0.1}, 1), 2 * epochs)
    yield figure("emission of a validator that copies weights", paid, "ratio", "<= 0.9", "of one that works")
    begun = time.perf_counter()
    Network(world, large, dict.fromkeys(DISHONEST, EACH), 1).run(large // 5)
    yield figure(f"simulation of {large:,} nodes x {large // 5} epochs", time.perf_counter() - begun, "s", "< 60")
