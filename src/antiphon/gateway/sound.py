"""Sound out while it is made, of whatever order. Who hangs up ends the work."""

from __future__ import annotations

import asyncio
import base64
import logging
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import TYPE_CHECKING, TypeVar

import msgspec
from starlette.types import Receive, Scope, Send

from antiphon.door.formats import media_types
from antiphon.door.paying import Charge
from antiphon.errors import AntiphonError
from antiphon.gateway.errors import ApiError, api_error
from antiphon.gateway.paying import taken

if TYPE_CHECKING:
    from antiphon.door.network import Stream

log = logging.getLogger(__name__)

SEND_S = 60.0
"""Longest that a client may read nothing while there is sound for it. Then the order ends, and its place is free."""
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
RequestT = TypeVar("RequestT")


def read_body(body: bytes, kind: type[RequestT]) -> RequestT:
    """Raises `ApiError` for what is no JSON, and for a field of another kind."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        field = re.search(r"`\$\.(\w+)", str(error)) or re.search(r"required field `(\w+)`", str(error))
        raise ApiError(400, "invalid_value", f"{error}.", param=field[1] if field else None) from None
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

    `opened`: begins the order; raises `ApiError` where it may not begin. `event`: begins the names of server-sent
    events, where those were asked for; empty: bytes of `form`. `chars`: of the text, as events tell them. `charge`: is
    taken with the first piece."""

    def __init__(
        self,
        opened: Callable[[], AbstractAsyncContextManager[Stream]],
        form: str,
        *,
        event: str = "",
        chars: int = 0,
        charge: Charge | None = None,
    ) -> None:
        self._opened, self._form = opened, form
        self._event, self._chars, self._charge = event, chars, charge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(scope, receive, send))
        leaving = asyncio.create_task(hung_up(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
            self.leave()

    def leave(self) -> None:
        """Nothing is sent: a payment is not taken."""
        if self._charge is not None:
            self._charge.release()

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
            async for piece in pieces:
                yield self._told("delta", audio=base64.b64encode(piece).decode()) if self._event else piece
            if self._event:
                yield self._told("done", usage=_usage(self._chars))

    def _told(self, what: str, **fields: object) -> bytes:
        return b"data: " + msgspec.json.encode({"type": f"{self._event}.{what}", **fields}) + b"\n\n"

    @property
    def _headers(self) -> list[tuple[bytes, bytes]]:
        kind = "text/event-stream" if self._event else media_types()[self._form]
        return [(b"content-type", kind.encode()), (b"cache-control", b"no-store")]


def _usage(chars: int) -> dict[str, int]:
    """Clients require these fields; what is counted and paid here are characters."""
    return {"input_tokens": chars, "output_tokens": 0, "total_tokens": chars}


async def hung_up(receive: Receive) -> None:
    """Until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
