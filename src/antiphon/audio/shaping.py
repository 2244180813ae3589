"""How speech is brought to its listener: its pace, pitch and loudness changed after it was made and judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antiphon.audio.resampling import Resampler
from antiphon.audio.stretching import MAX_STRETCH, MIN_STRETCH, Stretcher
from antiphon.audio.waveform import Waveform

_GRID_HZ = 100
"""Rates that a shift of pitch is made by are multiples of this: filters of other ratios are long."""


@dataclass(frozen=True, slots=True)
class Shape:
    """`faster`: times its pace. `pitch`: times its fundamental frequency; formants move with it. `gain_db`."""

    faster: float = 1.0
    pitch: float = 1.0
    gain_db: float = 0.0

    @property
    def fits(self) -> bool:
        """Whether the stretch that pace and pitch ask for together can be made."""
        return MIN_STRETCH <= self.faster / self.pitch <= MAX_STRETCH


PLAIN = Shape()


class Shaper:
    """Mono pieces of whatever rate become one stream of `rate_hz` in a shape. Samples beyond full scale are cut."""

    def __init__(self, rate_hz: int, shape: Shape = PLAIN) -> None:
        self._rate_hz, self._pitch = rate_hz, shape.pitch
        self._stretcher = Stretcher(rate_hz, shape.faster / shape.pitch)
        self._gain = np.float32(10 ** (shape.gain_db / 20))
        self._resampler: Resampler | None = None
        self._from_hz = 0

    def push(self, wave: Waveform) -> Waveform:
        """What is ready, `[1, T]`, possibly nothing."""
        ready = []
        if self._resampler is not None and wave.rate_hz != self._from_hz:  # another node took over
            ready.append(self._stretcher.push(self._resampler.finish()))
            self._resampler = None
        if self._resampler is None:
            self._from_hz = wave.rate_hz
            self._resampler = Resampler(self._taken_hz, self._rate_hz)
        ready.append(self._stretcher.push(self._resampler.push(Waveform(wave.samples, self._taken_hz))))
        return self._loud(ready)

    def finish(self) -> Waveform:
        """The rest."""
        ready = [] if self._resampler is None else [self._stretcher.push(self._resampler.finish())]
        return self._loud([*ready, self._stretcher.finish()])

    @property
    def _taken_hz(self) -> int:
        """A recording that is played faster than it was made sounds higher; the stretch gives it its time back."""
        if self._pitch == 1.0:
            return self._from_hz
        return max(_GRID_HZ, round(self._from_hz * self._pitch / _GRID_HZ) * _GRID_HZ)

    def _loud(self, pieces: list[Waveform]) -> Waveform:
        samples = np.concatenate([piece.samples for piece in pieces], axis=1)
        if self._gain != 1.0:
            samples = np.clip(samples * self._gain, -1.0, 1.0)
        return Waveform(samples, self._rate_hz)
