"""The networks: ConvNeXt encoder and decoder, and the head as torch. Shapes: B clips, T token frames, S steps."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from antiphon.codecs.neural import head as served
from antiphon.codecs.neural.features import hann
from antiphon.codecs.neural.layout import CodecConfig

KERNEL = 7


class Block(nn.Module):
    """ConvNeXt (Liu et al. 2022) in one dimension: depthwise convolution, norm, expansion, GELU, projection."""

    def __init__(self, dim: int, expansion: int, *, causal: bool, scale: float) -> None:
        super().__init__()
        self.causal = causal
        self.depthwise = nn.Conv1d(dim, dim, KERNEL, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.expand = nn.Linear(dim, expansion * dim)
        self.project = nn.Linear(expansion * dim, dim)
        self.scale = nn.Parameter(torch.full((dim,), scale))

    def forward(self, x: Tensor) -> Tensor:  # [B, C, T] -> [B, C, T]
        before = KERNEL - 1 if self.causal else KERNEL // 2
        return self.ahead(nn.functional.pad(x, (before, KERNEL - 1 - before)), x)

    def ahead(self, padded: Tensor, x: Tensor) -> Tensor:
        """`padded [B, C, T + 6]` holds the neighbours of `x [B, C, T]`."""
        y = self.norm(self.depthwise(padded).transpose(1, 2))
        y = self.project(nn.functional.gelu(self.expand(y)))
        out: Tensor = x + (y * self.scale).transpose(1, 2)
        return out


def _through(blocks: nn.ModuleList, x: Tensor, *, half: bool) -> Tensor:
    """Products in bfloat16 when `half` (four times faster on CPUs that have it); the sum of blocks stays float32.

    First and last layers are left out: a pitch in bfloat16 would be a semitone off.
    """
    with torch.autocast(x.device.type, torch.bfloat16, enabled=half):
        for block in blocks:
            x = block(x)
    return x.float()


class Encoder(nn.Module):
    """Features `[B, F, T]` to latents `[B, G * D, T]`; sees neighbours on both sides."""

    def __init__(self, config: CodecConfig, *, half: bool = False) -> None:
        super().__init__()
        self.half_precision = half
        dim = config.encoder_dim
        self.enter = nn.Conv1d(config.features, dim, KERNEL, padding=KERNEL // 2)
        self.blocks = nn.ModuleList(
            Block(dim, config.expansion, causal=False, scale=1 / config.encoder_blocks)
            for _ in range(config.encoder_blocks)
        )
        self.norm = nn.LayerNorm(dim)
        self.leave = nn.Linear(dim, config.groups * config.code_dim)

    def forward(self, features: Tensor) -> Tensor:
        x = _through(self.blocks, self.enter(features), half=self.half_precision)
        out: Tensor = self.leave(self.norm(x.transpose(1, 2))).transpose(1, 2)
        return out


class Decoder(nn.Module):
    """Quantised latents `[B, G * D, T]` to head controls `[B, T * subframes, controls]`.

    The entry sees `lookahead` frames ahead, everything after it is causal.
    """

    def __init__(self, config: CodecConfig, *, half: bool = False) -> None:
        super().__init__()
        self.config = config
        self.half_precision = half
        dim = config.decoder_dim
        self.enter = nn.Conv1d(config.groups * config.code_dim, dim, 2 * config.lookahead + 1)
        self.blocks = nn.ModuleList(
            Block(dim, config.expansion, causal=True, scale=1 / config.decoder_blocks)
            for _ in range(config.decoder_blocks)
        )
        self.norm = nn.LayerNorm(dim)
        self.widen = nn.Linear(dim, config.expansion * dim)
        self.leave = nn.Linear(config.expansion * dim, config.subframes * config.controls)
        self._initialise()

    def _initialise(self) -> None:
        """Start quiet, at a middle pitch, with minimum phase: a sound from which gradients lead somewhere."""
        config = self.config
        nn.init.normal_(self.leave.weight, std=0.01)
        bias = torch.full((config.subframes, config.controls), -4.0)
        bias[:, 0] = 7.4
        bias[:, config.controls - config.phase_bands :] = 0.0
        with torch.no_grad():
            self.leave.bias.copy_(bias.reshape(-1))

    def forward(self, latent: Tensor) -> Tensor:
        ahead = self.config.lookahead
        x = self.enter(nn.functional.pad(latent, (ahead, ahead)))
        return self.controls(_through(self.blocks, x, half=self.half_precision))

    def controls(self, x: Tensor) -> Tensor:
        packed = self.leave(nn.functional.gelu(self.widen(self.norm(x.transpose(1, 2)))))
        steps: Tensor = packed.reshape(packed.shape[0], -1, self.config.controls)
        return steps


class Head(nn.Module):
    """The same head as `neural.head`, differentiable in the envelopes and phases; the source is given."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        bins = config.n_fft // 2 + 1
        minimum = served.minimum_phase_matrix(bins)
        matrices = {
            "harmonic": served.band_matrix(config.harmonic_bands, bins, config.rate_hz),
            "noise": served.band_matrix(config.noise_bands, bins, config.rate_hz),
            "phase": served.band_matrix(config.phase_bands, bins, config.rate_hz),
        }
        matrices["harmonic_phase"] = matrices["harmonic"] @ minimum
        matrices["noise_phase"] = matrices["noise"] @ minimum
        for name, matrix in matrices.items():
            self.register_buffer(f"{name}_map", torch.from_numpy(np.ascontiguousarray(matrix)), persistent=False)
        self.register_buffer("window", torch.from_numpy(hann(4 * config.step) / 2), persistent=False)

    def forward(self, controls: Tensor, source: Tensor) -> Tensor:
        """Controls `[B, S, controls]` (F0 unused), pulses and noise `[B, 2, S * step]` -> audio `[B, S * step]`."""
        config, step, size = self.config, self.config.step, self.config.n_fft
        _, harmonic, noise, phase = torch.split(
            controls, [1, config.harmonic_bands, config.noise_bands, config.phase_bands], dim=2
        )
        harmonic, noise = (x.clamp(served.MIN_GAIN, served.MAX_GAIN) for x in (harmonic, noise))
        turn = harmonic @ self._map("harmonic_phase") + phase @ self._map("phase")
        loud = torch.polar((harmonic @ self._map("harmonic")).exp(), turn)
        breath = torch.polar((noise @ self._map("noise")).exp(), noise @ self._map("noise_phase"))
        loud, breath = (_ends_repeated(x) for x in (loud, breath))
        windows = nn.functional.pad(source, (3 * step, 3 * step)).unfold(2, 4 * step, step) * self.get_buffer("window")
        spectrum = torch.fft.rfft(windows, size)
        pieces = torch.fft.irfft(spectrum[:, 0] * loud + spectrum[:, 1] * breath, size)
        length = (pieces.shape[1] - 1) * step + size
        added = nn.functional.fold(pieces.transpose(1, 2), (1, length), (1, size), stride=(1, step))
        out: Tensor = added[:, 0, 0, 3 * step : 3 * step + source.shape[2]]
        return out

    def _map(self, name: str) -> Tensor:
        return self.get_buffer(f"{name}_map")


