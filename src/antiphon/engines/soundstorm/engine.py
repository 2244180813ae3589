"""soundstorm: text or speech in, any voice out, by the starter models of `antiphon.soundstorm`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import msgspec

from antiphon.analysis.features import RATE_HZ
from antiphon.audio.waveform import Waveform
from antiphon.codecs.base import TokenGrid
from antiphon.engines import english
from antiphon.engines.auditing import Claim, Finding
from antiphon.engines.base import Capabilities
from antiphon.engines.checks import read_options, require_language, require_latin, require_voice, require_words
from antiphon.engines.lazy import Lazy
from antiphon.engines.soundstorm import prompts
from antiphon.engines.soundstorm.auditing import audit_part
from antiphon.engines.soundstorm.recipe import Recipe, SpokenPiece
from antiphon.engines.soundstorm.tracing import PartTrace
from antiphon.engines.soundstorm.voices import BY_NAME, FILE, VOICES, parse
from antiphon.errors import InputError
from antiphon.services import CloneRequest, EnrolRequest, Request, Service, SpeechRequest
from antiphon.soundstorm import starter, windows
from antiphon.soundstorm.decoding import DecodingInput, DecodingOptions
from antiphon.soundstorm.starter import DECODING, MODEL, Starter

LANGUAGES = ("en-us", "en")


class SoundStormEngine:
    """SoundStorm (arXiv:2305.09636) with our starter models: 16 kHz, English.

    Serves speech in its built-in voices and clones: a profile is the prompt that `enrol` made. Its work can be audited
    pass by pass (`engines.auditing`).
    """

    name: ClassVar[str] = "soundstorm"

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """`passes` of a coarsest level, `temperature` of candidates, `guidance` by the words (1: none)."""

        passes: Annotated[int, msgspec.Meta(ge=1, le=16)] = DECODING.first
        temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] = DECODING.temperature
        guidance: Annotated[float, msgspec.Meta(ge=1, le=5)] = DECODING.guidance

        def decoding(self) -> DecodingOptions:
            return msgspec.structs.replace(
                DECODING,
                first=self.passes,
                temperature=self.temperature,
                guidance=self.guidance,
            )

    def __init__(self, models: Starter | None = None, *, threads: int | None = None) -> None:
        """`models` of your own, or None for those that ship."""
        self._starter = Lazy(lambda: models or starter.load(threads=threads))
        self._prompts = Lazy(_prompts)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            service=Service.SPEECH,
            clones=True,
            languages=LANGUAGES,
            voices=VOICES,
            rate_hz=RATE_HZ,
            rtf=0.2,
            streams=True,
            seeded=True,
            auditable=True,
            licence="CC-BY-SA-3.0",
        )

    def check(self, request: Request) -> None:
        """Raise `InputError` if the voice or profile, language, text or options do not fit."""
        read_options(self.Options, request.options, self.name)
        if isinstance(request, SpeechRequest):
            require_voice(request.voice, BY_NAME)
            self._check_text(request.text, request.language)
        elif isinstance(request, CloneRequest):
            self._check_clone(request)
        elif isinstance(request, EnrolRequest):
            require_language(request.language, LANGUAGES, self.name)
        else:
            raise InputError("The engine soundstorm speaks and clones", "Choose another engine for this request.")

    def warm_up(self) -> None:
        """Load the models, the prompts and the reader."""
        english.warm_beside()
        self._starter()
        self._prompts()
        english.warm()

    def enrol(self, request: EnrolRequest, seed: int) -> bytes:  # noqa: ARG002  nothing here is random
        """The best seconds of the reference, as tokens."""
        self.check(request)
        reference = Waveform.from_pcm16(request.reference.pcm, request.reference.rate_hz)
        return prompts.enrolled(reference, self._starter())

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:
        """One chunk per piece of text, or one exactly as long as a recording, at 16 kHz."""
        return self.traced(request, seed)[0]

    def traced(self, request: Request, seed: int) -> tuple[Iterator[Waveform], PartTrace]:
        """The same, with what an audit may ask for."""
        recipe = self._recipe(request, seed)
        trace = PartTrace(recipe.made_with)
        return recipe.sound(self._made(recipe, trace)), trace

    def audit(self, claim: Claim) -> Finding:
        """Whether the audio is what this request and seed make here, judged by a few passes of one window."""
        return audit_part(self._recipe(claim.request, claim.seed), claim)

    def _check_clone(self, request: CloneRequest) -> None:
        if request.profile.engine != self.name:
            raise InputError(f"The voice profile belongs to the engine {request.profile.engine}, not to {self.name}")
        prompts.read(request.profile.data)
        if request.blend:
            raise InputError(
                "The engine soundstorm cannot mix voices", "Leave the mix out, or enrol the voice with mimic."
            )
        if request.speech is None:
            self._check_text(request.text, request.language)
            return
        require_language(request.language, LANGUAGES, self.name)
        if request.speed != 1.0:
            raise InputError("A recording keeps its own timing: its speed cannot be changed", "Leave --speed out.")

    def _check_text(self, text: str, language: str) -> None:
        require_language(language, LANGUAGES, self.name)
        require_words(text)
        require_latin(text, self.name)

    def _recipe(self, request: Request, seed: int) -> Recipe:
        self.check(request)
        options = read_options(self.Options, request.options, self.name).decoding()
        if isinstance(request, SpeechRequest):
            return Recipe(self._starter(), request, self._prompts()[request.voice], options, seed)
        if not isinstance(request, CloneRequest):
            raise InputError("An enrolment has no sound", "Call enrol().")
        voice = prompts.decode(request.profile.data, self._starter())
        return Recipe(self._starter(), request, voice, options, seed)

    def _made(self, recipe: Recipe, trace: PartTrace) -> Iterator[tuple[SpokenPiece, TokenGrid]]:
        def window(job: DecodingInput) -> TokenGrid:
            (made,) = recipe.models.generator.generate([job], recipe.options, traced=True)
            trace.keep(recipe.task(job), made)
            return made.grid

        for number, piece in enumerate(recipe.pieces()):
            trace.begin(piece.semantic)
            yield piece, recipe.grid(number, piece.semantic, window)


def _prompts() -> dict[str, windows.Prompt]:
    from antiphon import models

    return parse(models.read(MODEL, f"{MODEL}-{FILE}"))
