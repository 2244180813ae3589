"""Adversaries small enough for two cores: spectrograms at several resolutions (Jang et al. 2021) and waveforms folded
by several periods (Kong et al. 2020). Each returns its scores and its layers, for feature matching."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

SLOPE = 0.1
RESOLUTIONS = (1024, 512, 256)
PERIODS = (2, 3, 5, 7, 11)

Judged = list[tuple[Tensor, list[Tensor]]]


class SpectrumDiscriminator(nn.Module):
    def __init__(self, n_fft: int, width: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        shapes = ((2, width, 9, 4), (width, width, 9, 2), (width, 2 * width, 5, 2), (2 * width, 2 * width, 3, 1))
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(a, b, (3, k), stride=(1, s), padding=(1, k // 2))) for a, b, k, s in shapes
        )
        self.last = weight_norm(nn.Conv2d(2 * width, 1, (3, 3), padding=(1, 1)))

    def forward(self, audio: Tensor) -> tuple[Tensor, list[Tensor]]:
        spectrum = torch.stft(audio, self.n_fft, self.n_fft // 4, window=self.get_buffer("window"), return_complex=True)
        magnitude = spectrum.abs().clamp_min(1e-5)
        # Compression by a power keeps phase and makes quiet bands heard.
        scale = magnitude.pow(-0.6)
        x = torch.stack([spectrum.real * scale, spectrum.imag * scale], dim=1).transpose(2, 3)
        layers = []
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), SLOPE)
            layers.append(x)
        return self.last(x), layers


class PeriodDiscriminator(nn.Module):
    def __init__(self, period: int, width: int) -> None:
        super().__init__()
        self.period = period
        shapes = ((1, width, 3), (width, 2 * width, 3), (2 * width, 4 * width, 3), (4 * width, 4 * width, 1))
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(a, b, (5, 1), stride=(s, 1), padding=(2, 0))) for a, b, s in shapes
        )
        self.last = weight_norm(nn.Conv2d(4 * width, 1, (3, 1), padding=(1, 0)))

    def forward(self, audio: Tensor) -> tuple[Tensor, list[Tensor]]:
        x = nn.functional.pad(audio, (0, -audio.shape[1] % self.period))
        x = x.reshape(x.shape[0], 1, -1, self.period)
        layers = []
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), SLOPE)
            layers.append(x)
        return self.last(x), layers


class Discriminators(nn.Module):
    """Over audio `[B, samples]`; half of them judge even turns (steps), the others odd ones."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.all = nn.ModuleList(
            [SpectrumDiscriminator(n, width) for n in RESOLUTIONS] + [PeriodDiscriminator(p, width) for p in PERIODS]
        )

    def forward(self, audio: Tensor, turn: int) -> Judged:
        return [one(audio) for one in self.all[turn % 2 :: 2]]


def judge_loss(real: Judged, fake: Judged) -> Tensor:
    """Hinge loss of the adversaries."""
    losses = [(1 - r).relu().mean() + (1 + f).relu().mean() for (r, _), (f, _) in zip(real, fake, strict=True)]
    return torch.stack(losses).mean()


def adversarial_loss(fake: Judged) -> Tensor:
    return torch.stack([(1 - score).relu().mean() for score, _ in fake]).mean()


def matching_loss(real: Judged, fake: Judged) -> Tensor:
    """Mean distance of layers, each relative to the size of the real one."""
    losses = [
        (f - r.detach()).abs().mean() / r.detach().abs().mean().clamp_min(1e-4)
        for (_, reals), (_, fakes) in zip(real, fake, strict=True)
        for r, f in zip(reals, fakes, strict=True)
    ]
    return torch.stack(losses).mean()
