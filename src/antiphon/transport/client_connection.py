"""One HTTP/1.1 connection to a node: sends a message, hands out the answer piece by piece, and may be asked again.

The other side is a stranger's: silent, slow, endless or rude. So there is one deadline for the whole exchange; no more
is held than the asker reads (`HELD_BYTES`); bytes that are not of the body (headers, chunk ends, trailers) are few;
nothing is taken that was not asked for; and only a connection whose answer has come to its end is asked again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, cast

import httptools

from antiphon.errors import ProtocolError, UnavailableError

HELD_BYTES = 256 * 1024
"""So much of an answer may wait for its asker before reading pauses (and what one read brings, as much again)."""
ENDING_S = 2.0
"""So long an answer may take to end once its last frame is there: the place is worth more than the connection."""
_JOINED_BYTES = 64 * 1024
"""A message up to here goes out in one piece with its headers; copying it costs less than a second piece."""


class Origin(NamedTuple):
    """Where a connection leads."""

    tls: bool
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


class UnansweredError(ConnectionError):
    """The connection ended without a word of an answer."""


class _Phase(Enum):
    IDLE = "nothing is asked"
    ASKED = "an answer is awaited, or arrives"
    ENDING = "the asker has all it wants: only the end of the HTTP body is missing, and nothing else may come"
    CLOSED = "over"


class ClientConnection(asyncio.Protocol):
    """See the module. `on_rest` is told when it can be asked again, `on_lost` when it is over."""

    def __init__(
        self,
        origin: Origin,
        head_bytes: int,
        on_rest: Callable[[ClientConnection], None],
        on_lost: Callable[[ClientConnection], None],
    ) -> None:
        self.origin = origin
        self.made = False
        self.idle_since_s = 0.0
        self.status = 0
        self.content_type = b""
        self._head_bytes = head_bytes
        self._on_rest = on_rest
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport = None  # type: ignore[assignment]
        self._phase = _Phase.IDLE
        self._deadline: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._failure: Exception | None = None
        self._pieces: deque[bytes] = deque()
        self._held = 0  # bytes of them
        self._paused = False
        self._reset()

    def _reset(self) -> None:
        """For the next answer."""
        self._headed = self._whole = self._keeps = self._sized = False
        self._spoken = False  # the other side has said something
        self._barren = 0  # bytes since the last one of the body
        self.content_type = b""

    # --- the asker's

    @property
    def usable(self) -> bool:
        """Whether it can be asked."""
        return self._phase is _Phase.IDLE and not self._transport.is_closing()

    @property
    def ending(self) -> bool:
        """Whether nobody waits for it, though its answer has not ended."""
        return self._phase is _Phase.ENDING

    def ask(self, head: bytes, message: bytes, end_s: float) -> None:
        """Send a request; its answer must have arrived when the loop's time is `end_s`. Raises UnansweredError if the
        connection has ended since it was last seen."""
        if not self.usable:
            raise UnansweredError("the connection is over")
        self._reset()
        self._phase = _Phase.ASKED
        self._deadline = self._loop.call_at(end_s, self._late)
        if len(message) <= _JOINED_BYTES:
            self._transport.write(head + message)
        else:
            self._transport.writelines((head, message))

    async def answered(self) -> None:
        """Wait for status and headers.

        Raises TimeoutError at the deadline; UnansweredError if the connection ends before a word, ConnectionResetError
        before the end of the headers; UnavailableError for what is not HTTP, ProtocolError for endless headers.
        """
        while not self._headed:
            await self._news()

    async def read(self) -> bytes:
        """The next piece of the body; empty at its end. Raises as `answered`, and ProtocolError if the connection ends
        before the body does."""
        while not self._pieces:
            if self._whole:
                return b""
            await self._news()
        piece = self._pieces.popleft()
        self._held -= len(piece)
        if not self._held:
            self._go_on()
        return piece

    def leave(self, *, satisfied: bool) -> None:
        """The asker goes. `satisfied`: all frames are there; else the other side is to stop."""
        if self._phase is not _Phase.ASKED:
            return
        if not satisfied or self._failure is not None or self._pieces:
            self.abort()
        elif self._whole:
            self._rest()
        else:
            self._phase = _Phase.ENDING
            self.idle_since_s = self._loop.time()
            assert self._deadline is not None, "it was asked"
            if self._deadline.when() > self.idle_since_s + ENDING_S:
                self._deadline.cancel()
                self._deadline = self._loop.call_at(self.idle_since_s + ENDING_S, self._late)
            self._go_on()

    def put_out(self) -> None:
        """End, whoever is waiting."""
        self._fail(ConnectionResetError("the connection was closed on this side"))

    def abort(self) -> None:
        """End at once; nobody is waiting."""
        self._phase = _Phase.CLOSED
        if self._deadline is not None:
            self._deadline.cancel()
        self._transport.abort()

    async def _news(self) -> None:
        if self._phase is _Phase.CLOSED:
            raise self._failure or ConnectionResetError("the connection is over")
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    # --- the transport's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.made = True
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are none by inheritance

    def data_received(self, data: bytes) -> None:
        if self._phase in (_Phase.IDLE, _Phase.CLOSED) or self._whole:  # words that nobody asked for
            self.abort()
            return
        self._spoken = True
        held = self._held
        try:
            assert self._parser is not None
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._keeps = False
            if not self._whole:
                what = f"{self.origin} does not answer in HTTP/1.1: no node of ours"
                self._fail(UnavailableError(what, "Check the endpoint."))
                return
        self._barren = self._barren + len(data) if self._held == held else 0
        if self._phase is _Phase.ENDING and self._held:  # it would be taken for the beginning of the next answer
            self.abort()
            return
        if self._whole:
            if self._phase is _Phase.ENDING:
                self._rest()
        elif self._barren > self._head_bytes:
            self._fail(ProtocolError(f"{self.origin} sends headers without end", "The node is faulty; ask another."))
            return
        elif self._held > HELD_BYTES and not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def _go_on(self) -> None:
        if self._paused and not self._transport.is_closing():
            self._transport.resume_reading()
        self._paused = False

    def eof_received(self) -> None:
        self._over(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._over(exc)
        self._parser = None  # it holds this object
        self._on_lost(self)

    # --- the parser's callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._headed:  # a trailer
            return
        name = name.lower()
        if name == b"content-type":
            self.content_type = value
        elif name in (b"content-length", b"transfer-encoding"):
            self._sized = True

    def on_headers_complete(self) -> None:
        if not self._headed:
            assert self._parser is not None
            self.status = self._parser.get_status_code()
            self._headed = self.status >= 200  # before it, 1xx are only remarks

    def on_body(self, body: bytes) -> None:
        if not self._whole:
            self._pieces.append(body)
            self._held += len(body)

    def on_message_complete(self) -> None:
        assert self._parser is not None
        if self._headed:
            self._keeps = not self._whole and self._parser.should_keep_alive()  # not with a second answer
            self._whole = True
        else:
            self.content_type, self._sized = b"", False

    # --- ends

    def _rest(self) -> None:
        """The exchange is over: wait for the next one, or close."""
        if self._deadline is not None:
            self._deadline.cancel()
        if not self._keeps or self._transport.is_closing() or self._transport.get_write_buffer_size():
            self.abort()
            return
        self._phase = _Phase.IDLE
        self.idle_since_s = self._loop.time()
        self._on_rest(self)

    def _late(self) -> None:
        self._fail(TimeoutError())

    def _over(self, exc: Exception | None) -> None:
        """The other side has said its last word."""
        if self._phase is not _Phase.ASKED or self._whole:
            self.abort()
        elif not self._spoken:
            self._fail(UnansweredError(str(exc) if exc else "the connection was closed without an answer"))
        elif not self._headed:
            self._fail(ConnectionResetError("the connection broke in the middle of an answer's headers"))
        elif self._sized or exc is not None:
            self._fail(ProtocolError("The answer was truncated: the connection broke", "Ask again."))
        else:  # a body without a length ends with its connection; frames tell whether it was all
            self._whole = True
            self.abort()
        self._wake()

    def _fail(self, failure: Exception) -> None:
        self._failure = self._failure or failure
        self.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
