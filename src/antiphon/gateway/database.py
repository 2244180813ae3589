"""Where a server keeps its keys, tasks and webhooks: SQLite files of the data folder, or a PostgreSQL database by URL.

1. What is kept is in parts, each with a schema of numbered steps. A step that was released never changes; a new need is
   a new step, and an older file or database is brought up to date when it is opened.
2. SQL is written once, in what both understand. Parameters are `?`.
3. Who writes to a part is alone for the length of the transaction, in whatever process.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from antiphon.errors import InputError, ModelError
from antiphon.gateway.schemas import AwayError, Schema

__all__ = ["AwayError", "Database", "Schema", "Storage"]

URL_PREFIXES = ("postgresql://", "postgres://")


class Database(Protocol):
    """One part. It belongs to one thread at a time; other processes may have it open too."""

    name: str
    """For messages: without a password."""

    @property
    def owner(self) -> str:
        """This process among those that have it open, after `join`."""

    def join(self) -> None:
        """Be an owner, as long as this process lives."""

    def dead(self, owners: set[str]) -> set[str]:
        """Those of them whose process has gone, for sure. In a transaction."""

    def execute(self, query: str, *values: object) -> Any:
        """Rows. Inside `transaction` or `translated`."""

    def one(self, query: str, *values: object) -> Any:
        """The first row, or None; the statement ends there."""

    def transaction(self, *, durable: bool = True) -> AbstractContextManager[None]:
        """All of it or nothing. Without `durable`, a power cut may take it back. Raises as `translated`."""

    def translated(self) -> AbstractContextManager[None]:
        """Raises `BusyError` while it cannot be used, `OutputError` for a full disk, else `StateError`."""

    def scrub(self) -> None:
        """What was deleted before is also gone from the disk, as far as this side can see to it."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Storage:
    """A data folder, and `url` of the database where that is used instead of the folder's files."""

    home: Path
    url: str = ""

    def __post_init__(self) -> None:
        if self.url and not self.url.startswith(URL_PREFIXES):  # its parts are not shown: one may be a password
            raise InputError("--store takes sqlite or the URL of a PostgreSQL database", "postgresql://HOST/DATABASE")

    def open(self, schema: Schema) -> Database:
        """Raises `StateError` for what is of a newer version or none of ours, `OutputError` where nothing can be
        written; of PostgreSQL also `InputError` and `UnavailableError`."""
        if not self.url:
            from antiphon.gateway.sqlite import SqliteDatabase

            return SqliteDatabase(self.home / schema.file, schema)
        try:
            from antiphon.gateway.postgres import PostgresDatabase
        except ImportError as e:
            raise ModelError("A store in PostgreSQL needs psycopg", "Run `pip install 'antiphon[postgres]'`.") from e
        return PostgresDatabase(self.url, schema)
