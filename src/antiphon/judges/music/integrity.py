"""Integrity: is the delivery whole, as long as ordered, undamaged, and not somebody's earlier work?"""

from __future__ import annotations

import numpy as np

from antiphon.analysis import tempo
from antiphon.analysis.activity import FRAME_S, active_frames, levels_db
from antiphon.judges.fingerprints import History, fingerprint_signal
from antiphon.judges.music import copies
from antiphon.judges.music.clip import Clip, Figures, too_short
from antiphon.judges.speech.integrity import longest_run
from antiphon.services import MusicRequest

CLIPPED = 0.999
_GAP_S = (0.002, 0.03)  # shorter ones are a wave's own zeros, longer ones are rests
_GAP_LEVEL = 1e-4
_BESIDE_S = 0.004
_LOUD = 0.03
_ABRUPT = 0.1  # of the peak beside: players let go within a millisecond or more, lost buffers within a sample
_EDGE = 3  # samples


def work_of(request: MusicRequest) -> str:
    """One prompt and seed are one work: its windows and longer versions may share sections, anything else may not."""
    words = " ".join(request.prompt.split()).casefold()
    return "|".join(
        (str(request.seed), words, *(f"{name}={request.options[name]}" for name in sorted(request.options)))
    )


def whole(clip: Clip) -> Figures:
    """`length_error` of samples or rate against what was declared; `window_error` seconds missing or too many."""
    evidence, audio = clip.evidence, clip.audio
    samples = abs(audio.samples.shape[1] - evidence.declared_samples) / max(1, evidence.declared_samples)
    rate = abs(audio.rate_hz - evidence.declared_rate_hz) / max(1, evidence.declared_rate_hz)
    ordered_s = evidence.request.stop_s - evidence.request.start_s
    return {"length_error": max(samples, rate), "window_error": abs(audio.duration_s - ordered_s)}


def sounding(clip: Clip) -> Figures:
    """Pauses, level, clipping, direct current, and gaps that no player makes."""
    active = active_frames(clip.signal_16k)
    sound = levels_db(clip.signal_16k)[active]
    samples = clip.audio.samples
    return {
        "silence_share": float(1 - active.mean()) if active.size else 1.0,
        "longest_silence": longest_run(~active) * FRAME_S,
        "level_dbfs": float(10 * np.log10(np.mean(10 ** (sound / 10)))) if sound.size else -120.0,
        "clipping_share": float(np.mean(np.abs(samples) >= CLIPPED)),
        "dc_offset": float(np.abs(samples.mean(axis=1)).max()),
        "gaps_per_s": _gaps(clip) / clip.audio.duration_s,
    }


def duplicate(clip: Clip, history: History) -> Figures:
    """The highest similarity to an earlier delivery for another work; this one is remembered."""
    print_ = fingerprint_signal(clip.signal_16k)
    if not print_:
        return {"duplicate": "too little sound for a fingerprint"}
    work = work_of(clip.evidence.request)
    found = history.earlier(print_, work=work)
    history.add(print_, work=work)
    return {"duplicate": found.similarity}


def copied(clip: Clip, tunes: copies.Tunes) -> Figures:
    """The highest correlation with the tune of another work, whatever its tempo and key; this one is remembered."""
    if reason := too_short(clip, copies.MIN_S):
        return {"copy": reason}
    if clip.pulse.clarity < tempo.MIN_PULSE:
        return {"copy": "no pulse is heard"}
    work, bpm = work_of(clip.evidence.request), copies.folded(clip.pulse.best_bpm)
    likeness = tunes.likeness(clip.sound, bpm, work)
    tunes.add(clip.sound, bpm, work)
    return {"copy": likeness}


def _gaps(clip: Clip) -> int:
    """Holes of 2-30 ms in all channels with loud sound cut off on both sides: lost packets, cut buffers. A rest between
    two staccato notes is as short, but its notes end and begin with a slope."""
    loudest = np.abs(clip.audio.samples).max(axis=0)
    rate_hz = clip.audio.rate_hz
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loudest < _GAP_LEVEL, [False]])))
    starts, stops = edges[::2], edges[1::2]
    lengths = stops - starts
    holes = (lengths >= _GAP_S[0] * rate_hz) & (lengths <= _GAP_S[1] * rate_hz)
    beside = max(1, int(_BESIDE_S * rate_hz))
    return sum(
        1
        for start, stop in zip(starts[holes].tolist(), stops[holes].tolist(), strict=True)
        if _cut_off(loudest[max(0, start - beside) : start][::-1]) and _cut_off(loudest[stop : stop + beside])
    )


def _cut_off(away: np.ndarray) -> bool:
    """Whether sound, seen from a hole outwards, is loud and there at once."""
    peak = _peak(away)
    return peak > _LOUD and _peak(away[:_EDGE]) > _ABRUPT * peak


def _peak(samples: np.ndarray) -> float:
    return float(samples.max(initial=0.0))
