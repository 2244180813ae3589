"""How often encode(decode(x)) is x for grids that are hard to tell apart, through 16-bit samples; and the aliasing.

    OMP_NUM_THREADS=1 python benchmarks/chip_identity.py --grids 60

Grids have 50 frames in which every channel sounds anew in most frames: pitches over the whole range, all within half a
semitone of each other, or all below MIDI 39 or above MIDI 105. Exit status 1 if a target was missed.
"""

from __future__ import annotations

import click
import numpy as np

from antiphon.audio import Waveform
from antiphon.bench.figure import figure
from antiphon.codecs import TokenGrid
from antiphon.codecs.chip import ChipCodec, Registers, canonical, layout
from antiphon.codecs.chip.tables import RAMP, increments

FRAMES = 50
KINDS = ("anywhere", "all near", "all low", "all high")
WINDOW = 1 << 16


def grid(seed: int, kind: str) -> TokenGrid:
    generator = np.random.default_rng([seed, KINDS.index(kind)])
    tokens = np.stack([generator.integers(1, size, FRAMES) for size in layout.VOCABULARY])
    base = generator.integers(1, layout.PITCHES - 4, FRAMES)
    for level in (0, 2, 4):
        if kind == "all near":
            tokens[level] = base + generator.integers(0, 5, FRAMES)
        elif kind != "anywhere":
            low = 1 if kind == "all low" else layout.PITCHES - 119
            tokens[level] = generator.integers(low, low + 120, FRAMES)
    sounding = generator.random((len(layout.CHANNELS), 1, FRAMES)) < generator.choice([0.5, 0.8, 1.0])
    tokens = (tokens.reshape(len(layout.CHANNELS), 2, FRAMES) * sounding).reshape(tokens.shape)
    return canonical(TokenGrid(tokens.astype(np.uint16), layout.CODEC, layout.FRAME_RATE_HZ))


def aliasing_db(duty: float | None, midi: float) -> float:
    """Energy away from every harmonic, relative to the fundamental's."""
    notes = Registers.silent(120).triangle(0, midi=midi, volume=15, pan=0)
    if duty is not None:
        notes = Registers.silent(120).pulse(0, 0, midi=midi, volume=15, duty=duty, pan=0)
    f0_hz = float(increments()[int(notes.tokens[4 if duty is None else 0, 0])]) * layout.RATE_HZ / 2**32
    samples = ChipCodec().decode(notes.grid()).samples[0, RAMP : RAMP + WINDOW].astype(np.float64)
    power = np.abs(np.fft.rfft(samples * np.kaiser(WINDOW, 24))) ** 2
    hz, reach = np.fft.rfftfreq(WINDOW, 1 / layout.RATE_HZ), 12 * layout.RATE_HZ / WINDOW
    away = np.abs(hz - np.rint(hz / f0_hz) * f0_hz) > reach
    return float(10 * np.log10(power[away].sum() / power[np.abs(hz - f0_hz) <= reach].sum()))


@click.command(help=__doc__)
@click.option("--grids", default=60, show_default=True, help="Number of grids of each kind.")
@click.option("--seed", default=0, show_default=True)
def main(grids: int, seed: int) -> None:
    codec, missed = ChipCodec(), 0
    for kind in KINDS:
        same = frames = 0
        for number in range(grids):
            wanted = grid(seed + number, kind)
            stored = np.clip(np.rint(codec.decode(wanted).samples * 32768), -32768, 32767) / 32768
            found = codec.encode(Waveform(stored.astype(np.float32), layout.RATE_HZ)).tokens
            wrong = np.flatnonzero((found != wanted.tokens).any(axis=0))
            same += not len(wrong)
            frames += int(wrong[0]) + 1 if len(wrong) else FRAMES
            if len(wrong):
                click.echo(f"  {kind}, seed {seed + number}: from frame {wrong[0]}: {wanted.tokens[:, wrong[0]]}")
        row = figure(f"identical grids, {kind} ({grids} of {FRAMES} frames)", same / grids, "", ">= 0.95")
        missed += row.reached is False
        click.echo(f"{row.name:56} {row.value:8.4f}   {frames} frames until a first mistake or the end")
    for duty in (*layout.DUTIES, None):
        worst = max(aliasing_db(duty, midi) for midi in np.arange(24.0, 119.9, 0.875))
        row = figure(f"aliasing, {'triangle' if duty is None else f'pulse {duty:g}'}", worst, "dB", "< -60")
        missed += row.reached is False
        click.echo(f"{row.name:56} {row.value:8.1f} {row.unit} {row.target}")
    raise SystemExit(missed > 0)


if __name__ == "__main__":
    main()
