"""The generator: a bidirectional Conformer over summed (or fused) embeddings, one head per level (arXiv:2305.09636)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from antiphon.errors import InputError
from antiphon.soundstorm.layout import GeneratorConfig
from antiphon.soundstorm.training.fusion import CodebookUNet, LevelSum

ROTARY_BASE = 10_000.0

Codebook = npt.NDArray[np.floating]
"""`[V, D]`: what a codec's tokens of one level stand for."""


class FeedForward(nn.Module):
    """Half a step: x + FF(x) / 2 (Conformer, arXiv:2005.08100)."""

    def __init__(self, dim: int, ff: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.enter, self.leave = nn.Linear(dim, ff), nn.Linear(ff, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:  # [B, T, d]
        return x + 0.5 * self.dropout(self.leave(functional.silu(self.enter(self.norm(x)))))  # type: ignore[no-any-return]


class Attention(nn.Module):
    """Every frame sees every valid frame; positions enter by rotation (RoFormer, arXiv:2104.09864)."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(dim)
        self.enter, self.leave = nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, angles: tuple[Tensor, Tensor], bias: Tensor) -> Tensor:
        rows, frames, dim = x.shape
        packed = self.enter(self.norm(x)).view(rows, frames, 3, self.heads, dim // self.heads)
        query, key, value = packed.permute(2, 0, 3, 1, 4).unbind(0)  # [B, H, T, d / H]
        query, key = rotate(query, *angles), rotate(key, *angles)
        seen = attended(query, key, value, bias.to(query.dtype))
        return x + self.dropout(self.leave(seen.transpose(1, 2).reshape(rows, frames, dim)))  # type: ignore[no-any-return]


MOST_WEIGHTS = 1 << 26
"""Largest matrix of attention, over rows and heads, that is kept for the way back (128 MB in bfloat16)."""


def attended(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    """softmax(query key / sqrt(d) + bias) value, each `[B, H, T, d]`.

    PyTorch's own attention multiplies in small blocks, which processors with products in bfloat16 do at a third of the
    speed of large ones (8 rows of 600 frames: 135 ms forward and back, 48 in plain products).
    """
    rows, heads, frames, dim = query.shape
    plain = query.dtype == torch.bfloat16 and query.device.type == "cpu"
    if not plain or rows * heads * frames * frames > MOST_WEIGHTS:
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    weights = (query * dim**-0.5) @ key.transpose(-1, -2)
    return functional.softmax(weights + bias, dim=-1) @ value


class Convolution(nn.Module):
    """Depthwise over time. LayerNorm instead of batch statistics: the same in training, serving and any batch."""

    def __init__(self, dim: int, width: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm, self.middle = nn.LayerNorm(dim), nn.LayerNorm(width)
        self.enter, self.leave = nn.Linear(dim, 2 * width), nn.Linear(width, dim)
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:  # [B, T, d], [B, T, 1]
        gated = functional.glu(self.enter(self.norm(x)), dim=-1) * valid  # padding must not leak into its neighbours
        mixed = self.depthwise(gated.transpose(1, 2)).transpose(1, 2)
        return x + self.dropout(self.leave(functional.silu(self.middle(mixed))))  # type: ignore[no-any-return]


class Block(nn.Module):
    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        dim, dropout = config.dim, config.dropout
        self.first = FeedForward(dim, config.ff, dropout)
        self.attention = Attention(dim, config.heads, dropout)
        self.convolution = Convolution(dim, config.expansion * dim, config.kernel, dropout)
        self.second = FeedForward(dim, config.ff, dropout)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, angles: tuple[Tensor, Tensor], bias: Tensor, valid: Tensor) -> Tensor:
        x = self.attention(self.first(x), angles, bias)
        return self.norm(self.second(self.convolution(x, valid)))  # type: ignore[no-any-return]


class Generator(nn.Module):
    """Conditions and a partly known grid to logits of one level, or of all.

    Inputs: `semantic [B, T]`, `tokens [B, K, T]`, `prompt [B, T]` and `valid [B, T]` (bool), `text [B, D]` if the
    config has a text dimension, `noise [B]` (1-based step) if it is a diffusion model.
    """

    def __init__(self, config: GeneratorConfig, seed: int = 0, *, recompute: bool = False) -> None:
        """`recompute` keeps no activations of blocks for the way back, and makes them again then."""
        super().__init__()
        self.config = config
        self._recompute = recompute
        layout, dim = config.layout, config.dim
        self.semantic = nn.Embedding(layout.semantic_vocabulary + 1, dim)
        self.segment = nn.Embedding(2, dim) if config.segments else None  # target, prompt
        fusion = LevelSum if config.fusion == "sum" else CodebookUNet
        self.levels: LevelSum | CodebookUNet = fusion(layout.vocabulary, dim)
        self.text = nn.Linear(config.text_dim, dim, bias=False) if config.text_dim else None
        self.time = (
            nn.Sequential(nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim))
            if config.objective == "diffusion"
            else None
        )
        self.enter = nn.LayerNorm(dim) if config.input_norm else nn.Identity()
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        # Heads of all levels in one tensor, as wide as the largest vocabulary: the level is an input of the graph.
        self.heads = nn.Parameter(torch.empty(layout.levels, dim, max(layout.vocabulary)))
        self.biases = nn.Parameter(torch.empty(layout.levels, max(layout.vocabulary)))
        initialise(self, seed)

    def forward(
        self,
        semantic: Tensor,
        tokens: Tensor,
        prompt: Tensor,
        valid: Tensor,
        level: Tensor,
        text: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Logits `[B, T, Vmax]` of `level` (int64 scalar); columns beyond that level's vocabulary mean nothing."""
        body, skips = self.body(semantic, tokens, prompt, valid, text, noise)
        return self.levels.leave(body, skips, level) @ self.heads[level] + self.biases[level]

    def joint(self, *inputs: Tensor | None) -> list[Tensor]:
        """Logits `[B, T, vocabulary[k]]` of every level k; inputs as of `body`."""
        body, skips = self.body(*inputs)  # type: ignore[arg-type]
        made = []
        for level, size in enumerate(self.config.layout.vocabulary):
            fused = self.levels.leave(body, skips, torch.tensor(level, device=body.device))
            made.append(fused @ self.heads[level, :, :size] + self.biases[level, :size])
        return made

    def body(
        self,
        semantic: Tensor,
        tokens: Tensor,
        prompt: Tensor,
        valid: Tensor,
        text: Tensor | None = None,
        noise: Tensor | None = None,
        piece: Tensor | None = None,
    ) -> tuple[Tensor, list[Tensor]]:
        """The Conformer's output `[B, T, d]`, and what the fusion wants back. Frames of one `piece [B, T]` see each
        other alone; without it, all of a row do."""
        fused, skips = self.levels.enter(tokens)  # [B, T, d]
        x = fused + self.semantic(semantic)
        if self.segment is not None:
            x = x + self.segment(prompt.to(torch.int64))
        if self.text is not None and text is not None:
            x = x + self.text(text)[:, None]
        if self.time is not None and noise is not None:
            x = x + self.time(sinusoids(noise, self.config.dim))[:, None]
        x = self.dropout(self.enter(x))
        angles = rotary(torch.arange(semantic.shape[1], device=x.device), self.config.dim // self.config.heads)
        unseen = (~valid)[:, None, None]  # [B, 1, 1, T]
        if piece is not None:
            unseen = unseen | (piece[:, None, :, None] != piece[:, None, None])  # [B, 1, T, T]
        bias = unseen.to(x.dtype) * -1e9
        weights = valid[..., None].to(x.dtype)
        for block in self.blocks:
            if self._recompute and self.training:
                x = checkpoint(block, x, angles, bias, weights, use_reentrant=False)
            else:
                x = block(x, angles, bias, weights)
        return x, skips


def rotary(positions: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines `[T, dim / 2]`."""
    rates = torch.exp(torch.arange(0, dim, 2, device=positions.device) * (-math.log(ROTARY_BASE) / dim))
    angles = positions[:, None].to(torch.float32) * rates
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotate the halves of the last axis by position. `x [B, H, T, d]`."""
    first, second = x.chunk(2, dim=-1)
    cosine, sine = cosine.to(x.dtype), sine.to(x.dtype)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], dim=-1)


def sinusoids(steps: Tensor, dim: int) -> Tensor:
    """Sinusoidal embedding `[B, d]` of diffusion steps."""
    cosine, sine = rotary(steps, dim)
    return torch.cat([cosine, sine], dim=-1)


def initialise(model: Generator, seed: int) -> None:
    """All initialisation of a generator, from one seed.

    Embeddings: normal, std 0.02 (BERT's). Matrices: normal, std 1 / sqrt(fan in), so that a layer keeps its input's
    variance; those that write into the residual stream are smaller by sqrt(4 layers), one for each branch, so that
    depth does not make it grow. Depthwise kernels: the same with fan in = kernel. Norms: 1 and 0.
    Biases and heads: 0, so that training starts at exactly ln(vocabulary).
    """
    if model.heads.is_meta:
        return
    initialise_matrices(model, 4 * model.config.layers, seed)
    with torch.no_grad():
        model.heads.zero_()
        model.biases.zero_()


def initialise_matrices(model: nn.Module, branches: int, seed: int) -> None:
    """Embeddings, matrices and kernels of a network with so many branches into its residual stream."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, nn.Embedding):
                module.weight.normal_(0.0, 0.02, generator=generator)
            elif isinstance(module, (nn.Linear, nn.Conv1d)):
                fan_in = module.weight[0].numel()
                std = 1.0 / math.sqrt(fan_in) / (math.sqrt(branches) if name.endswith(".leave") else 1.0)
                module.weight.normal_(0.0, std, generator=generator)
                if module.bias is not None:
                    module.bias.zero_()


_HEAD = 0.3
"""Standard deviation of the first logits."""


class Begun(Protocol):
    """A network over a codec's tokens, with a table and a head for each level."""

    config: GeneratorConfig
    levels: LevelSum | CodebookUNet
    heads: nn.Parameter


def begin(model: Begun, codebooks: Sequence[Codebook], seed: int) -> None:
    """Embeddings and heads from what the codec's codes `[V, D]` of each level mean, by one random projection a level.

    Tokens that sound alike begin alike on both sides, so what is learnt of one serves its neighbours: after 120 steps
    (one run each) the loss was 6.53 instead of 6.84. Raises `InputError` for codebooks of another codec.
    """
    vocabulary, dim = model.config.layout.vocabulary, model.config.dim
    if tuple(len(codes) for codes in codebooks) != vocabulary:
        raise InputError(f"The codebooks have {[len(c) for c in codebooks]} codes", f"They must have {vocabulary}.")
    generator = torch.Generator().manual_seed(seed + 1)
    embedding = model.levels.embedding
    with torch.no_grad():
        for level, codes in enumerate(codebooks):
            centred = torch.from_numpy(np.asarray(codes, np.float32) - np.mean(codes, axis=0, dtype=np.float32))
            unit = centred / centred.pow(2).mean().sqrt().clamp_min(1e-6)
            spread = torch.randn(unit.shape[1], dim, generator=generator) / math.sqrt(unit.shape[1])
            start = int(embedding.offsets[level])
            embedding.table.weight[start : start + len(codes)] = 0.02 * unit @ spread
            model.heads[level, :, : len(codes)] = _HEAD / math.sqrt(dim) * (unit @ spread).T


def parameters_of(config: GeneratorConfig) -> int:
    """How many parameters a configuration has, without making them."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in Generator(config).parameters())
