"""What a step teaches: our generator beside `soundstorm-pytorch`, equally large, on the same batches of tokens.

    python benchmarks/soundstorm_learning.py --work FOLDER --steps 1000

Tokens are sentences of our fastest engine by the codec and tokenizer that ship. Both learn by AdamW with one rate,
warm-up, cosine and clipping; each draws its own masks. Looked at by the same held-out batches under the same masks of
the paper: the cross-entropy of the drawn level's hidden tokens. Times are of the training step, and of 20 s generated
in 19 passes, by turns in one run. How to install the peer: `python benchmarks/soundstorm_speed.py --help`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np
import torch
from soundstorm_speed import peer, peer_generate, tell, timed
from torch.nn import functional

from antiphon.bench.figure import figure
from antiphon.bench.reproducing.learning import lesson
from antiphon.soundstorm import DecodingOptions, starter
from antiphon.soundstorm.decoding import DecodingInput, generate, task_key
from antiphon.soundstorm.serving import load
from antiphon.soundstorm.training.data import batch_of, batch_plan
from antiphon.soundstorm.training.export import export, torch_logits
from antiphon.soundstorm.training.objectives import Batch, maskgit_loss
from antiphon.soundstorm.training.profiles import TrainConfig, profile
from antiphon.soundstorm.training.trainer import Trainer
from antiphon.training.rates import rate_scale

LOOKS = (50, 100, 200, 500, 1000)
HELD_OUT_BATCHES = 16
SECONDS, FIRST_PASSES = 20.0, 16


class Peer:
    """The other network, with the optimiser that ours has."""

    def __init__(self, config: TrainConfig) -> None:
        torch.manual_seed(config.seed)
        self.model, self.note = peer(config.generator, FIRST_PASSES)
        self.config, self.step = config, 0
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=config.weight_decay,
            fused=True,
        )  # fmt: skip

    def train(self, batch: Batch) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * rate_scale(self.step, self.config)
        self.model.train()
        self.optimiser.zero_grad(set_to_none=True)
        grid = batch.target.transpose(1, 2).contiguous()  # [B, T, K]
        loss, _ = self.model(grid, cond_semantic_token_ids=batch.semantic, mask=batch.valid)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.optimiser.step()
        self.step += 1

    @torch.inference_mode()
    def loss(self, batch: Batch) -> float:
        """Of the drawn level's hidden tokens, as `maskgit_loss` has it."""
        model, levels = self.model.eval(), batch.tokens.shape[1]
        seen = batch.tokens.transpose(1, 2).flatten(1)  # [B, T * K]; unknown is its mask's token, too
        condition = model.maybe_get_condition(batch.semantic, length=batch.tokens.shape[2])
        logits = model.net(seen, cond=condition, mask=batch.valid).unflatten(1, (-1, levels))  # [B, T, K, V]
        rows = torch.arange(len(batch.level))
        mine, truth = logits[rows, :, batch.level][batch.chosen], batch.target[rows, batch.level][batch.chosen]
        return float(functional.cross_entropy(mine, truth))


def _ours(trainer: Trainer, batch: Batch, *, averaged: bool) -> float:
    with torch.inference_mode():
        model = trainer.average if averaged else trainer.model.eval()
        return float(maskgit_loss(model, batch, float(batch.chosen.sum()))[0])


def _mean_loss(of: Callable[[Batch], float], batches: list[Batch]) -> float:
    """Over all hidden tokens, not over batches."""
    counts = [int(batch.chosen.sum()) for batch in batches]
    return float(np.average([of(batch) for batch in batches], weights=counts))


