"""How long Yuma consensus and an emission take, beside the loop over columns that they replaced.

    OMP_NUM_THREADS=1 python benchmarks/emission.py

Best of many runs by the wall clock. Exit status 1 if a target was missed.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import click
import numpy as np

from antiphon.bench.figure import figure
from antiphon.economy.types import NANO
from antiphon.economy.yuma import KAPPA, Matrix, Options, emit, yuma

VALIDATORS = 64


def best_ms(work: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken) * 1000


def by_columns(weights: Matrix, stake: Matrix) -> Matrix:
    """Consensus alone, one sort of one column after the other: what `yuma` did before."""
    rows, share = weights / weights.sum(axis=1, keepdims=True), stake / stake.sum()
    consensus = np.zeros(rows.shape[1])
    for j, column in enumerate(rows.T):
        order = np.argsort(-column, kind="stable")
        consensus[j] = column[order[np.argmax(np.cumsum(share[order]) >= KAPPA - 1e-12)]]
    return consensus


@click.command(help=__doc__)
@click.option("--times", default=50, show_default=True, help="Runs, of which the best counts.")
def main(times: int) -> None:
    generator = np.random.default_rng(0)
    stake = generator.integers(1, 10**9, VALIDATORS).astype(float)
    services = [generator.integers(0, 65_536, (VALIDATORS, 4096)).astype(float) for _ in range(3)]
    small = services[0][:, :256].copy()
    kept = [yuma(weights, stake).bonds for weights in services]
    kept_small = yuma(small, stake).bonds
    epoch = yuma(services[0], stake)
    np.testing.assert_allclose(epoch.consensus, by_columns(services[0], stake), rtol=1e-12)
    names, judges = [f"n{j}" for j in range(4096)], [f"v{i}" for i in range(VALIDATORS)]
    pairs = Options(yuma3=True, liquid_alpha=(0.7, 0.9))

    def three(options: Options = Options()) -> None:  # noqa: B008
        for weights, bonds in zip(services, kept, strict=True):
            yuma(weights, stake, bonds, options=options)

    small_ms = best_ms(lambda: yuma(small, stake, kept_small), times)
    large_ms = best_ms(three, times)
    figures = [
        figure("Yuma, 64 x 256", small_ms, "ms", "< 1"),
        figure(
            "consensus by columns over all of Yuma, 64 x 256",
            best_ms(lambda: by_columns(small, stake), times) / small_ms,
            "x",
        ),
        figure("Yuma, 64 x 4,096 x 3 services", large_ms, "ms", "< 20"),
        figure("the same, Yuma 3 with liquid alpha", best_ms(lambda: three(pairs), times), "ms"),
        figure(
            "emission to 4,096 nodes and 64 validators",
            best_ms(lambda: emit(epoch, 7200 * NANO, validators=judges, nodes=names, owner="o"), times),
            "ms",
        ),
    ]
    for line in figures:
        reached = "" if line.reached is None else line.reached
        print(f"{line.name:50} {line.value:9.3f} {line.unit:3} {line.target:6} {reached}")
    raise SystemExit(any(line.reached is False for line in figures))


if __name__ == "__main__":
    main()
