"""Peaks between the samples: what a converter or a decoder will reach when it draws the curve through them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Levels = npt.NDArray[np.float64]

_BLOCK = 1024


class PeakFinder:
    """Streams `[channels, samples]` into the largest amplitude around each sample, over all channels.

    Around means at the sample and at `factor` - 1 points on either side, by a windowed sinc of 2 * `half` taps. Comes
    `half` samples late. Where nothing can exceed `floor`, the plain samples are enough and are given instead.
    Source: ITU-R BS.1770-4, annex 2.
    """

    def __init__(self, channels: int, factor: int = 4, half: int = 12) -> None:
        self.delay = half
        self._kernel = _kernel(factor, half)
        self._gain = float(np.abs(self._kernel).sum(axis=0).max(initial=1.0))
        self._kernel32 = self._kernel.astype(np.float32)
        self._past: npt.NDArray[np.floating] = np.zeros((channels, 2 * half), dtype=np.float32)
        self._between = 0.0

    def push(self, samples: npt.NDArray[np.floating], floor: float = 0.0) -> Levels:
        """As many levels as samples: those of the samples that lie `half` back. float32 is computed as such."""
        parts = [self._push(samples[:, start : start + _BLOCK], floor) for start in range(0, samples.shape[1], _BLOCK)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _push(self, samples: npt.NDArray[np.floating], floor: float) -> Levels:
        half, count = self.delay, samples.shape[1]
        line = np.concatenate([self._past, samples], axis=1)
        self._past = line[:, count:]
        magnitude = np.abs(line).max(axis=0)
        own = magnitude[half : half + count].astype(np.float64)
        if float(magnitude.max()) * self._gain <= floor or not self._kernel.shape[1]:
            self._between = 0.0
            return np.asarray(own)
        # Row n holds the taps around the gap that follows sample n.
        rows = np.lib.stride_tricks.sliding_window_view(line[:, 1:], 2 * half, axis=1)[:, :count]
        gaps = np.abs(rows @ (self._kernel32 if line.dtype == np.float32 else self._kernel)).max(axis=(0, 2))
        before = np.concatenate([[self._between], gaps[:-1]])
        self._between = float(gaps[-1])
        return np.asarray(np.maximum(own, np.maximum(before, gaps)))


def _kernel(factor: int, half: int) -> Levels:
    """`[2 * half, factor - 1]`: taps for the points between two samples."""
    points = np.arange(1, factor) / factor
    distance = np.arange(1 - half, half + 1)[:, None] - points[None, :]
    window = np.i0(9.0 * np.sqrt(np.maximum(0.0, 1.0 - np.square(distance / half)))) / np.i0(9.0)
    taps = np.sinc(distance) * window
    return np.asarray(taps / taps.sum(axis=0, keepdims=True))
