"""How near a codec's output is to its input, and how well its codebooks are used."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphon.audio import resample
from antiphon.audio.waveform import Samples, Waveform
from antiphon.codecs.base import TokenGrid
from antiphon.codecs.neural.features import hann, mel_matrix
from antiphon.errors import InputError, ModelError

Array = npt.NDArray[np.float64]

_RATE_HZ = 10_000
_PESQ_HZ = 16_000
_FRAME, _FFT = 256, 512
_BANDS, _LOWEST_HZ = 15, 150.0
_SEGMENT = 30  # frames, 384 ms
_CLIP_DB = -15.0
_RANGE_DB = 40.0


def stoi(clean: Waveform, other: Waveform) -> float:
    """Short-time objective intelligibility (Taal et al. 2011, IEEE TASLP 19(7)), about 0 to 1. Mono, same length.

    Raises `InputError` when less than 384 ms of the clean signal are louder than 40 dB below its loudest frame.
    """
    x, y = (resample(wave, _RATE_HZ).samples[0].astype(np.float64) for wave in (clean, other))
    x, y = _without_silence(x[: y.shape[0]], y[: x.shape[0]])
    a, b = (_third_octaves(signal) for signal in (x, y))
    if a.shape[1] < _SEGMENT:
        raise InputError("Too little speech for STOI", "Give clips with at least half a second of speech.")
    a, b = (np.lib.stride_tricks.sliding_window_view(bands, _SEGMENT, axis=1) for bands in (a, b))
    scale = np.linalg.norm(a, axis=2) / np.maximum(np.linalg.norm(b, axis=2), 1e-12)
    clipped = np.minimum(b * scale[..., None], a * (1 + 10 ** (-_CLIP_DB / 20)))
    a, clipped = (m - m.mean(axis=2, keepdims=True) for m in (a, clipped))
    lengths = np.linalg.norm(a, axis=2) * np.linalg.norm(clipped, axis=2)
    return float(np.mean((a * clipped).sum(axis=2) / np.maximum(lengths, 1e-12)))


def _frames(signal: Array) -> Array:
    window = np.hanning(_FRAME + 2)[1:-1]
    starts = range(0, max(0, signal.shape[0] - _FRAME), _FRAME // 2)
    return np.array([signal[start : start + _FRAME] for start in starts]).reshape(-1, _FRAME) * window


def _without_silence(x: Array, y: Array) -> tuple[Array, Array]:
    a, b = _frames(x), _frames(y)
    level = 20 * np.log10(np.linalg.norm(a, axis=1) + 1e-12)
    kept = level > level.max(initial=-np.inf) - _RANGE_DB
    return _overlap_added(a[kept]), _overlap_added(b[kept])


def _overlap_added(frames: Array) -> Array:
    hop = _FRAME // 2
    total = np.zeros((frames.shape[0] + 1) * hop)
    for row, frame in enumerate(frames):
        total[row * hop : row * hop + _FRAME] += frame
    return total


def _third_octaves(signal: Array) -> Array:
    power = np.abs(np.fft.rfft(_frames(signal), _FFT, axis=1)) ** 2
    hz = np.fft.rfftfreq(_FFT, 1 / _RATE_HZ)
    centres = _LOWEST_HZ * 2.0 ** (np.arange(_BANDS) / 3)
    # The edges are rounded to bins, as in the authors' own code.
    low, high = (np.abs(hz[None, :] - (centres * 2.0 ** (s / 6))[:, None]).argmin(axis=1) for s in (-1, 1))
    return np.asarray(np.sqrt(np.array([power[:, a:b].sum(axis=1) for a, b in zip(low, high, strict=True)])))


def pesq(clean: Waveform, other: Waveform) -> float:
    """Wide-band PESQ (ITU-T P.862.2), MOS-LQO of 1.04 to 4.64, by the optional package `pesq`. Mono.

    That package holds the ITU's own C code, under the ITU's own terms of use: read them before you install it.

    Raises `ModelError` when the package is missing, `InputError` for clips without speech or shorter than 1/4 s.
    """
    try:
        library: Any = import_module("pesq")
    except ImportError as error:
        raise ModelError(
            "PESQ is not installed",
            "Run `pip install 'antiphon[pesq]'`; it is compiled while it is installed, by a C compiler of yours.",
        ) from error
    x, y = (resample(wave, _PESQ_HZ).samples[0] for wave in (clean, other))
    count = min(x.shape[0], y.shape[0])
    little = InputError("Too little speech for PESQ", "Give clips with at least half a second of speech.")
    if not x[:count].any() or not y[:count].any():
        raise little
    try:
        return float(library.pesq(_PESQ_HZ, x[:count], y[:count], "wb"))
    except (library.NoUtterancesError, library.BufferTooShortError) as error:
        raise little from error


def mel_distance(clean: Waveform, other: Waveform) -> float:
    """Mean absolute difference of natural log-mel (80 bands, 64 ms windows, 16 ms hop)."""
    window = clean.rate_hz * 64 // 1000
    matrix = mel_matrix(80, window, clean.rate_hz)
    count = min(clean.samples.shape[1], other.samples.shape[1])
    mels = [_log_mel(wave.samples[0, :count], window, matrix) for wave in (clean, other)]
    return float(np.abs(mels[0] - mels[1]).mean())


def _log_mel(signal: Samples, window: int, matrix: Samples) -> Samples:
    padded = np.pad(signal, window // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[:: window // 4] * hann(window)
    magnitude = np.abs(np.fft.rfft(frames, axis=1)) / window**0.5
    mel: Samples = np.log(magnitude.astype(np.float32) @ matrix + np.float32(1e-4))
    return mel


@dataclass(frozen=True, slots=True)
class Use:
    """Of one level: the share of codes that occurred, and the perplexity (codes that would occur equally often)."""

    share: float
    perplexity: float


def codebook_use(grids: list[TokenGrid], vocabulary: tuple[int, ...]) -> list[Use]:
    """For each level, over all grids together."""
    uses = []
    for level, size in enumerate(vocabulary):
        counts = np.bincount(np.concatenate([grid.tokens[level] for grid in grids]), minlength=size)
        p = counts[counts > 0] / counts.sum()
        uses.append(Use(float(np.mean(counts > 0)), float(np.exp(-(p * np.log(p)).sum()))))
    return uses
