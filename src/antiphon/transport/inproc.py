"""Transport inside one process: the same limits, errors and cancellation as over HTTP, without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from antiphon.errors import ConflictError, UnavailableError, UnreachableError
from antiphon.transport.base import DEFAULT_LIMITS, Handler, Limits
from antiphon.transport.frames import DATA, END, Frame, error_of
from antiphon.transport.handler_endpoint import HandlerEndpoint

SCHEME = "inproc"
_CANCEL_S = 1.0


class InProcessTransport:
    """Knows handlers by name. Handler and asker run as two tasks with a bounded queue between them."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._endpoints: dict[str, HandlerEndpoint] = {}

    def register(self, name: str, handler: Handler) -> str:
        """Open an endpoint. Returns its address, `inproc://name`. Raises ConflictError if the name is taken."""
        if name in self._endpoints:
            raise ConflictError(f"{SCHEME}://{name} is taken", "Choose another name, or unregister it.")
        self._endpoints[name] = HandlerEndpoint(handler, self._limits)
        return f"{SCHEME}://{name}"

    def unregister(self, name: str) -> None:
        """Close an endpoint: new messages find nobody; answers under way go on."""
        self._endpoints.pop(name, None)

    async def request(self, endpoint: str, message: bytes, *, deadline_s: float) -> AsyncGenerator[bytes, None]:
        """See `Transport.request`."""
        end_s = asyncio.get_running_loop().time() + deadline_s
        target = self._endpoints.get(endpoint.removeprefix(f"{SCHEME}://"))
        if target is None:
            raise UnreachableError(f"Nobody listens at {endpoint}", "Start the node, or choose another.")
        queue: asyncio.Queue[Frame] = asyncio.Queue(self._limits.frames_ahead)
        pump = asyncio.create_task(_pump(target, message, queue))
        try:
            while True:
                try:
                    async with asyncio.timeout_at(end_s):
                        kind, payload = await queue.get()
                except TimeoutError as e:
                    raise UnavailableError(f"{endpoint} was not done within {deadline_s} s", "Ask another node.") from e
                if kind == DATA:
                    yield payload
                elif kind == END:
                    return
                else:
                    raise error_of(payload)
        finally:
            pump.cancel()
            await asyncio.wait({pump}, timeout=_CANCEL_S)

    async def close(self) -> None:
        """Close all doors."""
        self._endpoints.clear()


async def _pump(target: HandlerEndpoint, message: bytes, queue: asyncio.Queue[Frame]) -> None:
    async with aclosing(target.answer(message)) as frames:
        async for frame in frames:
            await queue.put(frame)
