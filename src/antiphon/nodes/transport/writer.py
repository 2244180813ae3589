"""Writes an answer's frames as an HTTP response: at once what is ready at once, and nothing later than it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from antiphon.errors import BusyError, InputError, ProtocolError
from antiphon.nodes.transport.frames import CONTENT_TYPE, DATA, ERROR, Frame, error_of, header

Event: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Event], Awaitable[None]]

_BATCH_BYTES = 256 * 1024


class ResponseWriter:
    """Frames that a handler makes without waiting leave in one piece: one write instead of one per frame, and a
    Content-Length instead of chunks if that is the whole answer. As soon as the handler waits, what it made is sent.

    At most one piece is on its way while the next is collected, so a slow reader holds the handler back.
    """

    def __init__(self, send: Send, *, close: bool = False, status: int = 0) -> None:
        self._send = send
        self._close = close
        self._status = status
        self._loop = asyncio.get_running_loop()
        self._ready: list[bytes] = []
        self._size = 0
        self._started = False
        self._soon: asyncio.Handle | None = None
        self._sending: asyncio.Task[None] | None = None
        self._first: Frame | None = None

    async def put(self, frame: Frame) -> None:
        """Take the next frame; an end or error frame completes the response."""
        kind, payload = frame
        self._first = self._first or frame
        if self._sending is not None:
            await self._sending
            self._sending = None
        self._ready += (header(frame), payload)
        self._size += len(payload)
        if kind != DATA or self._size >= _BATCH_BYTES:
            self.cancel()
            await self._flush(last=kind != DATA)
        elif self._soon is None:
            self._soon = self._loop.call_soon(self._begin)

    def cancel(self) -> None:
        """Send nothing more."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _begin(self) -> None:
        self._soon = None
        self._sending = self._loop.create_task(self._flush(last=False))

    async def _flush(self, *, last: bool) -> None:
        body = b"".join(self._ready)
        self._ready.clear()
        self._size = 0
        if not self._started:
            self._started = True
            headers = self._headers()
            if last:
                headers.append((b"content-length", str(len(body)).encode()))
            await self._send({"type": "http.response.start", "status": self._status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": not last})

    def _headers(self) -> list[tuple[bytes, bytes]]:
        """Status and headers are for people and proxies; our client reads the frames."""
        headers = [(b"content-type", CONTENT_TYPE.encode())]
        if self._close:
            headers.append((b"connection", b"close"))
        assert self._first is not None
        kind, payload = self._first
        if kind != ERROR:
            self._status = self._status or 200
            return headers
        error = error_of(payload)
        if isinstance(error, BusyError):
            headers.append((b"retry-after", str(max(1, round(error.retry_after_s))).encode()))
        self._status = self._status or _status_of(error)
        return headers


def _status_of(error: Exception) -> int:
    if isinstance(error, BusyError):
        return 503
    return 400 if isinstance(error, ProtocolError | InputError) else 500
