"""A task that another process makes, as its store tells."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from antiphon.errors import AntiphonError
from antiphon.gateway.network.bodies import Part, Task
from antiphon.gateway.network.store import Stored

LOOK_S = 0.4


class Watched(Protocol):
    """A task while it is under way, here (`Live`) or elsewhere (`Followed`)."""

    @property
    def task(self) -> Task: ...
    @property
    def over(self) -> bool: ...
    def in_order(self) -> tuple[Part, ...]: ...
    async def changes(self, timeout_s: float) -> bool: ...


class Followed:
    """`look`: how it stands; None: it was deleted."""

    def __init__(self, stored: Stored, look: Callable[[], Awaitable[Stored | None]]) -> None:
        self._stored, self._look = stored, look

    @property
    def task(self) -> Task:
        return self._stored.task

    @property
    def over(self) -> bool:
        """Nothing changes any more."""
        return self._stored.over

    def in_order(self) -> tuple[Part, ...]:
        return self._stored.parts

    async def changes(self, timeout_s: float) -> bool:
        """Wait for the next change; False: there was none. A store that is away is asked again."""
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            await asyncio.sleep(LOOK_S)
            try:
                found = await self._look()
            except AntiphonError:
                continue
            if found is not None and found != self._stored:
                self._stored = found
                return True
            if self.over:
                return True
        return False
