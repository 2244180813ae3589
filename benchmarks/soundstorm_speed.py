"""Speed of the generator: passes, real-time factor, against one token at a time and against `soundstorm-pytorch`.

    python benchmarks/soundstorm_speed.py --size small --levels 4 --seconds 30 --autoregressive 200 --threads 2

All in one process and run, untrained weights (time does not depend on them). The autoregressive baseline has the same
dimension and as many parameters; it decodes its last `--autoregressive` tokens behind a true prefix in the cache's
full length and the rest is extrapolated, which is said. The peer needs `pip install 'antiphon[peers]'`.
Exit status 1 if a target was missed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import msgspec
import numpy as np
import torch

from antiphon.bench.figure import Figure, figure
from antiphon.soundstorm import DecodingOptions, Job, Layout, generate, profile, task_key
from antiphon.soundstorm.layout import GeneratorConfig
from antiphon.soundstorm.serving import load
from antiphon.soundstorm.training.autoregressive import Autoregressive
from antiphon.soundstorm.training.export import export, torch_logits
from antiphon.soundstorm.training.model import Generator

FRAME_RATE_HZ = 50.0


def _timed(work: Callable[[], object], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _parallel(
    config: GeneratorConfig, job: Job, options: DecodingOptions, threads: int, repeats: int
) -> dict[str, float]:
    model, layout = Generator(config).eval(), config.layout
    torch.nn.init.normal_(model.heads, std=0.1)
    times = {"torch": _timed(lambda: generate(torch_logits(model), [job], layout, options), repeats)}
    with tempfile.TemporaryDirectory() as folder:
        export(model, Path(folder))
        for precision in ("float32", "int8"):
            served = load(Path(folder), precision=precision, threads=threads)  # type: ignore[arg-type]
            times[precision] = _timed(lambda served=served: served.generate([job], options), repeats)  # type: ignore[misc]
    return times


def _one_by_one(config: GeneratorConfig, job: Job, tokens: int) -> tuple[float, float]:
    """Seconds a token with a short and with a full past; the cost grows straight with it, so their mean serves."""
    model, layout = Autoregressive(config).eval(), config.layout
    frames = -(-tokens // layout.levels)
    grid = np.zeros((layout.levels, job.frames), np.uint16)
    made = []
    for given in (1, job.frames - frames):
        part = job.semantic[: given + frames]
        prefix = _timed(lambda part=part, given=given: model.generate(part[: given + 1], grid[:, :given], 0), 1)
        whole = _timed(lambda part=part, given=given: model.generate(part, grid[:, :given], 0), 1)
        made.append((whole - prefix) / ((frames - 1) * layout.levels))
    return made[0], made[1]


def _peer(config: GeneratorConfig, job: Job, passes: int) -> float | str:
    """`soundstorm-pytorch` at equal depth and dimension; its passes are divided over levels in its own way."""
    try:
        from soundstorm_pytorch import ConformerWrapper, SoundStorm
    except (ImportError, OSError, ValueError) as error:  # its dependency fairseq fails on Python 3.11 with the last
        return f"cannot be imported: {error}; pip install soundstorm-pytorch"
    layout = config.layout
    net = ConformerWrapper(
        codebook_size=max(layout.vocabulary),
        num_quantizers=layout.levels,
        conformer={
            "dim": config.dim, "depth": config.layers, "heads": config.heads, "dim_head": config.dim // config.heads,
            "ff_mult": 4, "conv_kernel_size": config.kernel, "attn_flash": True,
        },
    )  # fmt: skip
    model = SoundStorm(net, steps=passes, schedule="cosine", num_semantic_token_ids=layout.semantic_vocabulary)
    semantic = torch.from_numpy(job.semantic.astype(np.int64))[None]
    began = time.perf_counter()
    with torch.inference_mode():
        model.eval().generate(cond_semantic_token_ids=semantic, num_full_sampling_levels=1)
    return time.perf_counter() - began


@click.command(help=__doc__)
@click.option("--size", default="small", show_default=True)
@click.option("--layers", default=0, help="Instead of the size's own.")
@click.option("--dim", default=0, help="Instead of the size's own.")
@click.option("--levels", default=4, show_default=True)
@click.option("--seconds", default=30.0, show_default=True)
@click.option("--first-passes", default=16, show_default=True)
@click.option("--autoregressive", default=200, show_default=True, help="Tokens decoded one by one; 0: none.")
@click.option("--peer/--no-peer", default=True)
@click.option("--threads", default=2, show_default=True)
@click.option("--repeats", default=2, show_default=True)
def main(
    size: str, layers: int, dim: int, levels: int, seconds: float, first_passes: int, autoregressive: int, peer: bool,
    threads: int, repeats: int,
) -> None:  # fmt: skip
    torch.set_num_threads(threads)
    layout = Layout(codec="any", vocabulary=(1024,) * levels, frame_rate_hz=FRAME_RATE_HZ)
    config = profile(size, layout)
    config = msgspec.structs.replace(config, layers=layers or config.layers, dim=dim or config.dim)
    frames = int(seconds * FRAME_RATE_HZ)
    semantic = np.random.default_rng(0).integers(0, 1024, frames).astype(np.uint16)
    job = Job(semantic, np.zeros((levels, 0), np.uint16), task_key("benchmark", 0))
    options = DecodingOptions(passes=(first_passes, *(1,) * (levels - 1)))
    passes = len(options.plan(layout))
    ours = _parallel(config, job, options, threads, repeats)
    figures = [figure(f"passes for {seconds:g} s", passes, "passes", "<= 27")]
    for name, taken in ours.items():
        target = "<= 0.1" if name != "torch" else ""
        figures.append(figure(f"real-time factor, {name}", taken / seconds, "s/s", target))
    if autoregressive:
        short, full = _one_by_one(config, job, autoregressive)
        tokens = frames * levels
        note = f"{1e3 * short:.2f} ms a token at first, {1e3 * full:.2f} with a full past; extrapolated"
        slow = tokens * (short + full) / 2
        figures.append(figure("passes, one by one / parallel", tokens / passes, "x", ">= 100"))
        figures.append(figure("time, one by one / parallel, both torch", slow / ours["torch"], "x", ">= 20", note))
    if peer:
        taken = _peer(config, job, passes)
        ratio = None if isinstance(taken, str) else taken / ours["torch"]
        note = taken if isinstance(taken, str) else f"{taken:.2f} s"
        figures.append(figure("soundstorm-pytorch / ours, both torch", ratio, "x", "> 1", note))
    _tell(figures)


def _tell(figures: list[Figure]) -> None:
    for line in figures:
        mark = {True: "ok", False: "MISSED", None: ""}[line.reached]
        click.echo(f"{line.name:45} {line.value} {line.unit:7} {line.target:7} {mark:7} {line.note}")
    raise SystemExit(any(line.reached is False for line in figures))


if __name__ == "__main__":
    main()
