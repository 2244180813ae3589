"""A pitch tracker in NumPy: normalised cross-correlation and the best smooth path through it.

The idea is RAPT's (Talkin 1995): r(lag) = <x, x shifted> / sqrt(energy * energy shifted), then dynamic programming
over lags. Every frame gets an F0, unvoiced ones too (the path goes on), and `voicing` says how periodic it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.audio.waveform import Samples

Array = npt.NDArray[np.float32]

LOWEST_HZ, HIGHEST_HZ = 58.0, 500.0
WINDOW_S = 0.03
PASSBAND_HZ = (45.0, 1_800.0)
TAPS_S = 0.008
GLIDE_COST = 2.5
"""Cost of a jump of one natural logarithm unit of F0 between neighbouring frames, against correlations up to 1."""

OCTAVE_COST = 0.025
"""Cost of a lag of twice the length: multiples of the period correlate as well as the period itself."""


@dataclass(frozen=True, slots=True)
class Track:
    """`f0_hz [T]`, never 0; `voicing [T]`: the correlation at that period, about 0 for noise and 1 for vowels."""

    f0_hz: Array
    voicing: Array


def track(signal: Samples, rate_hz: int, hop: int) -> Track:
    """One value for each whole `hop` of samples, centred in it."""
    frames = signal.shape[0] // hop
    if not frames:
        nothing = np.zeros(0, np.float32)
        return Track(nothing, nothing)
    lags = np.arange(int(rate_hz / HIGHEST_HZ), int(np.ceil(rate_hz / LOWEST_HZ)) + 1)
    correlation = _correlation(_band_passed(signal, rate_hz), rate_hz, hop, frames, lags)
    path = _best_path(correlation - OCTAVE_COST * np.log2(lags / lags[0]).astype(np.float32), lags)
    return _refined(correlation, path, lags, rate_hz)


def _band_passed(signal: Samples, rate_hz: int) -> Array:
    half = int(TAPS_S * rate_hz / 2) * 2
    time = np.arange(-half, half + 1)
    low, high = (2.0 * f / rate_hz for f in PASSBAND_HZ)
    taps = (high * np.sinc(high * time) - low * np.sinc(low * time)) * np.hanning(time.shape[0])
    size = 1 << (signal.shape[0] + time.shape[0] - 1).bit_length()
    filtered = np.fft.irfft(np.fft.rfft(signal, size) * np.fft.rfft(taps, size), size)
    return filtered[half : half + signal.shape[0]].astype(np.float32)


def _correlation(signal: Array, rate_hz: int, hop: int, frames: int, lags: npt.NDArray[np.int_]) -> Array:
    """`[frames, lags]`. Window and shifted window lie around the centre of the frame, half a lag to each side."""
    window, longest = int(WINDOW_S * rate_hz), int(lags[-1])
    reach = window + longest
    padded = np.pad(signal, (reach // 2, reach + hop))
    starts = np.arange(frames) * hop + hop // 2
    pieces = np.lib.stride_tricks.sliding_window_view(padded, reach)[starts]
    size = 1 << (reach + window - 1).bit_length()
    first = np.fft.rfft(pieces[:, :window], size)
    products = np.fft.irfft(np.conj(first) * np.fft.rfft(pieces, size), size)[:, lags]
    energy = np.cumsum(np.pad(pieces.astype(np.float64) ** 2, ((0, 0), (1, 0))), axis=1)
    shifted = energy[:, lags + window] - energy[:, lags]
    own = energy[:, window, None]
    # The floor (about -70 dBFS) keeps digital silence from correlating perfectly with itself.
    return (products / np.sqrt((own + 1e-7 * window) * (shifted + 1e-7 * window))).astype(np.float32)


def _best_path(score: Array, lags: npt.NDArray[np.int_]) -> npt.NDArray[np.int_]:
    """Index of a lag for each frame: the path with the greatest sum of scores less the cost of gliding."""
    octave = np.log(lags.astype(np.float32))
    cost = np.float32(GLIDE_COST) * np.abs(octave[:, None] - octave[None, :])  # [to, from]
    came = np.empty(score.shape, np.int16)
    total = score[0].copy()
    every = np.arange(lags.shape[0])
    for frame in range(1, score.shape[0]):
        options = total[None, :] - cost
        came[frame] = options.argmax(axis=1)
        total = options[every, came[frame]] + score[frame]
    path = np.empty(score.shape[0], np.int64)
    path[-1] = int(total.argmax())
    for frame in range(score.shape[0] - 1, 0, -1):
        path[frame - 1] = came[frame, path[frame]]
    return path


def _refined(correlation: Array, path: npt.NDArray[np.int_], lags: npt.NDArray[np.int_], rate_hz: int) -> Track:
    """Parabola through the three correlations around the best: a fraction of a sample decides over a glissando."""
    rows = np.arange(path.shape[0])
    inner = np.clip(path, 1, lags.shape[0] - 2)
    left, middle, right = (correlation[rows, inner + k] for k in (-1, 0, 1))
    bend = left - 2.0 * middle + right
    shift = np.where(bend < -1e-6, 0.5 * (left - right) / np.minimum(bend, -1e-6), 0.0)
    period = lags[inner] + np.clip(shift, -0.5, 0.5)
    return Track((rate_hz / period).astype(np.float32), np.clip(middle, 0.0, 1.0).astype(np.float32))
