"""The area `genki`: models trained together, owned together, paid when they are used."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator
from importlib.util import find_spec

from antiphon.bench import anvil, royalties
from antiphon.bench.figure import Figure, Step, figure

_UNITS = "units unaccounted for, 10,000 random tasks over a lineage 5 deep, embedded"
_CONTRACT = "units in which the contract differs, the same tasks"


def steps(tries: int) -> tuple[Step, ...]:  # noqa: ARG001 - as every area
    """In the order of `figures`."""
    return (
        Step("royalties of 10,000 tasks", 1),
        Step("the same by the contract", 60),
        Step("eight train together", 70),
        Step("two of eight poison", 120),
        Step("free riders and copiers", 40),
        Step("Shapley values", 30),
    )


async def figures(profile: str, *, tries: int, peer_python: str | None) -> AsyncIterator[Step | Figure]:  # noqa: ARG001 - as every area
    """The contract's line needs anvil and web3.py, those of federations Flower; without them they say so."""
    embedded_step, chain_step, *federated = steps(tries)
    yield embedded_step
    rng = random.Random(royalties.SEED)  # noqa: S311 - the same tasks each time
    found, done = royalties.line(rng), royalties.tasks(rng)
    began = time.process_time()
    ours = royalties.settled(found, done)
    took_s = time.process_time() - began
    paid = sum(royalties.amount(reward) for _, reward in done)
    lost = abs(paid - sum(ours.earned)) + abs(paid - sum(map(sum, ours.parts)))
    yield figure(_UNITS, lost, "nano", "<= 0", f"of {paid:,}; {took_s * 100:.0f} µs a task")
    yield chain_step
    if why := anvil.missing():
        yield figure(_CONTRACT, None, "nano", "<= 0", why)
    else:
        async with anvil.own_chain() as chain:
            theirs = await royalties.on_chain(chain, found, done)
        yield figure(_CONTRACT, royalties.off(ours, theirs), "nano", "<= 0", f"of {sum(theirs.earned):,}, all claimed")
    if find_spec("flwr") is None:
        yield figure("8 contributors, 10 rounds", None, "%", "<= 2", "pip install 'antiphon[genki]'")
        return
    from antiphon.bench import contributions

    measured = (contributions.together, contributions.poisoned, contributions.idle, contributions.valued)
    for step, taken in zip(federated, measured, strict=True):
        yield step
        for one in taken():
            yield one
