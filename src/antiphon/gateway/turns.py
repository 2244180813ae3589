"""Places for orders, and a bounded queue for them that is fair between keys."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncIterator

from antiphon.gateway.errors import ApiError

PLACES = 32
"""Orders in work at once."""
WAITING = 64
WAIT_S = 10.0
"""Longest that an order waits for its turn."""
SHARE = 4
"""One key may fill this part of the queue, so that others find room in it."""


class Turns:
    """Whoever waits is let in by turns, key by key, and within a key in the order of coming."""

    def __init__(self, places: int = PLACES, waiting: int = WAITING, wait_s: float = WAIT_S) -> None:
        self._free, self._max_waiting, self._wait_s = places, waiting, wait_s
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @contextlib.asynccontextmanager
    async def turn(self, whose: str = "", wait_s: float | None = None) -> AsyncIterator[None]:
        """A place while inside. `whose` empty: of nobody known; `wait_s`: other than what all wait at most. Raises
        `ApiError` 503, or 429 for the key's share."""
        if self._free and not self._queues:
            self._free -= 1
        else:
            await self._wait(whose, self._wait_s if wait_s is None else wait_s)
        try:
            yield
        finally:
            self._give_on()

    async def _wait(self, whose: str, wait_s: float) -> None:
        mine = len(self._queues.get(whose, ()))
        if whose and mine >= max(1, self._max_waiting // SHARE):
            told = "Too many requests of this key are waiting. Ask again when one has ended."
            raise ApiError(429, "rate_limit_exceeded", told, kind="rate_limit_error", headers={"retry-after": "1"})
        if sum(map(len, self._queues.values())) >= self._max_waiting:
            raise _busy()
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(whose, deque()).append(place)
        try:
            async with asyncio.timeout(wait_s):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():
                self._give_on()  # it came in the same moment
            else:
                self._forget(whose, place)
            if isinstance(error, TimeoutError):
                raise _busy() from None
            raise

    def _forget(self, whose: str, place: asyncio.Future[None]) -> None:
        queue = self._queues.get(whose, deque())
        with contextlib.suppress(ValueError):  # it was passed over
            queue.remove(place)
        if whose in self._queues and not queue:
            del self._queues[whose]

    def _give_on(self) -> None:
        while self._queues:
            whose, queue = self._queues.popitem(last=False)
            place = queue.popleft()
            if queue:
                self._queues[whose] = queue  # at the end
            if not place.done():
                place.set_result(None)
                return
        self._free += 1


def _busy() -> ApiError:
    told = "All places are taken. Ask again in a second."
    return ApiError(503, "busy", told, kind="server_error", headers={"retry-after": "1"})
