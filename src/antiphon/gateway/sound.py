"""Sound out while it is made, of whatever order. Who hangs up ends the work."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar, get_args

import msgspec
from starlette.types import Receive, Scope, Send

from antiphon.door.formats import media_types
from antiphon.door.paying import Charge
from antiphon.errors import AntiphonError
from antiphon.gateway.errors import ApiError, api_error, invalid_value
from antiphon.gateway.leaving import unless_hung_up
from antiphon.gateway.paying import taken

if TYPE_CHECKING:
    from antiphon.door.network import Stream
    from antiphon.door.transcribing import TimedWord

log = logging.getLogger(__name__)

SEND_S = 60.0
"""Longest that a client may read nothing while there is sound for it. Then the order ends, and its place is free."""
Format: TypeAlias = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
FORMATS: tuple[str, ...] = get_args(Format)
Wrapping: TypeAlias = Literal["audio", "sse", "json"]
RequestT = TypeVar("RequestT")


def read_body(body: bytes, kind: type[RequestT]) -> RequestT:
    """Raises `ApiError` for what is no JSON, and for a field of another kind."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise invalid_value(error, kind) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ApiError(400, "invalid_json", "The body is no JSON. Send an object, as docs/http-api.md shows.") from None


def check_format(name: str) -> None:
    """Raises `ApiError` for a format that is not sent."""
    if name not in FORMATS:
        told = f"There is no format {name[:40]!r}. Formats: {', '.join(FORMATS)}."
        raise ApiError(400, "unknown_format", told, param="response_format")


class SoundResponse:
    """The sound as it is made, as an ASGI application. The status is told with the first piece: an order that fails
    before has an error's. One that fails later is cut off, so that nobody takes a part for the whole.

    `opened`: begins the order; raises `ApiError` where it may not. `wrapping`: bytes of `form` as they are (audio),
    in server-sent events (sse), or one JSON object at the end; the latter two with word times where the order has
    them. `chars`: of the text, as events tell them. `charge`: is taken with the first piece. `files`: go at the end."""

    def __init__(
        self,
        opened: Callable[[], AbstractAsyncContextManager[Stream]],
        form: str,
        *,
        wrapping: Wrapping = "audio",
        chars: int = 0,
        charge: Charge | None = None,
        files: Sequence[Path] = (),
    ) -> None:
        self._opened, self._form = opened, form
        self._wrapping, self._chars, self._charge, self._files = wrapping, chars, charge, files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await unless_hung_up(self._send(scope, receive, send), receive)
        finally:
            self.leave()

    def leave(self) -> None:
        """Nothing more is sent: a payment that was not taken is not."""
        if self._charge is not None:
            self._charge.release()
        for file in self._files:
            file.unlink(missing_ok=True)

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = False
        try:
            async with aclosing(self._pieces()) as pieces:
                async for piece in pieces:
                    if not began:
                        paid = [] if self._charge is None else await taken(self._charge)
                        await send({"type": "http.response.start", "status": 200, "headers": self._headers + paid})
                        began = True
                    async with asyncio.timeout(SEND_S):
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
        except TimeoutError:
            log.warning("a client read nothing for %g s: its order ended", SEND_S)
            return  # as below
        except ApiError as error:
            await error.response()(scope, receive, send)
            return
        except AntiphonError as error:
            log.warning("an order failed: %s", error)
            if began:
                return  # the server cuts a response that was not completed
            await api_error(error).response()(scope, receive, send)
            return
        await send({"type": "http.response.body", "body": b""})

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        async with (
            self._opened() as stream,
            aclosing(stream.encoded(self._form)) as pieces,
        ):
            match self._wrapping:
                case "audio":
                    async for piece in pieces:
                        yield piece
                case "sse":
                    async for event in self._events(stream, pieces):
                        yield event
                case "json":
                    sound = b"".join([piece async for piece in pieces])
                    yield msgspec.json.encode(
                        {
                            "audio": base64.b64encode(sound).decode(),
                            "format": self._form,
                            "words": words_body(stream.words),
                            "usage": _usage(self._chars),
                        }
                    )

    async def _events(self, stream: Stream, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        told = 0
        async for piece in pieces:
            yield _event("delta", audio=base64.b64encode(piece).decode())
            if new := stream.words[told:]:
                told += len(new)
                yield _event("words", words=words_body(new))
        if new := stream.words[told:]:
            yield _event("words", words=words_body(new))
        yield _event("done", usage=_usage(self._chars))

    @property
    def _headers(self) -> list[tuple[bytes, bytes]]:
        kinds = {"sse": "text/event-stream", "json": "application/json"}
        kind = kinds.get(self._wrapping) or media_types()[self._form]
        return [(b"content-type", kind.encode()), (b"cache-control", b"no-store")]


def words_body(words: Sequence[TimedWord]) -> list[dict[str, str | float]]:
    """Words as a body tells them, in the shape of transcriptions."""
    return [{"word": one.text, "start": round(one.start_s, 3), "end": round(one.end_s, 3)} for one in words]


def _event(what: str, **fields: object) -> bytes:
    return b"data: " + msgspec.json.encode({"type": f"speech.audio.{what}", **fields}) + b"\n\n"


def _usage(chars: int) -> dict[str, int]:
    """Clients require these fields; what is counted and paid here are characters."""
    return {"input_tokens": chars, "output_tokens": 0, "total_tokens": chars}
