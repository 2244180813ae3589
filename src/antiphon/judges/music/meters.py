"""All meters of music. They measure and never decide; verdicts are `antiphon.economy.scoring`'s.

What one validator of a process has measured, another gets from memory, keyed by all that a judge may look at. An error
inside a judge becomes an inconclusive measurement with its reason, never a number.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from antiphon.economy.measurement import Measurement
from antiphon.judges.fingerprints import History
from antiphon.judges.memory import Memory, key_of
from antiphon.judges.metric import Metric, unmeasured
from antiphon.judges.metrics import (
    BASS,
    COPY,
    DECODES,
    DUPLICATE,
    DYNAMICS,
    FIDELITY,
    FORM,
    FORM_GAP,
    KEYS,
    LEVELS,
    METER,
    READ,
    SOUNDING,
    STYLE,
    TEMPI,
    TONES,
    WHOLE,
)
from antiphon.judges.music import adherence, fidelity, integrity, wishes
from antiphon.judges.music.clip import Clip, Figures
from antiphon.judges.music.copies import Tunes
from antiphon.judges.music.evidence import MusicEvidence

REMEMBERED = 500
"""Clips whose measurements are kept."""

_Judge = Callable[[Clip], Figures]
_Judges = tuple[tuple[_Judge, tuple[Metric, ...]], ...]

_OF_FIXED: _Judges = (
    (integrity.whole, WHOLE),
    (integrity.sounding, SOUNDING),
    (fidelity.fidelity_figures, FIDELITY),
)
"""Of what an order fixes: it may be like somebody's earlier work, and have no key."""


class MusicMeters:
    """Measures evidence with every judge of music. Thread-safe. `history` holds earlier deliveries' fingerprints."""

    def __init__(self, *, history: History | None = None) -> None:
        self._history = History() if history is None else history
        self._tunes = Tunes()
        self._memory: Memory[tuple[Measurement, ...]] = Memory(REMEMBERED)
        self._of_prompts: _Judges = (
            (integrity.whole, WHOLE),
            (integrity.sounding, SOUNDING),
            (lambda clip: integrity.duplicate(clip, self._history), (DUPLICATE,)),
            (lambda clip: integrity.copied(clip, self._tunes), (COPY,)),
            (adherence.tone_figures, TONES),
            (adherence.structure_figures, FORM),
            (adherence.tempo_figures, TEMPI),
            (adherence.key_figures, KEYS),
            (adherence.level_figures, LEVELS),
            (wishes.read_figures, (READ,)),
            (wishes.meter_figures, (METER,)),
            (wishes.style_figures, (STYLE,)),
            (wishes.part_figures, (BASS,)),
            (wishes.dynamics_figures, (DYNAMICS,)),
            (wishes.form_figures, (FORM_GAP,)),
        )

    def measure(self, evidence: MusicEvidence) -> tuple[Measurement, ...]:
        """All measurements of one delivery."""
        return self._memory.get(_key(evidence), lambda: self._measure(evidence))

    def _measure(self, evidence: MusicEvidence) -> tuple[Measurement, ...]:
        audio = evidence.audio
        judges = _OF_FIXED if evidence.request.fixed else self._of_prompts
        if audio is None or audio.samples.shape[1] == 0:
            reason = "the audio does not decode" if audio is None else "the audio holds no samples"
            missing = [one for _, metrics in judges for one in unmeasured(metrics, reason)]
            return (DECODES.measured(0.0), *missing)
        clip = Clip(evidence, audio)
        found = [figure for measure, metrics in judges for figure in _guarded(measure, metrics, clip)]
        return (DECODES.measured(1.0), *found)


def _guarded(measure: _Judge, metrics: tuple[Metric, ...], clip: Clip) -> tuple[Measurement, ...]:
    try:
        figures = measure(clip)
    except Exception as error:  # noqa: BLE001 - the edge of what measures: an error is a reason, never a score
        return unmeasured(metrics, f"{type(error).__name__}: {error}")
    return tuple(metric.found(figures[metric.name]) for metric in metrics)


def _key(evidence: MusicEvidence) -> bytes:
    audio = evidence.audio
    return key_of(
        msgspec.json.encode(evidence.request),
        f"{evidence.declared_rate_hz}|{evidence.declared_samples}".encode(),
        b"" if audio is None else f"{audio.rate_hz}|{audio.samples.shape}".encode(),
        b"" if audio is None else audio.samples.tobytes(),
    )
