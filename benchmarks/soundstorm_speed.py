"""Speed of the generator: passes, real-time factor, against one token at a time and against `soundstorm-pytorch`.

    python benchmarks/soundstorm_speed.py --size small --levels 4 --seconds 30 --autoregressive 200 --threads 2

All in one process and run, untrained weights (time does not depend on them). The autoregressive baseline has the same
dimension and as many parameters; it decodes its last `--autoregressive` tokens behind a true prefix in the cache's
full length and the rest is extrapolated, which is said. Exit status 1 if a target was missed.

\b
The peer demands packages that cannot be installed on Python 3.11 (fairseq), for parts that are not measured. So:
    pip install 'antiphon[train]' accelerate beartype einops hyper-connections tqdm
    pip install --no-deps soundstorm-pytorch==0.6.1
Where its two companions are missing, empty stand-ins that refuse to be used take their place, and the output says so.
"""

from __future__ import annotations

import importlib.metadata
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import click
import msgspec
import numpy as np
import torch

from antiphon.bench.figure import Figure, figure
from antiphon.soundstorm import DecodingInput, DecodingOptions, Layout, generate, profile, task_key
from antiphon.soundstorm.layout import GeneratorConfig
from antiphon.soundstorm.one_by_one import OneByOne
from antiphon.soundstorm.serving import load
from antiphon.soundstorm.training.autoregressive import Autoregressive, graph
from antiphon.soundstorm.training.export import export, torch_logits
from antiphon.soundstorm.training.model import Generator

FRAME_RATE_HZ = 50.0