@click.command(help=__doc__)
@click.option("--work", required=True, type=click.Path(path_type=Path, file_okay=False), help="Where tokens are kept.")
@click.option("--steps", default=1000, show_default=True)
@click.option("--sentences", default=300, show_default=True)
@click.option("--layers", default=2, show_default=True)
@click.option("--dim", default=64, show_default=True)
@click.option("--threads", default=2, show_default=True)
def main(work: Path, steps: int, sentences: int, layers: int, dim: int, threads: int) -> None:
    torch.set_num_threads(threads)
    shipped = starter.load(threads=threads)
    codec: Any = shipped.codec
    tokens = lesson(codec, shipped.tokenizer, work, sentences=sentences, steps=steps, report=lambda *_: None)
    config = profile("tiny", tokens.layout)
    network = msgspec.structs.replace(config.generator, layers=layers, dim=dim, dropout=0.0)
    config = msgspec.structs.replace(
        config, generator=network, steps=steps, warm_up=50, learning_rate=2e-3, ema=0.98,
        drop_conditions=0.0, precision="float32",
    )  # fmt: skip
    recipe = msgspec.structs.replace(config, upper_weight=0.5)
    paper, ours, other = Trainer(config), Trainer(recipe, codebooks=codec.codebooks()), Peer(config)
    plan, looked = batch_plan(tokens.learnt, config), batch_plan(tokens.held_out, config)
    held_out = [batch_of(tokens.held_out, looked.at(n), n, config) for n in range(HELD_OUT_BATCHES)]
    losses: dict[int, tuple[float, float, float]] = {}
    seconds: list[tuple[float, float]] = []
    for step in range(steps):
        batch = batch_of(tokens.learnt, plan.at(step), step, config)
        paper.train(batch)
        seconds.append((_once(lambda batch=batch: ours.train(batch)), _once(lambda batch=batch: other.train(batch))))  # type: ignore[misc]
        if step + 1 in LOOKS:
            losses[step + 1] = (
                _mean_loss(lambda b: _ours(ours, b, averaged=True), held_out),
                _mean_loss(lambda b: _ours(paper, b, averaged=True), held_out),
                _mean_loss(other.loss, held_out),
            )
            click.echo(f"{step + 1}: ours {losses[step + 1]}", err=True)
    figures = [
        figure(f"held-out loss after {step} steps, ours - soundstorm-pytorch", mine - theirs, "nats", "<= 0",
               f"{mine:.3f}; {theirs:.3f}; ours by the paper's loss alone, begun at random {plain:.3f}")
        for step, (mine, plain, theirs) in losses.items()
    ]  # fmt: skip
    mine, theirs = np.median(np.array(seconds), axis=0)
    figures.append(figure("time a step, ours / soundstorm-pytorch", float(mine / theirs), "x", "<= 0.334",
                          f"{1e3 * mine:.0f} and {1e3 * theirs:.0f} ms, medians"))  # fmt: skip
    figures += _generation(ours, other, threads)
    tell(figures)


def _generation(ours: Trainer, other: Peer, threads: int) -> list[Any]:
    layout = ours.config.generator.layout
    semantic = np.random.default_rng(0).integers(0, layout.semantic_vocabulary, int(SECONDS * layout.frame_rate_hz))
    job = DecodingInput(semantic.astype(np.uint16), np.zeros((layout.levels, 0), np.uint16), task_key("benchmark", 0))
    options = DecodingOptions(passes=(FIRST_PASSES, *(1,) * (layout.levels - 1)))
    theirs = timed(lambda: peer_generate(other.model.eval(), job), 3)
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        export(ours.average, Path(folder))
        served = load(Path(folder), threads=threads)
        for name, taken in (
            ("ONNX", timed(lambda: served.generate([job], options), 3)),
            ("torch", timed(lambda: generate(torch_logits(ours.average), [job], layout, options), 3)),
        ):
            note = f"{taken:.3f} and {theirs:.3f} s for {SECONDS:g} s; peer {other.note}"
            target = "<= 0.334" if name == "ONNX" else ""
            figures.append(figure(f"generation, ours by {name} / theirs", taken / theirs, "x", target, note))
    return figures


def _once(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
