"""Orders of sound: each waits for its turn, is reserved out of its key's budget, and is reconciled at its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING

from antiphon import AsyncNetwork, Clone, Compose, Mode, Say
from antiphon.door.cloning import Learn
from antiphon.door.progress import Watch
from antiphon.errors import AntiphonError, StateError
from antiphon.gateway.keyring import Keyring
from antiphon.gateway.keys import Key
from antiphon.gateway.shared_turns import SharedTurns
from antiphon.gateway.turns import Turns

if TYPE_CHECKING:
    from antiphon.door.network import Stream

SETTLE_S = 60.0
"""How long what was delivered may take to be settled. Then all that it can cost is counted."""
CLOSE_S = 5.0
"""The same when the server stops."""
HEADROOM_PERCENT = 2
"""Reserved beyond the quote: sentences are rounded up one by one, and prices move while an order is made."""


def reservation_nano(quote_nano: int) -> int:
    """What is reserved for a quote. The order can cost no more."""
    return -(-quote_nano * (100 + HEADROOM_PERCENT) // 100)


log = logging.getLogger(__name__)


class Orders:
    """What a server orders from its network. Close it while the network is open."""

    def __init__(
        self, network: AsyncNetwork, turns: Turns, keyring: Keyring | None, shared: SharedTurns | None = None
    ) -> None:
        """`shared`: the places of all processes; `turns`: of this one."""
        self._network, self._turns, self._keyring, self._shared = network, turns, keyring, shared
        network.pace.told = turns.look
        self._reconciling: set[asyncio.Task[None]] = set()
        self._under_way = 0  # of keys
        self._none_under_way = asyncio.Event()

    @contextlib.asynccontextmanager
    async def stream(
        self,
        order: Say | Clone | Compose | Learn,
        scope: str,
        key: Key | None,
        *,
        wait_s: float | None = None,
        watch: Watch | None = None,
        begun: bool = False,
    ) -> AsyncIterator[Stream]:
        """The sound of an order. `wait_s`: how long it may wait for its turn; `watch`: as of the network; `begun`: it
        goes on with what its listener hears. Raises `ApiError` where there is no place or no budget for it, and as the
        network."""
        heard = not isinstance(order, Learn) and order.mode is Mode.STREAM
        kind = self._network.kind(order) if heard else ""
        whose = key.id if key else ""
        of_all = self._shared.turn(whose, wait_s) if self._shared is not None else contextlib.nullcontext()
        async with of_all, self._turns.turn(whose, wait_s, kind=kind, begun=begun):
            if key is None:
                async with self._network.stream(order, watch=watch) as stream:
                    yield stream
                return
            async with self._reserved(order, scope, key, watch) as stream:
                yield stream

    @contextlib.asynccontextmanager
    async def _reserved(
        self, order: Say | Clone | Compose | Learn, scope: str, key: Key, watch: Watch | None
    ) -> AsyncIterator[Stream]:
        assert self._keyring is not None, "there is a key"
        nano = reservation_nano(await self._network.price_nano(order))
        if order.max_cost_nano is not None:
            nano = min(nano, order.max_cost_nano)
        hold = secrets.token_hex(16)
        stream = self._network.stream(replace(order, max_cost_nano=nano), watch=watch)
        self._under_way += 1
        self._none_under_way.clear()
        try:
            await self._keyring.reserve(hold, key, scope, nano)
            async with stream:
                yield stream
        finally:
            task = asyncio.create_task(self._reconcile(hold, stream, nano), name="reconcile")
            self._reconciling.add(task)
            task.add_done_callback(self._reconciled)

    def _reconciled(self, task: asyncio.Task[None]) -> None:
        self._reconciling.discard(task)
        self._under_way -= 1
        if not self._under_way:
            self._none_under_way.set()

    async def close(self) -> None:
        """Every order is reconciled, one that is not settled in time by the most that it can cost."""
        if not self._under_way:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._none_under_way.wait()
        late = tuple(self._reconciling)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _reconcile(self, hold: str, stream: Stream, nano: int) -> None:
        assert self._keyring is not None
        try:
            tasks = stream.outcome.tasks
        except StateError:  # nothing was ordered
            tasks = ()
        paid_nano, pause_s = nano, 0.05
        try:
            async with asyncio.timeout(SETTLE_S):
                while True:
                    with contextlib.suppress(AntiphonError):
                        paid_nano, final = await self._network.cost_nano(tasks)
                        if final:
                            break
                    await asyncio.sleep(pause_s)
                    pause_s = min(2.0, pause_s * 2)
        except TimeoutError:
            log.warning("an order of an API key was not settled in %g s: the most that it can cost counts", SETTLE_S)
        finally:  # the server stops, perhaps
            await self._keyring.reconcile(hold, paid_nano)
