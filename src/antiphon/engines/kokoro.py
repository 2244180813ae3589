"""Kokoro-82M (int8): 54 voices and their mixes. The most natural engine here; about 25 times hibari's compute."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

import msgspec
import numpy as np

from antiphon.audio.waveform import Samples, Waveform
from antiphon.engines import english
from antiphon.engines.base import Capabilities
from antiphon.engines.checks import read_options, require_latin, require_words, unknown
from antiphon.engines.kokoro_voices import BY_NAME, VOICES, is_british
from antiphon.engines.lazy import Lazy
from antiphon.engines.mix import parse_mix
from antiphon.engines.shape import finish
from antiphon.errors import InputError
from antiphon.services import Request, Service, SpeechRequest

RATE_HZ = 24_000

MAX_TOKENS = 300
"""Longest input of one pass, about 20 s of speech. The model takes 510 tokens, but memory grows with length."""

FIRST_TOKENS = 90
"""Longest first piece (about 5 s of speech, 2 s of work on one core), so that the first audio is early."""

LEAD_S, SENTENCE_S, CLAUSE_S = 0.06, 0.32, 0.14
"""Silence kept before a piece and after it. The model itself leaves 0.3 s before and 0.5 s after every piece."""

LANGUAGES = ("en-us", "en-gb", "en")


class KokoroEngine:
    """StyleTTS 2 with an iSTFT decoder (hexgrad/Kokoro-82M, Apache-2.0). Deterministic: every seed gives one result.

    A mix is one voice whose style is the convex sum of styles. English is spoken in the voice's own accent (for a mix,
    the heavier one); the language `en-gb` or the option `accent` chooses another.
    """

    name: ClassVar[str] = "kokoro"

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """`accent` of the reading, whatever the voice: `us` or `gb`."""

        accent: Literal["us", "gb"] | None = None

    def __init__(self, *, threads: int = 1) -> None:
        self._threads = threads
        self._vocabulary = Lazy(_vocabulary)
        self._styles = Lazy(_styles)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            service=Service.SPEECH,
            languages=LANGUAGES,
            voices=VOICES,
            rate_hz=RATE_HZ,
            rtf=0.42,
            streams=True,
            seeded=True,
            mixes_voices=True,
            licence="Apache-2.0",
        )

    def check(self, request: Request) -> None:
        """Raise `InputError` if the voice or mix, language, text or options do not fit."""
        parse_mix(request.voice, BY_NAME)
        if request.language.lower() not in LANGUAGES:
            raise unknown("language of kokoro", request.language, LANGUAGES)
        read_options(self.Options, request.options, self.name)
        require_words(request.text)
        require_latin(request.text, self.name)

    def warm_up(self) -> None:
        """Load model, styles and the American reader."""
        self._session()
        self._styles()
        self._vocabulary()
        english.warm()

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:  # noqa: ARG002  nothing here is random
        """One chunk per sentence (or clause of a long one) at 24 kHz."""
        self.check(request)
        mix = parse_mix(request.voice, BY_NAME)
        british = _is_british(request, read_options(self.Options, request.options, self.name).accent, mix)
        style = self._style(mix)
        silent = True
        for sentence in english.phonemes(request.text, british=british):
            for piece in _pieces(sentence, FIRST_TOKENS if silent else MAX_TOKENS):
                pause_s = SENTENCE_S if english.ends_sentence(piece) else CLAUSE_S
                chunk = finish(
                    self._speak(piece, style, request.speed),
                    RATE_HZ,
                    lead_s=LEAD_S / request.speed,
                    trail_s=pause_s / request.speed,
                )
                if chunk.samples.size:
                    silent = False
                    yield chunk
        if silent:
            raise InputError(f"There is nothing to speak in {request.text[:40]!r}", "Give at least one word.")

    def _speak(self, piece: str, style: Samples, speed: float) -> Samples:
        """Samples `[T]` of one piece; `style` is `[510, 256]`, a row for each number of tokens."""
        vocabulary = self._vocabulary()
        tokens = [vocabulary[char] for char in piece if char in vocabulary][:MAX_TOKENS]
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": style[len(tokens)][None],
            "speed": np.array([speed], np.float32),
        }
        audio: Samples = self._session().run(None, inputs)[0]
        return audio.reshape(-1)

    def _style(self, mix: Mapping[str, float]) -> Samples:
        styles = self._styles()
        total = np.zeros_like(styles["af_heart"], dtype=np.float32)
        for name, weight in mix.items():
            total += np.float32(weight) * styles[name].astype(np.float32)
        return total

    def _session(self) -> Any:
        from antiphon import models

        return models.session("kokoro-82m-int8", threads=self._threads)


def _pieces(sentence: str, first: int) -> list[str]:
    """`sentence` in pieces for one pass each; the first has at most `first` phonemes."""
    head = english.split(sentence, first)[0]
    return [head, *english.split(sentence[len(head) :], MAX_TOKENS)]


def _is_british(request: SpeechRequest, accent: str | None, mix: Mapping[str, float]) -> bool:
    if accent is not None:
        return accent == "gb"
    # `en-us` is also the default of a request, so it cannot mean "against the voice's own accent".
    return request.language.lower() == "en-gb" or sum(w for name, w in mix.items() if is_british(name)) > 0.5


def _vocabulary() -> dict[str, int]:
    from antiphon import models

    vocabulary: dict[str, int] = json.loads(models.read("kokoro-vocab"))["vocab"]
    return vocabulary


def _styles() -> dict[str, Samples]:
    """float16 `[510, 256]` by voice, as views into the file."""
    from antiphon import models
    from antiphon.models import tensors

    return tensors.parse(models.read("kokoro-voices"))  # type: ignore[return-value]
