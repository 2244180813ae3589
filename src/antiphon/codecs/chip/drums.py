"""The built-in drums, synthesised at first use from a fixed seed."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip.tables import Floats32

_Signal = npt.NDArray[np.float64]
_PEAK = 0.999
_SEED = 20_260


@functools.cache
def drum_frames(token: int) -> Floats32:
    """[frames, 735] of the drum and tuning of one trigger token; empty for 0."""
    if token == 0:
        return np.zeros((0, lay.FRAME_SAMPLES), dtype=np.float32)
    drum, tuning = divmod(token - 1, lay.TUNINGS)
    base = _untuned(drum)
    # Another length of the same spectrum is another pitch; what would pass half the rate is left out.
    length = round(len(base) * 2.0 ** (-(tuning + lay.LOWEST_TUNING) / 12.0))
    spectrum = np.fft.rfft(base)[: length // 2 + 1]
    tuned = np.fft.irfft(spectrum, length) * (length / len(base))
    frames = -(-length // lay.FRAME_SAMPLES)
    padded = np.zeros(frames * lay.FRAME_SAMPLES)
    padded[:length] = tuned * (_PEAK / np.abs(tuned).max())
    return np.asarray((np.rint(padded * 2.0**20) / 2.0**20).reshape(frames, -1), dtype=np.float32)


@functools.cache
def _untuned(drum: int) -> _Signal:
    makers: tuple[Callable[[np.random.Generator], _Signal], ...] = (_kick, _snare, _hat, _tom, _clap, _cymbal)
    return makers[drum](np.random.default_rng([_SEED, drum]))


def _time(seconds: float) -> _Signal:
    return np.arange(round(seconds * lay.RATE_HZ)) / lay.RATE_HZ


def _envelope(t: _Signal, decay_s: float, attack_s: float = 0.0005) -> _Signal:
    """Exponential decay with a raised-cosine attack, brought to 0 at the end."""
    rise = 0.5 - 0.5 * np.cos(np.pi * np.minimum(t / attack_s, 1.0))
    fall = np.minimum((t[-1] - t) / 0.01, 1.0)
    return np.asarray(rise * np.exp(-t / decay_s) * fall)


def _sweep(t: _Signal, from_hz: float, to_hz: float, decay_s: float) -> _Signal:
    """Sine whose pitch falls exponentially."""
    cycles = to_hz * t + (from_hz - to_hz) * decay_s * (1.0 - np.exp(-t / decay_s))
    return np.asarray(np.sin(2 * np.pi * cycles))


def _hiss(generator: np.random.Generator, samples: int, low_hz: float, high_hz: float) -> _Signal:
    """White noise between two frequencies with soft skirts, standard deviation about 1."""
    spectrum = np.fft.rfft(generator.normal(size=samples))
    hz = np.maximum(np.fft.rfftfreq(samples, 1 / lay.RATE_HZ), 1e-3)
    shape = 1.0 / np.sqrt((1.0 + (low_hz / hz) ** 6) * (1.0 + (hz / high_hz) ** 8))
    noise = np.fft.irfft(spectrum * shape, samples)
    return np.asarray(noise / noise.std())


def _kick(generator: np.random.Generator) -> _Signal:
    t = _time(0.26)
    click = 0.12 * _hiss(generator, len(t), 1_000.0, 6_000.0) * _envelope(t, 0.004)
    return np.asarray(_sweep(t, 190.0, 46.0, 0.035) * _envelope(t, 0.09, 0.001) + click)


def _snare(generator: np.random.Generator) -> _Signal:
    t = _time(0.22)
    body = 0.7 * _sweep(t, 260.0, 180.0, 0.03) * _envelope(t, 0.05)
    return np.asarray(body + 0.35 * _hiss(generator, len(t), 900.0, 10_000.0) * _envelope(t, 0.06))


def _hat(generator: np.random.Generator) -> _Signal:
    t = _time(0.08)
    return np.asarray(_hiss(generator, len(t), 6_500.0, 15_000.0) * _envelope(t, 0.018))


def _tom(generator: np.random.Generator) -> _Signal:
    t = _time(0.32)
    skin = 0.05 * _hiss(generator, len(t), 500.0, 4_000.0) * _envelope(t, 0.02)
    return np.asarray(_sweep(t, 210.0, 105.0, 0.06) * _envelope(t, 0.11, 0.001) + skin)


def _clap(generator: np.random.Generator) -> _Signal:
    t = _time(0.24)
    noise = _hiss(generator, len(t), 800.0, 6_000.0)
    bursts = [_envelope(np.maximum(t - late, 0.0), 0.006) * (t >= late) for late in (0.0, 0.011, 0.022)]
    return np.asarray(noise * (sum(bursts) + 0.8 * _envelope(np.maximum(t - 0.03, 0.0), 0.06) * (t >= 0.03)))


def _cymbal(generator: np.random.Generator) -> _Signal:
    t = _time(0.8)
    ring = sum(
        np.sin(2 * np.pi * hz * t + phase) for hz, phase in zip((3_412, 4_617, 5_839, 7_213), range(4), strict=True)
    )
    return np.asarray((_hiss(generator, len(t), 4_000.0, 14_000.0) + 0.25 * ring) * _envelope(t, 0.22))
