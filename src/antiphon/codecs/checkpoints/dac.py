"""DAC's network (Kumar et al. 2023, arXiv:2306.06546), by its own weights' names; Transformers' are brought to them."""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn
from torch.nn import functional

from antiphon.codecs.checkpoints.reading import Weights, filled, renamed, size
from antiphon.errors import InputError

KIND = "DAC"


class Snake(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, dim, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.sin(self.alpha * x) ** 2 / (self.alpha + 1e-9)


class Unit(nn.Module):
    def __init__(self, dim: int, dilation: int) -> None:
        super().__init__()
        wide = nn.Conv1d(dim, dim, 7, dilation=dilation, padding=3 * dilation)
        self.block = nn.Sequential(Snake(dim), wide, Snake(dim), nn.Conv1d(dim, dim, 1))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.block(x)
        return x + y


class Stage(nn.Module):
    """Down (the strided convolution last) or up (first), with three units."""

    def __init__(self, inside: int, outside: int, stride: int, *, up: bool) -> None:
        super().__init__()
        pad = (stride + 1) // 2
        units = [Unit(outside if up else inside, dilation) for dilation in (1, 3, 9)]
        if up:
            move: nn.Module = nn.ConvTranspose1d(inside, outside, 2 * stride, stride, padding=pad)
            self.block = nn.Sequential(Snake(inside), move, *units)
        else:
            move = nn.Conv1d(inside, outside, 2 * stride, stride, padding=pad)
            self.block = nn.Sequential(*units, Snake(inside), move)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.block(x)
        return y


class Coder(nn.Module):
    def __init__(self, layers: list[nn.Module], name: str) -> None:
        super().__init__()
        self.add_module(name, nn.Sequential(*layers))
        self._name = name

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.get_submodule(self._name)(x)
        return y


class Level(nn.Module):
    """Rounds by direction, in a few dimensions."""

    def __init__(self, dim: int, inner: int, codes: int) -> None:
        super().__init__()
        self.in_proj, self.out_proj = nn.Conv1d(dim, inner, 1), nn.Conv1d(inner, dim, 1)
        self.codebook = nn.Embedding(codes, inner)

    def nearest(self, rest: Tensor) -> Tensor:
        asked = functional.normalize(self.in_proj(rest).transpose(1, 2), dim=-1)
        return (asked @ functional.normalize(self.codebook.weight, dim=-1).T).argmax(-1)

    def vector(self, index: Tensor) -> Tensor:
        made: Tensor = self.out_proj(self.codebook(index).transpose(1, 2))
        return made


class Residual(nn.Module):
    def __init__(self, dim: int, inner: int, codes: int, levels: int) -> None:
        super().__init__()
        self.quantizers = nn.ModuleList(Level(dim, inner, codes) for _ in range(levels))


class Dac(nn.Module):
    """`encode [B, 1, N]` to tokens `[B, levels, N / hop]`, and back."""

    def __init__(
        self, down: tuple[int, ...], up: tuple[int, ...], first: int, last: int, dim: int, inner: int, codes: int,
        levels: int,
    ) -> None:  # fmt: skip
        super().__init__()
        layers: list[nn.Module] = [nn.Conv1d(1, first, 7, padding=3)]
        wide = first
        for stride in down:
            layers.append(Stage(wide, 2 * wide, stride, up=False))
            wide *= 2
        layers += [Snake(wide), nn.Conv1d(wide, dim, 3, padding=1)]
        self.encoder = Coder(layers, "block")
        layers = [nn.Conv1d(dim, last, 7, padding=3)]
        wide = last
        for stride in up:
            layers.append(Stage(wide, wide // 2, stride, up=True))
            wide //= 2
        layers += [Snake(wide), nn.Conv1d(wide, 1, 7, padding=3), nn.Tanh()]
        self.decoder = Coder(layers, "model")
        self.quantizer = Residual(dim, inner, codes, levels)

    def encode(self, wave: Tensor) -> Tensor:
        rest, found = self.encoder(wave), []
        for level in self.quantizer.quantizers:
            assert isinstance(level, Level)
            index = level.nearest(rest)
            rest = rest - level.vector(index)
            found.append(index)
        return torch.stack(found, 1)

    def decode(self, tokens: Tensor) -> Tensor:
        levels = [level for level in self.quantizer.quantizers if isinstance(level, Level)]
        latent = torch.stack([level.vector(tokens[:, n]) for n, level in enumerate(levels)]).sum(0)
        made: Tensor = self.decoder(latent)
        return made


def dac(weights: Weights) -> tuple[Dac, int]:
    """The network of these weights, its sizes read from their shapes, and its hop in samples.

    Raises `InputError` when they are of another network.
    """
    weights = _own_names(weights)
    down = _strides(weights, r"encoder\.block\.(\d+)\.block\.4\.weight")
    up = _strides(weights, r"decoder\.model\.(\d+)\.block\.1\.weight")
    if not down or sorted(down) != sorted(up):
        raise InputError(
            "Encoder and decoder of these weights have other strides", f"It is no {KIND}, or not all of it."
        )
    network = Dac(
        down,
        up,
        first=size(weights, "encoder.block.0.weight", 0, KIND),
        last=size(weights, "decoder.model.0.weight", 0, KIND),
        dim=size(weights, "decoder.model.0.weight", 1, KIND),
        inner=size(weights, "quantizer.quantizers.0.codebook.weight", 1, KIND),
        codes=size(weights, "quantizer.quantizers.0.codebook.weight", 0, KIND),
        levels=sum(bool(re.fullmatch(r"quantizer\.quantizers\.\d+\.codebook\.weight", name)) for name in weights),
    )
    filled(network, weights, KIND)
    hop = 1
    for stride in down:
        hop *= stride
    return network, hop


def _strides(weights: Weights, pattern: str) -> tuple[int, ...]:
    """Half of the kernels, in the order of the stages."""
    found = sorted((int(m[1]), w.shape[2] // 2) for n, w in weights.items() if (m := re.fullmatch(pattern, n)))
    return tuple(stride for _, stride in found)


def _own_names(weights: Weights) -> Weights:
    """Transformers' names brought to DAC's own, and the prefix of a saved package taken off."""
    weights = {name.removeprefix("state_dict."): value for name, value in weights.items()}
    if "encoder.conv1.weight" not in weights:
        return weights
    stages = 1 + max(int(m[1]) for n in weights if (m := re.match(r"encoder\.block\.(\d+)\.", n)))
    unit = {"snake1": "0", "conv1": "1", "snake2": "2", "conv2": "3"}
    rules: dict[str, str] = {}
    for stage in range(stages):
        for number in (1, 2, 3):
            for name, place in unit.items():
                old = rf"\.block\.{stage}\.res_unit{number}\.{name}\."
                rules[rf"^encoder{old}"] = f"ENC.{stage + 1}.block.{number - 1}.block.{place}."
                rules[rf"^decoder{old}"] = f"DEC.{stage + 1}.block.{number + 1}.block.{place}."
        rules[rf"^encoder\.block\.{stage}\.snake1\."] = f"ENC.{stage + 1}.block.3."
        rules[rf"^encoder\.block\.{stage}\.conv1\."] = f"ENC.{stage + 1}.block.4."
        rules[rf"^decoder\.block\.{stage}\.snake1\."] = f"DEC.{stage + 1}.block.0."
        rules[rf"^decoder\.block\.{stage}\.conv_t1\."] = f"DEC.{stage + 1}.block.1."
    for side, letter in (("encoder", "ENC"), ("decoder", "DEC")):
        rules[rf"^{side}\.conv1\."] = f"{letter}.0."
        rules[rf"^{side}\.snake1\."] = f"{letter}.{stages + 1}."
        rules[rf"^{side}\.conv2\."] = f"{letter}.{stages + 2}."
    return renamed(weights, {**rules, r"^ENC\.": "encoder.block.", r"^DEC\.": "decoder.model."})
