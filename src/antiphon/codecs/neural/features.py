"""What the encoder hears: log-mel frames and pitch, as NumPy. Training computes the very same numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon.audio.waveform import Samples
from antiphon.codecs.neural.layout import CodecConfig
from antiphon.codecs.neural.pitch import Track, track

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


def mel_matrix(bands: int, window: int, rate_hz: int) -> Array:
    """Triangles `[window // 2 + 1, bands]`, each summing to 1, so that bands of any width have like levels."""
    corners = mel_hz(bands, rate_hz)
    hz = np.fft.rfftfreq(window, 1.0 / rate_hz)[:, None]
    rising = (hz - corners[:-2]) / np.maximum(corners[1:-1] - corners[:-2], rate_hz / window)
    falling = (corners[2:] - hz) / np.maximum(corners[2:] - corners[1:-1], rate_hz / window)
    weights = np.maximum(0.0, np.minimum(rising, falling)) + 1e-9
    return (weights / weights.sum(axis=0)).astype(np.float32)


def hann(length: int) -> Array:
    """Periodic Hann window: shifted by a quarter of its length it sums to 2."""
    return (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length)).astype(np.float32)


def log_mel(signal: Samples, config: CodecConfig) -> Array:
    """Scaled log-mel `[2 T, bands]` of `[T * hop]` samples; frames are centred in halves of token frames."""
    half, window = config.hop // 2, config.mel_window
    padded = np.pad(signal, ((window - half) // 2, (window - half + 1) // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::half] * hann(window)
    magnitude = np.abs(np.fft.rfft(frames, axis=1)).astype(np.float32) / np.float32(np.sqrt(window))
    mel = magnitude @ mel_matrix(config.mel_bands, window, config.rate_hz)
    return (np.log(np.maximum(mel, FLOOR)) - np.float32(MEL_MEAN)) / np.float32(MEL_SCALE)


def pitch_channels(pitch: Track) -> Array:
    """Log F0 (octaves around the centre) and voicing, both about -1 to 1: `[2 T, 2]`."""
    voicing = np.clip(pitch.voicing, 0.0, 1.0)
    octaves = np.log2(pitch.f0_hz) - F0_CENTRE_OCTAVES
    return np.stack([octaves * voicing, 2.0 * voicing - 1.0], axis=1).astype(np.float32)


def stacked(mel: Array, pitch: Array) -> Array:
    """Encoder input `[features, T]` of `[2 T, bands]` and `[2 T, 2]`."""
    both = np.concatenate([mel, pitch], axis=1)
    return np.ascontiguousarray(both.reshape(both.shape[0] // 2, -1).T)


def encoder_input(signal: Samples, config: CodecConfig) -> Array:
    """`[features, T]` of `[T * hop]` samples at the codec's rate."""
    pitch = track(signal, config.rate_hz, config.hop // 2)
    return stacked(log_mel(signal, config), pitch_channels(pitch))
