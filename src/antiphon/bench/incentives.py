"""Does honesty pay? Simulated markets under the real rules of settlement."""

from __future__ import annotations

from collections.abc import Iterator

from antiphon.bench.figure import Figure, figure
from antiphon.economy.incentives import simulate_validators

TASKS = 20_000
CHEAT_RATE = 0.05


def incentive_figures() -> Iterator[Figure]:
    """A validator's net income per seat, as a share of an honest one's. Below 1 = working pays."""
    earned = simulate_validators(seed=7, tasks=TASKS, cheat_rate=CHEAT_RATE)
    honest = earned["honest"]
    yield figure("honest validator, net income per seat", honest, "nano", "> 0")
    for name, what in (("lazy", "votes without listening"), ("coin", "votes at random"), ("copier", "copies")):
        note = f"{TASKS} tasks, {CHEAT_RATE:.0%} of them cheats"
        yield figure(f"validator that {what}, against an honest one", earned[name] / honest, "ratio", "< 1", note)
