"""What the encoder hears: log-mel frames and pitch, as NumPy. Training computes the very same numbers."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from antiphon.analysis.pitch import F0Track, track_f0
from antiphon.audio.waveform import Samples
from antiphon.codecs.neural.layout import CodecConfig

Array = npt.NDArray[np.float32]

FLOOR = 1e-5
MEL_MEAN, MEL_SCALE = -4.0, 3.0
"""Log-mel values of speech lie about here; fixed numbers, so that no statistics travel with the model."""

F0_CENTRE_OCTAVES = 7.4
"""log2 of 169 Hz, between men and women."""


def mel_hz(bands: int, rate_hz: int) -> npt.NDArray[np.float64]:
    """`bands + 2` corner frequencies, equally spaced in mel (HTK) from 20 Hz to half the rate."""
    low, high = (2595.0 * np.log10(1.0 + f / 700.0) for f in (20.0, rate_hz / 2))
    return np.asarray(700.0 * (10.0 ** (np.linspace(low, high, bands + 2) / 2595.0) - 1.0))


@cache
def mel_matrix(bands: int, window: int, rate_hz: int) -> Array:
    """Triangles `[window // 2 + 1, bands]`, each summing to 1, so that bands of any width have like levels."""
    corners = mel_hz(bands, rate_hz)
    hz = np.fft.rfftfreq(window, 1.0 / rate_hz)[:, None]
    rising = (hz - corners[:-2]) / np.maximum(corners[1:-1] - corners[:-2], rate_hz / window)
    falling = (corners[2:] - hz) / np.maximum(corners[2:] - corners[1:-1], rate_hz / window)
    weights = np.maximum(0.0, np.minimum(rising, falling)) + 1e-9
    return np.asarray(weights / weights.sum(axis=0), np.float32)


@cache
def hann(length: int) -> Array:
    """Periodic Hann window: shifted by a quarter of its length it sums to 2."""
    return (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length)).astype(np.float32)


def log_mel(signal: Samples, *, hop: int, window: int, bands: int, rate_hz: int) -> Array:
    """Scaled log-mel `[samples // hop, bands]`; frames are centred in the hops."""
    padded = np.pad(signal, ((window - hop) // 2, (window - hop + 1) // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop] * hann(window)
    magnitude = np.abs(np.fft.rfft(frames, axis=1)).astype(np.float32) / np.float32(np.sqrt(window))
    mel = magnitude @ mel_matrix(bands, window, rate_hz)
    return (np.log(np.maximum(mel, FLOOR)) - np.float32(MEL_MEAN)) / np.float32(MEL_SCALE)


def pitch_channels(pitch: F0Track) -> Array:
    """Log F0 (octaves around the centre) and voicing, both about -1 to 1: `[2 T, 2]`."""
    voicing = np.clip(pitch.voicing, 0.0, 1.0)
    octaves = np.log2(pitch.f0_hz) - F0_CENTRE_OCTAVES
    return np.stack([octaves * voicing, 2.0 * voicing - 1.0], axis=1).astype(np.float32)


def features(signal: Samples, pitch: F0Track, config: CodecConfig) -> Array:
    """Encoder input `[features, T]` of `[T * hop]` samples and the pitch of their half frames."""
    half, frames = config.hop // 2, signal.shape[0] // config.hop
    wide = log_mel(signal, hop=half, window=config.mel_window, bands=config.mel_bands, rate_hz=config.rate_hz)
    fine = log_mel(signal, hop=config.step, window=config.fine_window, bands=config.fine_bands, rate_hz=config.rate_hz)
    both = np.concatenate([wide, pitch_channels(pitch)], axis=1)
    return np.ascontiguousarray(np.concatenate([both.reshape(frames, -1), fine.reshape(frames, -1)], axis=1).T)


def encoder_input(signal: Samples, config: CodecConfig) -> Array:
    """`[features, T]` of `[T * hop]` samples at the codec's rate."""
    return features(signal, track_f0(signal, config.rate_hz, config.hop // 2), config)
