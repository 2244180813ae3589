"""A relay that is left for good when it is gone or was caught, because others are known.

1. It is gone when it did not answer for as long as the ledger behind is patient (`ledger.retrying`). 2. It is caught
when an answer of it is none, or when the watcher finds it lying. 3. From then on every call, also one that waits,
raises `LedgerLostError`: what was opened here ends here, and is ordered again elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from antiphon.errors import LedgerLostError, ProtocolError, UnreachableError
from antiphon.ledger.base import Ledger
from antiphon.ledger.book import Head
from antiphon.ledger.notary import Notary
from antiphon.ledger.queries import Query
from antiphon.ledger.relay.facts import Facts
from antiphon.ledger.relay.watch import WatchedLedger

T = TypeVar("T")
_HINT = "Open a session at another relay: antiphon chain session. What is left of this one comes back when it expires."


class LeavableRelay(Ledger):
    """`Ledger` of a watched relay. Use it in one event loop."""

    def __init__(self, relay: WatchedLedger) -> None:
        self._relay = relay
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def facts(self) -> Facts:
        """What the chain says."""
        return self._relay.facts

    @property
    def notary(self) -> Notary | None:
        """Who signs for the chain what is done here."""
        return self._relay.notary

    @property
    def is_lost(self) -> bool:
        return self._lost.done()

    def refuse(self, error: ProtocolError) -> None:
        """Others have found it lying."""
        self._relay.refuse(error)
        self.leave(error.what)

    def leave(self, why: str) -> None:
        """Rule 3. `why` says what it did."""
        if not self._lost.done():
            self._lost.set_result(why)

    @property
    def head(self) -> Head | None:
        return self._relay.head

    async def identity(self) -> str:
        return await self._ask(self._relay.identity())

    async def submit(self, envelope: bytes) -> None:
        try:
            await self._ask(self._relay.submit(envelope))
        except ProtocolError as e:  # it may be our envelope that it finds fault with
            if self._relay.caught is None:
                raise
            raise self._left(e.what) from e

    async def read(self, query: Query[T]) -> T:
        try:
            return await self._ask(self._relay.read(query))
        except ProtocolError as e:
            raise self._left(e.what) from e

    async def watch(self) -> int:
        """As the watcher's, whose findings make the relay one that is left."""
        try:
            return await self._ask(self._relay.watch())
        except ProtocolError as e:
            raise self._left(e.what) from e

    async def expire(self) -> int:
        return await self._ask(self._relay.expire())

    async def close(self) -> None:
        await self._relay.close()

    def _left(self, why: str) -> LedgerLostError:
        self.leave(why)
        return LedgerLostError(self._lost.result(), _HINT)

    async def _ask(self, asking: Coroutine[Any, Any, T]) -> T:
        call = asyncio.ensure_future(asking)
        try:
            waiting: set[asyncio.Future[Any]] = {call, self._lost}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if not call.done():
                raise self._left("")
            return call.result()
        except UnreachableError as e:
            raise self._left(e.what) from e
        finally:
            call.cancel()
