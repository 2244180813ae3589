"""A look-ahead limiter that holds the true peak: no clipping, no pumping, the same for any chunking."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon.audio.peaks import PeakFinder

LOOKAHEAD_S = 0.005
"""The gain begins to fall this long before a peak, along a raised cosine."""

RELEASE_DB_S = 80.0
"""How fast the gain comes back: a peak of 4 dB is forgotten after 50 ms, slower than a period of any voice."""

MARGIN_DB = 0.16
"""Held in reserve for what moves between the samples while the gain moves, and for other meters' interpolation."""

FACTOR, HALF = 8, 16

Block = npt.NDArray[np.float64]


class Limiter:
    """Streams float64 `[channels, samples]`; comes `delay` samples late, `finish` brings the rest.

    All channels get one gain. What stays under the ceiling passes bit for bit.
    """

    def __init__(self, rate_hz: int, channels: int, ceiling_dbtp: float) -> None:
        self._ahead = max(1, round(LOOKAHEAD_S * rate_hz))
        self._ceiling_db = ceiling_dbtp - MARGIN_DB
        self._ceiling = 10 ** (self._ceiling_db / 20)
        self._step_db = RELEASE_DB_S / rate_hz
        self._finder = PeakFinder(channels, FACTOR, HALF)
        ramp = 1 - np.cos(2 * np.pi * (np.arange(self._ahead + 1) + 0.5) / (self._ahead + 1))
        self._smooth = ramp / ramp.sum()
        # A look-ahead of silence comes first: the gain may have to be down when the first sample comes.
        self._wanted = np.zeros(self._ahead)  # reductions in dB whose window is not complete
        self._held = np.zeros(self._ahead)  # the last reductions after release
        self._line = np.zeros((channels, self._ahead))  # samples that wait for their gain
        self._early = HALF  # levels that lie before the first sample
        self._lead = self._ahead  # samples of that silence that are still to be dropped
        self.delay = self._ahead + HALF

    def push(self, samples: Block) -> Block:
        self._line = np.concatenate([self._line, samples], axis=1)
        levels = self._finder.push(samples, self._ceiling)
        early = min(self._early, levels.size)
        self._early -= early
        over = np.maximum(levels[early:] / self._ceiling, 1.0)
        self._wanted = np.concatenate([self._wanted, 20.0 * np.log10(over)])
        ready = max(0, self._wanted.size - self._ahead)
        reduction = self._reduction(ready)
        self._wanted = self._wanted[ready:]
        out, self._line = self._line[:, :ready], self._line[:, ready:].copy()
        if reduction.any():
            # The clip catches only what rounding leaves.
            out = np.clip(out * 10.0 ** (-reduction / 20.0), -self._ceiling, self._ceiling)
        lead = min(self._lead, ready)
        self._lead -= lead
        return out[:, lead:].copy()

    def finish(self) -> Block:
        """The samples that still waited."""
        return self.push(np.zeros((self._line.shape[0], self.delay)))

    def _reduction(self, ready: int) -> Block:
        """Decibels to take off the next `ready` samples.

        Maximum over the look-ahead, then a release in a straight line, then a mean over the look-ahead: each sample's
        mean is over values that have seen it, so none is below what the sample wants.
        """
        if not ready or not (self._wanted.any() or self._held.any()):
            return np.zeros(ready)
        slope = self._step_db * np.arange(1, ready + 1)
        ahead = _running_max(self._wanted, self._ahead + 1)[:ready]
        released = np.maximum(np.maximum.accumulate(np.maximum(ahead + slope, self._held[-1])) - slope, 0.0)
        line = np.concatenate([self._held, released])
        self._held = line[-self._ahead :].copy()
        return np.convolve(line, self._smooth, mode="valid")


def _running_max(values: Block, width: int) -> Block:
    """Maximum of each `width` successive values, by doubling."""
    done = 1
    while done < width:
        step = min(done, width - done)
        values = np.maximum(values[:-step], values[step:])
        done += step
    return values
