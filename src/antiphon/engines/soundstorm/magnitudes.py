"""Whether audio is what given tokens sound like: by magnitudes, for machines differ in phase and trimming."""

from __future__ import annotations

import numpy as np

from antiphon.audio.waveform import Samples

FRAME, HOP = 512, 128
BLOCK = 62
"""Frames that are compared together: half a second at 16 kHz."""
QUIET = 0.1
"""Share of the mean level below which a block's own level does not count: rounding must not look like another sound."""


def magnitude_error(expected: Samples, given: Samples) -> float:
    """The largest relative error of the short-time magnitudes of any half second: 0 equal, 1 and more unrelated."""
    one, two = _magnitudes(expected), _magnitudes(given)
    frames = max(one.shape[0], two.shape[0])
    one, two = (np.pad(m, ((0, frames - m.shape[0]), (0, 0))) for m in (one, two))
    edges = np.arange(0, frames, BLOCK)
    wrong = np.sqrt(np.add.reduceat(((one - two) ** 2).sum(axis=1), edges))
    level = np.sqrt(np.add.reduceat((one**2).sum(axis=1), edges))
    least = QUIET * np.sqrt((one**2).sum() / len(edges)) + 1e-9
    return float((wrong / np.maximum(level, least)).max())


def _magnitudes(samples: Samples) -> np.ndarray:
    padded = np.pad(samples.astype(np.float64), FRAME)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    return np.asarray(np.abs(np.fft.rfft(frames * np.hanning(FRAME), axis=1)))
