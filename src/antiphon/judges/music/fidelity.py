"""Fidelity: where an order fixes every note, is that what is heard? Compared with the chip's own rendering of it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from antiphon.analysis.sound import Sound
from antiphon.judges.music.clip import Clip, Figures
from antiphon.music import fixed

_FLOOR_DB = -50.0
"""Of the loudest band: below it lie a codec's leftovers."""
_SILENT_DB = -80.0

Floats = npt.NDArray[np.floating]


def fidelity_figures(clip: Clip) -> Figures:
    """`notes_fidelity` and `sound_fidelity`: correlation of pitch classes, and of levels in bands, frame by frame;
    `loudness_error`, dB."""
    own = Sound(fixed.sound(clip.evidence.request))
    ours_db, heard_db = (_level_db(one) for one in (own, clip.sound))
    figures: Figures = {"loudness_error": abs(ours_db - heard_db)}
    if min(ours_db, heard_db) <= _SILENT_DB:  # a rest as long as the window is delivered as a rest
        return figures | dict.fromkeys(("notes_fidelity", "sound_fidelity"), float(ours_db == heard_db))
    return figures | {
        "notes_fidelity": _likeness(own.chroma, clip.sound.chroma, axis=1),
        "sound_fidelity": _likeness(_levels(own), _levels(clip.sound), axis=0),
    }


def _level_db(sound: Sound) -> float:
    """Of all channels together, dB below full scale; not below silence."""
    power = float(np.mean(np.square(sound.audio.samples, dtype=np.float64))) if sound.audio.samples.size else 0.0
    return max(_SILENT_DB, 10 * math.log10(max(power, 1e-12)))


def _levels(sound: Sound) -> Floats:
    return np.maximum(sound.decibels, _FLOOR_DB)


def _likeness(own: Floats, heard: Floats, *, axis: int) -> float | str:
    """Correlation of what varies along `axis`; 0 where nothing is heard that does."""
    frames = min(len(own), len(heard))
    first, second = (one[:frames] - one[:frames].mean(axis=axis, keepdims=True) for one in (own, heard))
    size = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    if size[0] == 0:
        return "nothing in it changes"
    return float((first * second).sum() / (size[0] * size[1])) if size[1] else 0.0
