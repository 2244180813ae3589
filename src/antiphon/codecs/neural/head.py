"""The source-filter head: from a few controls each 5 ms to samples, streamed. See docs/decisions/0006.

A pulse train with the predicted F0 (all harmonics below half the rate, equally strong) and white noise are cut into
windows of four steps; each is filtered by its predicted envelope with minimum phase (plus a learned phase for the
pulses), and the results are overlap-added. The phase of the pulses runs on from step to step, so nothing can click.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphon.codecs.neural.features import hann
from antiphon.codecs.neural.layout import CodecConfig

Array = npt.NDArray[np.float32]

NOISE_SEED = 20
"""Noise is the same in every decoding, so that equal tokens give equal samples."""

BEFORE, AFTER = 1, 2
"""Steps repeated at both ends, so that every sample lies in four windows."""

MIN_F0_HZ, MAX_F0_HZ = 50.0, 600.0
MIN_GAIN, MAX_GAIN = -14.0, 5.0
"""Bounds of the natural logarithm of an envelope."""


@dataclass(frozen=True, slots=True)
class Controls:
    """What a network says for each step: `f0_hz [S]`, log envelopes `[S, bands]`, `phase [S, bands]` in radians."""

    f0_hz: Array
    harmonic: Array
    noise: Array
    phase: Array

    @classmethod
    def split(cls, packed: Array, config: CodecConfig) -> Controls:
        """Of `[S, controls]`, as the network's last layer gives them."""
        edges = np.cumsum([1, config.harmonic_bands, config.noise_bands])
        f0, harmonic, noise, phase = np.split(packed, edges, axis=1)
        hz = np.exp2(np.clip(f0[:, 0].astype(np.float64), np.log2(MIN_F0_HZ), np.log2(MAX_F0_HZ)))
        harmonic, noise = (np.clip(envelope, MIN_GAIN, MAX_GAIN) for envelope in (harmonic, noise))
        return cls(hz.astype(np.float32), harmonic, noise, phase)


def band_matrix(bands: int, bins: int, rate_hz: int) -> Array:
    """Linear interpolation `[bands, bins]` from band centres (equally spaced in mel, ends included) to bins."""
    hz = np.linspace(0.0, rate_hz / 2, bins)
    mel = 2595.0 * np.log10(1.0 + hz / 700.0)
    position = mel / mel[-1] * (bands - 1)
    return np.asarray(np.maximum(0.0, 1.0 - np.abs(position[None, :] - np.arange(bands)[:, None])), np.float32)


