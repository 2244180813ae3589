"""Speech or music? A singer's or an instrument's pitch is held, a speaker's never stands still."""

from __future__ import annotations

import numpy as np

from antiphon.analysis.pitch import pitch
from antiphon.audio.waveform import Samples

SPEECH, MUSIC = "speech", "music"

STILL_SEMITONES = 0.03
"""Neighbouring 10 ms frames this near count as one held pitch."""

STILL_SHARE = 0.16
"""Of 60 clips of recorded and synthetic speech all had less, of 59 pieces of music all had more."""

MIN_VOICED_FRAMES = 20
LOOK_S = 30.0


def held_share(track_hz: Samples) -> float | None:
    """Share of voiced frames whose pitch stands still, or None when hardly anything has a pitch."""
    voiced = track_hz > 0
    both = voiced[1:] & voiced[:-1]
    if np.count_nonzero(both) < MIN_VOICED_FRAMES:
        return None
    steps = np.abs(np.diff(12 * np.log2(np.where(voiced, track_hz, 1.0))))[both]
    return float(np.mean(steps < STILL_SEMITONES))


def kind_of(signal: Samples, rate_hz: int) -> str:
    """`SPEECH` or `MUSIC`, from the first `LOOK_S` of mono 16 kHz sound. Without any pitch: speech."""
    share = held_share(pitch(signal[: int(LOOK_S * rate_hz)]))
    return MUSIC if share is not None and share > STILL_SHARE else SPEECH
