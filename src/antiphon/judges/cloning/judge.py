"""The judge of cloned voices: enrolments by what they claim, clones by what their profile promises.

A profile comes from outside: whoever made it may have written what no honest rendering meets, to have honest nodes
punished. So when a limit is violated the order is rendered here too, and when our own rendering violates all of those
limits as well it is nobody's fault: `clone.order` is then inconclusive. A limit that our rendering keeps could be kept.
"""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from antiphon.analysis.speaker import embed_independent
from antiphon.audio.waveform import Waveform
from antiphon.economy.measurement import Measurement
from antiphon.economy.scoring import violations
from antiphon.errors import InputError, ModelError, UnavailableError
from antiphon.judges.cloning.echo import echo_share
from antiphon.judges.cloning.enrolment import Enrolments
from antiphon.judges.cloning.expectation import clone_expectation
from antiphon.judges.cloning.profile import Render, as_travelled, waveform_of
from antiphon.judges.cloning.profiles import CLONE
from antiphon.judges.cloning.timing import duration_error, same_time
from antiphon.judges.cloning.voiceprint import Voiceprint, expected
from antiphon.judges.memory import Memory, key_of
from antiphon.judges.metrics import (
    CLONE_DURATION,
    CLONE_ECHO,
    CLONE_ORDER,
    CLONE_TIMING,
    CLONE_VOICE,
    DECODES,
    LENGTH_ERROR,
)
from antiphon.judges.speech.evidence import Evidence, VoiceReference
from antiphon.judges.speech.panel import JudgePanel
from antiphon.protocol import canonical
from antiphon.services import CloneRequest, EnrolRequest, SpeechRequest

REMEMBERED = 1_000
_RENDERINGS = 64

_UNHEARD = "?"  # a speech order needs a text; this one has no words, so `words` stays inconclusive

Figures = tuple[Measurement, ...]


class CloneJudge:
    """Measures enrolments and clones with the panel's judges and its own. Thread-safe; nothing is measured twice."""

    def __init__(self, panel: JudgePanel, render: Render) -> None:
        self._panel = panel
        self._render = render
        self._enrolments = Enrolments(panel, self._rendered)
        self._results: Memory[Figures] = Memory(REMEMBERED)
        self._renderings: Memory[Waveform] = Memory(_RENDERINGS)
        self._texts: Memory[str] = Memory(REMEMBERED)

    def measure_enrolment(self, request: EnrolRequest, result: bytes | None) -> Figures:
        """Of a delivered voice profile (None: nothing readable was delivered)."""
        key = key_of(b"enrolment", canonical.pack(request), b"-" if result is None else b"+" + result)
        return self._results.get(key, lambda: self._enrolments.measure(request, result))

    def measure_clone(
        self,
        request: CloneRequest,
        audio: Waveform | None,
        *,
        declared_rate_hz: int,
        declared_samples: int,
        places: bytes = b"",
    ) -> Figures:
        """Of delivered audio, mono (None: it does not decode); `places` as in `Evidence`."""
        sound = b"-" if audio is None else f"{audio.rate_hz}|".encode() + audio.samples.tobytes()
        declared = f"{declared_rate_hz}|{declared_samples}".encode()
        key = key_of(b"clone", canonical.pack(request), declared, sound, places)
        return self._results.get(key, lambda: self._clone(request, audio, declared_rate_hz, declared_samples, places))

    def _clone(
        self, request: CloneRequest, audio: Waveform | None, rate_hz: int, samples: int, places: bytes
    ) -> Figures:
        figures = self._figures(request, audio, rate_hz, samples, places)
        return (*figures, self._order(request, violations(CLONE.expecting(clone_expectation(request)), figures)))

    def _order(self, request: CloneRequest, violated: Set[str]) -> Measurement:
        """1 when the order can be met as far as anybody knows; inconclusive when it cannot, or nobody can tell."""
        if not violated or violated & {DECODES.key, LENGTH_ERROR.key}:
            return CLONE_ORDER.measured(1.0)
        try:
            own = self._rendered(request)
        except UnavailableError as error:
            return CLONE_ORDER.unmeasured(f"it cannot be rendered here: {error.what}")
        except InputError as error:
            return CLONE_ORDER.unmeasured(f"the order cannot be met: {error.what}")
        figures = self._figures(request, own, own.rate_hz, own.samples.shape[1], b"")
        if violated <= violations(CLONE.expecting(clone_expectation(request)), figures):
            return CLONE_ORDER.unmeasured(f"the order cannot be met: we miss {', '.join(sorted(violated))} too")
        return CLONE_ORDER.measured(1.0)

    def _rendered(self, request: CloneRequest) -> Waveform:
        return self._renderings.get(key_of(canonical.pack(request)), lambda: as_travelled(self._render(request)))

    def _figures(
        self, request: CloneRequest, audio: Waveform | None, rate_hz: int, samples: int, places: bytes
    ) -> Figures:
        """All but `order`."""
        try:
            own = expected(request.profile, request.blend)
            why = "" if own else f"no reference for one of the voices {', '.join(request.blend)}"
        except InputError as error:
            own, why = None, error.what
        order = SpeechRequest(
            text=self._text(request), voice=request.profile.engine, language=request.language, speed=request.speed
        )
        reference = VoiceReference(embedding=own.voice if own else None)
        evidence = Evidence(order, audio, rate_hz, samples, reference, places)
        heard = self._panel.measure(evidence)
        if audio is None or audio.samples.shape[1] == 0:
            return heard
        return (*heard, _voice(audio, own, why), *_echo(request, audio), *_timing(request, audio))

    def _text(self, request: CloneRequest) -> str:
        """What must be heard: the text, or what is heard in the recording."""
        speech = request.speech
        if speech is None:
            return request.text
        key = key_of(speech.sha256, request.language.encode())
        try:
            return self._texts.get(key, lambda: self._panel.hear(waveform_of(speech), request.language)) or _UNHEARD
        except ModelError:  # the words judge meets it too, and says so
            return _UNHEARD


def _voice(audio: Waveform, own: Voiceprint | None, why: str) -> Measurement:
    """By the encoder that cloners do not optimise; the panel's `voice.similarity` is by the other one."""
    if own is None:
        return CLONE_VOICE.unmeasured(why)
    try:
        return CLONE_VOICE.measured(float(np.dot(embed_independent(audio), own.other)))
    except InputError as error:
        return CLONE_VOICE.unmeasured(error.what)


def _echo(request: CloneRequest, audio: Waveform) -> Figures:
    share = echo_share(audio, request.profile.fingerprint)
    if share is None:
        return (CLONE_ECHO.unmeasured("too little sound for a fingerprint"),)
    return (CLONE_ECHO.measured(share),)


def _timing(request: CloneRequest, audio: Waveform) -> Figures:
    if request.speech is None:
        return ()
    source = waveform_of(request.speech)
    together = same_time(audio, source)
    return (
        CLONE_DURATION.measured(duration_error(audio, source)),
        CLONE_TIMING.unmeasured("the loudness does not vary") if together is None else CLONE_TIMING.measured(together),
    )
