"""Who asks, by their key: whether they may, how often, and out of which budget."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, TypeVarTuple

from starlette.requests import HTTPConnection

from antiphon.errors import AntiphonError, UnavailableError
from antiphon.gateway.database import Storage
from antiphon.gateway.errors import ApiError
from antiphon.gateway.keys import Key, KeyStore, Usage

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
log = logging.getLogger(__name__)

AGAIN_S = 1.0
LOOK_S = 5.0
"""How often it is looked for orders of processes that were killed."""


class Keyring:
    """The keys of a server. Their store is used in one thread, so that what is asked for first is done
    first: what was reserved for a client that went meanwhile is given back after it."""

    def __init__(self, store: KeyStore, pool: ThreadPoolExecutor, clock: Callable[[], float]) -> None:
        self._store, self._pool, self._clock = store, pool, clock

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, storage: Storage, clock: Callable[[], float] = time.time) -> AsyncIterator[Keyring]:
        """Raises as `Storage.open`."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="keys") as pool:
            store = await loop.run_in_executor(pool, KeyStore, storage)
            keyring = cls(store, pool, clock)
            settling: asyncio.Task[None] | None = None
            try:
                _tell(await keyring._do(store.begin))
                settling = asyncio.create_task(keyring._settle_lost(), name="lost orders")
                yield keyring
            finally:
                if settling is not None:
                    settling.cancel()
                    await asyncio.gather(settling, return_exceptions=True)
                pool.submit(store.close)

    async def _settle_lost(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            with contextlib.suppress(AntiphonError):
                _tell(await self._do(self._store.settle_lost))

    async def admit(self, request: HTTPConnection, scope: str) -> Key | None:
        """The key of a request; None where none was ever made. `scope` empty: any key may. Raises `ApiError` 401, 403,
        429."""
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        key = await self._do(self._store.find, secret.strip()) if kind.casefold() == "bearer" else None
        if key is None:
            if await self._do(self._store.any_made):
                raise _unknown()
            return None
        lacking_s = await self._do(self._store.wait_s, key, self._clock())
        if lacking_s:
            wait_s = max(1, round(lacking_s + 0.5))
            told = f"This key may make {key.per_minute} requests a minute. Ask again in {wait_s} s."
            headers = {"retry-after": str(wait_s)}
            raise ApiError(429, "rate_limit_exceeded", told, kind="rate_limit_error", headers=headers)
        if scope:
            check_scope(key, scope)
        return key

    async def reserve(self, hold: str, key: Key, scope: str, nano: int) -> None:
        """Raises `ApiError` 429 insufficient_quota."""
        left_nano = await self._do(self._store.reserve, hold, key, scope, nano)
        if left_nano is not None:
            told = f"This can cost {nano} nano of ANT, and the budget of this key has {left_nano} left. Ask for less."
            headers = {"x-should-retry": "false"}  # read by OpenAI's clients
            raise ApiError(429, "insufficient_quota", told, kind="insufficient_quota", headers=headers)

    async def reconcile(self, hold: str, paid_nano: int) -> None:
        """What was reserved, if it was, becomes what was paid. A store that is away is asked until it is back; other
        errors are for the log, and the next start mends it."""
        while True:
            try:
                await self._do(self._store.reconcile, hold, paid_nano)
            except UnavailableError as error:
                log.warning("an order of %d nano is not reconciled yet: %s", paid_nano, error)
                await asyncio.sleep(AGAIN_S)
            except AntiphonError:
                log.exception("an order of %d nano was not reconciled", paid_nano)
                return
            else:
                return

    async def usage(self, key: Key) -> Usage:
        return await self._do(self._store.usage, key)

    async def _do(self, work: Callable[[*Ts], T], *given: *Ts) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *given)


def _tell(lost: int) -> None:
    if lost:
        log.warning("%d orders of API keys were cut off: what was reserved for them counts as paid", lost)


def check_scope(key: Key | None, scope: str) -> None:
    """Raises `ApiError` 403."""
    if key is not None and scope not in key.scopes:
        told = f"This key may not {scope!r}, only: {', '.join(key.scopes)}. Ask with another key."
        raise ApiError(403, "insufficient_permissions", told)


def usage_body(key: Key, usage: Usage) -> dict[str, Any]:
    """The answer of GET /v1/usage, and of `antiphon up key usage --json`."""
    left_nano = None if key.budget_nano is None else key.budget_nano - usage.paid_nano - usage.held_nano
    return {
        "object": "usage",
        "key": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "requests_per_minute": key.per_minute,
        "budget_nano": key.budget_nano,
        "paid_nano": usage.paid_nano,
        "reserved_nano": usage.held_nano,
        "left_nano": left_nano,
        "days": [
            {"day": day, "scope": scope, "orders": orders, "paid_nano": nano} for day, scope, orders, nano in usage.days
        ],
    }


def _unknown() -> ApiError:
    told = "This server wants an API key that it knows. Send: Authorization: Bearer KEY. Whoever runs it makes keys."
    headers = {"www-authenticate": "Bearer"}
    return ApiError(401, "invalid_api_key", told, kind="authentication_error", headers=headers)
