"""One HTTP/1.1 connection of a node's server: reads a message, streams its answer, and leaves whoever keeps it waiting.

Whose turn it is decides everything: while it is the peer's (to ask, to send, to read) there is a deadline, and a
newcomer may take the place (`crowd`). Two routes, no pipelining, no upgrades: what nobody of ours does is refused.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import cast

import httptools

from antiphon.errors import AntiphonError, BusyError, UnavailableError
from antiphon.transport.base import Limits, request_headers
from antiphon.transport.crowd import Crowd, Member, address_of
from antiphon.transport.frames import error_frame, write
from antiphon.transport.handler_endpoint import HandlerEndpoint, too_large
from antiphon.transport.writer import ResponseWriter, status_and_headers

_log = logging.getLogger(__name__)

MESSAGE_PATH = "/v1/message"
HEALTH_PATH = "/healthz"
_ROUTES = b"POST /v1/message, GET /healthz.\n"
_PLAIN = b"content-type: text/plain\r\n"
_LAST = b"connection: close\r\n"
_BUFFER_BYTES = 256 * 1024
_FIRST_LOOK_S = 2.0
"""A message's rate is looked at for the first time after so long, then every second."""
_LINGER_S = 1.0
_NO_LINGER = struct.pack("ii", 1, 0)
_STATUS = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


class _Phase(Enum):
    FIRST = "no request has begun yet"
    IDLE = "between two requests"
    HEAD = "a request line and its headers arrive"
    BODY = "a message arrives"
    ANSWER = "the answer is made"  # the only one that is ours
    READING = "the peer does not read as fast as we write"
    CLOSING = "all is said: what still arrives is thrown away"


@dataclass(slots=True)
class Shared:
    """What the connections of a server share."""

    endpoint: HandlerEndpoint
    crowd: Crowd
    limits: Limits
    held_bytes: int = 0  # all messages that have arrived, whole or in part, and are not answered yet


