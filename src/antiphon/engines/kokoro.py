"""Kokoro-82M (int8): 54 voices and their mixes. The most natural engine here; about 60 times the compute of hibari."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import msgspec
import numpy as np

from antiphon import models
from antiphon.audio.waveform import Samples, Waveform
from antiphon.engines import english
from antiphon.engines.base import Capabilities
from antiphon.engines.checks import read_options, require_language, require_latin, require_speech, require_words
from antiphon.engines.kokoro_voices import BY_NAME, VOICES, is_british
from antiphon.engines.lazy import Lazy
from antiphon.engines.mix import parse_mix
from antiphon.engines.pronouncing import pronunciations
from antiphon.models import tensors
from antiphon.services import Request, Service, SpeechRequest

RATE_HZ = 24_000

FIRST_CHARS = 80
"""Longest first piece (about 5 s of speech, 2 s of work on one core), so that the first audio is early."""

STYLE_ROWS, STYLE_SIZE = 510, 256

MAX_THREADS = 4
"""More threads than this gain nothing on pieces of a sentence."""

LANGUAGES = ("en-us", "en-gb", "en")


class KokoroEngine:
    """StyleTTS 2 with an iSTFT decoder (hexgrad/Kokoro-82M, Apache-2.0). Deterministic: every seed gives one result.

    A mix is one voice whose style is the convex sum of styles. English is spoken in the voice's own accent (for a mix,
    the heavier one); the language `en-gb` or the option `accent` chooses another.
    """

    name: ClassVar[str] = "kokoro"

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """`accent` of the reading, whatever the voice: `us` or `gb`. `phonemes`: words said otherwise, as
        `word=IPA; word=IPA`."""

        accent: Literal["us", "gb"] | None = None
        phonemes: str = ""

    def __init__(self, *, threads: int | None = None) -> None:
        # The samples do not depend on the number of threads, so the machine may choose it.
        self._model = Lazy(lambda: _load(threads or min(MAX_THREADS, os.cpu_count() or 1)))

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            service=Service.SPEECH,
            languages=LANGUAGES,
            voices=VOICES,
            rate_hz=RATE_HZ,
            rtf=0.45,
            streams=True,
            seeded=True,
            mixes_voices=True,
            licence="Apache-2.0",
        )

    def check(self, request: Request) -> None:
        """Raise `InputError` if the voice or mix, language, text or options do not fit."""
        request = require_speech(request, self.name)
        parse_mix(request.voice, BY_NAME)
        require_language(request.language, LANGUAGES, self.name)
        pronunciations(read_options(self.Options, request.options, self.name).phonemes)
        require_words(request.text)
        require_latin(request.text, self.name)

    def warm_up(self) -> None:
        """Load the model, its styles and the American reader."""
        self._model()
        english.warm()

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:  # noqa: ARG002  nothing here is random
        """One chunk per piece of text (a sentence, or a clause of a long one) at 24 kHz."""
        request = require_speech(request, self.name)
        self.check(request)
        mix = parse_mix(request.voice, BY_NAME)
        options = read_options(self.Options, request.options, self.name)
        british = _is_british(request, options.accent, mix)
        model = self._model()
        style = model.style(mix)
        return english.speak(
            request,
            lambda phonemes: model.speak(phonemes, style, request.speed),
            rate_hz=RATE_HZ,
            british=british,
            first_chars=FIRST_CHARS,
            phonemes=options.phonemes,
        )


@dataclass(frozen=True, slots=True)
class _Model:
    session: Any
    vocabulary: Mapping[str, int]
    styles: Mapping[str, Samples]  # float16 [510, 256] by voice: one row for each number of tokens

    def style(self, mix: Mapping[str, float]) -> Samples:
        """float32 `[510, 256]` of a mix."""
        total = np.zeros((STYLE_ROWS, STYLE_SIZE), np.float32)
        for name, weight in mix.items():
            total += np.float32(weight) * self.styles[name].astype(np.float32)
        return total

    def speak(self, phonemes: str, style: Samples, speed: float) -> Samples:
        """Samples `[T]` of one piece in a style `[510, 256]`."""
        tokens = [self.vocabulary[char] for char in phonemes if char in self.vocabulary]
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": style[len(tokens)][None],
            "speed": np.array([speed], np.float32),
        }
        audio: Samples = self.session.run(None, inputs, models.freed_after())[0]
        return audio.reshape(-1)


def _load(threads: int) -> _Model:
    english.warm_beside()
    return _Model(
        session=models.session("kokoro-82m-int8", threads=threads, arena=True),
        vocabulary=json.loads(models.read("kokoro-vocab"))["vocab"],
        styles=tensors.parse(models.read("kokoro-voices")),  # type: ignore[arg-type]
    )


def _is_british(request: SpeechRequest, accent: str | None, mix: Mapping[str, float]) -> bool:
    if accent is not None:
        return accent == "gb"
    # `en-us` is also the default of a request, so it cannot mean "against the voice's own accent".
    return request.language.lower() == "en-gb" or sum(w for name, w in mix.items() if is_british(name)) > 0.5
