"""Band-limited wave tables, noise sequences, gains and ramps: everything the synthesiser looks up.

Each oscillator table is a sum of harmonics that ends below 20 kHz for the highest pitch it serves, so nothing folds
back; what remains are the images of linear interpolation, measured at or below -80 dB (tests/codecs/test_chip_synth).
All values are rounded to 2^-22: libraries that differ in the last bit of a sine still give the same chip.
"""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
import numpy.typing as npt

from antiphon.codecs.chip import layout as lay

Floats32 = npt.NDArray[np.float32]
Complexes = npt.NDArray[np.complex64]

TABLE_BITS: Final = 13
_TABLE: Final = 1 << TABLE_BITS
_BAND_STEPS: Final = 3 * lay.STEPS_PER_SEMITONE  # pitches that share a table
BANDS: Final = lay.PITCHES // _BAND_STEPS
_TOP_HZ: Final = 20_000.0
TRIANGLE_SHAPE: Final = len(lay.DUTIES)

RAMP: Final = 64
"""Samples (1.5 ms) over which a channel crosses from what it was to what it becomes."""

_DROOP: Final = 0.25
"""Corner of the coupling capacitor in multiples of the pitch. It also makes no stretch of a pulse flat, so that
even the softest pitch can be told from less than a period and through 16 bits."""

GAINS: Final = (0.22, 0.203, 0.25, 0.131, 0.171)
"""Full-scale amplitude of each channel; the sum is below 1, so no registers can clip."""

START_PHASES: Final = (0, 1_592_183_621, 715_827_883)  # of 2^32: pulse 1, pulse 2, triangle

LONG_STEPS: Final = 32_767
SHORT_STEPS: Final = 93


def frequency_hz(midi: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Equal temperament, A4 = 440 Hz."""
    return np.asarray(440.0 * 2.0 ** ((np.asarray(midi, dtype=np.float64) - 69.0) / 12.0))


@functools.cache
def increments() -> npt.NDArray[np.uint32]:
    """[pitch tokens] turns of 2^32 a sample; 0 for the token 0."""
    midi = lay.LOWEST_MIDI + np.arange(lay.PITCHES) / lay.STEPS_PER_SEMITONE
    turns = np.rint(frequency_hz(midi) * 2.0**32 / lay.RATE_HZ)
    return np.concatenate([[0], turns]).astype(np.uint32)


def table_of(shape: npt.ArrayLike, pitch: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """Row of `waves()` for a shape (index of DUTIES, or TRIANGLE_SHAPE) at a pitch token."""
    band = np.maximum(np.asarray(pitch, dtype=np.intp) - 1, 0) // _BAND_STEPS
    return np.asarray(np.asarray(shape, dtype=np.intp) * BANDS + band)


@functools.cache
def waves() -> Complexes:
    """[(shapes * bands), 8192] one period each: the real part is the value, the imaginary the step to the next."""
    rows = np.stack([_shape(index) for index in range(TRIANGLE_SHAPE + 1)]).reshape(-1, _TABLE)
    values = _exact(rows)
    return np.asarray(values + 1j * (np.roll(values, -1, axis=1) - values), dtype=np.complex64)


def _shape(shape: int) -> npt.NDArray[np.float64]:
    """[bands, 8192] with the largest peak of all bands at 1."""
    harmonics = np.arange(1, _TABLE // 2)
    if shape == TRIANGLE_SHAPE:
        spectrum = np.where(harmonics % 2 == 1, 1.0 / harmonics**2, 0.0).astype(np.complex128)
    else:
        spectrum = (1.0 - np.exp(-2j * np.pi * harmonics * lay.DUTIES[shape])) / (2j * np.pi * harmonics)
        spectrum *= 1j * harmonics / (1j * harmonics + _DROOP)
    tables = np.zeros((BANDS, _TABLE))
    for band in range(BANDS):
        highest = frequency_hz(lay.LOWEST_MIDI + ((band + 1) * _BAND_STEPS - 1) / lay.STEPS_PER_SEMITONE)
        count = min(int(_TOP_HZ / highest), _TABLE // 8)
        taper = np.cos(0.5 * np.pi * np.clip(2.0 * harmonics / (count + 1) - 1.0, 0.0, 1.0)) ** 0.5
        tables[band] = np.fft.irfft(np.concatenate([[0], spectrum * taper, [0]]), _TABLE)
    return np.asarray(tables / np.abs(tables).max())


@functools.cache
def noise_steps() -> Floats32:
    """[2, 32767 + 736] the long and the short sequence of +-1 without their mean, repeated to the common length.

    Feedback register of 15 bits (Ricoh 2A03): bit 0 xor bit 1 gives 32,767 steps, bit 0 xor bit 6 gives 93.
    """
    width = LONG_STEPS + lay.FRAME_SAMPLES + 1
    rows = []
    for tap, steps in ((1, LONG_STEPS), (6, SHORT_STEPS)):
        register, bits = 1, []
        for _ in range(steps):
            bits.append(register & 1)
            register = (register >> 1) | (((register ^ (register >> tap)) & 1) << 14)
        signs = 1.0 - 2.0 * np.array(bits)
        centred = signs - signs.mean()
        rows.append(np.resize(centred / np.abs(centred).max(), width))
    return _exact(np.stack(rows)).astype(np.float32)


@functools.cache
def amplitudes() -> tuple[Floats32, ...]:
    """Per channel [how tokens, 2]: left and right amplitude. Pans follow the sine law: their power is constant."""
    loudness = np.arange(1, lay.VOLUMES + 1) / lay.VOLUMES
    angle = 0.5 * np.pi * np.arange(lay.PANS) / (lay.PANS - 1)
    sides = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    tables = []
    for channel, gain in enumerate(GAINS):
        shapes = len(lay.DUTIES) if channel < lay.PULSES else 1
        levels = gain * np.repeat(loudness, shapes)[:, None, None] * sides[None]
        tables.append(_exact(np.concatenate([np.zeros((1, 2)), levels.reshape(-1, 2)])).astype(np.float32))
    return tuple(tables)


@functools.cache
def ramp() -> tuple[Floats32, Floats32]:
    """[RAMP] rising and falling raised cosines; their sum is 1."""
    rise = _exact(0.5 - 0.5 * np.cos(np.pi * (np.arange(RAMP) + 0.5) / RAMP)).astype(np.float32)
    return rise, np.float32(1.0) - rise


def _exact(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.rint(values * 2.0**22) / 2.0**22)