class Connection(asyncio.Protocol):
    """See the module. A callback of the transport or the parser, a deadline, or the answering task drives it."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._limits = shared.limits
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport = None  # type: ignore[assignment]
        self._phase = _Phase.FIRST
        self._task: asyncio.Task[None] | None = None
        self._room: asyncio.Event | None = None  # set while the peer reads as fast as we write
        self._since_s = 0.0  # when this phase began
        self._unread = 0  # bytes the peer had not read at the last look
        self._reset()
        self.address = ""
        self.deadline_s = 0.0

    def _reset(self) -> None:
        """For the next request."""
        self._url = b""
        self._parts: list[bytes] = []
        self._extra: dict[str, str] = {}  # headers X-...
        self._size = 0  # of the message so far
        self._wire = 0  # bytes since the request began
        self._length = 0
        self._expects = False
        self._headed = self._whole = self._refused = False
        self._started = self._chunked = self._ends = False

    # --- the transport's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are none by inheritance
        self._transport.set_write_buffer_limits(high=_BUFFER_BYTES)
        self.address = address_of(transport.get_extra_info("peername"))
        if self._shared.crowd.join(self):
            self._turn(_Phase.FIRST, self._limits.first_s)
        else:
            self._phase = _Phase.CLOSING
            self._transport.write(_head(503, _PLAIN + b"retry-after: 1\r\n" + _LAST, 0))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._shared.crowd.leave(self)
        self._phase = _Phase.CLOSING
        if self._task is not None:
            self._task.cancel()
        self._release()

    def data_received(self, data: bytes) -> None:
        if self._phase is _Phase.CLOSING:
            self._wire += len(data)
            if self._wire > self._limits.message_bytes:
                self._end()
            return
        if self._phase in (_Phase.ANSWER, _Phase.READING):  # the next request before the end of this answer
            self._end()
            return
        if self._phase in (_Phase.FIRST, _Phase.IDLE):
            self._turn(_Phase.HEAD, self._limits.head_s)
        self._wire += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._say(400, b"This is no HTTP/1.1 request. " + _ROUTES)
            return
        if self._phase is _Phase.HEAD and self._wire > self._limits.head_bytes and not self._headed:
            self._say(431, b"The request's headers are too long.\n")
        elif self._refused:
            self._end()
        elif self._phase in (_Phase.HEAD, _Phase.BODY) and self._headed:
            self._received()

    def pause_writing(self) -> None:
        self._room = asyncio.Event()
        if self._phase in (_Phase.ANSWER, _Phase.IDLE):  # idle: all of the answer is written, and much not read
            self._turn(_Phase.READING, self._limits.stall_s)
            self._unread = self._transport.get_write_buffer_size()

    def resume_writing(self) -> None:
        if self._room is not None:
            self._room.set()
            self._room = None
        if self._phase is _Phase.READING:
            if self._task is None:
                self._next()
            else:
                self._turn(_Phase.ANSWER, self._limits.answer_s)

    # --- the parser's callbacks

    def on_message_begin(self) -> None:
        self._refused = self._refused or self._whole  # two requests in one piece

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"content-length" and not self._headed:
            self._length = int(value)  # digits only: the parser has refused everything else
        elif name == b"expect":
            self._expects = value.lower() == b"100-continue"
        elif name.startswith(b"x-") and not self._headed:
            self._extra[name.decode("latin-1")] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._headed = True

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)
        self._size += len(body)
        self._shared.held_bytes += len(body)

    def on_message_complete(self) -> None:
        self._whole = True

    # --- the crowd's

    def put_out(self) -> None:
        self._end()

    def dismiss(self) -> bool:
        self._ends = True
        if self._task is None and self._phase is not _Phase.CLOSING:
            self._end()
        return self._task is not None

    def overdue(self, now_s: float) -> None:
        limits, passed_s = self._limits, now_s - self._since_s
        match self._phase:
            case _Phase.HEAD:
                self._say(408, b"The request did not arrive in time.\n")
            case _Phase.BODY if passed_s < limits.body_s and self._wire >= passed_s * limits.bytes_per_s:
                self.deadline_s = now_s + min(1.0, limits.body_s - passed_s)
            case _Phase.BODY:
                late = UnavailableError("The message did not arrive in time, or too slowly", "Send it again.")
                self._refuse(408, late)
            case _Phase.READING | _Phase.CLOSING if self._reads():
                self.deadline_s = now_s + limits.stall_s
            case _:
                if self._task is not None:
                    _log.info("an answer was cut off: %s", self._phase.value)
                self._end()

    def _reads(self) -> bool:
        """Whether the peer has taken enough since the last look."""
        before, self._unread = self._unread, self._transport.get_write_buffer_size()
        return before - self._unread >= self._limits.stall_s * self._limits.bytes_per_s

    # --- one request

    def _received(self) -> None:
        """The headers are there, and more or less of the body."""
        limits, shared = self._limits, self._shared
        size = max(self._size, self._length)
        if size > limits.message_bytes or self._wire > 2 * limits.message_bytes + limits.head_bytes:
            self._refuse(413, too_large(size, limits.message_bytes))
            return
        while shared.held_bytes > limits.held_bytes and shared.crowd.relieve(self._still_sends):
            pass
        if shared.held_bytes > limits.held_bytes:
            wait_s = limits.retry_after_s
            full = BusyError("The node holds too many large messages", "Retry later.", retry_after_s=wait_s)
            self._refuse(503, full)
        elif self._whole:
            self._dispatch()
        elif self._phase is _Phase.HEAD:
            self._turn(_Phase.BODY, min(_FIRST_LOOK_S, limits.body_s))
            if self._expects:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _still_sends(self, member: Member) -> bool:
        return isinstance(member, Connection) and member is not self and member._phase is _Phase.BODY

    def _dispatch(self) -> None:
        path, method = self._url.decode("latin-1"), self._parser.get_method()
        self._ends = not self._parser.should_keep_alive()
        if path == MESSAGE_PATH and method == b"POST":
            message = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts.clear()
            self._turn(_Phase.ANSWER, self._limits.answer_s)
            self._task = self._loop.create_task(self._answer(message))
        elif path == HEALTH_PATH and method in {b"GET", b"HEAD"}:
            body = b'{"status":"ok"}'
            headers = b"content-type: application/json\r\n" + (_LAST if self._ends else b"")
            self._transport.write(_head(200, headers, len(body)) + (body if method == b"GET" else b""))
            self._next()
        else:
            known = path in {MESSAGE_PATH, HEALTH_PATH}
            self._say(405 if known else 404, (b"Method not allowed. " if known else b"Not found. ") + _ROUTES)

    async def _answer(self, message: bytes) -> None:
        endpoint, crowd = self._shared.endpoint, self._shared.crowd
        if endpoint.active >= self._limits.concurrent and crowd.relieve(_does_not_read):
            await asyncio.sleep(0)  # its answer ends now
        request_headers.set(self._extra)
        writer = ResponseWriter(self)
        try:
            async with aclosing(endpoint.answer(message)) as frames:
                del message
                async for frame in frames:
                    await writer.put(frame)
        finally:
            writer.cancel()
            if self._task is asyncio.current_task():  # it did not come to its end
                self._task = None
                self._end()

    async def put(self, body: Sequence[bytes], *, last: bool, status: int = 0, headers: bytes = b"") -> None:
        """One piece of the response (`writer.Sink`). Waits until there is room for the next."""
        if self._transport.is_closing():
            return
        pieces, size, head = list(body), sum(map(len, body)), b""
        if not self._started:
            self._started = True
            self._chunked = not last and self._parser.get_http_version() != "1.0"
            self._ends = self._ends or not (last or self._chunked)  # to HTTP/1.0 the end is that of the connection
            head = _head(
                status, headers + (_LAST if self._ends else b""), size if last else None, chunked=self._chunked
            )
        if self._chunked:
            pieces = [b"%x\r\n" % size, *pieces, b"\r\n"] if size else []
            pieces += [b"0\r\n\r\n"] if last else []
        self._transport.writelines([head, *pieces])
        if last:
            self._task = None
            if self._phase is _Phase.ANSWER:
                self._next()
        elif self._room is not None:
            await self._room.wait()

    # --- ends

    def _next(self) -> None:
        """The request is answered: wait for the next one, or close."""
        self._release()
        if self._ends:
            self._turn(_Phase.CLOSING, self._limits.stall_s)
            self._unread = self._transport.get_write_buffer_size()
            self._transport.close()
            return
        self._reset()
        self._turn(_Phase.IDLE, self._limits.idle_s)

    def _say(self, status: int, words: bytes) -> None:
        """A plain answer, and the end of the connection."""
        self._transport.write(_head(status, _PLAIN + _LAST, len(words)) + words)
        self._linger()

    def _refuse(self, status: int, error: AntiphonError) -> None:
        """An error frame, and the end of the connection."""
        frame = error_frame(error)
        body = write(frame)
        _, headers = status_and_headers(frame)
        self._transport.write(_head(status, headers + _LAST, len(body)) + body)
        self._linger()

    def _linger(self) -> None:
        """Let the peer read what was said, which it could not while it still sends into a closed socket."""
        self._release()
        self._wire = 0
        self._turn(_Phase.CLOSING, _LINGER_S)
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _end(self) -> None:
        """Close now, sent or not; the system, too, forgets what was not read (a reset)."""
        if self._phase is _Phase.READING and (open_socket := self._transport.get_extra_info("socket")) is not None:
            open_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._phase = _Phase.CLOSING
        self._shared.crowd.leave(self)
        self._transport.abort()
        if self._task is not None:
            self._task.cancel()

    def _release(self) -> None:
        self._shared.held_bytes -= self._size
        self._size = 0
        self._parts.clear()

    def _turn(self, phase: _Phase, within_s: float) -> None:
        self._phase = phase
        self._since_s = self._loop.time()
        self.deadline_s = self._since_s + within_s
        self._shared.crowd.waits(self, waits=phase is not _Phase.ANSWER)


def _does_not_read(member: Member) -> bool:
    return isinstance(member, Connection) and member._phase is _Phase.READING and member._task is not None


def _head(status: int, headers: bytes, length: int | None, *, chunked: bool = False) -> bytes:
    size = b"" if length is None else b"content-length: %d\r\n" % length
    return b"".join((_STATUS[status], headers, b"transfer-encoding: chunked\r\n" if chunked else size, b"\r\n"))
