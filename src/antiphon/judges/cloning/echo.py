"""Echo: how much of a clip is a recording that was played again, in whatever pieces and however lightly changed.

`fingerprints.similarity` asks whether two clips are one; this asks, block by block, whether the clip's sound lies
anywhere in the reference, so cuts and joined pieces are found too. Speech that was sped up or pitched is found by
shifting the fingerprint's bands with it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphon.analysis.features import RATE_HZ, mono_16k
from antiphon.audio.waveform import Samples, Waveform
from antiphon.judges.fingerprints import Bits, power_frames, rising_bits, unpack

BLOCK = 24
"""Frames of 16 ms: a block (0.38 s) is about two syllables. Shorter ones agree by chance, longer ones span cuts."""

COPIED = 0.43
"""Blocks that agree better than this (1 = every bit) are copied. By chance .30 to .35 in the median, of one speaker,
.48 at best; copies .49 (stretched by 10%), .6 (pieces of .4 s), .8 and more (cut, equalised, re-encoded)."""

PITCHES = (0.88, 0.91, 0.94, 0.97, 1.0, 1.03, 1.06, 1.09, 1.12)
"""Factors tried. A band is 7.6% wide, so half a step between two of these changes few bits."""

_SILENT = 1e-4
_RANGE_DB = 35.0  # blocks of frames quieter than the loudest by more are pauses

MAX_S = 30.0
"""Of longer clips the beginning is compared."""


def echo_share(audio: Waveform, print_: bytes) -> float | None:
    """Share of the clip's sounding blocks that lie in the recording with that fingerprint. None: too little sound."""
    reference = unpack(print_)
    signal = mono_16k(audio)[: int(MAX_S * RATE_HZ)]
    power = power_frames(signal)
    if power.shape[0] <= BLOCK or reference.shape[0] < BLOCK or np.abs(signal).max() < _SILENT:
        return None
    sounding = _sounding(power)
    if not sounding.any():
        return None
    agreement = np.max([_best_agreement(rising_bits(power, pitch), reference) for pitch in PITCHES], axis=0)
    return float(np.mean(agreement[sounding] > COPIED))


def _best_agreement(audio: Bits, reference: Bits) -> Samples:
    """For each block of the audio the best agreement with any place of the reference, `[blocks]`."""
    agreement = _signs(audio) @ _signs(reference).T / audio.shape[1]  # [audio frames, reference frames]
    along = np.zeros((agreement.shape[0] + 1, agreement.shape[1] + 1), dtype=np.float32)
    for row, values in enumerate(agreement):  # sums along diagonals: frames of both advance together
        np.add(along[row, :-1], values, out=along[row + 1, 1:])
    best: Samples = (along[BLOCK:, BLOCK:] - along[:-BLOCK, :-BLOCK]).max(axis=1) / np.float32(BLOCK)
    return best


def _signs(bits: Bits) -> Samples:
    return np.where(bits, np.float32(1), np.float32(-1))


def _sounding(power: Samples) -> npt.NDArray[np.bool_]:
    """Blocks of which most frames are sound, `[blocks]`; as many as `_best_agreement` gives."""
    levels = 10 * np.log10(power.mean(axis=1) + 1e-12)[1:]
    loud = np.concatenate([[0], np.cumsum(levels > levels.max() - _RANGE_DB)])
    return np.asarray(2 * (loud[BLOCK:] - loud[:-BLOCK]) > BLOCK)
