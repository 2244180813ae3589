"""The other way to make the same tokens: one at a time, each seeing all before it. A baseline for comparisons.

A causal decoder over the grid read frame by frame, level by level, conditioned on the semantic token of each frame, as
AudioLM's acoustic stages do (arXiv:2209.03143). Twice the generator's layers of half their weight: a Conformer block
has two feed-forwards, so the sizes come out equal within a tenth.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from antiphon.codecs.training.export import OPSET
from antiphon.soundstorm.layout import GeneratorConfig
from antiphon.soundstorm.training.fusion import CodebookUNet, LevelSum
from antiphon.soundstorm.training.model import (
    Codebook,
    FeedForward,
    begin,
    initialise_matrices,
    rotary,
    rotate,
)
from antiphon.soundstorm.training.objectives import Batch
from antiphon.soundstorm.training.profiles import TrainConfig
from antiphon.soundstorm.training.trainer import parameter_groups
from antiphon.training.hardware import ProcessGroup
from antiphon.training.trainer import Inputs, Objective, Trainer

Past = tuple[Tensor, Tensor]
"""Keys `[B, H, d / H, S]` and values `[B, H, S, d / H]` of the tokens before."""


class CausalBlock(nn.Module):
    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        dim = config.dim
        self.heads = config.heads
        self.norm, self.after = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.enter, self.leave = nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim)
        self.feed = FeedForward(dim, config.ff, config.dropout)

    def forward(
        self, x: Tensor, angles: tuple[Tensor, Tensor], past: Past | None = None, bias: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """`[B, N, d]`, and keys and values `[B, H, N, d / H]` of these tokens. With a past, `bias [N, S + N]` says who
        sees whom; without, everybody sees those before."""
        rows, steps, dim = x.shape
        packed = self.enter(self.norm(x)).view(rows, steps, 3, self.heads, dim // self.heads)
        query, key, value = packed.permute(2, 0, 3, 1, 4).unbind(0)  # [B, H, N, d / H]
        query, key = rotate(query, *angles), rotate(key, *angles)
        if past is None:
            seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            # Past and present apart: joined, the past would be copied for every token.
            before = past[1].shape[2]
            products = torch.cat([query @ past[0], query @ key.transpose(-1, -2)], dim=-1)
            weights = functional.softmax(products * (dim // self.heads) ** -0.5 + bias, dim=-1)
            seen = weights[..., :before] @ past[1] + weights[..., before:] @ value
        x = x + self.leave(seen.transpose(1, 2).reshape(rows, steps, dim))
        return self.after(self.feed(x)), key, value


class Autoregressive(nn.Module):
    """Position n of the sequence predicts token n = frame * K + level from all before it."""

    def __init__(self, config: GeneratorConfig, seed: int = 0) -> None:
        super().__init__()
        self.config, layout, dim = config, config.layout, config.dim
        self.semantic = nn.Embedding(layout.semantic_vocabulary + 1, dim)
        # Of it the table alone: tokens come one by one here.
        self.levels: LevelSum | CodebookUNet = LevelSum(layout.vocabulary, dim)
        self.level = nn.Embedding(layout.levels, dim)
        self.blocks = nn.ModuleList(CausalBlock(config) for _ in range(2 * config.layers))
        self.heads = nn.Parameter(torch.empty(layout.levels, dim, max(layout.vocabulary)))
        initialise_matrices(self, 2 * len(self.blocks), seed)
        nn.init.zeros_(self.heads)

    def forward(self, semantic: Tensor, tokens: Tensor) -> Tensor:
        """Logits `[B, T, K, Vmax]` for `semantic [B, T]` and the true `tokens [B, K, T]` (teacher forcing)."""
        levels = self.config.layout.levels
        flat = self.levels.embedding(tokens).transpose(1, 2).flatten(1, 2)  # [B, T * K, d]
        before = functional.pad(flat, (0, 0, 1, 0))[:, :-1]
        places = torch.arange(levels, device=tokens.device).repeat(tokens.shape[2])
        x = before + self.semantic(semantic).repeat_interleave(levels, 1) + self.level(places)
        angles = rotary(torch.arange(x.shape[1], device=x.device), self.config.dim // self.config.heads)
        for block in self.blocks:
            x = block(x, angles)[0]
        return torch.einsum("btkd,kdv->btkv", x.unflatten(1, (-1, levels)), self.heads)


class AutoregressiveObjective(Objective[Autoregressive]):
    """Cross-entropy of every token of every valid frame, on the batches of `GeneratorObjective`."""

    def forward(self, inputs: Inputs, counts: Sequence[float]) -> tuple[Tensor, dict[str, Tensor]]:
        batch = Batch.of(inputs)
        logits = self.model(batch.semantic, batch.target)[batch.valid]  # [N, K, V]
        truth = batch.target.transpose(1, 2)[batch.valid]
        loss = functional.cross_entropy(logits.flatten(0, 1).float(), truth.flatten(), reduction="sum") / counts[0]
        return loss, {"tokens": loss.detach()}


class AutoregressiveTrainer(Trainer[Autoregressive]):
    """One token at a time, by the generator's configuration and optimiser."""

    config: TrainConfig

    def __init__(self, config: TrainConfig, processes: ProcessGroup, codebooks: Sequence[Codebook]) -> None:
        model = Autoregressive(config.generator, config.seed)
        begin(model, codebooks, config.seed)
        super().__init__(
            config, AutoregressiveObjective(model), parameter_groups(model, config.weight_decay), processes
        )

    def train(self, batch: Batch) -> dict[str, float]:
        """One step on a batch, in one process and one part."""
        return self.learn([batch.tensors()], [float(batch.valid.sum()) * self.config.generator.layout.levels])


