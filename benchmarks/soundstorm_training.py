"""How fast each profile trains, against what this machine's matrix products can do, in the same run.

    python benchmarks/soundstorm_training.py --profile tiny --profile small
    python benchmarks/soundstorm_training.py --profile paper --rows 32 --device cuda --compile

One process on a GPU, or with all cores, untrained weights, random tokens: time does not depend on them. Operations of a
step are counted by PyTorch (matrix products, convolutions and attention, forward and backward); the limit is the best
of a few sizes of square product in the precision the step uses. `paper` needs 10 GB and minutes a step.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import click
import msgspec
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from antiphon.codecs import training as codecs
from antiphon.codecs.training.data import Batch as CodecBatch
from antiphon.codecs.training.trainer import Trainer as CodecTrainer
from antiphon.soundstorm import Example, InMemoryTokenSet, Layout
from antiphon.soundstorm.training.data import batch_of, batch_plan
from antiphon.soundstorm.training.profiles import profile
from antiphon.soundstorm.training.trainer import Trainer
from antiphon.training.hardware import Hardware

LAYOUT = Layout(codec="benchmark", vocabulary=(1024,) * 4, frame_rate_hz=50.0, semantic_vocabulary=512)
SIZES, GPU_SIZES = (512, 1024, 2048), (4096, 8192, 16384)


def limit(dtype: torch.dtype, device: str) -> float:
    """Best operations a second of a square product."""
    best = 0.0
    for size in SIZES if device == "cpu" else GPU_SIZES:
        one, two = (torch.randn(size, size, dtype=dtype, device=device) for _ in range(2))
        best = max(best, 2 * size**3 / _fastest(lambda one=one, two=two: one @ two, 5))  # type: ignore[misc]
    return best


def _fastest(work: Callable[[], object], repeats: int) -> float:
    work()
    seconds = []
    for _ in range(repeats):
        _wait()
        began = time.perf_counter()
        work()
        _wait()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _wait() -> None:
    """For what a GPU still does."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def generator(name: str, rows: int, hardware: Hardware) -> tuple[Callable[[], object], float, bool]:
    """A step, the seconds of audio in it, and whether it is in bfloat16."""
    config = profile(name, LAYOUT)
    config = msgspec.structs.replace(config, batch=min(rows, config.batch), hardware=hardware)
    rng = np.random.default_rng(0)
    tokens = InMemoryTokenSet(
        [
            Example(
                rng.integers(0, 512, config.frames).astype(np.uint16),
                rng.integers(0, 1024, (4, config.frames)).astype(np.uint16),
            )
            for _ in range(config.batch)
        ]
    )
    trainer = Trainer(config)
    batch = batch_of(tokens, batch_plan(tokens, config).at(0), 0, config)
    trainer.train(batch)
    audio_s = config.batch * config.frames / LAYOUT.frame_rate_hz
    return lambda: trainer.train(batch), audio_s, trainer.processes.precision == "bfloat16"


def codec(name: str, rows: int, hardware: Hardware) -> tuple[Callable[[], object], float, bool]:
    """With the adversaries, which is most of a training."""
    config = codecs.profile(name)
    rows = min(rows, config.batch)
    config = msgspec.structs.replace(
        config, batch=rows, judged_clips=min(config.judged_clips, rows), adversarial_from=0, adversarial_ramp=1,
        hardware=Hardware(device=hardware.device),
    )  # fmt: skip
    trainer = CodecTrainer(config)
    samples, halves = config.frames * config.codec.hop, config.frames * 2
    rng = np.random.default_rng(0)
    batch = CodecBatch(
        audio=(0.1 * rng.standard_normal((rows, samples))).astype(np.float32),
        f0_hz=np.full((rows, halves), 120.0, np.float32),
        voicing=np.ones((rows, halves), np.float32),
    )
    return (
        lambda: trainer.train(batch),
        rows * samples / config.codec.rate_hz,
        trainer.processes.precision == "bfloat16",
    )


@click.command()
@click.option("--profile", "profiles", multiple=True, default=("tiny", "small"), show_default=True)
@click.option("--rows", default=8, show_default=True, help="Most clips in a step: rows cost the same each.")
@click.option("--repeats", default=5, show_default=True)
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or cuda:N.")
@click.option("--compile", "compiled", is_flag=True, help="The generator's blocks.")
@click.option("--accumulate", default=1, show_default=True, help="Parts of a generator's step.")
@click.option("--recompute", is_flag=True, help="The generator's activations.")
def main(
    profiles: tuple[str, ...], rows: int, repeats: int, device: str, compiled: bool, accumulate: int, recompute: bool
) -> None:
    """Seconds of audio a second, and the share of the machine's limit."""
    hardware = Hardware(device=device, compile=compiled, accumulate=accumulate, recompute=recompute)
    limits = {half: limit(torch.bfloat16 if half else torch.float32, hardware.kind) for half in (False, True)}
    click.echo(f"Limit: {limits[False] / 1e9:.0f} GFLOP/s in float32, {limits[True] / 1e9:.0f} in bfloat16")
    for what, make in (("codec", codec), ("generator", generator)):
        for name in profiles:
            if what == "codec" and name == "base":
                continue
            step, audio_s, half = make(name, rows, hardware)
            with FlopCounterMode(display=False) as counter:
                step()
            took_s, work = _fastest(step, repeats), float(counter.get_total_flops())
            share = work / took_s / limits[half]
            click.echo(
                f"{what} {name}: {audio_s / took_s:.1f} s of audio a second, {took_s:.3f} s a step, "
                f"{work / took_s / 1e9:.0f} GFLOP/s, {share:.0%} of the limit in {'bfloat16' if half else 'float32'}"
            )


if __name__ == "__main__":
    main()
