"""Pitch: the fundamental frequency of speech over time, by normalised autocorrelation and the cheapest path.

After RAPT (Talkin 1995) and the autocorrelation method of Praat (Boersma 1993): candidates are peaks of each frame's
autocorrelation divided by the window's own; a path through them pays for leaps, for octaves and for being unvoiced.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon.audio.waveform import Samples
from antiphon.hearing.features import RATE_HZ, hann

Floats = npt.NDArray[np.float64]

MIN_HZ, MAX_HZ = 60.0, 420.0
_WINDOW = int(0.05 * RATE_HZ)  # three periods of the lowest voice
_CANDIDATES = 6
_VOICING = 0.45  # strength below which a frame is rather unvoiced
_OCTAVE_COST = 0.02  # prefers the higher of equally strong candidates
_LEAP_COST = 0.35  # per octave between neighbouring 10 ms frames
_SWITCH_COST = 0.14  # between voiced and unvoiced
_SILENCE = 0.02  # of the loudest frame's amplitude


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
    frequencies = RATE_HZ / _refined(strength, best, rows)
    strengths = scored[rows, best]
    unvoiced = np.where(loudness < _SILENCE * (loudness.max() + 1e-9), 2.0, _VOICING)
    return np.column_stack([frequencies, np.zeros(count)]), np.column_stack([strengths, unvoiced])


def _autocorrelation(frames: Floats, size: int) -> Floats:
    spectrum = np.fft.rfft(frames, size, axis=1)
    found = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size, axis=1)[:, : _WINDOW // 2]
    return np.asarray(found / (found[:, :1] + 1e-12))


def _refined(strength: Floats, lags: npt.NDArray[np.intp], rows: npt.NDArray[np.intp]) -> Floats:
    """Lags between samples, by a parabola through each peak."""
    lags = np.clip(lags, 1, strength.shape[1] - 2)
    left, middle, right = (strength[rows, lags + step] for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = np.where(np.abs(bend) > 1e-9, 0.5 * (left - right) / np.where(np.abs(bend) > 1e-9, bend, 1.0), 0.0)
    return np.asarray(lags + np.clip(shift, -0.5, 0.5))


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
