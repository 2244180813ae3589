"""The HTTP side of a node: POST /v1/message takes an envelope and streams frames; GET /healthz says it lives.

A bare ASGI application under uvicorn: there are two routes, and routing is measurable at this message rate.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Any, TypeAlias

import uvicorn

from antiphon.errors import BusyError, ProtocolError, UnavailableError
from antiphon.nodes.transport.base import DEFAULT_LIMITS, Handler, Limits
from antiphon.nodes.transport.door import Door, too_large
from antiphon.nodes.transport.frames import error_frame
from antiphon.nodes.transport.memory import keep_freed_memory
from antiphon.nodes.transport.writer import Event, ResponseWriter, Send

_log = logging.getLogger(__name__)

MESSAGE_PATH = "/v1/message"
HEALTH_PATH = "/healthz"
KEEP_ALIVE_S = 75
"""Longer than any client of ours keeps an idle connection, so that it never writes into one that is closing."""
_STOP_S = 2

Receive: TypeAlias = Callable[[], Awaitable[Event]]


class _GoneError(Exception):
    """The asker left before its message was complete."""


class _Reading:
    """How much of a message has arrived."""

    size = 0


class App:
    """ASGI application around one handler."""

    def __init__(self, handler: Handler, limits: Limits = DEFAULT_LIMITS) -> None:
        self._door = Door(handler, limits)
        self._limits = limits
        self._held_bytes = 0

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        if path == MESSAGE_PATH and method == "POST":
            await self._message(scope, receive, send)
        elif path == HEALTH_PATH and method in {"GET", "HEAD"}:
            await _plain(send, 200, b'{"status":"ok"}', b"application/json")
        elif path in {MESSAGE_PATH, HEALTH_PATH}:
            await _plain(send, 405, b"Method not allowed. POST /v1/message, GET /healthz.\n")
        else:
            await _plain(send, 404, b"Not found. POST /v1/message, GET /healthz.\n")

    async def _message(self, scope: Event, receive: Receive, send: Send) -> None:
        reading = _Reading()
        try:
            async with asyncio.timeout(self._limits.body_s):
                message = await self._read(scope, receive, reading)
        except _GoneError:
            return
        except TimeoutError:
            late = UnavailableError(f"The message did not arrive within {self._limits.body_s} s", "Send it again.")
            await ResponseWriter(send, status=408, close=True).put(error_frame(late))
        except ProtocolError as e:
            await ResponseWriter(send, status=413).put(error_frame(e))
        except BusyError as e:
            await ResponseWriter(send).put(error_frame(e))
        else:
            await self._answer(message, receive, send)
        finally:
            self._held_bytes -= reading.size

    async def _read(self, scope: Event, receive: Receive, reading: _Reading) -> bytes:
        limits = self._limits
        for name, value in scope["headers"]:
            if name == b"content-length" and int(value) > limits.message_bytes:
                raise too_large(int(value), limits.message_bytes)
        parts: list[bytes] = []
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise _GoneError
            part: bytes = event.get("body", b"")
            reading.size += len(part)
            self._held_bytes += len(part)
            if reading.size > limits.message_bytes:
                raise too_large(reading.size, limits.message_bytes)
            if self._held_bytes > limits.held_bytes:
                raise BusyError(
                    "The node holds too many large messages", "Retry later.", retry_after_s=limits.retry_after_s
                )
            parts.append(part)
            if not event.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _answer(self, message: bytes, receive: Receive, send: Send) -> None:
        """Stream the answer; when the asker leaves, the answer is cancelled, handler included."""
        task = asyncio.current_task()
        assert task is not None
        writer = ResponseWriter(send)
        watch = _Watch(receive, task)
        try:
            async with asyncio.timeout(self._limits.answer_s), aclosing(self._door.answer(message)) as frames:
                async for frame in frames:
                    await writer.put(frame)
        except TimeoutError:
            _log.info("an answer was cut off: it was not taken within %s s", self._limits.answer_s)
        except asyncio.CancelledError:
            if not watch.left:
                raise
            task.uncancel()
        finally:
            watch.stop()
            writer.cancel()


class _Watch:
    """Cancels `task` when the asker disconnects. Starts only once the task waits for something."""

    def __init__(self, receive: Receive, task: asyncio.Task[Any]) -> None:
        self._receive = receive
        self._task = task
        self._watching: asyncio.Task[None] | None = None
        self._soon = task.get_loop().call_soon(self._begin)
        self.left = False

    def stop(self) -> None:
        self._soon.cancel()
        if self._watching is not None:
            self._watching.cancel()

    def _begin(self) -> None:
        self._watching = self._task.get_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left = True
        self._task.cancel()


async def _plain(send: Send, status: int, body: bytes, content_type: bytes = b"text/plain") -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Signals belong to the program, which may hold several servers.
        yield


class Server:
    """A running server. `endpoint` is what others are told."""

    def __init__(self, server: uvicorn.Server, serving: asyncio.Task[None], endpoint: str) -> None:
        self._server = server
        self._serving = serving
        self.endpoint = endpoint

    async def stop(self) -> None:
        """Stop listening; answers under way get 2 s, then they are cancelled."""
        self._server.should_exit = True
        await asyncio.shield(self._serving)

    async def __aenter__(self) -> Server:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()


async def serve(
    handler: Handler, host: str = "127.0.0.1", port: int = 0, limits: Limits = DEFAULT_LIMITS, *, public_host: str = ""
) -> Server:
    """Serve `handler` on this event loop. `port` 0 takes a free one; `public_host` replaces `host` in the endpoint.

    Raises UnavailableError if the address cannot be used.
    """
    keep_freed_memory()
    return await serve_app(App(handler, limits), host, port, limits, public_host=public_host)


async def serve_app(
    app: Callable[[Any, Any, Any], Awaitable[None]],
    host: str,
    port: int,
    limits: Limits,
    *,
    public_host: str = "",
) -> Server:
    """Serve any ASGI application the same way."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as e:
        listener.close()
        raise UnavailableError(f"Cannot listen on {host}:{port}: {e.strerror}", "Choose another port.") from e
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        limit_concurrency=limits.connections,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=_STOP_S,
    )
    server = _Uvicorn(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        if serving.done():
            listener.close()
            raise UnavailableError(
                f"The server on {host}:{port} did not start", "See the log."
            ) from serving.exception()
        await asyncio.sleep(0.002)
    bound_port = listener.getsockname()[1]
    shown = public_host or host
    return Server(server, serving, f"http://{f'[{shown}]' if ':' in shown else shown}:{bound_port}")
