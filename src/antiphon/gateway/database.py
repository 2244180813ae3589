"""A SQLite file of the data folder: made with its tables, changed in transactions, its errors in words."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from antiphon.errors import BusyError, OutputError, StateError

_BUSY_MS = 5_000
_PRAGMAS = (f"busy_timeout = {_BUSY_MS}", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = 1")


class Database:
    """The file. It belongs to one thread at a time; other processes may have it open too."""

    def __init__(self, path: Path, schema: str, version: int, holds: str) -> None:
        """`schema`: statements that end in `;` and a new line. `holds`: what is in it, as "The keys".

        Raises `StateError` for a file of another version or that is none, `OutputError` where none can be written.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path} cannot be opened: {error.strerror}", "Check the path and its rights.") from error
        with self.translated():
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            for pragma in _PRAGMAS:
                self._connection.execute(f"PRAGMA {pragma}")
        with self.transaction():
            found = self.one("PRAGMA user_version")[0]
            if found == 0:
                for statement in schema.split(";\n"):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {version}")
            elif found != version:
                raise StateError(f"{holds} in {path} are of version {found}", "Upgrade antiphon.")

    def close(self) -> None:
        self._connection.close()

    def execute(self, query: str, *values: object) -> sqlite3.Cursor:
        """Inside `transaction` or `translated`."""
        return self._connection.execute(query, values)

    def one(self, query: str, *values: object) -> Any:
        """The first row, or None; the statement ends there."""
        cursor = self._connection.execute(query, values)
        row = cursor.fetchone()
        cursor.close()
        return row

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing. Raises as `translated`."""
        with self.translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Raises `BusyError` while another process has it, `OutputError` for a full disk, else `StateError`."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise BusyError(f"{self.path} is in use by another process", "Nothing was changed. Retry.") from error
            if code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
                raise OutputError(f"{self.path} cannot be written: {error}", "Free disk space.") from error
            raise StateError(f"{self.path} cannot be used: {error}", "Restore a backup of it.") from error
