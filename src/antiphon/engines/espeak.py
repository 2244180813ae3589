"""espeak-ng: the floor that always works, and over 130 languages. Robotic, tiny, 500 times faster than real time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from antiphon.audio.waveform import Samples, Waveform
from antiphon.engines import espeak_voices
from antiphon.engines.base import Capabilities, Voice
from antiphon.engines.checks import read_options, require_speech, require_voice, require_words
from antiphon.engines.espeak_pool import Pool
from antiphon.engines.lazy import Lazy
from antiphon.engines.postprocessing import PEAK, faded
from antiphon.errors import InputError
from antiphon.plugins import unknown
from antiphon.services import Request, Service, SpeechRequest

RATE_HZ = 22_050
PREFIX = "espeak-"

WORDS_PER_MINUTE = 175
"""espeak-ng's own normal speed; its range is 80 to 450, so 0.5 to 2 times fits."""

MAX_SPEED = 1.25
"""Of a hundred words recognisers mishear 14 at 1, 17 at 1.25, 30 at 1.5, 70 at 2 (docs/figures.md, "Pace")."""

CHUNK_S = 0.5
"""Shortest chunk we pass on; the worker sends frames of 0.1-0.2 s."""


class EspeakEngine:
    """Formant synthesis (espeak-ng 1.52, GPL-3, a separate process). Streams as it speaks; seeds hold."""

    name: ClassVar[str] = "espeak"

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """`pitch` and `intonation` 0-99; `variant` is a timbre such as `f3` or `whisper`."""

        pitch: Annotated[int, msgspec.Meta(ge=0, le=99)] = 50
        intonation: Annotated[int, msgspec.Meta(ge=0, le=99)] = 50
        variant: str = ""

    def __init__(self, *, pool: Pool | None = None) -> None:
        self._pool = pool or Pool()
        self._capabilities = Lazy(_capabilities)

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities()

    def check(self, request: Request) -> None:
        """Raise `InputError` if the voice, language, text or options do not fit."""
        request = require_speech(request, self.name)
        language = self._language(request)
        if request.language.lower() not in (*language.tags, language.tag.split("-")[0]):
            raise InputError(
                f"The voice {request.voice} speaks {language.tag}, not {request.language}",
                f"Set the language to {language.tag}, or choose another espeak voice.",
            )
        self._options(request)
        require_words(request.text)

    def warm_up(self) -> None:
        """Start a worker."""
        self._pool.warm_up()

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:
        """Chunks of about half a second at 22.05 kHz, while the worker still speaks."""
        request = require_speech(request, self.name)
        self.check(request)
        return self._stream(self._question(request, seed))

    def spoken_words(self, text: str, language: str) -> tuple[Waveform, list[tuple[int, float]]] | None:
        """A text as it stands in the voice of its language, and (place in the text, seconds) of words as they begin;
        short ones may be told with their neighbour. None where it does not speak that language."""
        known = espeak_voices.languages()
        wanted = language.lower()
        family = wanted.partition("-")[0]
        near = (tag for tag in known if tag.partition("-")[0] == family)
        tag = next((tag for tag in (wanted, family) if tag in known), None) or next(near, None)
        if tag is None:
            return None
        request = {
            "voice": known[tag].identifier,
            "text": text,
            "rate_wpm": WORDS_PER_MINUTE,
            "pitch": 50,
            "intonation": 50,
            "seed": 0,
        }
        rate_hz, pcm, words = self._pool.words_of(request)
        return Waveform.from_pcm16(pcm, rate_hz), [(place - 1, ms / 1000) for place, ms in words]

    def _question(self, request: SpeechRequest, seed: int) -> dict[str, str | int]:
        language, options = self._language(request), self._options(request)
        return {
            "voice": f"{language.identifier}+{options.variant}" if options.variant else language.identifier,
            "text": _written(request.text, language.tag),
            "rate_wpm": round(WORDS_PER_MINUTE * request.speed),
            "pitch": options.pitch,
            "intonation": options.intonation,
            "seed": seed,
        }

    def _stream(self, question: dict[str, str | int]) -> Iterator[Waveform]:
        held = np.zeros(0, np.float32)
        first = True
        for rate_hz, pcm in self._pool.ask(question):
            held = np.concatenate([held, Waveform.from_pcm16(pcm, rate_hz).samples[0]])
            # One chunk is always held back: the last one is faded out.
            if held.size >= 2 * CHUNK_S * rate_hz:
                cut = held.size - round(CHUNK_S * rate_hz)
                yield _chunk(held[:cut], first=first, last=False)
                held, first = held[cut:], False
        if held.size:
            yield _chunk(held, first=first, last=True)

    def _language(self, request: SpeechRequest) -> espeak_voices.Language:
        languages = espeak_voices.languages()
        tag = request.voice.removeprefix(PREFIX)
        if not request.voice.startswith(PREFIX) or tag not in languages:
            require_voice(request.voice, [voice.name for voice in self.capabilities.voices])
        return languages[tag]

    def _options(self, request: SpeechRequest) -> Options:
        options = read_options(self.Options, request.options, self.name)
        if options.variant and options.variant not in espeak_voices.variants():
            raise unknown("variant of espeak", options.variant, espeak_voices.variants())
        return options


def _chunk(samples: Samples, *, first: bool, last: bool) -> Waveform:
    # Only the two ends of the whole answer are faded: between chunks the signal is continuous.
    samples = samples * np.float32(PEAK)  # espeak's own limiter works up to the last bit
    shaped = faded(samples, RATE_HZ)
    half = samples.size // 2
    if not first:
        shaped[:half] = samples[:half]
    if not last:
        shaped[half:] = samples[half:]
    return Waveform(shaped[None, :], RATE_HZ)


def _capabilities() -> Capabilities:
    voices = tuple(
        Voice(name=PREFIX + tag, language=tag, engine="espeak", description=f"{language.title}, robotic")
        for tag, language in espeak_voices.languages().items()
    )
    return Capabilities(
        service=Service.SPEECH,
        languages=tuple(voice.language for voice in voices),
        voices=voices,
        rate_hz=RATE_HZ,
        rtf=0.002,
        streams=True,
        seeded=True,
        max_speed=MAX_SPEED,
        licence="GPL-3.0-or-later (separate process)",
    )


def _written(text: str, language: str) -> str:
    """What is written, in words as far as our rules know the language; espeak reads the rest by its own."""
    from antiphon.text import normalise

    if language.startswith("en"):
        return normalise(text, "en-gb" if language.startswith("en-gb") else "en-us")
    return normalise(text, language)
