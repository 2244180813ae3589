"""mimic: a cloner out of Kokoro's voices. An approximation until a generator trained for it takes its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import msgspec

from antiphon.analysis.recogniser import Recogniser
from antiphon.audio.waveform import Waveform
from antiphon.engines import english
from antiphon.engines.base import Capabilities
from antiphon.engines.checks import read_options, require_language, require_latin, require_words
from antiphon.engines.kokoro_voices import BY_NAME, is_british
from antiphon.engines.lazy import Lazy
from antiphon.engines.mimic import conversion, enrolment, split_model
from antiphon.engines.mimic.rendering import moved, render
from antiphon.engines.mimic.voice_parameters import VoiceParameters, decode
from antiphon.engines.postprocessing import postprocess
from antiphon.errors import InputError
from antiphon.plugins import unknown
from antiphon.services import CloneRequest, EnrolRequest, Request, Service

LANGUAGES = ("en-us", "en-gb", "en")
FIRST_CHARS = 80
"""Longest first piece, so that the first audio is early."""


class MimicEngine:
    """Speaks in the voice of a profile that `enrol` made. Deterministic: every seed gives one result."""

    name: ClassVar[str] = "mimic"

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """mimic has no options."""

    def __init__(self, *, threads: int | None = None) -> None:
        self._model = Lazy(lambda: split_model.load(threads))
        self._recogniser = Lazy(lambda: Recogniser(threads=threads or 1))

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            service=Service.CLONE,
            languages=LANGUAGES,
            voices=(),
            rate_hz=split_model.RATE_HZ,
            rtf=0.5,
            streams=True,
            seeded=True,
            mixes_voices=True,
            licence="Apache-2.0",
        )

    def check(self, request: Request) -> None:
        """Raise `InputError` if the profile, language, text, blend or options do not fit."""
        read_options(self.Options, request.options, self.name)
        if isinstance(request, EnrolRequest):
            require_language(request.language, LANGUAGES, self.name)
        elif isinstance(request, CloneRequest):
            self._check_clone(request)
        else:
            raise InputError("The engine mimic only clones", "Choose another engine for this request.")

    def warm_up(self) -> None:
        """Load both halves and the English dictionary: what it takes to speak."""
        english.warm_beside()
        self._model()
        english.warm()

    def enrol(self, request: EnrolRequest, seed: int) -> bytes:  # noqa: ARG002  nothing here is random
        """The parameters of the reference, encoded."""
        self.check(request)
        reference = Waveform.from_pcm16(request.reference.pcm, request.reference.rate_hz)
        return enrolment.enrol(reference, self._model()).encode()

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:  # noqa: ARG002  nothing here is random
        """One chunk per piece of text at 24 kHz."""
        self.check(request)
        if not isinstance(request, CloneRequest):
            raise InputError("An enrolment has no sound", "Call enrol().")
        parameters = decode(request.profile.data)
        return self._speak(request, parameters) if request.speech is None else self._convert(request, parameters)

    def _check_clone(self, request: CloneRequest) -> None:
        if request.profile.engine != self.name:
            raise InputError(f"The voice profile belongs to the engine {request.profile.engine}, not to {self.name}")
        decode(request.profile.data)
        for name in request.blend:
            if name not in BY_NAME:
                raise unknown("voice", name, BY_NAME)
        require_language(request.language, LANGUAGES, self.name)
        if request.speech is None:
            require_words(request.text)
            require_latin(request.text, self.name)
        elif request.speed != 1.0:
            raise InputError("A recording keeps its own timing: its speed cannot be changed", "Leave --speed out.")

    def _speak(self, request: CloneRequest, parameters: VoiceParameters) -> Iterator[Waveform]:
        model = self._model()
        timbre_mix = blended(parameters.timbre_mix, request.blend)
        manner = blended(parameters.manner_mix, request.blend)
        silent = True
        for phonemes, pause_s in english.readings(
            request.text, british=_is_british(request.language, manner), first_chars=FIRST_CHARS
        ):
            features = moved(model.encode(phonemes, manner, request.speed), parameters.pitch_hz, parameters.pitch_range)
            samples = render(model, parameters, features, timbre_mix)
            chunk = postprocess(samples, split_model.RATE_HZ, pause_s=0.0 if silent else pause_s / request.speed)
            if chunk is not None:
                silent = False
                yield chunk
        if silent:
            raise InputError(f"There is nothing to speak in {request.text[:40]!r}", "Give at least one word.")

    def _convert(self, request: CloneRequest, parameters: VoiceParameters) -> Iterator[Waveform]:
        """One chunk, exactly as long as the recording."""
        assert request.speech is not None
        speech = Waveform.from_pcm16(request.speech.pcm, request.speech.rate_hz)
        mix = blended(parameters.timbre_mix, request.blend)
        manner = blended(parameters.manner_mix, request.blend)
        british = _is_british(request.language, manner)
        yield conversion.convert(speech, parameters, self._model(), self._recogniser(), mix, manner, british=british)


def _is_british(language: str, manner: Mapping[str, float]) -> bool:
    return language.lower() == "en-gb" or sum(weight for name, weight in manner.items() if is_british(name)) > 0.5


def blended(own: dict[str, float], others: dict[str, float]) -> dict[str, float]:
    """A mix with built-in voices in it: their weights as given, the rest for the mix."""
    rest = 1.0 - sum(others.values())
    out = {name: rest * weight for name, weight in own.items()}
    for name, weight in others.items():
        out[name] = out.get(name, 0.0) + weight
    return out
