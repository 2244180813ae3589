"""Spectral losses at several resolutions, and the loss of F0."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from antiphon.codecs.neural.features import mel_matrix
from antiphon.codecs.neural.layout import CodecConfig

STFT_SIZES = (2048, 1024, 512, 256, 128)
"""Even steps hear the first, third and fifth, odd steps the others: half the cost, the same mean."""

MEL_SIZES = ((1024, 96), (512, 64), (256, 32), (2048, 96))
FLOOR = 1e-4


class SpectralLoss(nn.Module):
    """Log-magnitude and linear distances of STFTs (Yamamoto et al. 2020) plus log-mel distances."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        for size in {*STFT_SIZES, *(size for size, _ in MEL_SIZES)}:
            self.register_buffer(f"window{size}", torch.hann_window(size), persistent=False)
        for size, bands in MEL_SIZES:
            matrix = torch.from_numpy(mel_matrix(bands, size, config.rate_hz))
            self.register_buffer(f"mel{size}", matrix, persistent=False)

    def forward(self, made: Tensor, real: Tensor, turn: int) -> tuple[Tensor, Tensor]:
        """(STFT loss, mel loss) of audio `[B, samples]` at the resolutions of this turn (a step's number)."""
        both = torch.cat([made, real])
        mels = dict(MEL_SIZES)
        stft, mel = [], []
        for size in STFT_SIZES[turn % 2 :: 2]:
            window = self.get_buffer(f"window{size}")
            spectrum = torch.stft(both, size, size // 4, window=window, return_complex=True)
            # Not abs(): its gradient at silence is unbounded.
            magnitude = (spectrum.real.pow(2) + spectrum.imag.pow(2) + 1e-9).sqrt() / size**0.5
            a, b = magnitude.chunk(2)
            convergence = (a - b).norm(dim=(1, 2)) / b.norm(dim=(1, 2)).clamp_min(0.05)
            stft.append(_log_distance(a, b) + convergence.mean())
            if size in mels:
                a, b = (magnitude.transpose(1, 2) @ self.get_buffer(f"mel{size}")).chunk(2)
                mel.append(_log_distance(a, b))
        return torch.stack(stft).mean(), torch.stack(mel).mean()


def _log_distance(a: Tensor, b: Tensor) -> Tensor:
    return ((a + FLOOR).log() - (b + FLOOR).log()).abs().mean()


JITTER_WEIGHT = 2.0
"""Of the error of F0's changes against that of F0: a trembling pitch is rough, a shifted one is not."""


def pitch_loss(log2_f0: Tensor, real_hz: Tensor, voicing: Tensor) -> Tensor:
    """Mean distance in octaves over voiced steps `[B, S]`, and of its changes; unvoiced ones weigh a fiftieth."""
    weight = ((voicing - 0.4) / 0.3).clamp(0.02, 1.0)
    error = log2_f0 - real_hz.log2()
    both = torch.minimum(weight[:, 1:], weight[:, :-1])
    jitter = (error.diff(dim=1).abs() * both).sum() / both.sum()
    return (error.abs() * weight).sum() / weight.sum() + JITTER_WEIGHT * jitter
