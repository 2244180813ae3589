"""The area `network`: every figure of the network as a whole, as it is measured."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from antiphon.bench import detection
from antiphon.bench.figure import Figure, Step, figure
from antiphon.bench.incentives import incentive_figures
from antiphon.bench.latency import cold_figures, judging_figures, latency_figures, quality_figures
from antiphon.bench.overhead import overhead_figures
from antiphon.network.embedded import Plan, embedded
from antiphon.nodes.evaluation.evaluator import evaluator_of


def steps(tries: int) -> tuple[Step, ...]:
    """In the order of `figures`."""
    return (
        Step("cold starts of the command", 15),
        Step("words and naturalness of 20 sentences", 60),
        Step("latency of a warm network", 20),
        Step("the network's own time, without work", 20),
        Step("judging 30 s of speech", 40),
        Step("100 KB exchanges over HTTP", 45),
        Step("simulated validators", 5),
        Step(f"cheats and honest work, {tries} tries each", 8.0 * tries),
        Step(f"utterances of one to three words, {tries} tries each", 14.0 * tries),
    )


async def figures(profile: str, *, tries: int, peer_python: str | None) -> AsyncIterator[Step | Figure]:
    """`tries` for each cheat; `peer_python` runs the peer of another project beside us.
    Each step before its figures."""
    cold, quality, latency, overhead, judging, exchange, incentives, cheats, short = steps(tries)
    evaluator = evaluator_of(profile)  # a profile that is not there is known before the minutes pass
    yield cold
    with tempfile.TemporaryDirectory() as folder:
        for found in cold_figures(Path(folder) / "cold"):
            yield found
        evaluator.warm_up().result()
        async with embedded(Path(folder) / "warm", evaluator, plan=Plan(processors=("hibari", "hibari"))) as network:
            yield quality
            async for found in quality_figures(network):
                yield found
            yield latency
            async for found in latency_figures(network):
                yield found
    yield overhead
    async for found in overhead_figures():
        yield found
    yield judging
    for found in judging_figures():
        yield found
    yield exchange
    for found in exchange_figures(peer_python):
        yield found
    yield incentives
    for found in incentive_figures():
        yield found
    yield cheats
    for found in detection.figures(evaluator, detection.sentence_series(tries)):
        yield found
    yield short
    for found in detection.figures(evaluator, detection.short_series(tries)):
        yield found


def exchange_figures(peer_python: str | None) -> Iterator[Figure]:
    """A signed and sealed 100 KB exchange between two processes over HTTP, beside a bare server and the peer."""

    from antiphon.bench import exchange

    for row in exchange.run(peer_python=peer_python):
        yield figure(row["name"], row["value"], row["unit"], row["target"])
