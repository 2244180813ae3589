"""Both text stages in torch: a decoder-only transformer, and a parallel one with durations."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from antiphon.soundstorm.text.layout import TextConfig
from antiphon.soundstorm.training.model import Attention, Convolution, FeedForward, rotary, rotate

Cache = Tensor  # [L, 2, B, H, K, d / H]: keys (rotated) and values of all layers

_KERNEL = 5


class _Causal(nn.Module):
    """Self-attention over what was kept and what comes."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.norm = nn.LayerNorm(config.dim)
        self.enter = nn.Linear(config.dim, 3 * config.dim, bias=False)
        self.leave = nn.Linear(config.dim, config.dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x: Tensor, angles: tuple[Tensor, Tensor], bias: Tensor, kept: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """`x [B, N, d]`, `bias [B, 1, N, K]`, `kept [2, B, H, K - N, d / H]` to x, kept and logits `[B, N, K]`."""
        rows, count, dim = x.shape
        packed = self.enter(self.norm(x)).view(rows, count, 3, self.heads, dim // self.heads)
        query, key, value = packed.permute(2, 0, 3, 1, 4).unbind(0)
        query, key = _rotated(query, angles), _rotated(key, angles)
        keys, values = torch.cat([kept[0], key], dim=2), torch.cat([kept[1], value], dim=2)
        logits = query @ keys.transpose(-1, -2) / math.sqrt(dim // self.heads) + bias
        seen = logits.softmax(dim=-1) @ values
        x = x + self.dropout(self.leave(seen.transpose(1, 2).reshape(rows, count, dim)))
        return x, torch.stack([keys, values]), logits[:, 0]


def _rotated(x: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
    """Rows of a batch have angles of their own here: `[B, N, d / 2]`."""
    return rotate(x, angles[0][:, None], angles[1][:, None])


class TextDecoder(nn.Module):
    """Phonemes, a start, then tokens: each sees all phonemes and the tokens before it (a prefix language model).

    The first head of the middle layer is taught where in the phonemes each token belongs, which gives word times and
    makes small models follow the text. Positions are in frames: phoneme i stands where its tokens should be.
    """

    def __init__(self, config: TextConfig, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        self.table = nn.Embedding(config.inputs, config.dim)
        self.enter = nn.LayerNorm(config.dim)
        self.dropout = nn.Dropout(config.dropout)
        self.attention = nn.ModuleList(_Causal(config) for _ in range(config.layers))
        self.forwards = nn.ModuleList(FeedForward(config.dim, config.ff, config.dropout) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.dim)
        self.head = nn.Linear(config.dim, config.semantic_vocabulary + 1)
        initialise(self, config.layers, seed)

    @property
    def aligned(self) -> int:
        """The layer whose first head learns which phoneme each token belongs to (`alignment_loss`)."""
        return self.config.layers // 2

    def forward(self, ids: Tensor, prefix: Tensor, cache: Cache) -> tuple[Tensor, Tensor, Cache]:
        """`ids [B, N]`, phonemes of each row `prefix [B]`, cache of K0 positions to logits `[B, N, V + 1]`,
        attention logits of the aligned head `[B, N, K0 + N]`, and the cache of K0 + N positions."""
        past, count = cache.shape[4], ids.shape[1]
        keys = torch.arange(past + count, device=ids.device)
        queries = keys[past:]
        seen = (keys[None, None] <= queries[None, :, None]) | (keys[None, None] < prefix[:, None, None])
        bias = (~seen)[:, None].to(torch.float32) * -1e9
        inside = queries[None] < prefix[:, None]
        # Phonemes stand as far apart as their tokens; tokens begin at 0 again.
        places = torch.where(
            inside, queries[None] * self.config.frames_per_symbol, (queries[None] - prefix[:, None]).to(torch.float32)
        )
        angles = _angles(places, self.config.dim // self.config.heads)
        x = self.dropout(self.enter(self.table(ids)))
        kept, attention = [], x
        for number, (attend, forward) in enumerate(zip(self.attention, self.forwards, strict=True)):
            x, layer, logits = attend(x, angles, bias, cache[number])
            x = forward(x)
            kept.append(layer)
            if number == self.aligned:
                attention = logits
        return self.head(self.norm(x)), attention, torch.stack(kept)

    def empty(self, rows: int, device: torch.device | None = None) -> Cache:
        config = self.config
        return torch.zeros(config.layers, 2, rows, config.heads, 0, config.dim // config.heads, device=device)


def _angles(places: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    rows, count = places.shape
    cosine, sine = rotary(places.reshape(-1), dim)
    return cosine.view(rows, count, -1), sine.view(rows, count, -1)


class _Layer(nn.Module):
    """Half a step forward, attention, convolution, half a step forward: as in the generator."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        dim, drop = config.dim, config.dropout
        self.first, self.second = FeedForward(dim, config.ff, drop), FeedForward(dim, config.ff, drop)
        self.attention = Attention(dim, config.heads, drop)
        self.convolution = Convolution(dim, dim, _KERNEL, drop)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:  # [B, T, d], [B, T]
        angles = rotary(torch.arange(x.shape[1], device=x.device), x.shape[2] // self.attention.heads)
        bias = (~valid)[:, None, None].to(x.dtype) * -1e9
        x = self.attention(self.first(x), angles, bias)
        return self.norm(self.second(self.convolution(x, valid[..., None].to(x.dtype))))  # type: ignore[no-any-return]


class ParallelText(nn.Module):
    """Phonemes to durations, and frames of phonemes to tokens, each in one pass (as FastSpeech, arXiv:1905.09263)."""

    def __init__(self, config: TextConfig, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        self.table = nn.Embedding(config.start, config.dim)
        half = config.layers // 2
        self.readers = nn.ModuleList(_Layer(config) for _ in range(half))
        self.tellers = nn.ModuleList(_Layer(config) for _ in range(config.layers - half))
        self.duration = nn.Linear(config.dim, 1)
        self.place = nn.Linear(2, config.dim)
        self.head = nn.Linear(config.dim, config.semantic_vocabulary)
        initialise(self, config.layers, seed)

    def read(self, ids: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """`[B, P]` to hidden `[B, P, d]` and the logarithm of the expected frames `[B, P]`."""
        x = self.table(ids)
        for layer in self.readers:
            x = layer(x, valid)
        return x, self.duration(x)[..., 0] + math.log(self.config.frames_per_symbol)

    def predict_tokens(self, hidden: Tensor, place: Tensor, valid: Tensor) -> Tensor:
        """`[B, S, d]` and places `[B, S, 2]` to logits `[B, S, V]`."""
        x = hidden + self.place(place)
        for layer in self.tellers:
            x = layer(x, valid)
        return self.head(x)  # type: ignore[no-any-return]


def initialise(model: nn.Module, layers: int, seed: int) -> None:
    """All initialisation from one seed: as the generator's (`training.model.initialise`), heads at zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, nn.Embedding):
                module.weight.normal_(0.0, 0.02, generator=generator)
            elif isinstance(module, (nn.Linear, nn.Conv1d)):
                std = 1.0 / math.sqrt(module.weight[0].numel())
                std = 0.0 if name in ("head", "duration") else std
                module.weight.normal_(0.0, std / (math.sqrt(4 * layers) if name.endswith(".leave") else 1.0),
                                      generator=generator)  # fmt: skip
                if module.bias is not None:
                    module.bias.zero_()


def alignment_loss(attention: Tensor, prefix: Tensor, place: Tensor, chosen: Tensor) -> Tensor:
    """Summed cross-entropy of the aligned head: at `chosen [B, N]` it should look at phoneme `place [B, N]`.

    Only phonemes compete: what it looks at among the tokens is its own affair.
    """
    keys = torch.arange(attention.shape[2], device=attention.device)
    only = attention.masked_fill(keys[None, None] >= prefix[:, None, None], -1e9)
    return functional.cross_entropy(only[chosen], place[chosen], reduction="sum")
