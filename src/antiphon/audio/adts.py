"""AAC in its streaming form (ADTS, ISO/IEC 13818-7): FFmpeg's encoder through PyAV, frame by frame.

Every frame stands for itself, so that any number of them is a file. A decoder puts 1,024 samples of the encoder's own
before the sound: the form has no place to say so.
"""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import numpy as np

from antiphon.audio.waveform import Waveform

BITS_A_SECOND = 64_000
"""Of one channel; the encoder takes less where the rate does not need it."""


class AdtsEncoder:
    """An `Encoder` of ADTS."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        import av

        self._pipe = _Pipe()
        self._container: Any = av.open(self._pipe, "w", format="adts")
        self._layout = "mono" if channels == 1 else "stereo"
        self._stream: Any = self._container.add_stream("aac", rate=rate_hz, layout=self._layout)
        self._stream.bit_rate = BITS_A_SECOND * channels
        self._rate_hz, self._samples = rate_hz, 0

    def encode(self, waveform: Waveform) -> bytes:
        import av

        if not waveform.samples.shape[1]:
            return b""
        clean = np.clip(np.nan_to_num(waveform.samples, nan=0.0), -1.0, 1.0)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(clean, np.float32), format="fltp", layout=self._layout)
        frame.sample_rate, frame.pts = self._rate_hz, self._samples
        frame.time_base = Fraction(1, self._rate_hz)
        self._samples += waveform.samples.shape[1]
        self._container.mux(self._stream.encode(frame))
        return self._pipe.take()

    def finish(self) -> bytes:
        if self._samples:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._pipe.take()

    def patches(self) -> list[tuple[int, bytes]]:
        return []

    def so_far(self, size_bytes: int) -> list[tuple[int, bytes]]:  # noqa: ARG002 - frames stand for themselves
        return []


class _Pipe(io.RawIOBase):
    """What FFmpeg writes waits here; it cannot go back."""

    def __init__(self) -> None:
        super().__init__()
        self._fresh = bytearray()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: Any) -> int:
        self._fresh += data
        return len(data)

    def take(self) -> bytes:
        """What came since the last time."""
        taken = bytes(self._fresh)
        self._fresh.clear()
        return taken
