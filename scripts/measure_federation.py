"""How near a federation comes to training on all data: 8 contributors of different styles, SoundStorm's tiny generator.

    OMP_NUM_THREADS=1 python scripts/measure_federation.py --rounds 10 --steps 10

Prints the held-out loss and the largest update after each round, then that of the same number of steps on the pooled
data and on each contributor's own.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch

from antiphon.genki.chip_learner import ChipLearner
from antiphon.genki.rounds.contributor import Contributor
from antiphon.genki.rounds.coordinator import Coordinator
from antiphon.genki.rounds.embedded import Local, LocalGrid
from antiphon.genki.rounds.plan import Plan
from antiphon.genki.rounds.store import Report, Store
from antiphon.music import compose, read
from antiphon.music.midi import to_midi
from antiphon.protocol.identity import Identity

STYLES = (
    "a slow sad ballad in A minor", "a fast happy march in C major", "a dark techno track", "a calm waltz in F major",
    "a heroic boss battle", "a swing jazz tune", "an ambient lullaby", "funky disco in G minor",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--server-rate", type=float, default=1.0)
    parser.add_argument("--rank", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    learner = ChipLearner("tiny", asked.rank)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for n, style in enumerate(STYLES):
            _write(folder / f"own-{n}", style, range(100 * n, 100 * n + 4))
            _write(folder / "held-out", style, range(100 * n + 50, 100 * n + 52))
        own = [learner.read(folder / f"own-{n}") for n in range(len(STYLES))]
        held_out = learner.read(folder / "held-out")
        begun, total = learner.initial(), asked.rounds * asked.steps
        plan = Plan(
            model=learner.name, rank=asked.rank, rounds=asked.rounds, local_steps=asked.steps, screen=False,
            server_rate=asked.server_rate, deadline_s=86_400,
        )  # fmt: skip
        size = sum(value.size for value in begun.values())

        def tell(report: Report) -> None:
            share = max(report.bytes.values()) / 4 / size
            print(f"round {report.round}: {report.loss:.4f} nats, {share:.2%}, {report.seconds:.0f} s", flush=True)

        nodes = [
            Local(Contributor(Identity.from_seed(bytes([n + 1]) * 32), learner, pieces, folder / f"part-{n}", plan))
            for n, pieces in enumerate(own)
        ]
        with LocalGrid(nodes) as grid:
            Coordinator(learner, Store(folder / "at", plan), grid, held_out=held_out, tell=tell).run()
        pooled = learner.learn(begun, [piece for pieces in own for piece in pieces], steps=total, seed=1)
        print(f"pooled: {learner.losses(pooled, held_out).mean():.4f} nats", flush=True)
        for style, pieces in zip(STYLES, own, strict=True):
            alone = learner.learn(begun, pieces, steps=total, seed=1)
            print(f"alone, {style}: {learner.losses(alone, held_out).mean():.4f} nats", flush=True)


def _write(folder: Path, style: str, seeds: range) -> None:
    folder.mkdir(exist_ok=True)
    for seed in seeds:
        (folder / f"{seed}.mid").write_bytes(to_midi(compose(read(style), 10.0, seed)))


if __name__ == "__main__":
    main()
