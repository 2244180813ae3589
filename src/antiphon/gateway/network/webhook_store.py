"""Webhooks and what is still to be delivered to them, in one SQLite file of the data folder, used in one thread."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from antiphon.errors import OutputError
from antiphon.gateway.network.bodies import Webhook

T = TypeVar("T")

FILE = "api-webhooks.db"
AT_ONCE = 16
NEVER_S = 2.0**40
_SCHEMA = """
CREATE TABLE IF NOT EXISTS webhooks (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, url TEXT NOT NULL, secret TEXT NOT NULL, created_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, webhook TEXT NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    body BLOB NOT NULL, tries INTEGER NOT NULL, due_s REAL NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """`tries`: that failed."""

    id: int
    webhook: str
    url: str
    secret: str
    body: bytes
    tries: int


class WebhookStore:
    """Raises `OutputError` where the file cannot be used."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="webhooks")
        with self._translated():
            self._path.touch(mode=0o600, exist_ok=True)
            self._db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            for statement in ("PRAGMA busy_timeout = 5000", "PRAGMA journal_mode = WAL", "PRAGMA foreign_keys = 1"):
                self._db.execute(statement)
            for statement in _SCHEMA.split(";\n"):
                self._db.execute(statement)

    async def close(self) -> None:
        await self._do(self._db.close)
        self._pool.shutdown()

    async def add(self, key: str, one: Webhook) -> None:
        row = (one.id, key, one.url, one.secret, one.created_ms)
        await self._do(lambda: self._db.execute("INSERT INTO webhooks VALUES (?, ?, ?, ?, ?)", row))

    async def of(self, key: str) -> list[Webhook]:
        query = "SELECT id, url, created_ms, secret FROM webhooks WHERE key = ? ORDER BY created_ms, rowid"
        rows = await self._do(lambda: self._db.execute(query, (key,)).fetchall())
        return [Webhook(id=row[0], url=row[1], created_ms=row[2], secret=row[3]) for row in rows]

    async def remove(self, key: str, webhook: str) -> bool:
        query = "DELETE FROM webhooks WHERE key = ? AND id = ?"
        return await self._do(lambda: self._db.execute(query, (key, webhook)).rowcount) > 0

    async def forget(self, webhook: str) -> None:
        await self._do(lambda: self._db.execute("DELETE FROM webhooks WHERE id = ?", (webhook,)))

    async def deliver(self, key: str, body: bytes) -> None:
        """To each of the key's, now."""
        query = "INSERT INTO deliveries (webhook, body, tries, due_s) SELECT id, ?, 0, 0 FROM webhooks WHERE key = ?"
        await self._do(lambda: self._db.execute(query, (body, key)))

    async def due(self, now_s: float) -> list[Delivery]:
        """A few of those whose time has come."""
        query = (
            "SELECT d.id, webhook, url, secret, body, tries FROM deliveries d JOIN webhooks w ON w.id = webhook"
            " WHERE due_s <= ? ORDER BY due_s, d.id LIMIT ?"
        )
        rows = await self._do(lambda: self._db.execute(query, (now_s, AT_ONCE)).fetchall())
        return [Delivery(*row) for row in rows]

    async def next_s(self) -> float:
        """When the next one is due."""
        row = await self._do(lambda: self._db.execute("SELECT min(due_s) FROM deliveries").fetchone())
        return NEVER_S if row[0] is None else float(row[0])

    async def again(self, delivery: int, due_s: float) -> None:
        query = "UPDATE deliveries SET tries = tries + 1, due_s = ? WHERE id = ?"
        await self._do(lambda: self._db.execute(query, (due_s, delivery)))

    async def done(self, delivery: int) -> None:
        await self._do(lambda: self._db.execute("DELETE FROM deliveries WHERE id = ?", (delivery,)))

    async def _do(self, work: Callable[[], T]) -> T:
        with self._translated():
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise OutputError(f"{self._path} cannot be used: {error}", "Check its rights and the disk.") from error
