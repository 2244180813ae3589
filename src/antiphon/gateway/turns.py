"""Places for orders, and a bounded queue for them that is fair between keys."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Sequence

from antiphon.gateway.errors import ApiError

PLACES = 32
"""Most orders in work at once, however fast they are made."""
WAITING = 64
WAIT_S = 10.0
"""Longest that an order waits for its turn."""
SHARE = 4
"""One key may fill this part of the queue, so that others find room in it."""


class Turns:
    """Whoever waits is let in by turns, key by key, and within a key in the order of coming.

    `keeps`: whether the last of these kinds can be made beside the others as fast as they are heard."""

    def __init__(
        self,
        places: int = PLACES,
        waiting: int = WAITING,
        wait_s: float = WAIT_S,
        keeps: Callable[[Sequence[str]], bool] = lambda _: True,
    ) -> None:
        self._places, self._max_waiting, self._wait_s, self._keeps = places, waiting, wait_s, keeps
        self._in_work: list[str] = []  # of which kinds
        self._queues: OrderedDict[str, deque[tuple[str, asyncio.Future[None]]]] = OrderedDict()

    @contextlib.asynccontextmanager
    async def turn(
        self, whose: str = "", wait_s: float | None = None, *, kind: str = "", begun: bool = False
    ) -> AsyncIterator[None]:
        """A place while inside. `whose` empty: of nobody known; `wait_s`: other than what all wait at most; `kind`: of
        the order, empty where nobody hears it while it is made; `begun`: it goes on with what is being heard, and waits
        for a place alone. Raises `ApiError` 503, or 429 for the key's share."""
        if (begun or not self._queues) and self._fits(kind, begun=begun):
            self._in_work.append(kind)
        else:
            await self._wait(whose, self._wait_s if wait_s is None else wait_s, kind)
        try:
            yield
        finally:
            self._leave(kind)

    def look(self) -> None:
        """Let in whom there is room for: call it when orders turned out to cost less."""
        while self._queues:
            whose, queue = next(iter(self._queues.items()))
            kind, place = queue[0]
            if not place.done() and not self._fits(kind):
                return
            queue.popleft()
            del self._queues[whose]
            if queue:
                self._queues[whose] = queue  # at the end
            if not place.done():
                self._in_work.append(kind)
                place.set_result(None)

    def _fits(self, kind: str, *, begun: bool = False) -> bool:
        return len(self._in_work) < self._places and (begun or self._keeps([*self._in_work, kind]))

    async def _wait(self, whose: str, wait_s: float, kind: str) -> None:
        mine = len(self._queues.get(whose, ()))
        if whose and mine >= max(1, self._max_waiting // SHARE):
            raise too_many_of_key()
        if sum(map(len, self._queues.values())) >= self._max_waiting:
            raise busy()
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(whose, deque()).append((kind, place))
        try:
            async with asyncio.timeout(wait_s):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():
                self._leave(kind)  # it came in the same moment
            else:
                self._forget(whose, kind, place)
            if isinstance(error, TimeoutError):
                raise busy() from None
            raise

    def _forget(self, whose: str, kind: str, place: asyncio.Future[None]) -> None:
        queue = self._queues.get(whose, deque())
        with contextlib.suppress(ValueError):  # it was passed over
            queue.remove((kind, place))
        if whose in self._queues and not queue:
            del self._queues[whose]
        self.look()

    def _leave(self, kind: str) -> None:
        self._in_work.remove(kind)
        self.look()


def too_many_of_key() -> ApiError:
    told = "Too many requests of this key are waiting. Ask again when one has ended."
    return ApiError(429, "rate_limit_exceeded", told, kind="rate_limit_error", headers={"retry-after": "1"})


def busy() -> ApiError:
    told = "As much is in work as can be made while it is heard. Ask again in a second."
    return ApiError(503, "busy", told, kind="server_error", headers={"retry-after": "1"})
