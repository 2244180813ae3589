"""Webhooks, and what is still to be delivered to them. Used in one thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from antiphon.gateway.database import Storage
from antiphon.gateway.network.bodies import Webhook
from antiphon.gateway.schemas import Schema

T = TypeVar("T")

NEVER_S = 2.0**40
LEASE_S = 30.0
"""Longer than a try takes. A process that was killed meanwhile has perhaps posted it, perhaps not."""
_FOUNDATION = """
CREATE TABLE IF NOT EXISTS webhooks (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, url TEXT NOT NULL, secret TEXT NOT NULL, created_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, webhook TEXT NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    body BLOB NOT NULL, tries INTEGER NOT NULL, due_s REAL NOT NULL);
"""
_TASKS = """
ALTER TABLE deliveries ADD COLUMN task TEXT NOT NULL DEFAULT '';
"""
SCHEMA = Schema("webhooks", 3, "api-webhooks.db", "The webhooks", (_FOUNDATION, _TASKS))


@dataclass(frozen=True, slots=True)
class Delivery:
    """`key`: whose webhook it is. `tries`: that failed."""

    id: int
    key: str
    webhook: str
    url: str
    secret: str
    body: bytes
    tries: int


class WebhookStore:
    """Raises as `Database`."""

    def __init__(self, storage: Storage) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="webhooks")
        self._file = storage.open(SCHEMA)

    async def close(self) -> None:
        await self._do(self._file.close)
        self._pool.shutdown()

    async def add(self, key: str, one: Webhook, most: int) -> bool:
        """False: the key has so many already."""

        def work() -> bool:
            with self._file.transaction():
                if self._file.one("SELECT count(*) FROM webhooks WHERE key = ?", key)[0] >= most:
                    return False
                row = (one.id, key, one.url, one.secret, one.created_ms)
                self._file.execute("INSERT INTO webhooks VALUES (?, ?, ?, ?, ?)", *row)
            return True

        return await self._in_thread(work)

    async def of(self, key: str) -> list[Webhook]:
        query = "SELECT id, url, created_ms, secret FROM webhooks WHERE key = ? ORDER BY created_ms, id"
        rows = await self._do(lambda: self._file.execute(query, key).fetchall())
        return [Webhook(id=row[0], url=row[1], created_ms=row[2], secret=row[3]) for row in rows]

    async def remove(self, key: str, webhook: str) -> bool:
        query = "DELETE FROM webhooks WHERE key = ? AND id = ?"
        removed: int = await self._do(lambda: self._file.execute(query, key, webhook).rowcount)
        return removed > 0

    async def forget(self, webhook: str) -> None:
        await self._do(lambda: self._file.execute("DELETE FROM webhooks WHERE id = ?", webhook))

    async def deliver(self, key: str, task: str, body: bytes) -> None:
        """The end of a task, to each of the key's, now."""
        query = (
            "INSERT INTO deliveries (webhook, body, tries, due_s, task)"
            " SELECT id, ?, 0, 0, ? FROM webhooks WHERE key = ?"
        )
        await self._do(lambda: self._file.execute(query, body, task, key))

    async def withdraw(self, task: str) -> None:
        """What was not delivered yet of a task is not."""
        await self._do(lambda: self._file.execute("DELETE FROM deliveries WHERE task = ?", task))
        await self._do(self._file.scrub)

    async def due(self, now_s: float, busy: Sequence[str], most: int) -> list[Delivery]:
        """Of those whose time has come the first of each key that is not `busy`. They are this process's for
        `LEASE_S`; then they are due again."""
        query = (  # marks only
            "SELECT id, key, webhook, url, secret, body, tries FROM (SELECT d.*, w.key, w.url, w.secret,"  # noqa: S608
            " row_number() OVER (PARTITION BY w.key ORDER BY due_s, d.id) AS place"
            f" FROM deliveries d JOIN webhooks w ON w.id = webhook WHERE due_s <= ?{_but(busy)}) AS waiting"
            " WHERE place = 1 ORDER BY due_s, id LIMIT ?"
        )

        def take() -> list[Delivery]:
            with self._file.transaction():
                found = [Delivery(*row) for row in self._file.execute(query, now_s, *busy, most).fetchall()]
                for one in found:
                    self._file.execute("UPDATE deliveries SET due_s = ? WHERE id = ?", now_s + LEASE_S, one.id)
            return found

        return await self._in_thread(take)

    async def next_s(self, busy: Sequence[str]) -> float:
        """When the next one of a key that is not `busy` is due."""
        of_others = f"JOIN webhooks w ON w.id = webhook WHERE due_s >= 0{_but(busy)}"
        query = f"SELECT min(due_s) FROM deliveries d {of_others}"  # noqa: S608 - places only
        row = await self._do(lambda: self._file.one(query, *busy))
        return NEVER_S if row[0] is None else float(row[0])

    async def again(self, delivery: int, due_s: float) -> None:
        query = "UPDATE deliveries SET tries = tries + 1, due_s = ? WHERE id = ?"
        await self._do(lambda: self._file.execute(query, due_s, delivery))

    async def done(self, delivery: int) -> None:
        await self._do(lambda: self._file.execute("DELETE FROM deliveries WHERE id = ?", delivery))

    async def _do(self, work: Callable[[], T]) -> T:
        def translated() -> T:
            with self._file.translated():
                return work()

        return await self._in_thread(translated)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _but(keys: Sequence[str]) -> str:
    """A place for each key that is left out of a query."""
    return f" AND w.key NOT IN ({', '.join('?' * len(keys))})" if keys else ""
