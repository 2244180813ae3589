"""Writes an answer's frames as an HTTP response: at once what is ready at once, and nothing later than it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from antiphon.errors import BusyError, InputError, ProtocolError
from antiphon.transport.frames import CONTENT_TYPE, DATA, ERROR, Frame, error_of, header

_BATCH_BYTES = 256 * 1024
_FRAMES = b"content-type: " + CONTENT_TYPE.encode() + b"\r\n"


class Sink(Protocol):
    """Where a response goes: the first piece brings the status and the headers."""

    async def put(self, body: Sequence[bytes], *, last: bool, status: int = 0, headers: bytes = b"") -> None: ...


class ResponseWriter:
    """Frames that a handler makes without waiting leave in one piece: one write instead of one per frame, and a
    Content-Length instead of chunks if that is the whole answer. As soon as the handler waits, what it made is sent.

    At most one piece is on its way while the next is collected, so a slow reader holds the handler back.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self._ready: list[bytes] = []
        self._size = 0
        self._soon: asyncio.Handle | None = None
        self._sending: asyncio.Task[None] | None = None
        self._first: Frame | None = None
        self._started = False

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
        body, self._ready, self._size = self._ready, [], 0
        if self._started:
            await self._sink.put(body, last=last)
            return
        self._started = True
        assert self._first is not None
        status, headers = status_and_headers(self._first)
        await self._sink.put(body, last=last, status=status, headers=headers)


def status_and_headers(first: Frame) -> tuple[int, bytes]:
    """For people and proxies; our client reads the frames."""
    kind, payload = first
    if kind != ERROR:
        return 200, _FRAMES
    error = error_of(payload)
    if isinstance(error, BusyError):
        return 503, _FRAMES + b"retry-after: %d\r\n" % max(1, round(error.retry_after_s))
    return (400 if isinstance(error, ProtocolError | InputError) else 500), _FRAMES
