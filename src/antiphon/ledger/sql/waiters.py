"""Who waits for which part to change. Woken by commits; nobody polls."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from antiphon.errors import BusyError
from antiphon.ledger.sql.worker import Changed

MAX_WAITERS = 10_000
"""Most long polls at one time."""


class Waiters:
    """Events by (task, index). Use it in one event loop."""

    def __init__(self) -> None:
        self._events: defaultdict[tuple[str, int], set[asyncio.Event]] = defaultdict(set)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @asynccontextmanager
    async def listen(self, key: tuple[str, int]) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever the part changes. Listen first, read then: so no change is missed."""
        if self._count >= MAX_WAITERS:
            raise BusyError(f"{MAX_WAITERS} calls wait on this ledger already", "Retry later.", retry_after_s=1.0)
        event = asyncio.Event()
        self._count += 1
        self._events[key].add(event)
        try:
            yield event
        finally:
            self._count -= 1
            self._events[key].discard(event)
            if not self._events[key]:
                del self._events[key]

    def wake(self, changed: Changed) -> None:
        """Set the events of everybody who waits for one of the parts."""
        for key in self._events.keys() & changed:
            for event in self._events[key]:
                event.set()

    def wake_all(self) -> None:
        """Set every event: something changed, and nobody knows what."""
        self.wake(set(self._events))