class _NextToken(nn.Module):
    """Some tokens after a past to the logits of the next one, and what the past grows by."""

    def __init__(self, model: Autoregressive) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, before: Tensor, known: Tensor, semantic: Tensor, level: Tensor, place: Tensor, bias: Tensor, *past: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        model = self.model
        table = model.levels.embedding.table
        x = table(before) * known[:, None] + model.semantic(semantic) + model.level(level)
        x, angles = x[None], rotary(place, model.config.dim // model.config.heads)
        keys, values = [], []
        for block, key, value in zip(model.blocks, past[0::2], past[1::2], strict=True):
            x, new_key, new_value = block(x, angles, (key[None], value[None]), bias)
            keys.append(new_key[0])
            values.append(new_value[0])
        logits = x[0, -1] @ model.heads.index_select(0, level[-1:])[0]
        return logits, torch.stack(keys), torch.stack(values)


def graph(model: Autoregressive) -> bytes:
    """The step as ONNX, for `antiphon.soundstorm.one_by_one`: `before`, `semantic`, `level` and `place [N]` int64,
    `known [N]`, `bias [N, S + N]`, `key{n} [H, d / H, S]` and `value{n} [H, S, d / H]` of each block float32."""
    config, past = model.config, 3
    shape = config.heads, config.dim // config.heads
    numbers = [torch.zeros(2, dtype=torch.int64)] * 3
    example = [numbers[0], torch.ones(2), *numbers[1:], torch.arange(2), torch.zeros(2, past + 2)]
    names = ["before", "known", "semantic", "level", "place", "bias"]
    axes = {name: {0: "N"} for name in names[:-1]} | {"bias": {0: "N", 1: "S + N"}}
    for number in range(len(model.blocks)):
        example += [torch.zeros(*shape, past), torch.zeros(shape[0], past, shape[1])]
        names += [f"key{number}", f"value{number}"]
        axes |= {f"key{number}": {2: "S"}, f"value{number}": {1: "S"}}
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.onnx"
        warnings.simplefilter("ignore")  # see `export`
        torch.onnx.export(
            _NextToken(model).eval(), tuple(example), path, input_names=names,
            output_names=["logits", "keys", "values"], dynamic_axes=axes, opset_version=OPSET, dynamo=False,
        )  # fmt: skip
        return path.read_bytes()
