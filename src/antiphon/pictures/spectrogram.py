"""A spectrogram on the mel scale, in a bounded number of columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from antiphon.audio.waveform import Waveform
from antiphon.pictures.folding import Folder, Stats

BANDS = 192
HIGHEST_HZ = 16_000.0
WINDOW_S = 0.04
"""Long enough to tell the harmonics of a low voice apart, short enough for consonants."""

SHORTEST_HOP_S, LONGEST_HOP_S = 0.002, 0.02
COLUMNS = 1_600
_BLOCK = 512  # frames transformed at once


@dataclass(frozen=True, slots=True)
class Spectrogram:
    """Mean power in dB relative to a full-scale sine, `[bands, columns]`; column n spans `span_s` from n * `span_s`.

    Band edges are equidistant on the mel scale (`mel`) from 0 to `top_hz`.
    """

    span_s: float
    top_hz: float
    decibels: npt.NDArray[np.float32]


class Spectrograph:
    """Streams waveforms into a `Spectrogram`. `expected_s` only chooses how fine it looks."""

    def __init__(self, rate_hz: int, channels: int, expected_s: float) -> None:
        self._rate_hz = rate_hz
        self._window = np.hanning(max(16, round(WINDOW_S * rate_hz)) + 1)[:-1].astype(np.float32)
        self._hop = max(1, round(min(LONGEST_HOP_S, max(SHORTEST_HOP_S, expected_s / COLUMNS)) * rate_hz))
        self._size = 1 << (2 * self._window.size - 1).bit_length()  # twice as fine as the window, for smooth lines
        self._top_hz = min(HIGHEST_HZ, rate_hz / 2)
        # The first frame is centred on the first sample's hop.
        lead = max(0, (self._window.size - self._hop) // 2)
        self._line = np.zeros((channels, lead), dtype=np.float32)
        self._folder = Folder(lambda stats: stats.sum(axis=-1))

    def push(self, waveform: Waveform) -> None:
        self._line = np.concatenate([self._line, waveform.samples], axis=1)
        length = self._window.size
        count = max(0, (self._line.shape[1] - length) // self._hop + 1)
        if not count:
            return
        frames = np.lib.stride_tricks.sliding_window_view(self._line, length, axis=1)[:, :: self._hop]
        for start in range(0, count, _BLOCK):
            self._folder.push(self._bands(frames[:, start : min(count, start + _BLOCK)]))
        self._line = self._line[:, count * self._hop :].copy()

    def finish(self) -> Spectrogram:
        tail = np.zeros((self._line.shape[0], self._window.size), dtype=np.float32)
        self.push(Waveform(tail, self._rate_hz))
        power, counts = self._folder.finish()
        full_scale = (float(self._window.sum()) / 2) ** 2
        decibels = 10 * np.log10(np.maximum(power / counts / full_scale, 1e-12))
        return Spectrogram(self._folder.span * self._hop / self._rate_hz, self._top_hz, decibels.astype(np.float32))

    def _bands(self, frames: npt.NDArray[np.float32]) -> Stats:
        """`[channels, frames, window]` -> `[BANDS, frames]`, the mean over the channels."""
        spectrum = np.fft.rfft(frames * self._window, self._size, axis=2)
        power = (spectrum.real**2 + spectrum.imag**2).mean(axis=0)
        return np.asarray((power @ _filters(self._size, self._rate_hz, self._top_hz).T).T, dtype=np.float64)


def mel(hz: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """O'Shaughnessy's mel scale (1987)."""
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(hz, dtype=np.float64) / 700.0))


@lru_cache(maxsize=4)
def _filters(size: int, rate_hz: int, top_hz: float) -> npt.NDArray[np.float32]:
    """Triangles between neighbouring band centres, of sum 1 and at least a bin wide, `[BANDS, size / 2 + 1]`."""
    edges = 700.0 * (10.0 ** (np.linspace(0.0, float(mel(top_hz)), BANDS + 2) / 2595.0) - 1.0)
    bins = np.arange(size // 2 + 1) * rate_hz / size
    step = rate_hz / size
    left = np.minimum(edges[:-2], edges[1:-1] - step)[:, None]
    right = np.maximum(edges[2:], edges[1:-1] + step)[:, None]
    centre = edges[1:-1][:, None]
    rising, falling = (bins - left) / (centre - left), (right - bins) / (right - centre)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9), dtype=np.float32)
