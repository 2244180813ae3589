"""Music as its analysis sees it: signal, spectra and onsets of one waveform, each computed once and shared."""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from antiphon.analysis.chroma import Floats, Peaks, chroma_of, peaks_of
from antiphon.analysis.features import hann
from antiphon.audio.waveform import Samples, Waveform

RATE_HZ = 22_050
"""Tempo, key and structure live below 11 kHz."""
LENGTH, HOP = 2_048, 256
FRAMES_PER_S = RATE_HZ / HOP
LONG, LONG_HOP = 8_192, 2_048
"""A window of 372 ms tells neighbouring semitones apart from 55 Hz upwards."""
BANDS = 36
_LOWEST_HZ, _HIGHEST_HZ = 30.0, 10_500.0
_BLOCK = 256  # frames transformed at once: bounds the memory of long clips


class Sound:
    """Views of one waveform. Attributes are computed when first read; one thread at a time."""

    def __init__(self, audio: Waveform) -> None:
        self.audio = audio

    @property
    def seconds(self) -> float:
        return self.audio.duration_s

    @cached_property
    def mono(self) -> Samples:
        """The mean of the channels at 22.05 kHz, `[samples]`."""
        mono = np.asarray(self.audio.samples.mean(axis=0, dtype=np.float32))
        if self.audio.rate_hz == RATE_HZ:
            return mono
        import soxr

        return np.asarray(soxr.resample(mono, self.audio.rate_hz, RATE_HZ), dtype=np.float32)

    @cached_property
    def bands(self) -> Samples:
        """Power in `BANDS` bands of equal ratio, 30 Hz to 10.5 kHz, `[frames, BANDS]`, 86.1 frames a second."""
        edges = _edges()
        blocks = [np.add.reduceat(power, edges, axis=1)[:, :BANDS] for power in _powers(self.mono, LENGTH, HOP)]
        return np.concatenate(blocks)

    @cached_property
    def decibels(self) -> Samples:
        """`bands` in dB below the loudest band of the clip, not below -80, `[frames, BANDS]`."""
        loudest = float(self.bands.max(initial=0.0)) or 1.0
        return np.asarray(10 * np.log10(np.maximum(self.bands / loudest, 1e-8)), dtype=np.float32)

    @cached_property
    def flux(self) -> Floats:
        """How much louder each frame is than what came before, `[frames]`: spectral flux with a maximum filter over
        neighbouring bands, so that vibrato is no onset (Boeck & Widmer, "Maximum filter vibrato suppression for onset
        detection", DAFx 2013)."""
        levels = np.maximum(self.decibels, -60.0)
        widened = np.maximum(levels, np.maximum(np.roll(levels, 1, axis=1), np.roll(levels, -1, axis=1)))
        flux = np.zeros(levels.shape[0])
        flux[2:] = np.maximum(0.0, levels[2:] - widened[:-2]).mean(axis=1)
        return flux

    @cached_property
    def spectrum(self) -> Samples:
        """Magnitudes over long windows, `[frames, LONG / 2 + 1]`, 10.8 frames a second."""
        return np.asarray(np.sqrt(np.concatenate(_powers(self.mono, LONG, LONG_HOP))))

    @cached_property
    def peaks(self) -> Peaks:
        """Spectral peaks of `spectrum`."""
        return peaks_of(self.spectrum, RATE_HZ / LONG)

    @cached_property
    def chroma(self) -> Floats:
        """Pitch classes of `spectrum`, `[frames, 12]`."""
        return chroma_of(self.peaks, self.spectrum.shape[0])


def _powers(signal: Samples, length: int, hop: int) -> list[Samples]:
    if signal.shape[0] < length:
        signal = np.pad(signal, (0, length - signal.shape[0]))
    frames = np.lib.stride_tricks.sliding_window_view(signal, length)[::hop]
    blocks = []
    for start in range(0, frames.shape[0], _BLOCK):
        spectrum = np.fft.rfft(frames[start : start + _BLOCK] * hann(length), axis=1)
        blocks.append((spectrum.real**2 + spectrum.imag**2).astype(np.float32))
    return blocks


@lru_cache(maxsize=1)
def _edges() -> npt.NDArray[np.intp]:
    """First bin of each band, and the end of the last; at least one bin each."""
    edges = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, BANDS + 1) * LENGTH / RATE_HZ
    rounded = np.round(edges).astype(np.intp)
    for n in range(1, rounded.shape[0]):
        rounded[n] = max(rounded[n], rounded[n - 1] + 1)
    return rounded
