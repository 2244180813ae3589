"""The HTTP side of a node: POST /v1/message takes an envelope and streams frames; GET /healthz says it lives.

A listener, the crowd of its connections, and a look at their deadlines four times a second (`connection`, `crowd`).
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket

from antiphon.errors import UnavailableError
from antiphon.transport.base import DEFAULT_LIMITS, Handler, Limits
from antiphon.transport.connection import HEALTH_PATH, MESSAGE_PATH, Connection, Shared
from antiphon.transport.crowd import Crowd
from antiphon.transport.handler_endpoint import HandlerEndpoint
from antiphon.transport.memory import keep_freed_memory

__all__ = ["HEALTH_PATH", "MESSAGE_PATH", "Server", "serve"]

BACKLOG = 1024
OTHER_FILES = 256
"""File descriptors left to the rest of the process, and to connections that are just being closed."""
_SWEEP_S = 0.25
_STOP_S = 2.0
_PROBES = ((socket.SO_KEEPALIVE, 1),)
_TCP_PROBES = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
"""A peer that vanished without a word, while we work for it, is noticed after a minute."""


class Server:
    """A running server. `endpoint` is what others are told."""

    def __init__(self, listening: asyncio.Server, crowd: Crowd, endpoint: str) -> None:
        self._listening = listening
        self._crowd = crowd
        self._sweeping = asyncio.create_task(_sweep(crowd), name="connection deadlines")
        self.endpoint = endpoint

    async def stop(self) -> None:
        """Stop listening; answers under way get 2 s, then they are cancelled."""
        self._listening.close()
        loop = asyncio.get_running_loop()
        end_s = loop.time() + _STOP_S
        while loop.time() < end_s and self._crowd.dismiss():  # noqa: ASYNC110 - an event would cost every answer
            await asyncio.sleep(0.01)
        for member in self._crowd:
            member.put_out()
        self._sweeping.cancel()
        await asyncio.gather(self._sweeping, return_exceptions=True)
        await asyncio.sleep(0)  # cancelled answers end

    async def __aenter__(self) -> Server:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()


async def _sweep(crowd: Crowd) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_SWEEP_S)
        crowd.sweep(loop.time())


async def serve(
    handler: Handler, host: str = "127.0.0.1", port: int = 0, limits: Limits = DEFAULT_LIMITS, *, public_host: str = ""
) -> Server:
    """Serve `handler` on this event loop. `port` 0 takes a free one; `public_host` replaces `host` in the endpoint.

    Raises UnavailableError if the address cannot be used.
    """
    keep_freed_memory()
    listener = _listen(host, port)
    crowd = Crowd(_places(limits.connections), limits.per_address)
    shared = Shared(HandlerEndpoint(handler, limits), crowd, limits)
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: Connection(shared), sock=listener, backlog=BACKLOG)
    shown = public_host or host
    bound_port = listener.getsockname()[1]
    return Server(listening, crowd, f"http://{f'[{shown}]' if ':' in shown else shown}:{bound_port}")


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for option, value in _PROBES:  # connections inherit them
            listener.setsockopt(socket.SOL_SOCKET, option, value)
        for name, value in _TCP_PROBES:
            if hasattr(socket, name):
                listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        listener.bind((host, port))
    except OSError as e:
        listener.close()
        raise UnavailableError(f"Cannot listen on {host}:{port}: {e.strerror}", "Choose another port.") from e
    return listener


def _places(wanted: int) -> int:
    """As many connections as wanted, or as this process may have files: a full table would end all accepting."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted + OTHER_FILES:
        more = wanted + OTHER_FILES if hard == resource.RLIM_INFINITY else min(hard, wanted + OTHER_FILES)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
            soft = more
        return max(1, min(wanted, soft - OTHER_FILES))
    return wanted
