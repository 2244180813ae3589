"""soundstorm: text or speech in, any voice out, by the starter models of `antiphon.soundstorm`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from antiphon.audio.waveform import Samples, Waveform
from antiphon.codecs.base import TokenGrid, Tokens
from antiphon.engines import english
from antiphon.engines.base import Capabilities
from antiphon.engines.checks import read_options, require_language, require_latin, require_voice, require_words
from antiphon.engines.lazy import Lazy
from antiphon.engines.shape import PEAK, finish
from antiphon.engines.soundstorm import prompts
from antiphon.engines.soundstorm.traces import Traces
from antiphon.engines.soundstorm.voices import BY_NAME, FILE, VOICES, parse
from antiphon.errors import InputError
from antiphon.hearing.features import RATE_HZ, mono_16k
from antiphon.services import CloneRequest, EnrolRequest, Request, Service, SpeechRequest
from antiphon.soundstorm import starter, windows
from antiphon.soundstorm.audit import Task
from antiphon.soundstorm.decoding import DecodingOptions, Job, task_key
from antiphon.soundstorm.inputs import align
from antiphon.soundstorm.starter import DECODING, MODEL, Starter

LANGUAGES = ("en-us", "en")
FIRST_CHARS = 80
"""Longest first piece, so that the first audio is early."""


class SoundStormEngine:
    """SoundStorm (arXiv:2305.09636) with our starter models: 16 kHz, English.

    Serves speech in its built-in voices and clones: a profile is the prompt that `enrol` made. Every generation's token
    grids are committed to by a Merkle root and remembered in `traces`, for audits of single passes.
    """

    name: ClassVar[str] = "soundstorm"

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """`passes` of the first level, `temperature` of candidates, `guidance` by the words (1: none)."""

        passes: Annotated[int, msgspec.Meta(ge=1, le=16)] = DECODING.passes[0]
        temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] = DECODING.temperature
        guidance: Annotated[float, msgspec.Meta(ge=1, le=5)] = DECODING.guidance

        def decoding(self) -> DecodingOptions:
            return msgspec.structs.replace(
                DECODING,
                passes=(self.passes, *DECODING.passes[1:]),
                temperature=self.temperature,
                guidance=self.guidance,
            )

    def __init__(self, models: Starter | None = None, *, threads: int | None = None) -> None:
        """`models` of your own, or None for those that ship."""
        self._starter = Lazy(lambda: models or starter.load(threads=threads))
        self._prompts = Lazy(_prompts)
        self.traces = Traces()

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
        self.check(request)
        options = read_options(self.Options, request.options, self.name).decoding()
        if isinstance(request, SpeechRequest):
            return self._speak(request, self._prompts()[request.voice], options, seed)
        if not isinstance(request, CloneRequest):
            raise InputError("An enrolment has no sound", "Call enrol().")
        voice = prompts.decode(request.profile.data, self._starter())
        if request.speech is None:
            return self._speak(request, voice, options, seed)
        return self._convert(Waveform.from_pcm16(request.speech.pcm, request.speech.rate_hz), voice, options, seed)

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

    def _speak(
        self, request: SpeechRequest | CloneRequest, voice: windows.Voice, options: DecodingOptions, seed: int
    ) -> Iterator[Waveform]:
        models = self._starter()
        readings = english.readings(request.text, british=False, first_chars=FIRST_CHARS)
        silent = True
        for number, (phonemes, pause_s) in enumerate(readings):
            said = models.text.say(phonemes, _key(seed, number, 0), speed=request.speed)
            frames = max(1, round(said.tokens.shape[0] * models.codec.frame_rate_hz / said.frame_rate_hz))
            samples = self._made(align(said.tokens, frames), voice, options, seed, number)
            chunk = finish(samples, RATE_HZ, pause_s=0.0 if silent else pause_s / request.speed)
            if chunk is not None:
                silent = False
                yield chunk
        if silent:
            raise InputError(f"There is nothing to speak in {request.text[:40]!r}", "Give at least one word.")

    def _convert(
        self, speech: Waveform, voice: windows.Voice, options: DecodingOptions, seed: int
    ) -> Iterator[Waveform]:
        models = self._starter()
        source = mono_16k(speech)
        frames = max(1, round(source.shape[0] / RATE_HZ * models.codec.frame_rate_hz))
        semantic = models.tokenizer.aligned(Waveform(prompts.levelled(source)[None], RATE_HZ), frames)
        samples = self._made(semantic, voice, options, seed, 0)
        samples = np.pad(samples[: source.shape[0]], (0, max(0, source.shape[0] - samples.shape[0])))
        peak = float(np.abs(samples).max())
        yield Waveform((samples * np.float32(min(1.0, PEAK / max(peak, 1e-9))))[None], RATE_HZ)

    def _made(
        self, semantic: Tokens, voice: windows.Voice, options: DecodingOptions, seed: int, number: int
    ) -> Samples:
        """Sound `[N]` of semantic tokens, window by window."""
        models = self._starter()
        grid = windows.long(
            lambda job: self._window(job, options),
            semantic,
            voice,
            lambda n: _key(seed, number, n + 1),
            models.generator.windows,
        )
        samples: Samples = models.codec.decode(grid).samples[0]
        return samples

    def _window(self, job: Job, options: DecodingOptions) -> TokenGrid:
        generator = self._starter().generator
        (made,) = generator.generate([job], options, traced=True)
        assert made.trace is not None
        self.traces.keep(Task(generator.name, generator.layout, options, job), made.trace)
        return made.grid


def _key(seed: int, piece: int, part: int) -> bytes:
    """The luck of one piece's text (part 0) or window: the network's seed of a subtask is bound to its task."""
    return task_key(f"soundstorm {piece}", seed, part)


def _prompts() -> dict[str, windows.Voice]:
    from antiphon import models

    return parse(models.read(MODEL, f"{MODEL}-{FILE}"))
