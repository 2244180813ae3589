"""Foreign audio to the chip's registers: the nearest piece the chip can play, not the same sound.

Greedy, in blocks of 20 s: three times the path of pitches that explains most of the magnitude spectrum (harmonic
templates, dynamic programming over the frames) is taken out of it, bass first; what is left is drums and noise
(`percussion`).
"""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
import numpy.typing as npt

from antiphon.codecs.base import Tokens
from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip.percussion import WINDOW, Grid, add_percussion, how_tokens_near, magnitudes
from antiphon.codecs.chip.tables import Floats32, frequency_hz

_BLOCK: Final = 1200  # frames
_FINE: Final = 4  # steps of the salience in a semitone
_SEMITONES: Final = lay.PITCHES // lay.STEPS_PER_SEMITONE
_HARMONICS: Final = 10
_CHANGE_COST: Final = 0.06  # of the block's strongest salience, for going to another semitone
_AUDIBLE: Final = 0.12  # of the block's strongest salience
_LEAST: Final = 1e-3  # salience below which nothing is a voice
_BASS_BELOW: Final = 30  # semitones above the lowest pitch (F#3)


def transcribe(samples: Floats32) -> Tokens:
    """[2, n] samples at the chip's rate, n > 0: [10, ceil(n / 735)] canonical tokens."""
    frames = -(-samples.shape[1] // lay.FRAME_SAMPLES)
    margin = (WINDOW - lay.FRAME_SAMPLES) // 2
    after = frames * lay.FRAME_SAMPLES - samples.shape[1] + WINDOW - lay.FRAME_SAMPLES - margin
    padded = np.pad(samples, [(0, 0), (margin, after)])
    blocks = []
    for start in range(0, frames, _BLOCK):
        end = min(start + _BLOCK, frames)
        stretch = padded[:, start * lay.FRAME_SAMPLES : (end - 1) * lay.FRAME_SAMPLES + WINDOW]
        blocks.append(_block(stretch))
    return np.concatenate(blocks, axis=1)


def _block(samples: Floats32) -> Tokens:
    ears = [magnitudes(ear) for ear in samples]
    rest = (ears[0] + ears[1]) / 2
    tokens = np.zeros((len(lay.VOCABULARY), len(rest)), dtype=np.uint16)
    strongest = 0.0
    for channel in (lay.TRIANGLE, 0, 1):
        salience = rest @ _templates().T  # [frames, fine pitches]
        strongest = max(strongest, float(np.quantile(salience.max(axis=1), 0.98)))
        if channel == lay.TRIANGLE:
            salience[:, _BASS_BELOW * _FINE :] = 0.0
        pitch = _path(salience, max(strongest, _LEAST))
        rows = np.maximum(pitch, 0)
        loud = np.maximum(salience[np.arange(len(rest)), rows], 0.0) * (pitch >= 0)
        part = loud[:, None] * _templates()[rows]
        shares = [_share(ear, part, rest) for ear in ears]
        rest = np.maximum(rest - part, 0.0)
        duty = _duty(ears[0] + ears[1], pitch) if channel < lay.PULSES else np.zeros(len(rest), dtype=np.intp)
        how = how_tokens_near(channel, _peak_of(channel) * np.stack(shares, axis=1) * loud[:, None], duty)
        what = 1 + rows * (lay.STEPS_PER_SEMITONE // _FINE)
        tokens[2 * channel : 2 * channel + 2] = np.where((pitch >= 0) & (how > 0), [what, how], 0)
    add_percussion(tokens, rest, ears)
    return tokens


@functools.cache
def _templates() -> Grid:
    """[fine pitches, bins] magnitudes of harmonics 1/h, each row of length 1."""
    midi = lay.LOWEST_MIDI + np.arange(_SEMITONES * _FINE) / _FINE
    rows = np.zeros((len(midi), WINDOW // 2 + 1))
    bins = np.arange(WINDOW // 2 + 1)
    for harmonic in range(1, _HARMONICS + 1):
        centre = frequency_hz(midi) * harmonic * WINDOW / lay.RATE_HZ
        away = np.abs(bins[None] - centre[:, None])
        rows += np.where(away < 2, np.cos(np.pi * away / 4) ** 2, 0.0) / harmonic
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _path(salience: Grid, strongest: float) -> npt.NDArray[np.intp]:
    """[frames] fine pitches of the best path, -1 where nothing is worth a voice."""
    frames = len(salience)
    semitones = salience.reshape(frames, _SEMITONES, _FINE)
    gains = np.concatenate([semitones.max(axis=2) / strongest, np.full((frames, 1), _AUDIBLE)], axis=1)
    score, origin = gains[0], np.zeros(gains.shape, dtype=np.intp)
    states = np.arange(_SEMITONES + 1)
    for frame in range(1, frames):
        best = int(score.argmax())
        moved = score[best] - _CHANGE_COST
        origin[frame] = np.where(score >= moved, states, best)
        score = np.maximum(score, moved) + gains[frame]
    path = np.empty(frames, dtype=np.intp)
    path[-1] = int(score.argmax())
    for frame in range(frames - 1, 0, -1):
        path[frame - 1] = origin[frame, path[frame]]
    inside = np.minimum(path, _SEMITONES - 1)
    fine = inside * _FINE + semitones[np.arange(frames), inside].argmax(axis=1)
    return np.where(path < _SEMITONES, fine, -1)


def _share(ear: Grid, part: Grid, rest: Grid) -> Grid:
    """[frames] how loud a part is in one ear, relative to the middle."""
    weight = part * np.minimum(part, rest)
    return np.asarray((weight * ear).sum(axis=1) / np.maximum((weight * rest).sum(axis=1), 1e-9))


@functools.cache
def _peak_of(channel: int) -> float:
    """Amplitude of the channel's wave for a template of strength 1."""
    fundamental = 2.0 / np.sqrt((1.0 / np.arange(1, _HARMONICS + 1) ** 2).sum() * 2 * 1.5)
    return float(fundamental * (0.6 if channel < lay.PULSES else 1.0))


def _duty(ears: Grid, pitch: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """[frames] index of the duty whose second and third harmonics, against the first, are nearest."""
    hz = frequency_hz(lay.LOWEST_MIDI + np.maximum(pitch, 0) / _FINE)
    places = np.rint(hz[:, None] * [1, 2, 3] * WINDOW / lay.RATE_HZ).astype(np.intp)
    heard = np.take_along_axis(ears, np.minimum(places, ears.shape[1] - 1), axis=1)
    seen = heard[:, 1:] / np.maximum(heard[:, :1], 1e-6)
    harmonics = np.arange(1, 4)
    wanted = np.abs(np.sin(np.pi * harmonics * np.array(lay.DUTIES[:3])[:, None])) / harmonics
    return np.asarray((np.abs(seen[:, None] - (wanted[:, 1:] / wanted[:, :1])[None]) ** 2).sum(axis=2).argmin(axis=1))
