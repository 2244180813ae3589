"""Is a recording the speech of one person? Not music, not noise, not a conversation."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from antiphon.analysis.activity import active_frames, levels_db
from antiphon.analysis.features import HOP, RATE_HZ, mono_16k
from antiphon.analysis.pitch import pitch
from antiphon.analysis.speaker import embed_signal
from antiphon.audio.waveform import Samples, Waveform
from antiphon.errors import InputError

WINDOW_S = 1.6
_LOUD_DB = 35.0
MIN_VOICED_S = 0.6
MIN_VOICED, MAX_VOICED = 0.12, 0.97
"""Share of the sounding frames that have a pitch: whispers and noise have less, held notes have more."""

MAX_STEADY = 0.35
"""Share of the voiced frames whose pitch stays within 2 cents a frame: speech glides, instruments hold."""

MIN_AGREEMENT = 0.57
"""Cosine of the two groups of windows. Twelve recorded speakers alone had 0.65 and more, six pairs 0.25 to 0.66."""

_MOST_WINDOWS = 8
_MUSIC = ("The reference sounds like music, not like speech", "Record a few sentences without music.")


@dataclass(frozen=True, slots=True)
class SingleSpeaker:
    """What was found: pitch in Hz every 10 ms (0: none), seconds with a pitch and their share, the share of held pitch,
    and how well the recording's two halves agree."""

    track_hz: Samples
    voiced_s: float
    voiced: float
    steady: float
    agreement: float


def examine(audio: Waveform) -> SingleSpeaker:
    """Looks at mono or stereo audio of at least a second."""
    signal = mono_16k(audio)
    track = pitch(signal)
    active = active_frames(signal)[: track.shape[0]]
    sounding = np.zeros(track.shape[0], np.bool_)
    sounding[: active.shape[0]] = active
    has_pitch = (track > 0) & sounding
    both = has_pitch[1:] & has_pitch[:-1]
    cents = 1200 * np.abs(np.diff(np.log2(np.maximum(track, 1.0))))[both]
    return SingleSpeaker(
        track_hz=track,
        voiced_s=float(has_pitch.sum()) * 0.01,
        voiced=float(has_pitch.sum() / max(1, sounding.sum())),
        steady=float((cents < 2.0).mean()) if cents.size else 0.0,
        agreement=_agreement(signal),
    )


def require_one_voice(audio: Waveform) -> SingleSpeaker:
    """What was found. Raises `InputError` for a recording without speech, of music, or of several speakers."""
    found = examine(audio)
    if found.voiced_s < MIN_VOICED_S or found.voiced < MIN_VOICED:
        raise InputError(
            f"The reference holds only {found.voiced_s:.1f} s of voiced speech",
            "Record a few sentences of one person, without music.",
        )
    if found.steady > MAX_STEADY or found.voiced > MAX_VOICED:
        raise InputError(*_MUSIC)
    if found.agreement < MIN_AGREEMENT:
        raise InputError(
            f"The reference seems to hold several speakers (parts agree by {found.agreement:.2f})",
            "Cut it so that only one person speaks.",
        )
    return found


def _agreement(signal: Samples) -> float:
    """The cosine between the two groups into which the windows' speaker embeddings fall; 1 when there are too few.

    A group has two windows at least: a single odd one is a cough, not a speaker.
    """
    width = int(WINDOW_S * RATE_HZ)
    loud = levels_db(signal)
    kept = signal[: loud.shape[0] * HOP].reshape(-1, HOP)[loud > np.percentile(loud, 95) - _LOUD_DB].ravel()
    count = kept.shape[0] // width
    if count < 4:
        return 1.0
    starts = np.linspace(0, kept.shape[0] - width, min(count, _MOST_WINDOWS)).astype(int)
    windows = np.stack([embed_signal(kept[start : start + width]) for start in starts])
    count = len(starts)
    agreement = 1.0
    # Each pair of windows begins two groups; the clearest division counts.
    for first, second in itertools.combinations(range(count), 2):
        nearer = windows @ windows[first] > windows @ windows[second]
        if 2 <= nearer.sum() <= count - 2:
            one, other = windows[nearer].sum(axis=0), windows[~nearer].sum(axis=0)
            agreement = min(agreement, float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other))))
    return agreement
