"""The sound chip's registers behind a piece: those it was made from, or the nearest that would sound like it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from antiphon.audio.resampling import resample
from antiphon.audio.waveform import Waveform
from antiphon.codecs.base import TokenGrid

EXACT = 1.0 / 32_768
"""Largest difference, beyond rounding to 16 bits, of a rendering from what it was made from."""


@dataclass(frozen=True, slots=True)
class Registers:
    """`exact`: the grid's own sound, at one gain, is this audio to the rounding of 16 bits; else a transcription."""

    grid: TokenGrid
    exact: bool


def registers_of(wave: Waveform) -> Registers | None:
    """The grid of a piece, or None when nothing in it can be played by the chip."""
    from antiphon.codecs.chip import ChipCodec

    codec = ChipCodec()
    stereo = wave if wave.samples.shape[0] <= 2 else Waveform(wave.samples[:2], wave.rate_hz)
    grid = codec.encode(stereo)
    if not grid.tokens.any():
        return None
    if wave.rate_hz != codec.rate_hz:
        return Registers(grid, exact=False)
    own = codec.decode(grid).samples
    heard = np.broadcast_to(resample(stereo, codec.rate_hz).samples, (2, stereo.samples.shape[1]))
    both = min(own.shape[1], heard.shape[1])
    played, written = own[:, :both].astype(np.float64), heard[:, :both].astype(np.float64)
    gain = float((played * written).sum() / max(float((played**2).sum()), 1e-12))
    return Registers(grid, exact=bool(np.abs(gain * played - written).max(initial=0.0) <= EXACT * max(1.0, gain)))
