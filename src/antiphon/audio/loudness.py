"""Levels: plain ones in decibels relative to full scale, and loudness as it is heard (EBU R128, ITU-R BS.1770-4)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.audio.kweighting import KWeighting
from antiphon.audio.peaks import PeakFinder
from antiphon.audio.waveform import Samples, Waveform

SILENCE_DBFS = -120.0
"""What digital silence and an empty waveform measure: a finite floor, below every 16-bit signal."""

HOP_S = 0.1
"""Step of the momentary and short-term curves, and of the gating blocks (75% overlap)."""

MOMENTARY_HOPS = 4  # 400 ms
SHORT_TERM_HOPS = 30  # 3 s
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
RANGE_GATE_LU = -20.0  # EBU Tech 3342

MAX_AMPLITUDE = np.float32(1e6)
"""+120 dBFS. What is beyond is no sound but a fault, and would overflow."""

_OFFSET_LU = -0.691  # makes a 997 Hz sine of full scale in one channel -3.01 LUFS
_SURROUND = {5: (1.0, 1.0, 1.0, 1.41, 1.41), 6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)}  # L R C (LFE) Ls Rs

Curve = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Loudness:
    """What a meter says. None: there was nothing to measure (silence, or too short for a range).

    `momentary_lufs[i]` is the window of 400 ms from i * `HOP_S`, `short_term_lufs[i]` that of 3 s; at least
    `SILENCE_DBFS`.
    """

    integrated_lufs: float | None
    range_lu: float | None
    true_peak_dbtp: float
    momentary_lufs: Curve
    short_term_lufs: Curve


def peak_dbfs(waveform: Waveform) -> float:
    """The largest absolute sample, in dBFS; at least `SILENCE_DBFS`."""
    return _dbfs(float(np.max(np.abs(waveform.samples), initial=0.0)))


def rms_dbfs(waveform: Waveform) -> float:
    """The root mean square over all channels, in dBFS (a full-scale sine is -3.01); at least `SILENCE_DBFS`."""
    if not waveform.samples.size:
        return SILENCE_DBFS
    return _dbfs(math.sqrt(float(np.mean(np.square(waveform.samples, dtype=np.float64)))))


def measure(waveform: Waveform) -> Loudness:
    """The loudness of a whole waveform."""
    meter = Meter(waveform.rate_hz, waveform.samples.shape[0])
    meter.push(waveform)
    return meter.finish()


class Meter:
    """A loudness meter for a stream: `push` any number of waveforms, then `finish` once. The same for any chunking.

    Mono counts as one channel, as in the standard (3 LU less than the same signal on two). What is shorter than a
    gating block of 400 ms is measured as one block. Keeps 8 bytes for every 100 ms.
    """

    def __init__(self, rate_hz: int, channels: int = 1) -> None:
        self._rate_hz, self._channels = rate_hz, channels
        self._weights = channel_weights(channels)
        self._filter = KWeighting(rate_hz, channels, HOP_S)
        # Above 96 kHz the samples themselves lie close enough.
        self._peaks = PeakFinder(channels, 4 if rate_hz < 96_000 else 2)
        self._peak = 0.0
        self._hops: list[Curve] = []
        self._samples = 0

    def push(self, waveform: Waveform) -> None:
        if waveform.rate_hz != self._rate_hz or waveform.samples.shape[0] != self._channels:
            raise ValueError(
                f"Meter takes {self._channels} channels at {self._rate_hz} Hz, "
                f"got {waveform.samples.shape[0]} at {waveform.rate_hz} Hz"
            )
        clean = bounded(waveform.samples)
        self._samples += clean.shape[1]
        self._hops.append(self._weights @ self._filter.push(clean))
        self._look(clean)

    def finish(self) -> Loudness:
        self._look(np.zeros((self._channels, 2 * self._peaks.delay), dtype=np.float32))
        hops = np.concatenate(self._hops) if self._hops else np.zeros(0)
        hop = self._filter.hop
        if hops.size >= MOMENTARY_HOPS:
            blocks = windows(hops, MOMENTARY_HOPS) / (MOMENTARY_HOPS * hop)
        else:
            rest = self._weights @ self._filter.finish()
            blocks = np.array([(hops.sum() + rest.sum()) / max(1, self._samples)])
        short = windows(hops, SHORT_TERM_HOPS) / (SHORT_TERM_HOPS * hop)
        return Loudness(
            integrated_lufs=integrated(blocks),
            range_lu=loudness_range(short),
            true_peak_dbtp=_dbfs(self._peak),
            momentary_lufs=lufs(blocks),
            short_term_lufs=lufs(short),
        )

    def _look(self, samples: Samples) -> None:
        self._peak = max(self._peak, float(self._peaks.push(samples, self._peak).max(initial=0.0)))


def bounded(samples: Samples) -> Samples:
    """The samples as numbers that can be squared and filtered: no NaN, at most `MAX_AMPLITUDE`."""
    return np.clip(np.nan_to_num(samples), -MAX_AMPLITUDE, MAX_AMPLITUDE)


def channel_weights(channels: int) -> Curve:
    """What each channel counts: one, or as in 5.0 and 5.1 surround (BS.1770-4, table 3)."""
    return np.array(_SURROUND.get(channels, (1.0,) * channels))


def windows(hops: Curve, count: int) -> Curve:
    """Sums over `count` hops, one for each hop that ends a window."""
    if hops.size < count:
        return np.zeros(0)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(hops, count).sum(axis=1))


def lufs(power: Curve) -> Curve:
    """K-weighted mean square -> LUFS, at least `SILENCE_DBFS`."""
    return np.asarray(np.maximum(SILENCE_DBFS, _OFFSET_LU + 10.0 * np.log10(np.maximum(power, 1e-30))))


def integrated(blocks: Curve) -> float | None:
    """Mean loudness of the blocks that pass both gates; None if none passes."""
    loud = blocks[lufs(blocks) > ABSOLUTE_GATE_LUFS]
    if not loud.size:
        return None
    gate = float(lufs(loud.mean(keepdims=True))[0]) + RELATIVE_GATE_LU
    return float(lufs(loud[lufs(loud) > gate].mean(keepdims=True))[0])


def loudness_range(short_term: Curve) -> float | None:
    """LRA in LU: from the 10th to the 95th percentile of the gated short-term loudness. None without any.

    Source: EBU Tech 3342, with its relative gate at -20 LU.
    """
    loud = short_term[lufs(short_term) > ABSOLUTE_GATE_LUFS]
    if not loud.size:
        return None
    levels = lufs(loud)
    gated = levels[levels > float(lufs(loud.mean(keepdims=True))[0]) + RANGE_GATE_LU]
    low, high = np.percentile(gated, (10, 95), method="nearest")
    return float(high - low)


def _dbfs(amplitude: float) -> float:
    return max(SILENCE_DBFS, 20.0 * math.log10(amplitude)) if amplitude > 0 else SILENCE_DBFS
