"""Webhooks and what is still to be delivered to them, in one SQLite file of the data folder, used in one thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from antiphon.gateway.database import Database
from antiphon.gateway.network.bodies import Webhook

T = TypeVar("T")

FILE = "api-webhooks.db"
NEVER_S = 2.0**40
_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS webhooks (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, url TEXT NOT NULL, secret TEXT NOT NULL, created_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, webhook TEXT NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    body BLOB NOT NULL, tries INTEGER NOT NULL, due_s REAL NOT NULL);
"""


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

    def __init__(self, home: Path) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="webhooks")
        self._file = Database(home / FILE, _SCHEMA, _VERSION, "The webhooks")

    async def close(self) -> None:
        await self._do(self._file.close)
        self._pool.shutdown()

    async def add(self, key: str, one: Webhook) -> None:
        row = (one.id, key, one.url, one.secret, one.created_ms)
        await self._do(lambda: self._file.execute("INSERT INTO webhooks VALUES (?, ?, ?, ?, ?)", *row))

    async def of(self, key: str) -> list[Webhook]:
        query = "SELECT id, url, created_ms, secret FROM webhooks WHERE key = ? ORDER BY created_ms, rowid"
        rows = await self._do(lambda: self._file.execute(query, key).fetchall())
        return [Webhook(id=row[0], url=row[1], created_ms=row[2], secret=row[3]) for row in rows]

    async def remove(self, key: str, webhook: str) -> bool:
        query = "DELETE FROM webhooks WHERE key = ? AND id = ?"
        return await self._do(lambda: self._file.execute(query, key, webhook).rowcount) > 0

    async def forget(self, webhook: str) -> None:
        await self._do(lambda: self._file.execute("DELETE FROM webhooks WHERE id = ?", webhook))

    async def deliver(self, key: str, body: bytes) -> None:
        """To each of the key's, now."""
        query = "INSERT INTO deliveries (webhook, body, tries, due_s) SELECT id, ?, 0, 0 FROM webhooks WHERE key = ?"
        await self._do(lambda: self._file.execute(query, body, key))

    async def due(self, now_s: float, busy: Sequence[str], most: int) -> list[Delivery]:
        """Of those whose time has come the first of each key that is not `busy`."""
        query = (  # marks only
            "SELECT id, key, webhook, url, secret, body, tries FROM (SELECT d.*, w.key, w.url, w.secret,"  # noqa: S608
            " row_number() OVER (PARTITION BY w.key ORDER BY due_s, d.id) AS place"
            " FROM deliveries d JOIN webhooks w ON w.id = webhook WHERE due_s <= ?)"
            f" WHERE place = 1 AND key NOT IN ({marks(busy)}) ORDER BY due_s, id LIMIT ?"
        )
        rows = await self._do(lambda: self._file.execute(query, now_s, *busy, most).fetchall())
        return [Delivery(*row) for row in rows]

    async def next_s(self, busy: Sequence[str]) -> float:
        """When the next one of a key that is not `busy` is due."""
        places = marks(busy)
        of_others = f"JOIN webhooks w ON w.id = webhook WHERE w.key NOT IN ({places})"
        query = f"SELECT min(due_s) FROM deliveries d {of_others}"  # noqa: S608 - places only
        row = await self._do(lambda: self._file.one(query, *busy))
        return NEVER_S if row[0] is None else float(row[0])

    async def again(self, delivery: int, due_s: float) -> None:
        query = "UPDATE deliveries SET tries = tries + 1, due_s = ? WHERE id = ?"
        await self._do(lambda: self._file.execute(query, due_s, delivery))

    async def done(self, delivery: int) -> None:
        await self._do(lambda: self._file.execute("DELETE FROM deliveries WHERE id = ?", delivery))

    async def _do(self, work: Callable[[], T]) -> T:
        with self._file.translated():
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def marks(values: Sequence[str]) -> str:
    """A place for each in a query."""
    return ", ".join("?" * len(values))
