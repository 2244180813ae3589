"""The long-term average spectrum of a voice, and the filter that gives one voice's spectrum to another."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from antiphon.analysis.activity import levels_db
from antiphon.analysis.features import RATE_HZ, framed, hann
from antiphon.audio.waveform import Samples

Levels = npt.NDArray[np.float64]

BANDS = 32
LOWEST_HZ, HIGHEST_HZ = 80.0, 7_400.0
"""Beyond the highest band a 16 kHz recording says nothing, so the filter goes on as it ends."""

MAX_DB = 12.0
"""Stronger colours, and colours that change from band to band, cost 0.1 to 0.4 MOS and are no liker."""
_FFT = 512
_LOUD_DB = 25.0  # frames within this of the loud ones count: the voice, not the room
_TAPS = 1023


@lru_cache(maxsize=1)
def centres_hz() -> Levels:
    """Centres of the bands, evenly spaced on the Bark-like scale of Traunmueller (1990)."""
    bark = np.linspace(_bark(LOWEST_HZ), _bark(HIGHEST_HZ), BANDS)
    return np.asarray(1960.0 * (bark + 0.53) / (26.28 - bark))


def _bark(hz: float) -> float:
    return 26.81 * hz / (1960.0 + hz) - 0.53


@lru_cache(maxsize=1)
def _bands() -> Levels:
    """Triangles `[BANDS, _FFT / 2 + 1]` over power, each summing to 1."""
    bins = np.linspace(0.0, RATE_HZ / 2, _FFT // 2 + 1)
    centres = np.concatenate([[40.0], centres_hz(), [7_900.0]])
    rising = (bins[None] - centres[:-2, None]) / np.diff(centres)[:-1, None]
    falling = (centres[2:, None] - bins[None]) / np.diff(centres)[1:, None]
    weights = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def average_spectrum(signal: Samples) -> Levels:
    """Mean level in dB of the loud frames of mono 16 kHz speech in each band, `[BANDS]`, with its own mean removed."""
    levels = levels_db(signal)
    frames = framed(signal, _FFT)
    count = min(levels.shape[0], frames.shape[0])
    loud = levels[:count] > np.percentile(levels, 95) - _LOUD_DB
    power = np.abs(np.fft.rfft(frames[:count][loud] * hann(_FFT), axis=1)) ** 2
    level = 10 * np.log10(power.mean(axis=0) @ _bands().T + 1e-10)
    return np.asarray(level - level.mean())


def matching(wanted: Levels, own: Levels) -> Levels:
    """Smooth gains in dB `[BANDS]`, within `MAX_DB`, that turn the spectrum `own` into `wanted`."""
    padded = np.pad(wanted - own, 1, mode="edge")
    return np.asarray(np.clip(np.convolve(padded, [0.25, 0.5, 0.25], mode="valid"), -MAX_DB, MAX_DB))


def filtered(samples: Samples, gains_db: Levels, rate_hz: int) -> Samples:
    """`samples [T]` through a linear-phase filter with these gains; the same length, without delay."""
    if samples.shape[0] == 0:
        return samples
    grid = np.linspace(0.0, rate_hz / 2, 2048 + 1)
    gains = 10 ** (np.interp(grid, centres_hz(), gains_db) / 20)
    taps = np.fft.fftshift(np.fft.irfft(gains))[2048 - _TAPS // 2 : 2048 + _TAPS // 2 + 1] * np.hanning(_TAPS)
    size = samples.shape[0] + _TAPS - 1
    size = 1 << int(np.ceil(np.log2(size)))
    whole = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(taps, size), size)
    return np.asarray(whole[_TAPS // 2 : _TAPS // 2 + samples.shape[0]], np.float32)
