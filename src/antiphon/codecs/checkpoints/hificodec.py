"""HiFi-Codec's network (Yang et al. 2023, arXiv:2305.02765): HiFi-GAN's blocks both ways, groups of residual codebooks.

A checkpoint has the parts `encoder`, `quantizer` and `generator`; its JSON has the settings that shapes do not tell.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional

from antiphon.codecs.checkpoints.reading import Weights, filled
from antiphon.errors import InputError

KIND = "HiFi-Codec"
DIM = 512
FIRST = 32
SLOPE = 0.1


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """As much of its configuration as the network needs."""

    resblock: Literal["1", "2"]
    upsample_rates: tuple[int, ...]
    upsample_kernel_sizes: tuple[int, ...]
    upsample_initial_channel: int
    resblock_kernel_sizes: tuple[int, ...]
    resblock_dilation_sizes: tuple[tuple[int, ...], ...]
    n_code_groups: int
    n_codes: int
    sampling_rate: int

    def __post_init__(self) -> None:
        if len(self.upsample_rates) != len(self.upsample_kernel_sizes) or DIM % max(self.n_code_groups, 1):
            raise ValueError("rates and kernels must be as many, and 512 divisible by the groups")


def settings(file: Path | None) -> Settings:
    """Raises `InputError` without a file, and for another one."""
    if file is None:
        raise InputError(f"{KIND} needs its configuration", "Give --config FILE.json, which lies beside the weights.")
    try:
        return msgspec.convert(json.loads(file.read_text(encoding="utf-8")), Settings)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise InputError(
            f"{file} is no configuration of a {KIND}: {error}", "Give the JSON beside its weights."
        ) from error


class ResBlock(nn.Module):
    def __init__(self, dim: int, kernel: int, dilations: tuple[int, ...], *, paired: bool) -> None:
        super().__init__()

        def conv(dilation: int) -> nn.Conv1d:
            return nn.Conv1d(dim, dim, kernel, dilation=dilation, padding=(kernel - 1) * dilation // 2)

        self.paired = paired
        if paired:
            self.convs1 = nn.ModuleList(conv(dilation) for dilation in dilations)
            self.convs2 = nn.ModuleList(conv(1) for _ in dilations)
        else:
            self.convs = nn.ModuleList(conv(dilation) for dilation in dilations)

    def forward(self, x: Tensor) -> Tensor:
        if not self.paired:
            for conv in self.convs:
                x = conv(functional.leaky_relu(x, SLOPE)) + x
            return x
        for one, two in zip(self.convs1, self.convs2, strict=True):
            x = two(functional.leaky_relu(one(functional.leaky_relu(x, SLOPE)), SLOPE)) + x
        return x


class Encoder(nn.Module):
    def __init__(self, told: Settings) -> None:
        super().__init__()
        self.kernels = len(told.resblock_kernel_sizes)
        self.conv_pre = nn.Conv1d(1, FIRST, 7, padding=3)
        self.ups, self.resblocks, self.normalize = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        wide = FIRST
        moves = zip(reversed(told.upsample_rates), reversed(told.upsample_kernel_sizes), strict=True)
        for rate, kernel in moves:
            self.ups.append(nn.Conv1d(wide, 2 * wide, kernel, rate, padding=(kernel - rate) // 2))
            wide *= 2
            shapes = zip(reversed(told.resblock_kernel_sizes), reversed(told.resblock_dilation_sizes), strict=True)
            for size, dilations in shapes:
                self.resblocks.append(ResBlock(wide, size, dilations, paired=told.resblock == "1"))
                self.normalize.append(nn.GroupNorm(wide // 16, wide, eps=1e-6))
        self.conv_post = nn.Conv1d(DIM, DIM, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_pre(x)
        for stage, up in enumerate(self.ups):
            x = up(functional.leaky_relu(x, SLOPE))
            total: Tensor | None = None
            for number in range(stage * self.kernels, (stage + 1) * self.kernels):
                made = self.resblocks[number](x)
                total = self.normalize[number](made if total is None else total + made)
            assert total is not None
            x = total / self.kernels
        made_last: Tensor = self.conv_post(functional.leaky_relu(x))
        return made_last


class Decoder(nn.Module):
    def __init__(self, told: Settings) -> None:
        super().__init__()
        self.kernels = len(told.resblock_kernel_sizes)
        wide = told.upsample_initial_channel
        self.conv_pre = nn.Conv1d(DIM, wide, 7, padding=3)
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        for rate, kernel in zip(told.upsample_rates, told.upsample_kernel_sizes, strict=True):
            self.ups.append(nn.ConvTranspose1d(wide, wide // 2, kernel, rate, padding=(kernel - rate) // 2))
            wide //= 2
            for size, dilations in zip(told.resblock_kernel_sizes, told.resblock_dilation_sizes, strict=True):
                self.resblocks.append(ResBlock(wide, size, dilations, paired=told.resblock == "1"))
        self.conv_post = nn.Conv1d(wide, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_pre(x)
        for stage, up in enumerate(self.ups):
            x = up(functional.leaky_relu(x, SLOPE))
            made = [self.resblocks[n](x) for n in range(stage * self.kernels, (stage + 1) * self.kernels)]
            x = torch.stack(made).sum(0) / self.kernels
        return torch.tanh(self.conv_post(functional.leaky_relu(x, SLOPE)))


class Book(nn.Module):
    def __init__(self, codes: int, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(codes, dim)


class Groups(nn.Module):
    """Two levels of as many groups: tokens are all groups' first level, then all groups' second."""

    def __init__(self, groups: int, codes: int) -> None:
        super().__init__()
        self.quantizer_modules = nn.ModuleList(Book(codes, DIM // groups) for _ in range(groups))
        self.quantizer_modules2 = nn.ModuleList(Book(codes, DIM // groups) for _ in range(groups))

    @property
    def stages(self) -> list[list[Tensor]]:
        both = (self.quantizer_modules, self.quantizer_modules2)
        return [[book.embedding.weight for book in books if isinstance(book, Book)] for books in both]

    def tokens(self, latent: Tensor) -> Tensor:
        rest, found = latent.transpose(1, 2), []
        for books in self.stages:
            parts = []
            for part, book in zip(rest.chunk(len(books), -1), books, strict=True):
                index = ((book**2).sum(1) - 2 * part @ book.T).argmin(-1)
                found.append(index)
                parts.append(functional.embedding(index, book))
            rest = rest - torch.cat(parts, -1)
        return torch.stack(found, 1)

    def latent(self, tokens: Tensor) -> Tensor:
        level, total = 0, []
        for books in self.stages:
            total.append(torch.cat([functional.embedding(tokens[:, level + n], b) for n, b in enumerate(books)], -1))
            level += len(books)
        return torch.stack(total).sum(0).transpose(1, 2)


class HiFiCodec(nn.Module):
    """`encode [B, 1, N]` to tokens `[B, 2 groups, N / hop]`, and back."""

    def __init__(self, told: Settings) -> None:
        super().__init__()
        self.encoder, self.generator = Encoder(told), Decoder(told)
        self.quantizer = Groups(told.n_code_groups, told.n_codes)

    def encode(self, wave: Tensor) -> Tensor:
        return self.quantizer.tokens(self.encoder(wave))

    def decode(self, tokens: Tensor) -> Tensor:
        made: Tensor = self.generator(self.quantizer.latent(tokens))
        return made


def hificodec(weights: Weights, told: Settings) -> tuple[HiFiCodec, int]:
    """The network of these weights, and its hop in samples. Raises `InputError` when they are of another network."""
    if FIRST << len(told.upsample_rates) != DIM:
        raise InputError(
            f"{len(told.upsample_rates)} rates do not lead from {FIRST} to {DIM} channels", f"It is no {KIND}."
        )
    network = HiFiCodec(told)
    filled(network, weights, KIND)
    hop = 1
    for rate in told.upsample_rates:
        hop *= rate
    return network, hop
