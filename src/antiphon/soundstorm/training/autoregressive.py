"""The other way to make the same tokens: one at a time, each seeing all before it. A baseline for comparisons.

A causal decoder over the grid read frame by frame, level by level, conditioned on the semantic token of each frame, as
AudioLM's acoustic stages do (arXiv:2209.03143). Twice the generator's layers of half their weight: a Conformer block
has two feed-forwards, so the sizes come out equal within a tenth.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from antiphon.codecs.base import Tokens
from antiphon.soundstorm.layout import GeneratorConfig
from antiphon.soundstorm.training.fusion import LevelEmbedding
from antiphon.soundstorm.training.model import FeedForward, rotary, rotate

Cache = list[tuple[Tensor, Tensor]]


class CausalBlock(nn.Module):
    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        dim = config.dim
        self.heads = config.heads
        self.norm, self.after = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.enter, self.leave = nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim)
        self.feed = FeedForward(dim, config.ff, config.dropout)

    def forward(self, x: Tensor, angles: tuple[Tensor, Tensor], cache: tuple[Tensor, Tensor] | None, at: int) -> Tensor:
        rows, steps, dim = x.shape
        packed = self.enter(self.norm(x)).view(rows, steps, 3, self.heads, dim // self.heads)
        query, key, value = packed.permute(2, 0, 3, 1, 4).unbind(0)  # [B, H, S, d / H]
        query, key = rotate(query, *angles), rotate(key, *angles)
        if cache is None:
            seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            # In place: a cache that is copied at every step would make the baseline look worse than it is.
            cache[0][:, :, at : at + steps], cache[1][:, :, at : at + steps] = key, value
            past, known = cache[0][:, :, : at + steps], cache[1][:, :, : at + steps]
            seen = functional.scaled_dot_product_attention(query, past, known, is_causal=steps > 1 and at == 0)
        x = x + self.leave(seen.transpose(1, 2).reshape(rows, steps, dim))
        return self.after(self.feed(x))  # type: ignore[no-any-return]


class Autoregressive(nn.Module):
    """Position n of the sequence predicts token n = frame * K + level from all before it."""

    def __init__(self, config: GeneratorConfig, seed: int = 0) -> None:
        super().__init__()
        self.config, layout, dim = config, config.layout, config.dim
        self.semantic = nn.Embedding(layout.semantic_vocabulary + 1, dim)
        self.acoustic = LevelEmbedding(layout.vocabulary, dim)
        self.level = nn.Embedding(layout.levels, dim)
        self.blocks = nn.ModuleList(CausalBlock(config) for _ in range(2 * config.layers))
        self.heads = nn.Parameter(torch.empty(layout.levels, dim, max(layout.vocabulary)))
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            self.heads.normal_(0.0, 1 / math.sqrt(dim), generator=generator)

    def forward(self, semantic: Tensor, tokens: Tensor) -> Tensor:
        """Logits `[B, T * K, Vmax]` for `semantic [B, T]` and the true `tokens [B, K, T]` (teacher forcing)."""
        layout = self.config.layout
        flat = self.acoustic(tokens).transpose(1, 2).flatten(1, 2)  # [B, T * K, d]
        before = functional.pad(flat, (0, 0, 1, 0))[:, :-1]
        levels = torch.arange(layout.levels).repeat(tokens.shape[2])
        x = before + self.semantic(semantic).repeat_interleave(layout.levels, 1) + self.level(levels)
        angles = rotary(torch.arange(x.shape[1]), self.config.dim // self.config.heads)
        for block in self.blocks:
            x = block(x, angles, None, 0)
        return torch.einsum("bsd,sdv->bsv", x, self.heads[levels])

    @torch.inference_mode()
    def generate(self, semantic: Tokens, prompt: Tokens, seed: int) -> tuple[Tokens, int]:
        """`[K, T - P]` by sampling, and the number of passes (one for the prompt, one a token)."""
        layout, levels = self.config.layout, self.config.layout.levels
        frames, given = semantic.shape[0], prompt.shape[1]
        generator = torch.Generator().manual_seed(seed)
        head = self.config.dim // self.config.heads
        shape = (1, self.config.heads, frames * levels, head)
        cache: Cache = [(torch.empty(shape), torch.empty(shape)) for _ in self.blocks]
        cosine, sine = rotary(torch.arange(frames * levels), head)
        condition = self.semantic(torch.from_numpy(semantic.astype(np.int64)))
        flat = np.zeros(frames * levels, np.int64)
        flat[: given * levels] = prompt.T.reshape(-1)
        start = passes = 0
        for end in range(given * levels + 1, frames * levels + 1):
            places = torch.arange(start, end)
            x = self._before(flat, places) + condition[places // levels] + self.level(places % levels)
            x = x[None]
            for block, kept in zip(self.blocks, cache, strict=True):
                x = block(x, (cosine[start:end], sine[start:end]), kept, start)
            level = (end - 1) % levels
            logits = (x[0, -1] @ self.heads[level])[: layout.vocabulary[level]]
            flat[end - 1] = int(torch.multinomial(logits.softmax(-1), 1, generator=generator))
            start, passes = end, passes + 1
        return flat.reshape(frames, levels).T[:, given:].astype(np.uint16), passes

    def _before(self, flat: np.ndarray, places: Tensor) -> Tensor:
        """Embeddings of the tokens before these places; of nothing before the first."""
        levels = self.config.layout.levels
        ids = torch.from_numpy(flat)[(places - 1).clamp(min=0)] + self.acoustic.offsets[(places - 1) % levels]
        return self.acoustic.table(ids) * (places > 0)[:, None]  # type: ignore[no-any-return]
