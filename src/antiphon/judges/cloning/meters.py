"""The judge of cloned voices: enrolments by what they claim, clones by what their profile promises.

A profile comes from outside: whoever made it may have written what no honest rendering meets, to have honest nodes
punished. So when a limit is violated the order is rendered here too, and when our own rendering violates all of those
limits as well it is nobody's fault: `clone.order` is then inconclusive. A limit that our rendering keeps could be kept.

What is short is held against our own renderings first: as near as they are to each other, words, naturalness and voice
are right whatever the models hear in half a second; further away they are wrong.
"""

from __future__ import annotations

import numpy as np

from antiphon.analysis.speaker import embed_independent
from antiphon.audio.waveform import Waveform
from antiphon.economy.measurement import Measurement
from antiphon.economy.scoring import violations
from antiphon.errors import InputError, ModelError, UnavailableError
from antiphon.judges.cloning.echo import echo_share
from antiphon.judges.cloning.enrolment import Enrolments
from antiphon.judges.cloning.expectation import clone_expectation, is_short
from antiphon.judges.cloning.renderings import Renderings
from antiphon.judges.cloning.scoring import CLONE
from antiphon.judges.cloning.timing import duration_error, same_time
from antiphon.judges.cloning.voice_profile import Render, waveform_of
from antiphon.judges.cloning.voiceprint import Voiceprint, expected
from antiphon.judges.memory import Memory, key_of
from antiphon.judges.metric import key_of as metric_of
from antiphon.judges.metrics import (
    CLONE_DURATION,
    CLONE_ECHO,
    CLONE_ORDER,
    CLONE_TIMING,
    CLONE_VOICE,
    DECODES,
    LENGTH_ERROR,
    RENDERING,
    RENDERING_LENGTH,
)
from antiphon.judges.speech.evidence import Evidence, VoiceReference
from antiphon.judges.speech.meters import SpeechMeters
from antiphon.protocol import canonical
from antiphon.services import CloneRequest, EnrolRequest, SpeechRequest

REMEMBERED = 1_000

_KEPT_BY_OURS = {metric.key for metric in (DECODES, LENGTH_ERROR, RENDERING, RENDERING_LENGTH)}
"""What our own rendering cannot miss."""
_UNHEARD = "?"  # a speech order needs a text; this one has no words, so `words` stays inconclusive

Figures = tuple[Measurement, ...]


class CloneMeters:
    """Measures enrolments and clones with the meters of speech and its own. Thread-safe; nothing is measured twice."""

    def __init__(self, meters: SpeechMeters, render: Render) -> None:
        self._meters = meters
        self._renderings = Renderings(render)
        self._enrolments = Enrolments(meters, self._renderings)
        self._results: Memory[Figures] = Memory(REMEMBERED)
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
        seed: int = 0,
    ) -> Figures:
        """Of delivered audio, mono (None: it does not decode); `places` and `seed` as in `Evidence`."""
        sound = b"-" if audio is None else f"{audio.rate_hz}|".encode() + audio.samples.tobytes()
        declared = f"{declared_rate_hz}|{declared_samples}".encode()
        key = key_of(b"clone", canonical.pack(request), declared, sound, places, str(seed).encode())

        def measure() -> Figures:
            figures = self._figures(request, audio, declared_rate_hz, declared_samples, places)
            if audio is not None and audio.samples.shape[1] and is_short(request):
                figures += self._renderings.compare(request, audio, seed)
            reason = self._cannot_be_met(request, seed, figures)
            return (*figures, CLONE_ORDER.measured(1.0) if reason is None else CLONE_ORDER.unmeasured(reason))

        return self._results.get(key, measure)

    def _cannot_be_met(self, request: CloneRequest, seed: int, figures: Figures) -> str | None:
        """Why the order cannot be met, or why nobody here can tell; None where it can, as far as anybody knows."""
        profile = CLONE.expecting(clone_expectation(request))
        violated = violations(profile, figures)
        excusable = {limit.key for limit in profile.limits if limit.unless == RENDERING.key}
        if violated <= excusable and (reason := _not_compared(figures)):
            return f"too short to be judged by ear alone: {reason}"
        if not violated or violated & _KEPT_BY_OURS:
            return None
        try:
            own = self._renderings(request, seed)
        except UnavailableError as error:
            return f"it cannot be rendered here: {error.what}"
        except InputError as error:
            return f"the order cannot be met: {error.what}"
        ours = self._figures(request, own, own.rate_hz, own.samples.shape[1], b"")
        missed = violated <= violations(profile, ours)
        return f"the order cannot be met: we miss {', '.join(sorted(violated))} too" if missed else None

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
        heard = self._meters.measure(evidence)
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
            return (
                self._texts.get(key, lambda: self._meters.transcribe(waveform_of(speech), request.language)) or _UNHEARD
            )
        except ModelError:  # the words judge meets it too, and says so
            return _UNHEARD


def _not_compared(figures: Figures) -> str | None:
    """Why our own renderings tell nothing, where they were asked."""
    return next((one.reason for one in figures if metric_of(one) == RENDERING.key), None)


def _voice(audio: Waveform, own: Voiceprint | None, why: str) -> Measurement:
    """By the encoder that cloners do not optimise; the meters' `voice.similarity` is by the other one."""
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
