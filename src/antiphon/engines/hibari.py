"""hibari: the fast default voice. 8 MB, 100 times faster than real time on one core, American English."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
import numpy as np

from antiphon.audio.waveform import Samples, Waveform
from antiphon.engines import english
from antiphon.engines.base import Capabilities, Voice
from antiphon.engines.checks import (
    read_options,
    require_language,
    require_latin,
    require_speech,
    require_voice,
    require_words,
)
from antiphon.engines.lazy import Lazy
from antiphon.engines.pronouncing import pronunciations
from antiphon.errors import InputError
from antiphon.services import Request, Service

RATE_HZ = 24_000

VOICES = (
    Voice(
        name="hibari",
        language="en-us",
        engine="hibari",
        gender="female",
        description="Fast, natural American English; distilled from Kokoro's af_heart",
    ),
)
LANGUAGES = ("en-us", "en")


class HibariEngine:
    """Distilled spectral model (hibari-tts, Apache-2.0). Streams by sentence; the noise component follows the seed."""

    name: ClassVar[str] = "hibari"

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """`phonemes`: words said otherwise, as `word=IPA; word=IPA`."""

        phonemes: str = ""

    def __init__(self, *, threads: int = 1) -> None:
        self._model = Lazy(lambda: _load(threads))

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            service=Service.SPEECH,
            languages=LANGUAGES,
            voices=VOICES,
            rate_hz=RATE_HZ,
            rtf=0.01,
            streams=True,
            seeded=True,
            licence="Apache-2.0",
        )

    def check(self, request: Request) -> None:
        """Raise `InputError` if the voice, language, text or options do not fit."""
        request = require_speech(request, self.name)
        require_voice(request.voice, [voice.name for voice in VOICES])
        if request.language.lower() == "en-gb":
            raise InputError("The voice hibari speaks en-us, not en-gb", "For en-gb choose bf_emma or bm_george.")
        require_language(request.language, LANGUAGES, self.name)
        pronunciations(read_options(self.Options, request.options, self.name).phonemes)
        require_words(request.text)
        require_latin(request.text, self.name)

    def warm_up(self) -> None:
        """Load the model and the reader."""
        self._model()
        english.warm()

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:
        """One chunk per sentence at 24 kHz."""
        request = require_speech(request, self.name)
        self.check(request)
        model = self._model()
        rng = np.random.default_rng(seed % 2**64)

        def synthesise(phonemes: str) -> Samples:
            samples: Samples = model.from_ids(model.ids(phonemes), request.speed, rng)
            return samples

        options = read_options(self.Options, request.options, self.name)
        return english.speak(request, synthesise, rate_hz=RATE_HZ, phonemes=options.phonemes)


def _load(threads: int) -> Any:
    english.warm_beside()
    from hibari import Hibari

    return Hibari(threads=threads, g2p=False)  # the reader is ours: see `english`
