"""The panel: all judges of music. They measure and never decide; verdicts are `antiphon.economy.profiles`'.

What one validator of a process has measured, another gets from memory, keyed by all that a judge may look at. An error
inside a judge becomes an inconclusive measurement with its reason, never a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from antiphon.economy.measurement import Measurement
from antiphon.judges.fingerprints import History
from antiphon.judges.judging import measured, unmeasured
from antiphon.judges.memory import Memory, key_of
from antiphon.judges.music import adherence, integrity
from antiphon.judges.music.clip import Clip, Figures
from antiphon.judges.music.copies import Tunes
from antiphon.judges.music.evidence import MusicEvidence

REMEMBERED = 500
"""Clips whose measurements are kept."""

_INTEGRITY, _MUSIC = "integrity", "music"
_Judge = Callable[[Clip], Figures]


class MusicPanel:
    """Measures evidence with every judge of music. Thread-safe. `history` holds earlier deliveries' fingerprints."""

    def __init__(self, *, history: History | None = None) -> None:
        self._history = History() if history is None else history
        self._tunes = Tunes()
        self._memory: Memory[tuple[Measurement, ...]] = Memory(REMEMBERED)
        self._judges: tuple[tuple[str, _Judge, Mapping[str, str]], ...] = (
            (_INTEGRITY, integrity.whole, {"length_error": "ratio", "window_error": "s"}),
            (
                _INTEGRITY,
                integrity.sounding,
                {
                    "silence_share": "ratio",
                    "longest_silence": "s",
                    "level_dbfs": "dBFS",
                    "clipping_share": "ratio",
                    "dc_offset": "ratio",
                    "gaps_per_s": "1/s",
                },
            ),
            (_INTEGRITY, lambda clip: integrity.duplicate(clip, self._history), {"duplicate": "ratio"}),
            (_INTEGRITY, lambda clip: integrity.copied(clip, self._tunes), {"copy": "correlation"}),
            (
                _MUSIC,
                adherence.tone_figures,
                {"tonality": "ratio", "pitches": "1", "bandwidth_hz": "Hz", "drums_error": "0..1"},
            ),
            (_MUSIC, adherence.structure_figures, {"variety": "ratio", "repetition": "ratio"}),
            (_MUSIC, adherence.tempo_figures, {"tempo_bpm": "1/min", "tempo_support": "ratio"}),
            (_MUSIC, adherence.key_figures, {"key": "index", "key_fit": "correlation", "key_gap": "correlation"}),
            (
                _MUSIC,
                adherence.level_figures,
                dict.fromkeys(("energy", "energy_error", "brightness", "brightness_error"), "0..1"),
            ),
        )

    def measure(self, evidence: MusicEvidence) -> tuple[Measurement, ...]:
        """All measurements of one delivery."""
        return self._memory.get(_key(evidence), lambda: self._measure(evidence))

    def _measure(self, evidence: MusicEvidence) -> tuple[Measurement, ...]:
        audio = evidence.audio
        if audio is None or audio.samples.shape[1] == 0:
            reason = "the audio does not decode" if audio is None else "the audio holds no samples"
            missing = [
                unmeasured(judge, name, unit, reason)
                for judge, _, units in self._judges
                for name, unit in units.items()
            ]
            return (measured(_INTEGRITY, "decodes", "bool", 0.0), *missing)
        clip = Clip(evidence, audio)
        found = [figure for judge, measure, units in self._judges for figure in _guarded(judge, measure, units, clip)]
        return (measured(_INTEGRITY, "decodes", "bool", 1.0), *found)


def _guarded(judge: str, measure: _Judge, units: Mapping[str, str], clip: Clip) -> list[Measurement]:
    try:
        figures = measure(clip)
    except Exception as error:  # noqa: BLE001 - the panel's edge: an error is a reason, never a score
        reason = f"{type(error).__name__}: {error}"
        return [unmeasured(judge, name, unit, reason) for name, unit in units.items()]
    return [_figure(judge, name, unit, figures[name]) for name, unit in units.items()]


def _figure(judge: str, name: str, unit: str, value: float | str) -> Measurement:
    return unmeasured(judge, name, unit, value) if isinstance(value, str) else measured(judge, name, unit, value)


def _key(evidence: MusicEvidence) -> bytes:
    audio = evidence.audio
    return key_of(
        msgspec.json.encode(evidence.request),
        f"{evidence.declared_rate_hz}|{evidence.declared_samples}".encode(),
        b"" if audio is None else f"{audio.rate_hz}|{audio.samples.shape}".encode(),
        b"" if audio is None else audio.samples.tobytes(),
    )
