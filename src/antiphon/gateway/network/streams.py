"""Answers that come while a task is under way: its events, and its sound."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AbstractContextManager, aclosing

import msgspec
from starlette.types import Receive, Scope, Send

from antiphon.door.formats import media_types
from antiphon.door.recoding import Recoder
from antiphon.gateway.errors import ApiError
from antiphon.gateway.leaving import unless_hung_up
from antiphon.gateway.network.bodies import ENDED, Part, SoundProgress, Task
from antiphon.gateway.network.following import Watched
from antiphon.gateway.network.live import SAMPLE_BYTES
from antiphon.gateway.network.recordings import PIECE_BYTES, Sound
from antiphon.gateway.sound import SEND_S

ALIVE_S = 15.0
"""After so long without an event a comment shows that the connection lives."""
MAX_STREAMS, MAX_STREAMS_OF_KEY = 256, 64
"""Answers of this kind at once: of all, and of one key."""


class Streams:
    """Counts them, by whose they are. Each is a connection that lasts."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextlib.contextmanager
    def one(self, whose: str) -> Iterator[None]:
        """While it lasts. Raises `ApiError` 429 for the key's share, 503 for all."""
        if whose and self._open[whose] >= MAX_STREAMS_OF_KEY:
            told = f"{MAX_STREAMS_OF_KEY} streams of this key are open. Close one first."
            raise ApiError(429, "rate_limit_exceeded", told, kind="rate_limit_error", headers={"retry-after": "2"})
        if self._open.total() >= MAX_STREAMS:
            told = "Too many streams are open. Ask again in a few seconds."
            raise ApiError(503, "busy", told, kind="server_error", headers={"retry-after": "2"})
        self._open[whose] += 1
        try:
            yield
        finally:
            self._open[whose] -= 1
            if not self._open[whose]:
                del self._open[whose]


class Streamed:
    """Pieces as they come, as an ASGI application. Pieces that end with `CutError` end the connection before its end,
    so that nobody takes a part for the whole. Who hangs up, or reads nothing for a minute, is left."""

    def __init__(
        self, open_one: AbstractContextManager[None], pieces: AsyncGenerator[bytes, None], headers: Mapping[str, str]
    ) -> None:
        self._open_one, self._pieces = open_one, pieces
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._open_one:
                await unless_hung_up(self._send(send), receive)
        except ApiError as error:  # there is no room for it
            await error.response()(scope, receive, send)

    async def _send(self, send: Send) -> None:
        with contextlib.suppress(CutError, TimeoutError):
            await send({"type": "http.response.start", "status": 200, "headers": self._headers})
            async with aclosing(self._pieces) as pieces:
                async for piece in pieces:
                    async with asyncio.timeout(SEND_S):
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


class CutError(Exception):
    """What was being sent will not come to its end."""


def events(
    open_one: AbstractContextManager[None], task: Task, parts: tuple[Part, ...], live: Watched | None
) -> Streamed:
    """Server-sent events: `task` (first, and whenever something of it changed), `part`, `sound`; the last is `end`,
    with the task. Whoever comes again gets everything anew, as it is then."""
    headers = {"content-type": "text/event-stream", "cache-control": "no-store"}
    return Streamed(open_one, _events(live) if live is not None else _ended(task, parts), headers)


async def _ended(task: Task, parts: tuple[Part, ...]) -> AsyncGenerator[bytes, None]:
    yield _event("task", task)
    for part in parts:
        yield _event("part", part)
    yield _event("end", task)


async def _events(live: Watched) -> AsyncGenerator[bytes, None]:
    told: Task | None = None
    seen: dict[int, Part] = {}
    seconds = 0.0
    while True:
        over = live.over  # before: what changed until then is told
        head = msgspec.structs.replace(live.task, seconds=0.0)
        if head != told:
            told = head
            yield _event("task", live.task)
        for part in live.in_order():
            if seen.get(part.number) != part:
                seen[part.number] = part
                yield _event("part", part)
        if live.task.seconds != seconds:
            seconds = live.task.seconds
            yield _event("sound", SoundProgress(seconds=seconds))
        if over:
            yield _event("end", live.task)
            return
        if not await live.changes(ALIVE_S):
            yield b": alive\n\n"


def _event(name: str, body: msgspec.Struct) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(body) + b"\n\n"


def sound(open_one: AbstractContextManager[None], task: Task, live: Watched | None, file: Sound, form: str) -> Streamed:
    """The sound of a task from its beginning, while it is made and afterwards. Of one that ends otherwise than well
    meanwhile, the connection is cut."""
    kind = media_types()[form]
    if form == "pcm":
        kind = f"{kind}; rate={task.rate_hz}; channels={task.channels}"
    headers = {"content-type": kind, "cache-control": "no-store"}
    if task.state in ENDED:
        live = None
        if task.state != "completed":
            headers["antiphon-incomplete"] = "1"
    return Streamed(open_one, _recoded(task, live, file, form), headers)


async def _recoded(task: Task, live: Watched | None, file: Sound, form: str) -> AsyncGenerator[bytes, None]:
    recoder = Recoder(form, task.rate_hz, task.channels)
    async with aclosing(_pcm(task, live, file)) as pieces:
        async for piece in pieces:
            data = await asyncio.to_thread(recoder.push, piece)
            if data:
                yield data
    rest = await asyncio.to_thread(recoder.finish)
    if rest:
        yield rest


async def _pcm(task: Task, live: Watched | None, file: Sound) -> AsyncGenerator[bytes, None]:
    """Whole samples."""
    frame, rest, sent = SAMPLE_BYTES * task.channels, b"", 0
    with contextlib.closing(file):
        while True:
            ended = live is None or live.task.state in ENDED
            data = await asyncio.to_thread(file.read, PIECE_BYTES)
            if data:
                data = rest + data
                whole = len(data) - len(data) % frame
                rest = data[whole:]
                sent += whole
                yield data[:whole]
            elif not ended and live is not None:
                await live.changes(ALIVE_S)
            elif live is not None and live.task.state != "completed":
                raise CutError
            elif sent < round((live.task if live is not None else task).seconds * task.rate_hz) * frame:
                raise CutError  # the rest is elsewhere, and not uploaded yet
            else:
                return
