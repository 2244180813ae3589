"""Spectral peaks and what pitch classes they speak for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.audio.waveform import Samples

_LOWEST_HZ, _HIGHEST_HZ = 55.0, 2_100.0
_PEAK_RANGE = 0.01  # -40 dB below the loudest peak of the clip
_HARMONICS = 4
_DECAY = 0.6

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Peaks:
    """Frame, frequency and magnitude of each peak, `[peaks]` each."""

    frame: Places
    hertz: Floats
    height: Floats

    @property
    def pitch(self) -> Floats:
        """MIDI note numbers, with fractions."""
        return 69 + 12 * np.log2(self.hertz / 440.0)

    @property
    def tuning(self) -> float:
        """Offset from A = 440 Hz in semitones, -0.5 to 0.5: the circular mean of all peaks."""
        return float(np.angle(np.sum(self.height * np.exp(2j * np.pi * self.pitch))) / (2 * np.pi))


def peaks_of(spectrum: Samples, bin_hz: float) -> Peaks:
    """Peaks of magnitudes `[frames, bins]` in 55-2,100 Hz, refined by a parabola through their logarithms (Smith &
    Serra, "PARSHL", 1987)."""
    low, high = int(_LOWEST_HZ / bin_hz), int(_HIGHEST_HZ / bin_hz)
    part = spectrum[:, low - 1 : high + 2]
    middle, left, right = part[:, 1:-1], part[:, :-2], part[:, 2:]
    least = max(_PEAK_RANGE * float(part.max(initial=0.0)), 1e-6)
    frame, column = np.nonzero((middle > left) & (middle >= right) & (middle > least))
    a, b, c = (np.log(np.maximum(side[frame, column], 1e-12)).astype(np.float64) for side in (left, middle, right))
    offset = np.clip(0.5 * (a - c) / np.minimum(a - 2 * b + c, -1e-9), -0.5, 0.5)
    return Peaks(frame, (column + low + offset) * bin_hz, middle[frame, column].astype(np.float64))


def chroma_of(peaks: Peaks, frames: int) -> Floats:
    """Harmonic pitch class profile of each frame, `[frames, 12]`, C first, its highest value 1 (Gomez, "Tonal
    description of polyphonic audio", 2006): each peak speaks for all pitches it may be a harmonic of."""
    chroma = np.zeros((frames, 12))
    if not peaks.hertz.size:
        return chroma
    tuned = peaks.pitch - peaks.tuning
    for harmonic in range(1, _HARMONICS + 1):
        target = tuned - 12 * np.log2(harmonic)
        nearest = np.round(target)
        share = peaks.height * _DECAY ** (harmonic - 1) * np.cos(np.pi * (target - nearest)) ** 2
        np.add.at(chroma, (peaks.frame, nearest.astype(np.intp) % 12), share)
    highest = chroma.max(axis=1, keepdims=True)
    return np.asarray(np.divide(chroma, highest, out=np.zeros_like(chroma), where=highest > 0))
