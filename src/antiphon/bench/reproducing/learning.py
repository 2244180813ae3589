"""The small models that rows train: the same size, tokens, batches and steps, and one thing that differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import torch

from antiphon.bench.reproducing.measuring import said_by_us
from antiphon.codecs.neural import NeuralCodec
from antiphon.network.prompts import GrammarPrompts
from antiphon.soundstorm import serving
from antiphon.soundstorm.layout import GeneratorConfig, Layout
from antiphon.soundstorm.one_by_one import OneByOne
from antiphon.soundstorm.semantic import SemanticTokenizer
from antiphon.soundstorm.serving import Generator
from antiphon.soundstorm.tokenset import Example, InMemoryTokenSet, Joined, TokenSet
from antiphon.soundstorm.training.autoregressive import AutoregressiveTrainer, graph
from antiphon.soundstorm.training.data import batch_of, batch_plan
from antiphon.soundstorm.training.export import export
from antiphon.soundstorm.training.model import parameters_of
from antiphon.soundstorm.training.objectives import Batch
from antiphon.soundstorm.training.profiles import TrainConfig
from antiphon.soundstorm.training.trainer import GeneratorObjective, Trainer
from antiphon.training import Trainable, run_training
from antiphon.training.hardware import ProcessGroup
from antiphon.training.loop import Evaluate

T = TypeVar("T", bound=Trainable)

LAYERS, DIM, FRAMES, BATCH = 4, 128, 150, 8
_STRIDE = 7_919_003  # a prime: every part of a sentence changes from one to the next
HELD_OUT_SHARE = 10
"""One of so many sentences is never learnt from."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What all models of a row learn from, and by what they are looked at."""

    learnt: TokenSet
    held_out: TokenSet
    layout: Layout
    codec: NeuralCodec
    steps: int
    folder: Path  # checkpoints of each model, so that a row that was stopped goes on
    report: Callable[[str, int], None]

    def config(self, **network: object) -> TrainConfig:
        generator = GeneratorConfig(
            layout=self.layout,
            layers=LAYERS,
            dim=DIM,
            dropout=0.0,
            window=1_000,
            **network,  # type: ignore[arg-type]
        )
        return TrainConfig(
            generator=generator, batch=BATCH, frames=FRAMES, steps=self.steps, warm_up=min(50, self.steps),
            learning_rate=2e-3, ema=0.98, drop_conditions=0.0, longest_prompt=0.5, upper_weight=0.5,
            log_every=max(1, self.steps // 10), save_every=max(1, self.steps // 4),
        )  # fmt: skip

    def generator(self, name: str, *, curve: list[tuple[float, float]] | None = None, **network: object) -> Generator:
        """Trained, exported and served by ONNX Runtime. `curve` gets (step, held-out loss) on the way."""
        config = self.config(**network)
        look = self._look(config)

        def make(processes: ProcessGroup) -> Trainer:
            return Trainer(config, processes, codebooks=self.codec.codebooks())

        folder = self.folder / name
        trainer = self._trained(name, config, make, lambda average, _: {"valid_loss": look(average)})
        if curve is not None:
            curve.extend(_logged(folder, "valid_loss"))
        export(trainer.averaged(), folder / "exported")
        return serving.load(folder / "exported")

    def one_by_one(self, name: str) -> OneByOne:
        """The autoregressive model of the same size, from the same batches."""
        config = self.config()

        def make(processes: ProcessGroup) -> AutoregressiveTrainer:
            return AutoregressiveTrainer(config, processes, self.codec.codebooks())

        return OneByOne(graph(self._trained(name, config, make).averaged()), config.generator)

    def _trained(
        self, name: str, config: TrainConfig, make: Callable[[ProcessGroup], T], evaluate: Evaluate | None = None
    ) -> T:
        plan = batch_plan(self.learnt, config)

        def batch_at(step: int, _: ProcessGroup) -> Batch:
            return batch_of(self.learnt, plan.at(step), step, config)

        return run_training(
            config, self.folder / name, make, batch_at, report=lambda line: self.report(name, int(line["step"])),
            evaluate=evaluate, evaluate_every=config.log_every,
        )  # fmt: skip

    def told(self) -> str:
        """Of the models, for the row."""
        seconds = int(self.learnt.lengths().sum()) / self.layout.frame_rate_hz
        size = parameters_of(self.config().generator) / 1e6
        audio = BATCH * FRAMES / self.layout.frame_rate_hz
        return (
            f"{LAYERS} x {DIM}, {size:.1f} M parameters, {self.steps} steps of {audio:.0f} s "
            f"from {seconds / 60:.0f} min of one voice"
        )

    def _look(self, config: TrainConfig) -> Callable[[torch.nn.Module], float]:
        plan = batch_plan(self.held_out, config)
        batches = [batch_of(self.held_out, plan.at(step), step, config) for step in range(4)]

        def look(average: torch.nn.Module) -> float:
            objective = GeneratorObjective(average, config)  # type: ignore[arg-type]  # `Trainer` made it
            with torch.inference_mode():
                losses = [objective(batch.tensors(), [float(batch.chosen.sum())])[0] for batch in batches]
            return float(np.mean([float(loss) for loss in losses]))

        return look


def lesson(
    codec: NeuralCodec, tokenizer: SemanticTokenizer, folder: Path, *, sentences: int, steps: int,
    report: Callable[[str, int], None],
) -> Lesson:  # fmt: skip
    """Sentences of the prompt grammar by our fastest engine, as tokens; kept in `folder` for the next row."""
    kept = folder / f"tokens-{sentences}-{codec.name}-{tokenizer.name}.npz".replace(":", "-")
    examples = _read(kept) or _made(codec, tokenizer, sentences, kept, report)
    layout = Layout.of(codec, tokenizer.vocabulary, semantic=tokenizer.name)
    parts = [[one for n, one in enumerate(examples) if (n % HELD_OUT_SHARE == 0) is held] for held in (False, True)]
    learnt, held_out = (Joined(InMemoryTokenSet(part), [""] * len(part), FRAMES) for part in parts)
    return Lesson(learnt, held_out, layout, codec, steps, folder, report)


def _made(
    codec: NeuralCodec, tokenizer: SemanticTokenizer, count: int, kept: Path, report: Callable[[str, int], None]
) -> list[Example]:
    texts = [GrammarPrompts.sentence(n * _STRIDE % GrammarPrompts.period) for n in range(count)]
    examples = []
    for number, wave in enumerate(said_by_us(texts), 1):
        grid = codec.encode(wave)
        examples.append(Example(tokenizer.aligned(wave, grid.frames), grid.tokens))
        if number % 50 == 0:
            report("sentences", number)
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        kept,
        semantic=np.concatenate([one.semantic for one in examples]),
        acoustic=np.concatenate([one.acoustic for one in examples], axis=1),
        frames=[one.semantic.shape[0] for one in examples],
    )
    return examples


def _read(kept: Path) -> list[Example]:
    if not kept.is_file():
        return []
    with np.load(kept, allow_pickle=False) as found:
        ends = np.cumsum(found["frames"])[:-1]
        semantic, acoustic = np.split(found["semantic"], ends), np.split(found["acoustic"], ends, axis=1)
    return [Example(*pair) for pair in zip(semantic, acoustic, strict=True)]


def _logged(folder: Path, name: str) -> Sequence[tuple[float, float]]:
    lines = [
        msgspec.json.decode(line, type=dict[str, float]) for line in (folder / "log.jsonl").read_bytes().splitlines()
    ]
    return [(line["step"], line[name]) for line in lines if name in line]