def minimum_phase_matrix(bins: int) -> Array:
    """`[bins, bins]`: log magnitudes times this are the phases (radians) of the minimum-phase filter.

    The phase is the Hilbert transform of the log magnitude (Oppenheim & Schafer, section 12.1), a linear map: fold the
    real cepstrum onto positive time and transform back.
    """
    size = 2 * (bins - 1)
    cepstrum = np.fft.irfft(np.eye(bins), size, axis=1)
    cepstrum[:, 1 : size // 2] *= 2.0
    cepstrum[:, size // 2 + 1 :] = 0.0
    return np.ascontiguousarray(np.fft.rfft(cepstrum, axis=1).imag, dtype=np.float32)


def pulses(f0_hz: Array, before_hz: float, start: float, step: int, rate_hz: int) -> tuple[Array, float]:
    """`[S * step]` samples of unit power, and the phase (radians) after them.

    F0 runs straight from one step's value to the next; `before_hz` and `start` are those at the beginning. The sum of
    n cosines is Dirichlet's kernel; the next harmonic is faded in by the fraction of it that is below half the rate.
    """
    ramp = (np.arange(step) + 1.0) / step
    previous = np.concatenate([[before_hz], f0_hz[:-1]]).astype(np.float64)
    hz = (previous[:, None] + (f0_hz.astype(np.float64) - previous)[:, None] * ramp).reshape(-1)
    phase = start + 2.0 * np.pi * np.cumsum(hz / rate_hz)
    wrapped = (phase + np.pi) % (2.0 * np.pi) - np.pi
    harmonics = rate_hz / 2 / hz - 1.0
    whole = np.floor(harmonics)
    half = np.sin(wrapped / 2)
    safe = np.where(np.abs(half) < 1e-6, 1.0, half)
    kernel = np.where(np.abs(half) < 1e-6, whole, np.sin((whole + 0.5) * wrapped) / (2 * safe) - 0.5)
    total = kernel + (harmonics - whole) * np.cos((whole + 1) * wrapped)
    return (total * np.sqrt(4.0 * hz / rate_hz)).astype(np.float32), float(phase[-1] % (2.0 * np.pi))


class HeadStream:
    """Controls in by any number of steps, samples out; pieces concatenated do not depend on how they were cut.

    Window s covers the samples `[(s - 2) * step, (s + 2) * step)`. After `n` steps, the first `(n - 3) * step`
    samples are final (0 if fewer); `finish` gives the rest, `n * step` in all.
    """

    def __init__(self, config: CodecConfig) -> None:
        self._config = config
        bins = config.n_fft // 2 + 1
        self._harmonic, self._noise, self._phase = (
            band_matrix(bands, bins, config.rate_hz)
            for bands in (config.harmonic_bands, config.noise_bands, config.phase_bands)
        )
        minimum = minimum_phase_matrix(bins)
        self._harmonic_phase, self._noise_phase = self._harmonic @ minimum, self._noise @ minimum
        self._window = hann(4 * config.step) / 2
        self._random = np.random.Generator(np.random.Philox(NOISE_SEED))
        self._source = np.zeros((2, 3 * config.step), np.float32)  # pulses and noise not yet in all their windows
        self._tail = np.zeros(config.n_fft, np.float32)
        self._pulse_phase = 0.0
        self._last: Controls | None = None
        self._skip = 3 * config.step  # the first windows begin before the first sample

    def push(self, controls: Controls) -> Array:
        """`[samples]` that are final after these steps."""
        steps = controls.f0_hz.shape[0]
        if not steps:
            return np.zeros(0, np.float32)
        before = float(controls.f0_hz[0]) if self._last is None else float(self._last.f0_hz[-1])
        first = _repeated(controls, 0, BEFORE) if self._last is None else None
        excited, self._pulse_phase = pulses(
            controls.f0_hz, before, self._pulse_phase, self._config.step, self._config.rate_hz
        )
        noise = self._random.standard_normal(excited.shape[0], dtype=np.float32)
        # Window s needs the source to (s + 2) * step, so its controls wait for one step.
        waiting = first if self._last is None else self._last
        assert waiting is not None
        ready = _joined(waiting, controls)
        self._last = _taken(ready, slice(-1, None))
        return self._filtered(_taken(ready, slice(None, -1)), np.stack([excited, noise]))

    def finish(self) -> Array:
        """The last samples; the stream is over."""
        if self._last is None:
            return np.zeros(0, np.float32)
        silence = np.zeros((2, 3 * self._config.step), np.float32)
        ended = _repeated(self._last, 0, 1 + AFTER)
        return self._filtered(ended, silence)

    def _filtered(self, controls: Controls, source: Array) -> Array:
        step, size = self._config.step, self._config.n_fft
        steps = controls.f0_hz.shape[0]
        held = np.concatenate([self._source, source], axis=1)
        windows = np.lib.stride_tricks.sliding_window_view(held, 4 * step, axis=1)[:, ::step][:, :steps]
        self._source = held[:, steps * step :]
        spectrum = np.fft.rfft(windows * self._window, size, axis=2)
        voice = _response(
            controls.harmonic @ self._harmonic, controls.harmonic @ self._harmonic_phase + controls.phase @ self._phase
        )
        breath = _response(controls.noise @ self._noise, controls.noise @ self._noise_phase)
        mixed = spectrum[0] * voice + spectrum[1] * breath
        pieces = np.fft.irfft(mixed, size, axis=1)
        return self._added(pieces.astype(np.float32))

    def _added(self, pieces: Array) -> Array:
        step, size = self._config.step, self._config.n_fft
        total = np.zeros(pieces.shape[0] * step + size, np.float32)
        total[:size] = self._tail
        for row, piece in enumerate(pieces):
            total[row * step : row * step + size] += piece
        final = pieces.shape[0] * step
        self._tail = total[final : final + size].copy()
        skipped = min(self._skip, final)
        self._skip -= skipped
        return total[skipped:final]


def _response(log_gain: Array, phase: Array) -> npt.NDArray[np.complex64]:
    # Twice as fast as the exponential of a complex number, which does not vectorise.
    gain = np.exp(log_gain)
    response = np.empty(gain.shape, np.complex64)
    response.real, response.imag = gain * np.cos(phase), gain * np.sin(phase)
    return response


def _taken(controls: Controls, steps: slice) -> Controls:
    return Controls(controls.f0_hz[steps], controls.harmonic[steps], controls.noise[steps], controls.phase[steps])


def _joined(*parts: Controls) -> Controls:
    names = ("f0_hz", "harmonic", "noise", "phase")
    return Controls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _repeated(controls: Controls, step: int, times: int) -> Controls:
    return _joined(*[_taken(controls, slice(step, step + 1))] * times)


def render(controls: Controls, config: CodecConfig) -> Array:
    """All samples `[S * step]` of all controls."""
    stream = HeadStream(config)
    return np.concatenate([stream.push(controls), stream.finish()])
