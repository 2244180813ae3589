"""How the levels of a frame become one vector, and that vector one per level again.

Sum: the paper's (arXiv:2305.09636): embeddings of all levels are added; every head reads the same vector. U-Net: a
shallow one over the codebook axis: neighbours are merged two by two until one vector is left, which the Conformer
sees; on the way out each level is rebuilt from it and from what it was on the way in.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class LevelEmbedding(nn.Module):
    """All levels' tables in one, with a row for "not yet known" behind each level's vocabulary."""

    offsets: Tensor

    def __init__(self, vocabulary: tuple[int, ...], dim: int) -> None:
        super().__init__()
        sizes = torch.tensor([0, *(size + 1 for size in vocabulary)], device="cpu")
        self.register_buffer("offsets", sizes.cumsum(0)[:-1], persistent=False)
        self.table = nn.Embedding(int(sum(size + 1 for size in vocabulary)), dim)

    def forward(self, tokens: Tensor) -> Tensor:  # [B, K, T] -> [B, K, T, d]
        return self.table(tokens + self.offsets[:, None])  # type: ignore[no-any-return]


class LevelSum(nn.Module):
    def __init__(self, vocabulary: tuple[int, ...], dim: int) -> None:
        super().__init__()
        self.embedding = LevelEmbedding(vocabulary, dim)

    def enter(self, tokens: Tensor) -> tuple[Tensor, list[Tensor]]:
        return self.embedding(tokens).sum(dim=1), []

    def leave(self, body: Tensor, _skips: list[Tensor], _level: Tensor) -> Tensor:
        return body


class CodebookUNet(nn.Module):
    def __init__(self, vocabulary: tuple[int, ...], dim: int) -> None:
        super().__init__()
        self.embedding = LevelEmbedding(vocabulary, dim)
        depth = (len(vocabulary) - 1).bit_length()
        self.padding = (1 << depth) - len(vocabulary)
        self.down = nn.ModuleList(nn.Linear(2 * dim, dim) for _ in range(depth))
        self.up = nn.ModuleList(nn.Linear(dim, 2 * dim) for _ in range(depth))
        self.norm = nn.LayerNorm(dim)

    def enter(self, tokens: Tensor) -> tuple[Tensor, list[Tensor]]:
        x = self.embedding(tokens)  # [B, K, T, d]
        x = functional.pad(x, (0, 0, 0, 0, 0, self.padding))
        skips = []
        for layer in self.down:
            skips.append(x)
            x = torch.cat([x[:, 0::2], x[:, 1::2]], dim=-1)
            x = functional.silu(layer(x))
        return x[:, 0], skips

    def leave(self, body: Tensor, skips: list[Tensor], level: Tensor) -> Tensor:
        x = body[:, None]  # [B, 1, T, d]
        for layer, skip in zip(reversed(self.up), reversed(skips), strict=True):
            left, right = functional.silu(layer(x)).chunk(2, dim=-1)
            x = torch.stack([left, right], dim=2).flatten(1, 2) + skip
        return self.norm(body + x.index_select(1, level.reshape(1))[:, 0])  # type: ignore[no-any-return]
