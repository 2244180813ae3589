"""Does honesty pay? Simulated markets under the real rules of settlement, with votes that were really measured."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from antiphon.bench.figure import Figure, figure
from antiphon.economy.incentives import COIN, COPIER, HONEST, Market, simulate_cartel, simulate_validators
from antiphon.simulation.measured import market

TASKS = 1_500
BAD_RATES = (0.001, 0.01, 0.05, 0.2)
CROWDS = ((4, 1), (45, 5))
"""Honest validators, and lazy ones of one kind."""
MOST = 0.6


def ways(world: Market) -> tuple[str, ...]:
    """All that is tried instead of listening."""
    return (*world.good[0].guessed, COIN, COPIER)


def lazy_share(world: Market, way: str, bad_rate: float, crowd: tuple[int, int], *, tasks: int = TASKS) -> float:
    """Net income per seat of those that go this way, against an honest validator's beside them."""
    people = {HONEST: crowd[0], way: crowd[1]}
    earned = simulate_validators(7, tasks, bad_rate, population=people, market=world)
    return earned[way] / earned[HONEST]


def incentive_figures() -> Iterator[Figure]:
    """A validator's net income per seat, as a share of an honest one's; then a cartel's, against its honest life."""
    for service in ("speech", "music"):
        world = market(service)
        for way in ways(world):
            shares = [lazy_share(world, way, rate, crowd) for rate in BAD_RATES for crowd in CROWDS]
            note = f"{min(shares):.2f} to {max(shares):.2f}; bad work {BAD_RATES[0]:.1%} to {BAD_RATES[-1]:.0%}"
            yield figure(
                f"{service}: validator '{way}' against an honest one, at best", max(shares), "ratio", f"<= {MOST}", note
            )
    world = market("speech")
    for share in (Fraction(1, 3), Fraction(2, 5)):
        for appeal in (False, True):
            told = simulate_cartel(7, TASKS, share, market=world, appeal=appeal)
            name = f"cartel of a producer and {share} of the stake{', with appeal' if appeal else ''}: cheating"
            note = f"honest {told['honest']} nano a task"
            yield figure(name, told["cheating"], "nano", f"< {told['honest']}", note)
