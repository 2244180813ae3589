"""K-weighting (ITU-R BS.1770-4, annex 1) at any rate: energy as loud as it is heard, per hop of time.

The standard tabulates its two filters for 48 kHz only. Here they are taken back to their analogue shape (a shelf and a
high-pass) and transformed to the rate at hand. The response is applied in the frequency domain, hop by hop on a fixed
grid, so that a stream measures exactly what the whole does.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Energies = npt.NDArray[np.float64]

MEMORY_S = 0.1
"""Length of the impulse response that is kept. At its end the high-pass has decayed by 180 dB."""

SHELF_HZ, SHELF_Q, SHELF_DB = 1681.974450955533, 0.7071752369554196, 3.999843853973347
HIGH_PASS_HZ, HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773
"""Analogue parameters that give the standard's coefficients (tables 1 and 2) at 48 kHz to every printed digit."""

_SHELF_EXPONENT = 0.4996667741545416
_K_48 = math.tan(math.pi * HIGH_PASS_HZ / 48_000)
_HIGH_PASS_GAIN = 1 + _K_48 / HIGH_PASS_Q + _K_48 * _K_48
_BATCH = 64


def biquads(rate_hz: int) -> tuple[tuple[list[float], list[float]], tuple[list[float], list[float]]]:
    """The shelf and the high-pass for `rate_hz`, each as (b, a) with a[0] = 1."""
    k = math.tan(math.pi * SHELF_HZ / rate_hz)
    high = 10 ** (SHELF_DB / 20)
    band = high**_SHELF_EXPONENT
    scale = 1 + k / SHELF_Q + k * k
    shelf_b = [high + band * k / SHELF_Q + k * k, 2 * (k * k - high), high - band * k / SHELF_Q + k * k]
    shelf_a = [scale, 2 * (k * k - 1), 1 - k / SHELF_Q + k * k]
    k = math.tan(math.pi * HIGH_PASS_HZ / rate_hz)
    bottom = 1 + k / HIGH_PASS_Q + k * k
    # The standard's numerator 1, -2, 1 at 48 kHz lets the high-pass amplify by .04 dB; so it does here at every rate.
    top = _HIGH_PASS_GAIN / bottom
    pass_a = [1.0, 2 * (k * k - 1) / bottom, (1 - k / HIGH_PASS_Q + k * k) / bottom]
    return ([b / scale for b in shelf_b], [a / scale for a in shelf_a]), ([top, -2 * top, top], pass_a)


class KWeighting:
    """Streams `[channels, samples]` into the energy (sum of squares) of each K-weighted hop, `[channels, hops]`."""

    def __init__(self, rate_hz: int, channels: int, hop_s: float = 0.1) -> None:
        self.hop = max(1, round(hop_s * rate_hz))
        self._memory = max(1, round(MEMORY_S * rate_hz))
        self._span = self._memory + self.hop
        # Twice the span, so that the part of the response that is cut off cannot fold back into what is kept.
        whole = np.fft.irfft(_response(rate_hz, 2 * self._span), 2 * self._span)
        self._spectrum = np.fft.rfft(whole[: self._memory + 1], self._span)
        self._buffer = np.zeros((channels, self._memory))  # the past, then samples that fill no hop yet

    @property
    def waiting(self) -> int:
        """Samples that fill no hop yet."""
        return self._buffer.shape[1] - self._memory

    def push(self, samples: npt.NDArray[np.floating]) -> Energies:
        """Energies of the hops that these samples complete."""
        self._buffer = np.concatenate([self._buffer, samples], axis=1)
        hops = self.waiting // self.hop
        found = np.zeros((samples.shape[0], hops))
        if hops:
            windows = np.lib.stride_tricks.sliding_window_view(self._buffer, self._span, axis=1)[:, :: self.hop]
            for start in range(0, hops, _BATCH):
                batch = windows[:, start : min(hops, start + _BATCH)]
                weighted = np.fft.irfft(np.fft.rfft(batch, axis=2) * self._spectrum, self._span, axis=2)
                found[:, start : start + _BATCH] = np.square(weighted[..., self._memory :]).sum(axis=2)
            self._buffer = self._buffer[:, hops * self.hop :].copy()
        return found

    def finish(self) -> Energies:
        """The energy of a last hop that was not full, filled up with silence; nothing if none waits."""
        missing = -self.waiting % self.hop
        return self.push(np.zeros((self._buffer.shape[0], missing), dtype=np.float32))


def _response(rate_hz: int, length: int) -> npt.NDArray[np.complex128]:
    """Complex response of both filters at the bins of a real transform of `length`."""
    z = np.exp(-2j * np.pi * np.arange(length // 2 + 1) / length)
    total = np.ones_like(z)
    for b, a in biquads(rate_hz):
        total *= np.polyval(b[::-1], z) / np.polyval(a[::-1], z)
    return np.asarray(total)
