"""The sound of one channel: unit waveforms [frames, samples] from a channel's state, before gains and ramps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip.tables import LONG_STEPS, SHORT_STEPS, TABLE_BITS, Floats32, noise_steps, waves

Phases = npt.NDArray[np.uint32]
Ints = npt.NDArray[np.int64]

_FRACTION_BITS = 32 - TABLE_BITS
_FRACTION = np.uint32((1 << _FRACTION_BITS) - 1)
_PERIODS = np.array([LONG_STEPS, SHORT_STEPS])
_DIVIDERS = np.array(lay.NOISE_DIVIDERS)


def oscillator(phase: Phases, increment: Phases, table: npt.NDArray[np.intp], samples: int) -> Floats32:
    """[F, samples] of one wave table a frame, read with linear interpolation from `phase` (turns of 2^32)."""
    turns: Phases = np.multiply(increment[:, None], np.arange(samples, dtype=np.uint32), dtype=np.uint32)
    turns += phase[:, None]
    fraction = (turns & _FRACTION).astype(np.float32)
    fraction *= np.float32(2.0**-_FRACTION_BITS)
    turns >>= np.uint32(_FRACTION_BITS)
    places = turns.astype(np.intp)
    places += table[:, None] << TABLE_BITS
    found = np.take(waves(), places)
    fraction *= found.imag
    fraction += found.real
    return np.asarray(fraction)


def noise(what: Ints, step: Ints, elapsed: Ints, samples: int) -> Floats32:
    """[F, samples] of the noise `what` (tokens > 0), `elapsed` samples after it began with `step`."""
    short, period = np.divmod(what - 1, len(lay.NOISE_DIVIDERS))
    divider = _DIVIDERS[period]
    first, offset = np.divmod(elapsed, divider)
    places = (offset[:, None] + np.arange(samples)).astype(np.int32)
    places //= divider[:, None].astype(np.int32)
    sequence = noise_steps()
    begin = (step + first) % _PERIODS[short] + short * sequence.shape[1]
    return np.asarray(np.take(sequence, places + begin[:, None]))


def noise_used(what: Ints, elapsed: Ints) -> Ints:
    """Steps that a noise has begun after `elapsed` samples."""
    return np.asarray(-(-elapsed // _DIVIDERS[(what - 1) % len(lay.NOISE_DIVIDERS)]))
