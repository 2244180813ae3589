"""Transport inside one process: the same limits, errors and cancellation as over HTTP, without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from antiphon.errors import ConflictError, UnavailableError, UnreachableError
from antiphon.transport.base import DEFAULT_LIMITS, Handler, Limits
from antiphon.transport.door import Door
from antiphon.transport.frames import DATA, END, Frame, error_of

SCHEME = "inproc"
_CANCEL_S = 1.0


class InProcessTransport:
    """Knows handlers by name. Handler and asker run as two tasks with a bounded queue between them."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._doors: dict[str, Door] = {}

    def register(self, name: str, handler: Handler) -> str:
        """Open a door. Returns its endpoint, `inproc://name`. Raises ConflictError if the name is taken."""
        if name in self._doors:
            raise ConflictError(f"{SCHEME}://{name} is taken", "Choose another name, or unregister it.")
        self._doors[name] = Door(handler, self._limits)
        return f"{SCHEME}://{name}"

    def unregister(self, name: str) -> None:
        """Close a door: new messages find nobody; answers under way go on."""
        self._doors.pop(name, None)

    async def request(self, endpoint: str, message: bytes, *, deadline_s: float) -> AsyncGenerator[bytes, None]:
        """See `Transport.request`."""
        end_s = asyncio.get_running_loop().time() + deadline_s
        door = self._doors.get(endpoint.removeprefix(f"{SCHEME}://"))
        if door is None:
            raise UnreachableError(f"Nobody listens at {endpoint}", "Start the node, or choose another.")
        queue: asyncio.Queue[Frame] = asyncio.Queue(self._limits.frames_ahead)
        pump = asyncio.create_task(_pump(door, message, queue))
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
        self._doors.clear()


async def _pump(door: Door, message: bytes, queue: asyncio.Queue[Frame]) -> None:
    async with aclosing(door.answer(message)) as frames:
        async for frame in frames:
            await queue.put(frame)
