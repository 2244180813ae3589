"""How fast the chip renders and encodes: seconds of audio for a second of processor time on one core.

    OMP_NUM_THREADS=1 python benchmarks/chip_speed.py

Processor time, not wall time, so that other work on the machine counts less. Exit status 1 if a target was missed.
"""

from __future__ import annotations

import time

import click
import numpy as np

from antiphon.bench.figure import figure
from antiphon.codecs import TokenGrid
from antiphon.codecs.chip import ChipCodec, Registers, layout
from antiphon.codecs.chip.macros import arpeggio, envelope, vibrato


def music(beats: int) -> TokenGrid:
    """Lead, arpeggio, bass, hats and drums, 150 beats a minute."""
    registers = Registers.silent(beats * 24)
    for beat in range(beats):
        start, root = beat * 24, (45, 41, 48, 43)[beat // 4 % 4]
        lead = root + 24 + (0, 7, 3, 12)[beat % 4] + vibrato(22, depth=0.3, delay=8)
        registers = registers.pulse(0, start, midi=lead, volume=envelope(22, attack=1, decay=8, sustain=0.6, release=6))
        registers = registers.pulse(1, start, midi=root + 12 + arpeggio(24, (0, 3, 7)), volume=7, duty=0.25)
        registers = registers.triangle(start, midi=[float(root)] * 23, volume=13)
        registers = registers.noise(start + 12, period=1, volume=envelope(5, volume=8, release=4))
        registers = registers.drum(start, ("kick", "snare")[beat % 2])
    return registers.grid()


def full(frames: int) -> TokenGrid:
    """Every channel another random sound in every frame: the worst case."""
    generator = np.random.default_rng(0)
    tokens = np.stack([generator.integers(1, size, frames) for size in layout.VOCABULARY])
    return TokenGrid(tokens.astype(np.uint16), layout.CODEC, layout.FRAME_RATE_HZ)


@click.command(help=__doc__)
@click.option("--turns", default=5, show_default=True, help="The best of so many turns counts.")
def main(turns: int) -> None:
    codec, missed = ChipCodec(), 0
    codec.decode(full(200))  # tables and drums are made at first use
    for name, grid in (("music", music(150)), ("random registers", full(3_600))):
        spent = []
        for _ in range(turns):
            start = time.process_time()
            codec.decode(grid)
            spent.append(time.process_time() - start)
        row = figure(f"chip render, {name}", grid.duration_s / min(spent), "s of audio/s", ">= 100")
        missed += row.reached is False
        click.echo(f"{row.name:40} {row.value:10.1f} {row.unit:14} {row.target}")
    for name, grid in (("music", music(20)), ("random registers", full(60))):
        wave = codec.decode(grid)
        start = time.process_time()
        same = np.array_equal(codec.encode(wave).tokens, grid.tokens)
        spent_s = time.process_time() - start
        row = figure(f"chip encode, {name}", grid.duration_s / spent_s, "s of audio/s", ">= 0.5")
        missed += row.reached is False or not same
        click.echo(f"{row.name:40} {row.value:10.2f} {row.unit:14} {row.target} {'identical' if same else 'DIFFERS'}")
    raise SystemExit(missed > 0)


if __name__ == "__main__":
    main()
