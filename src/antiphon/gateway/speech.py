"""POST /v1/audio/speech: a text in."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from antiphon import Mode, Say
from antiphon.gateway.catalogue import ANY_ENGINE, Catalogue
from antiphon.gateway.errors import ApiError
from antiphon.gateway.sound import check_format

MAX_CHARS = 200_000
"""A long chapter; a book goes by `antiphon say --file`, which resumes."""


MAX_JSON_CHARS = 20_000
"""Of a text whose sound comes in one JSON answer: it is held whole."""


class VoiceId(msgspec.Struct, frozen=True):
    """A voice as newer clients name it."""

    id: str


class SpeechRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body. `instructions` are taken and not followed: no engine here can; `seed`, `language`, `mode` and
    what follows them here are ours.

    `speed`: 0.25 to 4; 1 is the voice's own pace. `mode` stream: heard as it is made, judged meanwhile; verified: every
    sentence only after its verdict.
    """

    input: str
    model: str = ANY_ENGINE
    voice: str | VoiceId = ""
    response_format: str = "mp3"
    speed: Annotated[float, msgspec.Meta(ge=0.25, le=4.0)] = 1.0
    stream_format: Literal["audio", "sse", "json"] = "audio"
    word_times: bool = False
    instructions: str = ""
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    language: str = ""
    markup: Literal["text", "ssml", "dialogue"] = "text"
    voices: dict[str, str | VoiceId] = {}
    lexicon: dict[str, str] = {}
    mode: Literal["stream", "verified"] = "stream"

    def order(self, catalogue: Catalogue) -> Say:
        """The order. Raises `ApiError` for what nobody can make."""
        if not self.input.strip():
            raise ApiError(400, "empty_input", "There is no text. Put what is to be said into input.", param="input")
        if len(self.input) > MAX_CHARS:
            told = f"The text has {len(self.input)} characters, and may have {MAX_CHARS}. Send it in several requests."
            raise ApiError(400, "input_too_long", told, param="input")
        check_format(self.response_format)
        if self.stream_format == "json" and len(self.input) > MAX_JSON_CHARS:
            told = f"One JSON answer holds the sound of at most {MAX_JSON_CHARS} characters. Ask for sse."
            raise ApiError(400, "input_too_long", told, param="input")
        if self.word_times and self.stream_format == "audio":
            told = "Bytes of sound have no place for word times. Ask for them with stream_format sse or json."
            raise ApiError(400, "invalid_value", told, param="word_times")
        return Say(
            text=self.input,
            voice=_named(self.voice, catalogue),
            engine=catalogue.engine(self.model),
            language=self.language,
            speed=self.speed,
            seed=self.seed,
            mode=Mode(self.mode),
            markup=self.markup,
            voices={speaker: _named(voice, catalogue) for speaker, voice in self.voices.items()},
            lexicon=self.lexicon,
            word_times=self.word_times,
        )


def _named(voice: str | VoiceId, catalogue: Catalogue) -> str:
    name = voice if isinstance(voice, str) else voice.id
    return catalogue.voice(name) if name else ""
