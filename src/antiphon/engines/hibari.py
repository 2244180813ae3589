"""hibari: the fast default voice. 8 MB, about 60 times faster than it speaks on one core, American English."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
import numpy as np

from antiphon.audio.waveform import Waveform
from antiphon.engines import english
from antiphon.engines.base import Capabilities, Voice
from antiphon.engines.checks import read_options, require_latin, require_voice, require_words, unknown
from antiphon.engines.lazy import Lazy
from antiphon.engines.shape import finish
from antiphon.errors import InputError
from antiphon.services import Request, Service

RATE_HZ = 24_000

MAX_PHONEMES = 400
"""Longest input of one pass; the model was not trained on longer ones."""

LEAD_S, SENTENCE_S, CLAUSE_S = 0.06, 0.32, 0.14
"""Silence kept before a piece and after it. The model itself leaves 0.3 s before and 0.5 s after every sentence."""

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
        """hibari has no options."""

    def __init__(self, *, threads: int = 1) -> None:
        self._model = Lazy(lambda: _load(threads))

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            service=Service.SPEECH,
            languages=LANGUAGES,
            voices=VOICES,
            rate_hz=RATE_HZ,
            rtf=0.017,
            streams=True,
            seeded=True,
            licence="Apache-2.0",
        )

    def check(self, request: Request) -> None:
        """Raise `InputError` if the voice, language, text or options do not fit."""
        require_voice(request.voice, [voice.name for voice in VOICES])
        if request.language.lower() not in LANGUAGES:
            raise _language_error(request.language)
        read_options(self.Options, request.options, self.name)
        require_words(request.text)
        require_latin(request.text, self.name)

    def warm_up(self) -> None:
        """Load the model and the reader side by side, so that the first request finds both."""
        reader = threading.Thread(target=english.warm, daemon=True)
        reader.start()
        self._model()
        reader.join()

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:
        """One chunk per sentence at 24 kHz."""
        self.check(request)
        self.warm_up()
        model = self._model()
        rng = np.random.default_rng(seed % 2**64)
        silent = True
        for sentence in english.phonemes(request.text):
            for piece in english.split(sentence, MAX_PHONEMES):
                samples = model.from_ids(model.ids(piece), request.speed, rng)
                pause_s = SENTENCE_S if english.ends_sentence(piece) else CLAUSE_S
                chunk = finish(samples, RATE_HZ, lead_s=LEAD_S / request.speed, trail_s=pause_s / request.speed)
                if chunk.samples.size:
                    silent = False
                    yield chunk
        if silent:
            raise InputError(f"There is nothing to speak in {request.text[:40]!r}", "Give at least one word.")


def _load(threads: int) -> Any:
    from hibari import Hibari

    return Hibari(threads=threads, g2p=False)  # the reader is ours: see `english`


def _language_error(language: str) -> InputError:
    if language.lower().startswith("en-"):
        return InputError(f"The voice hibari speaks en-us, not {language}", "For en-gb choose bf_emma or bm_george.")
    return unknown("language of hibari", language, LANGUAGES)
