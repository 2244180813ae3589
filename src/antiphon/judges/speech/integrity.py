"""Integrity: is it whole, as long as declared, and plausible as speech of this text? No model, a few milliseconds."""

from __future__ import annotations

from itertools import groupby

import numpy as np

from antiphon.analysis.activity import FRAME_S, Mask, levels_db
from antiphon.economy.measurement import Measurement
from antiphon.judges.fingerprints import History, fingerprint_signal
from antiphon.judges.metric import unmeasured
from antiphon.judges.metrics import DECODES, SPEECH_INTEGRITY
from antiphon.judges.speech.evidence import (
    Evidence,
    active_of,
    missing_audio,
    signal_of,
)
from antiphon.judges.speech.wording import normalise

_CLIPPED = 0.999


class IntegrityMeter:
    """Ten figures about the samples themselves.

    `decodes` 1 or 0; `length_error` of samples or rate against what was declared; `chars_per_s` letters of the spoken
    text per second from first to last sound, at speed 1; `silence_share`, `longest_silence` (s); `clipping_share` of
    samples at full scale; `dc_offset`; `level_dbfs` of the sound without its pauses; `duplicate` highest similarity to
    an earlier delivery for other work.
    """

    name = "integrity"

    def __init__(self, *, history: History | None = None) -> None:
        self._history = History() if history is None else history

    def load(self) -> None:
        """Nothing to load."""

    def measure(self, evidence: Evidence) -> tuple[Measurement, ...]:
        reason = missing_audio(evidence)
        decodes = DECODES.measured(0.0 if reason else 1.0)
        if reason:
            return (decodes, *unmeasured(SPEECH_INTEGRITY, reason))
        values = {
            "length_error": _length_error(evidence),
            "chars_per_s": _chars_per_s(evidence),
            "clipping_share": _clipping_share(evidence),
            "dc_offset": _dc_offset(evidence),
            "duplicate": self._duplicate(evidence),
            **_pauses(evidence),
        }
        return (decodes, *(metric.found(values[metric.name]) for metric in SPEECH_INTEGRITY))

    def _duplicate(self, evidence: Evidence) -> float | str:
        print_ = fingerprint_signal(signal_of(evidence))
        if not print_:
            return "too little sound for a fingerprint"
        work = normalise(evidence.request.text, evidence.request.language)
        found = self._history.earlier(print_, work=work)
        self._history.add(print_, work=work)
        return found.similarity


def longest_run(silent: Mask) -> int:
    """Length of the longest run of True."""
    return max((sum(1 for _ in run) for value, run in groupby(silent.tolist()) if value), default=0)


def _length_error(evidence: Evidence) -> float:
    assert evidence.audio is not None
    samples = abs(evidence.audio.samples.shape[1] - evidence.declared_samples) / max(1, evidence.declared_samples)
    rate = abs(evidence.audio.rate_hz - evidence.declared_rate_hz) / max(1, evidence.declared_rate_hz)
    return float(max(samples, rate))


def _chars_per_s(evidence: Evidence) -> float | str:
    sounding = np.flatnonzero(active_of(evidence))
    if sounding.size == 0:
        return "there is no sound"
    request = evidence.request
    letters: int = len(normalise(request.text, request.language).replace(" ", ""))
    if letters == 0:
        return "the text has no letters"
    frames = int(sounding[-1] - sounding[0]) + 1
    return letters / (frames * FRAME_S * request.speed)


def _pauses(evidence: Evidence) -> dict[str, float | str]:
    active = active_of(evidence)
    levels = levels_db(signal_of(evidence))
    sound = levels[active]
    power = float(np.mean(10 ** (sound / 10))) if sound.size else 1e-12
    return {
        "silence_share": float(1 - active.mean()) if active.size else 1.0,
        "longest_silence": longest_run(~active) * FRAME_S,
        "level_dbfs": float(10 * np.log10(power)),
    }


def _clipping_share(evidence: Evidence) -> float:
    assert evidence.audio is not None
    return float(np.mean(np.abs(evidence.audio.samples) >= _CLIPPED))


def _dc_offset(evidence: Evidence) -> float:
    assert evidence.audio is not None
    return float(np.abs(evidence.audio.samples.mean(axis=1)).max())
