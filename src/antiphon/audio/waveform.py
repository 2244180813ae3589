"""Waveform: the only form in which audio passes between rooms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Waveform:
    """float32 `samples [channels, samples]` in [-1, 1] at `rate_hz`."""

    samples: Samples  # [C, T]
    rate_hz: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.dtype != np.float32:
            raise ValueError(
                f"Waveform needs float32 [channels, samples], got {self.samples.dtype} {self.samples.shape}"
            )
        if self.rate_hz <= 0:
            raise ValueError(f"rate_hz must be positive, got {self.rate_hz}")

    @property
    def duration_s(self) -> float:
        return float(self.samples.shape[1] / self.rate_hz)

    @classmethod
    def from_pcm16(cls, pcm: bytes, rate_hz: int) -> Waveform:
        """Mono little-endian 16-bit PCM, the form in which audio travels and is hashed."""
        return cls((np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768.0)[None, :], rate_hz)

    def to_pcm16(self) -> bytes:
        """Mono little-endian 16-bit PCM; channels are averaged, values clipped."""
        mono = self.samples.mean(axis=0) if self.samples.shape[0] > 1 else self.samples[0]
        return bytes(np.clip(np.rint(mono * 32768.0), -32768, 32767).astype("<i2").tobytes())
