"""EnCodec's network (Défossez et al. 2022, arXiv:2210.13438): SEANet with an LSTM, and residual codebooks.

The published 24 kHz model looks back only; AcademiCodec's are trained with the same network looking both ways.
Names are those of the Transformers checkpoint; EnCodec's own and AcademiCodec's are brought to them.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn
from torch.nn import functional

from antiphon.codecs.checkpoints.reading import Weights, filled, renamed, size

KIND = "EnCodec"
RULES = {
    r"^(encoder|decoder)\.model\.": r"\1.layers.",
    r"\.(conv\.conv|convtr\.convtr)\.": ".conv.",
    r"^quantizer\.vq\.layers\.(\d+)\._codebook\.embed$": r"quantizer.layers.\1.codebook.embed",
    r"^module\.": "",
}


class Conv(nn.Module):
    """A convolution that keeps `length / stride`; missing samples are mirrored."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int = 1, *, causal: bool) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inside, outside, kernel, stride)
        total = kernel - stride
        right = 0 if causal else total // 2
        self.left, self.right = total - right, right

    def forward(self, x: Tensor) -> Tensor:
        if self.left or self.right:
            x = mirrored(x, self.left, self.right)
        made: Tensor = self.conv(x)
        return made


def mirrored(x: Tensor, left: int, right: int) -> Tensor:
    """`[B, C, T]` with samples added, mirrored at the ends; of a very short one the end is repeated."""
    length = x.shape[-1]
    at = torch.arange(length + left + right) - left
    at = (length - 1) - ((length - 1) - at.abs()).abs()
    return x[..., at.clamp(min=0)]


class ConvTranspose(nn.Module):
    """The reverse, cut to `length * stride`."""

    def __init__(self, inside: int, outside: int, stride: int, *, causal: bool) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose1d(inside, outside, 2 * stride, stride)
        self.right = stride if causal else stride // 2
        self.left = stride - self.right

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y[..., self.left : y.shape[-1] - self.right]


class Block(nn.Module):
    """Half as wide inside, beside a convolution of its own."""

    def __init__(self, dim: int, *, causal: bool) -> None:
        super().__init__()
        inner = [nn.ELU(), Conv(dim, dim // 2, 3, causal=causal), nn.ELU(), Conv(dim // 2, dim, 1, causal=causal)]
        self.block = nn.ModuleList(inner)
        self.shortcut = Conv(dim, dim, 1, causal=causal)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for layer in self.block:
            y = layer(y)
        beside: Tensor = self.shortcut(x)
        return beside + y


class Lstm(nn.Module):
    """Two layers over frames, added to what came in."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(dim, dim, 2)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.permute(2, 0, 1)
        made: Tensor = self.lstm(rows)[0] + rows
        return made.permute(1, 2, 0)


class Coder(nn.Module):
    """Encoder or decoder: numbered layers, of which the activations count."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class Book(nn.Module):
    def __init__(self, codes: int, dim: int) -> None:
        super().__init__()
        self.codebook = nn.Module()
        self.codebook.register_buffer("embed", torch.zeros(codes, dim))


class Residual(nn.Module):
    """Each level rounds what the ones before left."""

    def __init__(self, levels: int, codes: int, dim: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Book(codes, dim) for _ in range(levels))

    def tokens(self, latent: Tensor) -> Tensor:
        """`[B, D, T]` to `[B, levels, T]`."""
        rest, found = latent.transpose(1, 2), []
        for layer in self.layers:
            embed: Tensor = layer.codebook.embed  # type: ignore[union-attr,assignment]
            distance = (embed**2).sum(1) - 2 * rest @ embed.T
            index = distance.argmin(-1)
            rest = rest - functional.embedding(index, embed)
            found.append(index)
        return torch.stack(found, 1)

    def latent(self, tokens: Tensor) -> Tensor:
        embeds: list[Tensor] = [layer.codebook.embed for layer in self.layers]  # type: ignore[union-attr,misc]
        parts = [functional.embedding(tokens[:, n], embed) for n, embed in enumerate(embeds)]
        return torch.stack(parts).sum(0).transpose(1, 2)


class SeaNet(nn.Module):
    """`encode [B, 1, N]` to tokens `[B, levels, N / hop]`, and back."""

    def __init__(
        self, ratios: tuple[int, ...], filters: int, dim: int, levels: int, codes: int, *, causal: bool
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = (
            Coder(_down(ratios, filters, dim, causal)),
            Coder(_up(ratios, filters, dim, causal)),
        )
        self.quantizer = Residual(levels, codes, dim)

    def encode(self, wave: Tensor) -> Tensor:
        return self.quantizer.tokens(self.encoder(wave))

    def decode(self, tokens: Tensor) -> Tensor:
        made: Tensor = self.decoder(self.quantizer.latent(tokens))
        return made


def _down(ratios: tuple[int, ...], filters: int, dim: int, causal: bool) -> list[nn.Module]:
    layers: list[nn.Module] = [Conv(1, filters, 7, causal=causal)]
    wide = filters
    for ratio in reversed(ratios):
        layers += [Block(wide, causal=causal), nn.ELU(), Conv(wide, 2 * wide, 2 * ratio, ratio, causal=causal)]
        wide *= 2
    return [*layers, Lstm(wide), nn.ELU(), Conv(wide, dim, 7, causal=causal)]


def _up(ratios: tuple[int, ...], filters: int, dim: int, causal: bool) -> list[nn.Module]:
    wide = filters << len(ratios)
    layers: list[nn.Module] = [Conv(dim, wide, 7, causal=causal), Lstm(wide)]
    for ratio in ratios:
        layers += [nn.ELU(), ConvTranspose(wide, wide // 2, ratio, causal=causal), Block(wide // 2, causal=causal)]
        wide //= 2
    return [*layers, nn.ELU(), Conv(wide, 1, 7, causal=causal)]


def seanet(weights: Weights, *, causal: bool) -> tuple[SeaNet, int]:
    """The network of these weights, its sizes read from their shapes, and its hop in samples.

    Raises `InputError` when they are of another network.
    """
    weights = renamed(weights, RULES)
    filters = size(weights, "encoder.layers.0.conv.weight", 0, KIND)
    ups = sorted(
        (int(found[1]), value.shape[2] // 2)
        for name, value in weights.items()
        if (found := re.fullmatch(r"decoder\.layers\.(\d+)\.conv\.weight", name)) and value.shape[2] != 7
    )
    ratios = tuple(ratio for _, ratio in ups)
    codes = size(weights, "quantizer.layers.0.codebook.embed", 0, KIND)
    dim = size(weights, "quantizer.layers.0.codebook.embed", 1, KIND)
    levels = sum(bool(re.fullmatch(r"quantizer\.layers\.\d+\.codebook\.embed", name)) for name in weights)
    network = SeaNet(ratios, filters, dim, levels, codes, causal=causal)
    filled(network, weights, KIND)
    hop = 1
    for ratio in ratios:
        hop *= ratio
    return network, hop
