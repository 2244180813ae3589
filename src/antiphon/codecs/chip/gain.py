"""By how much the chip's own sound was made louder or softer afterwards, such as by loudness normalisation.

The first frame that sounds tells the waveforms and their amplitudes; each amplitude is the gain times one of 15
volumes and 5 pans, so a few gains are possible, fewer with every channel that sounds.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip.search import first_amplitudes
from antiphon.codecs.chip.tables import GAINS, Floats32

_TOLERANCE: Final = 2e-3  # relative, of amplitudes and pans
_AUDIBLE: Final = 1e-4  # what is less took part in the fit by chance
_LEAST_GAIN, _MOST_GAIN = 0.05, 50.0
_LOUDNESS: Final = np.arange(1, lay.VOLUMES + 1) / lay.VOLUMES


def possible_gains(frame: Floats32) -> list[float]:
    """Gains with which the first sounding `frame` [2, 735] of a piece can be the chip's; none for foreign audio."""
    parts = [(channel, sides) for channel, sides in first_amplitudes(frame) if np.abs(sides).max() > _AUDIBLE]
    if not parts:
        return []
    pans = [np.arctan2(right, left) * 2 * (lay.PANS - 1) / np.pi for _, (left, right) in parts]
    if any(abs(pan - round(float(pan))) > 10 * _TOLERANCE or not 0 <= round(float(pan)) < lay.PANS for pan in pans):
        return []
    sizes = sorted((float(np.hypot(*sides)) / GAINS[channel] for channel, sides in parts), reverse=True)
    gains = sizes[0] / _LOUDNESS
    for size in sizes[1:]:
        nearest = np.abs(size / gains[:, None] / _LOUDNESS - 1.0).min(axis=1)
        gains = gains[nearest < _TOLERANCE]
    return [float(gain) for gain in gains if _LEAST_GAIN <= gain <= _MOST_GAIN]