def timed(work: Callable[[], object], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _parallel(
    config: GeneratorConfig, job: DecodingInput, options: DecodingOptions, threads: int, repeats: int
) -> dict[str, float]:
    model, layout = Generator(config).eval(), config.layout
    torch.nn.init.normal_(model.heads, std=0.1)
    times = {"torch": timed(lambda: generate(torch_logits(model), [job], layout, options), repeats)}
    with tempfile.TemporaryDirectory() as folder:
        export(model, Path(folder))
        for precision in ("float32", "int8"):
            served = load(Path(folder), precision=precision, threads=threads)  # type: ignore[arg-type]
            times[precision] = timed(lambda served=served: served.generate([job], options), repeats)  # type: ignore[misc]
    return times


def _one_by_one(config: GeneratorConfig, job: DecodingInput, tokens: int, threads: int) -> tuple[float, float]:
    """Seconds a token with a short and with a full past; the cost grows straight with it, so their mean serves."""
    served, layout = OneByOne(graph(Autoregressive(config).eval()), config, threads=threads), config.layout
    frames = -(-tokens // layout.levels)
    grid = np.zeros((layout.levels, job.frames), np.uint16)
    made = []
    for given in (1, job.frames - frames):
        prefix = DecodingInput(job.semantic[: given + 1], grid[:, :given], job.key)
        whole = DecodingInput(job.semantic[: given + frames], grid[:, :given], job.key)
        one, all_of_them = (timed(lambda asked=asked: served.generate(asked), 1) for asked in (prefix, whole))  # type: ignore[misc]
        made.append((all_of_them - one) / ((frames - 1) * layout.levels))
    return made[0], made[1]


COMPANIONS = ("audiolm_pytorch", "spear_tts_pytorch")
"""What the peer imports for its codec, its semantic tokens and its text stage. Its generator calls none of it."""


class _StandIn(ModuleType):
    """In place of a package that is not there: every name is a class, and none of them can be made."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)

        def refuse(*_: object, **__: object) -> NoReturn:
            raise RuntimeError(f"{self.__name__}.{name} is a stand-in: what is measured must not need it")

        return type(name, (), {"__init__": refuse})


def _peer_library() -> tuple[Any, str]:
    """The peer, and what had to stand in for its companions. Raises `ImportError` when it is not installed."""
    missing = []
    for name in COMPANIONS:
        try:
            import_module(name)
        except (ImportError, OSError, ValueError, AttributeError):
            missing.append(name)
    # Both or none: one that came half into being must not stay.
    for name in COMPANIONS if missing else ():
        for loaded in [module for module in sys.modules if module.partition(".")[0] == name]:
            del sys.modules[loaded]
        sys.modules.update({full: _StandIn(full) for full in (name, f"{name}.data", f"{name}.optimizer")})
    note = f"stand-ins, never called, for {' and '.join(COMPANIONS)}" if missing else "with all it imports"
    library = import_module("soundstorm_pytorch")
    # A bar for each level would cost the peer time.
    vars(import_module("soundstorm_pytorch.soundstorm"))["tqdm"] = lambda steps, **_: steps
    return library, note


def peer(config: GeneratorConfig, first_passes: int) -> tuple[Any, str]:
    """`soundstorm-pytorch` at equal depth and dimension, with its version and what stands in for its companions.

    Raises `ImportError` when it is not installed.
    """
    library, note = _peer_library()
    layout = config.layout
    net = library.ConformerWrapper(
        codebook_size=max(layout.vocabulary),
        num_quantizers=layout.levels,
        conformer={
            "dim": config.dim, "depth": config.layers, "heads": config.heads, "dim_head": config.dim // config.heads,
            "ff_mult": 4, "conv_kernel_size": config.kernel, "attn_flash": True,
            "num_residual_streams": 1,  # plain residuals: its default of four would make it slower than need be
        },
    )  # fmt: skip
    # It conditions on semantic tokens only when it is told rates, from which it works out how many there are a frame.
    rates = {"target_sample_hz": 16_000, "downsample_factor": 320}
    model = library.SoundStorm(
        net,
        steps=first_passes,  # of the first level; each of the others gets one, as with us
        schedule="cosine",
        num_semantic_token_ids=layout.semantic_vocabulary,
        **{f"{side}_{name}": value for side in ("wav2vec", "codec") for name, value in rates.items()},
    )
    return model, f"{importlib.metadata.version('soundstorm-pytorch')}, {note}"


def _peer(config: GeneratorConfig, job: DecodingInput, first_passes: int, repeats: int) -> tuple[float | None, str]:
    """Seconds of the peer with equal passes, and what to know of them."""
    try:
        model, note = peer(config, first_passes)
    except ImportError as error:
        return None, f"cannot be imported: {error}; see --help for how to install it"
    passes = 0

    def count(*_: object) -> None:
        nonlocal passes
        passes += 1

    model.eval().net.register_forward_hook(count)
    taken = timed(lambda: peer_generate(model, job), repeats)
    size = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    return taken, f"{taken:.2f} s, {passes // repeats} passes, {size:.1f} M parameters, {note}"


def peer_generate(model: Any, job: DecodingInput) -> None:
    """What the peer makes of a job without a prompt."""
    semantic = torch.from_numpy(job.semantic.astype(np.int64))[None]
    with torch.inference_mode():
        model.generate(cond_semantic_token_ids=semantic, num_full_sampling_levels=1)


@click.command(help=__doc__)
@click.option("--size", default="small", show_default=True)
@click.option("--layers", default=0, help="Instead of the size's own.")
@click.option("--dim", default=0, help="Instead of the size's own.")
@click.option("--levels", default=4, show_default=True)
@click.option("--seconds", default=30.0, show_default=True)
@click.option("--first-passes", default=16, show_default=True)
@click.option("--autoregressive", default=200, show_default=True, help="Tokens decoded one by one; 0: none.")
@click.option("--peer/--no-peer", "beside", default=True)
@click.option("--threads", default=2, show_default=True)
@click.option("--repeats", default=2, show_default=True)
def main(
    size: str, layers: int, dim: int, levels: int, seconds: float, first_passes: int, autoregressive: int, beside: bool,
    threads: int, repeats: int,
) -> None:  # fmt: skip
    torch.set_num_threads(threads)
    layout = Layout(codec="any", vocabulary=(1024,) * levels, frame_rate_hz=FRAME_RATE_HZ)
    config = profile(size, layout)
    config = msgspec.structs.replace(config, layers=layers or config.layers, dim=dim or config.dim)
    frames = int(seconds * FRAME_RATE_HZ)
    semantic = np.random.default_rng(0).integers(0, 1024, frames).astype(np.uint16)
    job = DecodingInput(semantic, np.zeros((levels, 0), np.uint16), task_key("benchmark", 0))
    options = DecodingOptions(passes=(first_passes, *(1,) * (levels - 1)))
    passes = len(options.plan(layout))
    ours = _parallel(config, job, options, threads, repeats)
    size_m = sum(parameter.numel() for parameter in Generator(config).parameters()) / 1e6
    own = f"{ours['torch']:.2f} s, {passes} passes, {size_m:.1f} M parameters"
    figures = [figure(f"passes for {seconds:g} s", passes, "passes", "<= 27")]
    for name, taken in ours.items():
        target = "<= 0.1" if name != "torch" else ""
        figures.append(figure(f"real-time factor, {name}", taken / seconds, "s/s", target))
    if autoregressive:
        short, full = _one_by_one(config, job, autoregressive, threads)
        tokens = frames * levels
        note = f"{1e3 * short:.2f} ms a token at first, {1e3 * full:.2f} with a full past; extrapolated"
        slow = tokens * (short + full) / 2
        figures.append(figure("passes, one by one / parallel", tokens / passes, "x", ">= 100"))
        figures.append(figure("time, one by one / parallel, both ONNX", slow / ours["float32"], "x", ">= 20", note))
    if beside:
        taken, note = _peer(config, job, first_passes, repeats)
        ratio = None if taken is None else taken / ours["torch"]
        figures.append(figure("soundstorm-pytorch / ours, both torch", ratio, "x", "> 1", f"{note}; ours {own}"))
    tell(figures)


def tell(figures: list[Figure]) -> None:
    for line in figures:
        mark = {True: "ok", False: "MISSED", None: ""}[line.reached]
        click.echo(f"{line.name:45} {line.value} {line.unit:7} {line.target:7} {mark:7} {line.note}")
    raise SystemExit(any(line.reached is False for line in figures))


if __name__ == "__main__":
    main()
