"""A ledger that outlives its process: what cannot be reached is asked again until it is back, for a bounded time.

Safe because reading changes nothing and an operation is the same envelope each time, which the ledger applies once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from antiphon.errors import BusyError, UnreachableError
from antiphon.ledger.base import Ledger
from antiphon.ledger.queries import Query

log = logging.getLogger("antiphon.nodes")

PATIENCE_S = 45.0
"""Longest time without the ledger: an operation signed at its beginning is still fresh (60 s) at its end."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0

T = TypeVar("T")


class RetryingLedger(Ledger):
    """`Ledger` that repeats a call while the one behind it is unreachable or busy, at most for `patience_s`.

    Raises what the last try raised when patience ends. Use it for nodes and jobs under way; ask the ledger itself where
    a person waits to hear whether it is there at all. `patience_s` may be changed: who leaves waits less.
    """

    def __init__(self, ledger: Ledger, *, patience_s: float = PATIENCE_S) -> None:
        self._ledger = ledger
        self.patience_s = patience_s
        self._away = False

    async def identity(self) -> str:
        return await self._try(self._ledger.identity)

    async def submit(self, envelope: bytes) -> None:
        await self._try(lambda: self._ledger.submit(envelope))

    async def read(self, query: Query[T]) -> T:
        return await self._try(lambda: self._ledger.read(query))

    async def expire(self) -> int:
        return await self._try(self._ledger.expire)

    async def close(self) -> None:
        await self._ledger.close()

    async def _try(self, ask: Callable[[], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        end_s: float | None = None  # counted from the first failure: a long poll may have run a while by then
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                answer = await ask()
            except (UnreachableError, BusyError) as error:
                end_s = loop.time() + self.patience_s if end_s is None else end_s
                if loop.time() + pause_s >= end_s:
                    raise
                self._note(away=isinstance(error, UnreachableError))
            else:
                self._note(away=False)
                return answer
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _note(self, *, away: bool) -> None:
        """One line when it goes and one when it is back, however many calls wait."""
        if away != self._away:
            self._away = away
            log.warning("the ledger does not answer; trying again" if away else "the ledger is back")
