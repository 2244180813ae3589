"""An SQLite file of the data folder. What is deleted is overwritten."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from antiphon.errors import BusyError, OutputError, StateError
from antiphon.gateway.owners import Owner
from antiphon.gateway.schemas import Schema

_BUSY_MS = 5_000
_PRAGMAS = (
    f"busy_timeout = {_BUSY_MS}",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = 1",
    "secure_delete = ON",
)


class SqliteDatabase:
    """`Database` over one file."""

    def __init__(self, path: Path, schema: Schema) -> None:
        self._path, self.name = path, str(path)
        self._owner: Owner | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path} cannot be opened: {error.strerror}", "Check the path and its rights.") from error
        with self.translated():
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            for pragma in _PRAGMAS:
                self._connection.execute(f"PRAGMA {pragma}")
        try:
            with self.transaction():
                self._migrate(schema)
        except BaseException:
            self.close()
            raise

    def _migrate(self, schema: Schema) -> None:
        found = self.one("PRAGMA user_version")[0]
        if found > len(schema.steps):
            raise StateError(f"{schema.holds} in {self._path} are of version {found}", "Upgrade antiphon.")
        for step in schema.steps[found:]:
            for statement in step.split(";\n"):
                self._connection.execute(statement)
        if found < len(schema.steps):
            self._connection.execute(f"PRAGMA user_version = {len(schema.steps)}")

    @property
    def owner(self) -> str:
        assert self._owner is not None, "joined"
        return self._owner.name

    def join(self) -> None:
        with self.transaction():
            self._owner = Owner(self._path)

    def dead(self, owners: set[str]) -> set[str]:
        assert self._owner is not None, "joined"
        return owners - self._owner.living()

    def close(self) -> None:
        if self._owner is not None:
            self._owner.close()
        self._connection.close()

    def execute(self, query: str, *values: object) -> sqlite3.Cursor:
        return self._connection.execute(query, values)

    def one(self, query: str, *values: object) -> Any:
        cursor = self._connection.execute(query, values)
        row = cursor.fetchone()
        cursor.close()
        return row

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[None]:
        with self.translated():
            if not durable:
                self._connection.execute("PRAGMA synchronous = NORMAL")
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield
                    self._connection.execute("COMMIT")
                except BaseException:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise
            finally:
                if not durable:
                    self._connection.execute("PRAGMA synchronous = FULL")

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise BusyError(f"{self.name} is in use by another process", "Nothing was changed. Retry.") from error
            if code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
                raise OutputError(f"{self.name} cannot be written: {error}", "Free disk space.") from error
            raise StateError(f"{self.name} cannot be used: {error}", "Restore a backup of it.") from error

    def scrub(self) -> None:
        """Pages are overwritten at once; here the log that led to them goes."""
        with self.translated():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