def _ends_repeated(x: Tensor) -> Tensor:
    first, last = x[:, :1].expand(-1, served.BEFORE, -1), x[:, -1:].expand(-1, served.AFTER, -1)
    return torch.cat([first, x, last], dim=1)


def sources(f0_hz: Tensor, start: Tensor, config: CodecConfig) -> Tensor:
    """Pulse trains `[B, S * step]` of `f0_hz [B, S]` with phases `start [B]`; the torch twin of `head.pulses`."""
    step, rate = config.step, config.rate_hz
    hz = f0_hz.double()
    previous = torch.cat([hz[:, :1], hz[:, :-1]], dim=1)
    ramp = (torch.arange(step, dtype=torch.float64, device=hz.device) + 1) / step
    hz = (previous[..., None] + (hz - previous)[..., None] * ramp).flatten(1)
    phase = start.double()[:, None] + 2 * math.pi * torch.cumsum(hz / rate, dim=1)
    wrapped = (phase + math.pi) % (2 * math.pi) - math.pi
    harmonics = rate / 2 / hz - 1
    whole = harmonics.floor()
    half = torch.sin(wrapped / 2)
    near = half.abs() < 1e-6
    safe = torch.where(near, torch.ones_like(half), half)
    kernel = torch.where(near, whole, torch.sin((whole + 0.5) * wrapped) / (2 * safe) - 0.5)
    total = kernel + (harmonics - whole) * torch.cos((whole + 1) * wrapped)
    return (total * torch.sqrt(4 * hz / rate)).float()
