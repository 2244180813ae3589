"""Who may ask: hosts, origins, and how much is read of what they send. Everything is closed unless it was opened."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from antiphon.gateway.errors import ApiError

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_BODY_BYTES = 1 << 20
BODY_S = 30.0
"""Longest that a body may take to arrive."""


@dataclass(frozen=True, slots=True)
class Access:
    """`hosts`: names beyond this machine's own that requests may be addressed to. `origins`: of web pages of others
    that may ask, as https://example.org."""

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    @classmethod
    def of(cls, hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> Access:
        return cls(
            frozenset(host.casefold().strip("[]") for host in hosts),
            frozenset(one.casefold().rstrip("/") for one in origins),
        )


class Guard:
    """Lets in what is addressed to this server and comes from no strange web page: a page that a browser shows could
    else spend this machine's money, by its own script or by a name that leads here (DNS rebinding)."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refused(Headers(scope=scope)) if scope["type"] in {"http", "websocket"} else None
        if refused is not None and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refused.code})  # before it began: 403
            return
        if refused is not None:
            await refused.response()(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refused(self, headers: Headers) -> ApiError | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if _name_in(f"//{host}") not in LOCAL_HOSTS | self._access.hosts:
            told = f"This server is not called {host[:100]!r}. Whoever runs it can allow it: --allow-host NAME."
            return ApiError(403, "host_not_allowed", told)
        if origin is not None and origin.casefold() not in {f"http://{host.casefold()}", *self._access.origins}:
            told = f"Pages of {origin[:100]!r} may not ask here. Whoever runs it can allow it: --allow-origin URL."
            return ApiError(403, "origin_not_allowed", told)
        return None


def _name_in(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


async def body_of(request: Request) -> bytes:
    """A JSON body, all of it. Raises `ApiError` for one of another kind, one too large, and one too slow."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if kind != "application/json":
        told = f"The body is {kind or 'of no kind'!r}. Send JSON, with content-type application/json."
        raise ApiError(415, "unsupported_media_type", told)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_BODY_BYTES:
                    told = f"The body is larger than {MAX_BODY_BYTES} bytes. Send the text in several requests."
                    raise ApiError(413, "body_too_large", told)
    except TimeoutError:
        raise ApiError(408, "body_too_slow", f"The body took longer than {BODY_S:g} s. Send it again.") from None
    except ClientDisconnect:
        raise ApiError(400, "body_incomplete", "The body ended before its end. Send it again.") from None
    return bytes(body)
