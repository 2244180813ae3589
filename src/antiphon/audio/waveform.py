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

    @property
    def channels(self) -> int:
        return int(self.samples.shape[0])

    def mono(self) -> Waveform:
        """The mean of all channels."""
        return self if self.channels == 1 else Waveform(self.samples.mean(axis=0, keepdims=True), self.rate_hz)

    @classmethod
    def from_pcm16(cls, pcm: bytes, rate_hz: int, channels: int = 1) -> Waveform:
        """Interleaved little-endian 16-bit PCM, the form in which audio travels and is hashed."""
        values = np.frombuffer(pcm, dtype="<i2").reshape(-1, channels).T
        return cls(np.ascontiguousarray(values, dtype=np.float32) / np.float32(32768.0), rate_hz)

    def to_pcm16(self) -> bytes:
        """Interleaved little-endian 16-bit PCM; values are clipped."""
        return bytes(np.clip(np.rint(self.samples.T * 32768.0), -32768, 32767).astype("<i2").tobytes())
