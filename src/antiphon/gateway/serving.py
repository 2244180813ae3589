"""The application on a port, until the caller has done."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.types import ASGIApp

from antiphon.errors import UnavailableError

STOP_S = 2
"""How long answers under way may go on when the server stops."""
IDLE_S = 30
MAX_MESSAGE_BYTES = 1 << 20
"""Of a WebSocket."""


class _Server(uvicorn.Server):
    """Signals belong to the command that serves."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp, host: str = "127.0.0.1", port: int = 0, *, listener: socket.socket | None = None
) -> AsyncIterator[str]:
    """Serve; the URL of the server. `port` 0 takes a free one; `listener`: one that other processes serve too. Raises
    `UnavailableError` if it cannot be had."""
    with listener or listen(host, port) as bound:
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=MAX_MESSAGE_BYTES,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=STOP_S,
        )
        server = _Server(config)
        running = asyncio.create_task(server.serve(sockets=[bound]), name="API")
        try:
            while not server.started and not running.done():  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.002)
            if running.done():
                running.result()
                raise UnavailableError("The HTTP server ended at its start", "Look at its log.")
            yield url_of(bound, host)
        finally:
            server.should_exit = True
            await running


def url_of(listener: socket.socket, host: str) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


def listen(host: str, port: int) -> socket.socket:
    """Raises `UnavailableError`."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise UnavailableError(f"Cannot listen on {host}:{port}: {error.strerror}", "Choose another --port.") from error
    return listener
