"""POST /v1/audio/speech: a text in, sound out while it is made. Who hangs up ends the work."""

from __future__ import annotations

import asyncio
import base64
import logging
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Literal

import msgspec
from starlette.types import Receive, Scope, Send

from antiphon import AsyncNetwork, Mode, Say
from antiphon.door.formats import media_types
from antiphon.errors import AntiphonError
from antiphon.gateway.catalogue import ANY_ENGINE, Catalogue
from antiphon.gateway.errors import ApiError, api_error

log = logging.getLogger(__name__)

MAX_CHARS = 200_000
"""A long chapter; a book goes by `antiphon say --file`, which resumes."""
SEND_S = 60.0
"""Longest that a client may read nothing while there is sound for it. Then the order ends, and its place is free."""
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")


class VoiceId(msgspec.Struct, frozen=True):
    """A voice as newer clients name it."""

    id: str


class SpeechRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body. `instructions` are taken and not followed: no engine here can; `seed`, `language` and `mode` are ours.

    `speed`: 0.25 to 4; 1 is the voice's own pace. `mode` stream: heard as it is made, judged meanwhile; verified: every
    sentence only after its verdict.
    """

    input: str
    model: str = ANY_ENGINE
    voice: str | VoiceId = ""
    response_format: str = "mp3"
    speed: Annotated[float, msgspec.Meta(ge=0.25, le=4.0)] = 1.0
    stream_format: Literal["audio", "sse"] = "audio"
    instructions: str = ""
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    language: str = ""
    mode: Literal["stream", "verified"] = "stream"

    def order(self, catalogue: Catalogue) -> Say:
        """The order. Raises `ApiError` for what nobody can make."""
        if not self.input.strip():
            raise ApiError(400, "empty_input", "There is no text. Put what is to be said into input.", param="input")
        if len(self.input) > MAX_CHARS:
            told = f"The text has {len(self.input)} characters, and may have {MAX_CHARS}. Send it in several requests."
            raise ApiError(400, "input_too_long", told, param="input")
        if self.response_format not in FORMATS:
            told = f"There is no format {self.response_format[:40]!r}. Formats: {', '.join(FORMATS)}."
            raise ApiError(400, "unknown_format", told, param="response_format")
        voice = self.voice if isinstance(self.voice, str) else self.voice.id
        return Say(
            text=self.input,
            voice=catalogue.voice(voice) if voice else "",
            engine=catalogue.engine(self.model),
            language=self.language,
            speed=self.speed,
            seed=self.seed,
            mode=Mode(self.mode),
        )


def read_request(body: bytes) -> SpeechRequest:
    """Raises `ApiError` for what is no JSON, and for a field of another kind."""
    try:
        return msgspec.json.decode(body, type=SpeechRequest)
    except msgspec.ValidationError as error:
        field = re.search(r"`\$\.(\w+)", str(error)) or re.search(r"required field `(\w+)`", str(error))
        raise ApiError(400, "invalid_value", f"{error}.", param=field[1] if field else None) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ApiError(400, "invalid_json", "The body is no JSON. Send an object with input and voice.") from None


class SpeechResponse:
    """The sound as it is made, as an ASGI application. The status is told with the first piece: an order that fails
    before has an error's. One that fails later is cut off, so that nobody takes a part for the whole."""

    def __init__(self, network: AsyncNetwork, order: Say, request: SpeechRequest) -> None:
        self._network, self._order, self._request = network, order, request
        self._sse = request.stream_format == "sse"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(scope, receive, send))
        leaving = asyncio.create_task(_hung_up(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = False
        try:
            async with aclosing(self._pieces()) as pieces:
                async for piece in pieces:
                    if not began:
                        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
                        began = True
                    async with asyncio.timeout(SEND_S):
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
        except TimeoutError:
            log.warning("a client read nothing for %g s: its order ended", SEND_S)
            return  # as below
        except AntiphonError as error:
            log.warning("speech failed: %s", error)
            if began:
                return  # the server cuts a response that was not completed
            await api_error(error).response()(scope, receive, send)
            return
        await send({"type": "http.response.body", "body": b""})

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        async with (
            self._network.stream(self._order) as stream,
            aclosing(stream.encoded(self._request.response_format)) as pieces,
        ):
            async for piece in pieces:
                yield _event("speech.audio.delta", audio=base64.b64encode(piece).decode()) if self._sse else piece
            if self._sse:
                yield _event("speech.audio.done", usage=_usage(self._request.input))

    @property
    def _headers(self) -> list[tuple[bytes, bytes]]:
        kind = "text/event-stream" if self._sse else media_types()[self._request.response_format]
        return [(b"content-type", kind.encode()), (b"cache-control", b"no-store")]


def _event(kind: str, **fields: object) -> bytes:
    return b"data: " + msgspec.json.encode({"type": kind, **fields}) + b"\n\n"


def _usage(text: str) -> dict[str, int]:
    """Clients require these fields; what is counted and paid here are characters."""
    return {"input_tokens": len(text), "output_tokens": 0, "total_tokens": len(text)}


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
