"""Pitch: the fundamental frequency of speech over time, by correlation and the best path through its peaks.

Two questions, two answers. `pitch` decides where speech is voiced, and gives Hz there (after RAPT, Talkin 1995, and
the autocorrelation method of Praat, Boersma 1993): for whoever looks at a recording. `track_f0` gives every frame an F0
that glides on through what is unvoiced, and says how periodic the frame is (RAPT's normalised cross-correlation, and
dynamic programming over lags): for codecs, whose tokens mean exactly this track.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from antiphon.analysis.features import RATE_HZ, hann
from antiphon.audio.waveform import Samples

Floats = npt.NDArray[np.float64]
F = TypeVar("F", np.float32, np.float64)

MIN_HZ, MAX_HZ = 60.0, 420.0
_WINDOW = int(0.05 * RATE_HZ)  # three periods of the lowest voice
_CANDIDATES = 6
_VOICING = 0.45  # strength below which a frame is rather unvoiced
_OCTAVE_COST = 0.02  # prefers the higher of equally strong candidates
_LEAP_COST = 0.35  # per octave between neighbouring 10 ms frames
_SWITCH_COST = 0.14  # between voiced and unvoiced
_SILENCE = 0.02  # of the loudest frame's amplitude

F0_MIN_HZ, F0_MAX_HZ = 58.0, 500.0
_F0_WINDOW_S = 0.03
_PASSBAND_HZ = (45.0, 1_800.0)
_TAPS_S = 0.008
_GLIDE_COST = 2.5
"""Cost of a jump of one natural logarithm unit of F0 between neighbouring frames, against correlations up to 1."""

_F0_OCTAVE_COST = 0.025
"""Cost of a lag of twice the length: multiples of the period correlate as well as the period itself."""


@dataclass(frozen=True, slots=True)
class F0Track:
    """`f0_hz [T]`, never 0; `voicing [T]`: the correlation at that period, about 0 for noise and 1 for vowels."""

    f0_hz: Samples
    voicing: Samples


def pitch(signal: Samples, *, hop_s: float = 0.01) -> Samples:
    """Hz of mono 16 kHz speech every `hop_s`, `[frames]`; 0 where unvoiced. Frame `n` is centred at `n * hop_s`."""
    count = max(1, int(np.ceil(signal.shape[0] / (hop_s * RATE_HZ))))
    frequencies, strengths = _candidates(signal, count, hop_s)
    return _path(frequencies, strengths, hop_s)


def _candidates(signal: Samples, count: int, hop_s: float) -> tuple[Floats, Floats]:
    """Hz and strengths `[frames, _CANDIDATES + 1]`, the last being "unvoiced" (0 Hz)."""
    half = _WINDOW // 2
    padded = np.pad(signal.astype(np.float64), (half, half + _WINDOW))
    starts = np.rint(np.arange(count) * hop_s * RATE_HZ).astype(int)
    frames = padded[starts[:, None] + np.arange(_WINDOW)]
    frames = frames - frames.mean(axis=1, keepdims=True)
    loudness = np.abs(frames).max(axis=1)
    window = hann(_WINDOW).astype(np.float64)
    size = 1 << int(np.ceil(np.log2(2 * _WINDOW)))
    correlation = _autocorrelation(frames * window, size) / (_autocorrelation(window[None], size) + 1e-9)
    shortest, longest = int(RATE_HZ / MAX_HZ), int(np.ceil(RATE_HZ / MIN_HZ))
    strength = correlation[:, : longest + 2]
    peaks = np.zeros_like(strength, dtype=bool)
    inner = strength[:, 1:-1]
    peaks[:, 1:-1] = (inner > strength[:, :-2]) & (inner >= strength[:, 2:])
    peaks[:, :shortest] = False
    scored = np.where(peaks, strength - _OCTAVE_COST * np.log2(np.maximum(np.arange(longest + 2), 1) / shortest), -1.0)
    best = np.argsort(-scored, axis=1)[:, :_CANDIDATES]
    rows = np.arange(count)[:, None]
    lags, shifts, _ = _peaks(strength, rows, best)
    frequencies = RATE_HZ / (lags + shifts)
    strengths = scored[rows, best]
    unvoiced = np.where(loudness < _SILENCE * (loudness.max() + 1e-9), 2.0, _VOICING)
    return np.column_stack([frequencies, np.zeros(count)]), np.column_stack([strengths, unvoiced])


def _autocorrelation(frames: Floats, size: int) -> Floats:
    spectrum = np.fft.rfft(frames, size, axis=1)
    found = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size, axis=1)[:, : _WINDOW // 2]
    return np.asarray(found / (found[:, :1] + 1e-12))


def _path(frequencies: Floats, strengths: Floats, hop_s: float) -> Samples:
    """The cheapest path (Viterbi) through the candidates."""
    count, width = frequencies.shape
    voiced = frequencies > 0
    octaves = np.log2(np.where(voiced, frequencies, 1.0))
    scale = _LEAP_COST * min(1.0, 0.01 / hop_s)
    total = -strengths[0]
    back = np.zeros((count, width), np.intp)
    for n in range(1, count):
        leap = scale * np.abs(octaves[n - 1][:, None] - octaves[n][None, :])
        both = voiced[n - 1][:, None] & voiced[n][None, :]
        step = np.where(both, leap, np.where(voiced[n - 1][:, None] != voiced[n][None, :], _SWITCH_COST, 0.0))
        costs = total[:, None] + step
        back[n] = costs.argmin(axis=0)
        total = costs[back[n], np.arange(width)] - strengths[n]
    best = int(total.argmin())
    track = np.zeros(count, np.float32)
    for n in range(count - 1, -1, -1):
        track[n] = frequencies[n, best]
        best = int(back[n, best])
    return track


def track_f0(signal: Samples, rate_hz: int, hop: int) -> F0Track:
    """F0 of mono speech at `rate_hz`: one value for each whole `hop` of samples, centred in it."""
    frames = signal.shape[0] // hop
    if not frames:
        nothing = np.zeros(0, np.float32)
        return F0Track(nothing, nothing)
    lags = np.arange(int(rate_hz / F0_MAX_HZ), int(np.ceil(rate_hz / F0_MIN_HZ)) + 1)
    correlation = _cross_correlation(_band_passed(signal, rate_hz), rate_hz, hop, frames, lags)
    path = _best_path(correlation - _F0_OCTAVE_COST * np.log2(lags / lags[0]).astype(np.float32), lags)
    return _track(correlation, path, lags, rate_hz)


def _band_passed(signal: Samples, rate_hz: int) -> Samples:
    half = int(_TAPS_S * rate_hz / 2) * 2
    time = np.arange(-half, half + 1)
    low, high = (2.0 * f / rate_hz for f in _PASSBAND_HZ)
    taps = (high * np.sinc(high * time) - low * np.sinc(low * time)) * np.hanning(time.shape[0])
    size = 1 << (signal.shape[0] + time.shape[0] - 1).bit_length()
    filtered = np.fft.irfft(np.fft.rfft(signal, size) * np.fft.rfft(taps, size), size)
    return filtered[half : half + signal.shape[0]].astype(np.float32)


def _cross_correlation(signal: Samples, rate_hz: int, hop: int, frames: int, lags: npt.NDArray[np.int_]) -> Samples:
    """`[frames, lags]`. Window and shifted window lie around the centre of the frame, half a lag to each side."""
    window, longest = int(_F0_WINDOW_S * rate_hz), int(lags[-1])
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


def _best_path(score: Samples, lags: npt.NDArray[np.int_]) -> npt.NDArray[np.int_]:
    """Index of a lag for each frame: the path with the greatest sum of scores less the cost of gliding."""
    octave = np.log(lags.astype(np.float32))
    cost = np.float32(_GLIDE_COST) * np.abs(octave[:, None] - octave[None, :])  # [to, from]
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


def _track(correlation: Samples, path: npt.NDArray[np.int_], lags: npt.NDArray[np.int_], rate_hz: int) -> F0Track:
    inner, shift, middle = _peaks(correlation, np.arange(path.shape[0]), path)
    period = lags[inner] + shift
    return F0Track((rate_hz / period).astype(np.float32), np.clip(middle, 0.0, 1.0).astype(np.float32))


def _peaks(
    values: npt.NDArray[F], rows: npt.NDArray[np.int_], columns: npt.NDArray[np.int_]
) -> tuple[npt.NDArray[np.int_], npt.NDArray[F], npt.NDArray[F]]:
    """Columns inside the edges, how far the peak is from each (a parabola through three neighbours: a fraction of a
    sample decides over a glissando), and the values there."""
    inner = np.clip(columns, 1, values.shape[1] - 2)
    left, middle, right = (values[rows, inner + step] for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = np.where(bend < -1e-6, 0.5 * (left - right) / np.minimum(bend, -1e-6), 0.0)
    return inner, np.clip(shift, -0.5, 0.5), middle
