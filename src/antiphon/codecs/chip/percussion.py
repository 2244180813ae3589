"""Foreign audio to the chip's drums and noise: what has no pitch.

Noise is the floor of the spectrum: the median of each group of neighbouring bins, which tones hardly move. A stroke is
a sudden rise of that floor and of the lowest bins; the drum is the one whose beginning looks most like the rise.
"""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
import numpy.typing as npt

from antiphon.codecs.base import Tokens
from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip import voices
from antiphon.codecs.chip.drums import drum_frames
from antiphon.codecs.chip.tables import Floats32, amplitudes

WINDOW: Final = 4096
_GROUP: Final = 32  # bins, 345 Hz
_LOW: Final = 32  # bins in which a kick sounds
_LEAD: Final = 4  # frames over which a stroke rises
_STROKE: Final = 0.3  # of the block's strong rises
_AUDIBLE: Final = 0.1  # of the loudest frames
_NOISY: Final = 0.3  # of a frame, to be played as noise

Grid = npt.NDArray[np.floating]  # [frames, bins] magnitudes


def magnitudes(samples: Floats32) -> Grid:
    """[frames, bins]: amplitude 1 of a sine is a peak of 1."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[:: lay.FRAME_SAMPLES]
    shape = np.hanning(WINDOW).astype(np.float32)
    return np.abs(np.fft.rfft(windows * shape, axis=1)).astype(np.float32) * np.float32(2.0 / shape.sum())


def how_tokens_near(channel: int, wanted: Grid, duty: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """[frames] *how* tokens whose left and right amplitudes are nearest to `wanted` [frames, 2]."""
    shapes = len(lay.DUTIES) if channel < lay.PULSES else 1
    table = amplitudes()[channel][1:].reshape(lay.VOLUMES, shapes, lay.PANS, 2)[:, 0].reshape(-1, 2)
    table = np.concatenate([np.zeros((1, 2)), table])
    nearest = ((wanted[:, None] - table[None]) ** 2).sum(axis=2).argmin(axis=1)
    volume, pan = np.divmod(nearest - 1, lay.PANS)
    return np.where(nearest > 0, 1 + (volume * shapes + duty) * lay.PANS + pan, 0)


def add_percussion(tokens: Tokens, rest: Grid, ears: list[Grid]) -> None:
    """Write drums and noise into `tokens` for the magnitudes that the voices left in `rest`."""
    total = np.linalg.norm(ears[0] + ears[1], axis=1) / 2
    sides = np.stack([np.linalg.norm(ear, axis=1) for ear in ears], axis=1) / np.maximum(total, 1e-9)[:, None]
    floor = _floor(rest)
    noises, levels = _noise_templates()
    fits = floor @ noises.T
    period = fits.argmax(axis=1)
    loud = np.maximum(fits.max(axis=1), 0.0) / levels[period]
    silent = np.zeros(len(rest), dtype=np.intp)
    how = how_tokens_near(lay.NOISE, loud[:, None] * sides, silent)
    noisy = (how > 0) & (np.linalg.norm(floor, axis=1) * np.sqrt(_GROUP) > _NOISY * total)
    for at, drum, strength in _strokes(rest, floor, total):
        stroke = 1 + drum * lay.TUNINGS - lay.LOWEST_TUNING
        level = how_tokens_near(lay.SAMPLE, strength * sides[at : at + 1], silent[:1])[0]
        if level:
            tokens[2 * lay.SAMPLE : 2 * lay.SAMPLE + 2, at] = stroke, level
            noisy[max(at - _LEAD, 0) : at + len(drum_frames(stroke))] = False
    tokens[2 * lay.NOISE : 2 * lay.NOISE + 2] = np.where(noisy, [1 + period, how], 0)


def _strokes(rest: Grid, floor: Grid, total: Grid) -> list[tuple[int, int, float]]:
    """(frame, drum, amplitude) of each stroke."""
    heard = _features(rest, floor)
    rise = np.maximum(heard - np.concatenate([np.repeat(heard[:1], _LEAD, axis=0), heard])[: len(heard)], 0.0)
    templates, levels = _drum_templates()
    fits = rise @ templates.T
    strength = fits.max(axis=1)
    least = max(_STROKE * float(np.quantile(strength, 0.98)), _AUDIBLE * float(np.quantile(total, 0.9)), 1e-4)
    padded = np.pad(strength, _LEAD)
    summit = np.lib.stride_tricks.sliding_window_view(padded, 2 * _LEAD + 1).max(axis=1)
    found = []
    for frame in np.flatnonzero((strength >= summit) & (strength > least)):
        drum = int(fits[frame].argmax())
        found.append((int(frame), drum, float(strength[frame] / levels[drum])))
    return found


def _floor(grid: Grid) -> Grid:
    """[frames, groups] medians."""
    return np.asarray(np.median(grid[:, :-1].reshape(len(grid), -1, _GROUP), axis=2))


def _features(grid: Grid, floor: Grid) -> Grid:
    """[frames, groups + lowest bins] of one scale."""
    return np.concatenate([floor * np.sqrt(_GROUP), grid[:, :_LOW]], axis=1)


@functools.cache
def _noise_templates() -> tuple[Grid, Grid]:
    """[16, groups] mean floors of the long noises to length 1, and [16] those lengths for amplitude 1."""
    what, nothing = np.arange(1, len(lay.NOISE_DIVIDERS) + 1), np.zeros(len(lay.NOISE_DIVIDERS), dtype=np.int64)
    frames = [voices.noise(what, nothing, nothing + n * lay.FRAME_SAMPLES, lay.FRAME_SAMPLES) for n in range(60)]
    return _normal(np.stack([_floor(magnitudes(wave)).mean(axis=0) for wave in np.concatenate(frames, axis=1)]))


@functools.cache
def _drum_templates() -> tuple[Grid, Grid]:
    """[drums, features] of each drum's beginning to length 1, and [drums] those lengths for amplitude 1."""
    rows = []
    for drum in range(len(lay.DRUMS)):
        start = drum_frames(1 + drum * lay.TUNINGS - lay.LOWEST_TUNING).ravel()[: WINDOW // 2]
        heard = magnitudes(np.pad(start, (WINDOW // 2, WINDOW // 2 - len(start))))
        rows.append(_features(heard, _floor(heard))[0])
    return _normal(np.stack(rows))


def _normal(rows: Grid) -> tuple[Grid, Grid]:
    lengths = np.linalg.norm(rows, axis=1)
    return rows / lengths[:, None], lengths
