"""Turns that several processes take: those of `turns`, counted in the store."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

from antiphon.errors import AntiphonError
from antiphon.gateway.database import Storage
from antiphon.gateway.turn_store import TurnStore
from antiphon.gateway.turns import PLACES, SHARE, WAIT_S, WAITING, busy, too_many_of_key

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

LOOK_S = 0.1
"""How often who waits looks for its place."""
CLEAR_S = 2.0
AGAIN_S = 1.0


class SharedTurns:
    """As `Turns`, for all processes together."""

    def __init__(self, store: TurnStore, pool: ThreadPoolExecutor, waiting: int, wait_s: float) -> None:
        self._store, self._pool, self._max_waiting, self._wait_s = store, pool, waiting, wait_s
        self._leaving: set[asyncio.Task[None]] = set()

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(
        cls, storage: Storage, places: int = PLACES, waiting: int = WAITING, wait_s: float = WAIT_S
    ) -> AsyncIterator[SharedTurns]:
        """Raises as `Storage.open`."""
        with ThreadPoolExecutor(1, thread_name_prefix="turns") as pool:
            store = await asyncio.get_running_loop().run_in_executor(pool, TurnStore, storage, places)
            found = cls(store, pool, waiting, wait_s)
            clearing = asyncio.create_task(found._clear(), name="turns")
            try:
                yield found
            finally:
                clearing.cancel()
                leaving = tuple(found._leaving)
                await asyncio.wait([clearing, *leaving], timeout=AGAIN_S)
                for one in leaving:
                    one.cancel()
                await asyncio.gather(clearing, *leaving, return_exceptions=True)
                pool.submit(store.close)

    @contextlib.asynccontextmanager
    async def turn(self, whose: str = "", wait_s: float | None = None) -> AsyncIterator[None]:
        """As `Turns.turn`; `BusyError` where the store is away."""
        asking = asyncio.ensure_future(
            self._do(self._store.ask, whose, self._max_waiting, max(1, self._max_waiting // SHARE))
        )
        try:
            answer = await asyncio.shield(asking)
        except asyncio.CancelledError:
            asking.add_done_callback(self._give_back)
            raise
        if isinstance(answer, str):
            raise too_many_of_key() if answer == "key" else busy()
        number, placed = answer
        try:
            if not placed:
                await self._wait(number, self._wait_s if wait_s is None else wait_s)
            yield
        finally:
            self._leave(number)

    async def _wait(self, number: int, wait_s: float) -> None:
        end_s = time.monotonic() + wait_s
        while not await self._do(self._store.place, number):
            if time.monotonic() >= end_s:
                raise busy()
            await asyncio.sleep(LOOK_S)

    def _give_back(self, asked: asyncio.Future[tuple[int, bool] | str]) -> None:
        """Who asked has gone before the answer."""
        if not asked.cancelled() and asked.exception() is None and not isinstance(answer := asked.result(), str):
            self._leave(answer[0])

    def _leave(self, number: int) -> None:
        leaving = asyncio.ensure_future(self._left(number))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _left(self, number: int) -> None:
        """However long the store is away: a place that is not given back is lost."""
        while True:
            try:
                await self._do(self._store.leave, number)
            except AntiphonError:
                await asyncio.sleep(AGAIN_S)
            else:
                return

    async def _clear(self) -> None:
        while True:
            with contextlib.suppress(AntiphonError):
                await self._do(self._store.clear)
            await asyncio.sleep(CLEAR_S)

    async def _do(self, work: Callable[[*Ts], T], *given: *Ts) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *given)
