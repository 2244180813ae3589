"""A PostgreSQL database: all parts of a server's storage in the first schema of the search path.

1. A database with another program's tables there is refused.
2. A connection that was lost is opened again at the next transaction, never within one. Until then the answer is
   `AwayError`: what was asked last may or may not have been done.
3. An owner holds a lock that ends with its connection. As a connection may also be lost by a process that lives, an
   owner is dead only after it was missing for `GONE_S`.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
from collections.abc import Iterator
from typing import Any

import psycopg

from antiphon.errors import AntiphonError, InputError, OutputError, StateError, UnavailableError
from antiphon.gateway.schemas import AwayError, Schema
from antiphon.postgres import dialect
from antiphon.postgres.connecting import connect
from antiphon.postgres.errors import explain, shown

log = logging.getLogger(__name__)

PARTS, OWNERS = 0x414E5447, 0x414E544F
"""Classes of our locks."""
LOCK_MS = 5_000
GONE_S = 10.0
AWAY_S = 2.0
"""After which clients may ask again when the server is away."""
_SETTINGS = (f"SET lock_timeout = {LOCK_MS}", "SET default_transaction_isolation = 'read committed'")


class PostgresDatabase:
    """`Database` at a URL."""

    def __init__(self, url: str, schema: Schema) -> None:
        self._url, self._schema, self.name = url, schema, shown(url)
        self._owner: int | None = None
        self._missing: dict[str, float] = {}  # owners of whom nothing is seen, since when
        self._connection = connect(url, *_SETTINGS)
        try:
            with self.transaction():
                self._migrate()
        except BaseException:
            self.close()
            raise

    def _migrate(self) -> None:
        (encoding,) = self.one("SHOW server_encoding")
        if encoding != "UTF8":
            raise StateError(f"{self.name} is encoded as {encoding}", "createdb --encoding UTF8 --template template0")
        self.execute("SELECT pg_advisory_xact_lock(?, 0)", PARTS)  # one part at a time
        tables = {row[0] for row in self.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")}
        if tables and "antiphon_gateway" not in tables:
            raise StateError(f"{self.name} holds another program's tables", "Name another database; none was touched.")
        self.execute("CREATE TABLE IF NOT EXISTS antiphon_gateway (part TEXT PRIMARY KEY, version BIGINT NOT NULL)")
        steps = self._schema.steps
        row = self.one("SELECT version FROM antiphon_gateway WHERE part = ?", self._schema.part)
        found = row[0] if row is not None else 0
        if found > len(steps):
            raise StateError(f"{self._schema.holds} in {self.name} are of version {found}", "Upgrade antiphon.")
        for step in steps[found:]:
            self._connection.execute(dialect.migration(step))
        self.execute(
            "INSERT INTO antiphon_gateway VALUES (?, ?) ON CONFLICT (part) DO UPDATE SET version = excluded.version",
            self._schema.part,
            len(steps),
        )

    @property
    def owner(self) -> str:
        assert self._owner is not None, "joined"
        return str(self._owner)

    def join(self) -> None:
        self._owner = 1 + secrets.randbelow(2**31 - 1)
        with self.translated():
            self._hold()

    def _hold(self) -> None:
        if self._owner is not None:
            self._connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (OWNERS, self._owner))

    def dead(self, owners: set[str]) -> set[str]:
        """Rule 3."""
        rows = self.execute(
            "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND classid = ? AND objsubid = 2 AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            OWNERS,
        )
        now_s, missing = time.monotonic(), owners - {str(row[0]) for row in rows}
        self._missing = {one: self._missing.get(one, now_s) for one in missing}
        return {one for one, since_s in self._missing.items() if now_s - since_s >= GONE_S}

    def close(self) -> None:
        self._connection.close()

    def execute(self, query: str, *values: object) -> psycopg.Cursor[Any]:
        return self._connection.execute(dialect.statement(query), values)

    def one(self, query: str, *values: object) -> Any:
        return self.execute(query, *values).fetchone()

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[None]:
        with self.translated():
            self._connection.execute("BEGIN")
            try:
                if not durable:
                    self._connection.execute("SET LOCAL synchronous_commit = off")
                self._connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (PARTS, self._schema.number))
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(psycopg.Error):
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        self._ready()
        try:
            yield
        except psycopg.Error as error:
            raise _told(explain(error, self.name)) from error

    def _ready(self) -> None:
        """Rule 2: a connection that answers."""
        with contextlib.suppress(psycopg.Error):
            self._connection.execute("SELECT 1")
            return
        self._connection.close()
        try:
            self._connection = connect(self._url, *_SETTINGS)
            self._hold()
        except (psycopg.Error, AntiphonError) as error:
            log.warning("%s", error if isinstance(error, AntiphonError) else explain(error, self.name))
            raise _away() from error

    def scrub(self) -> None:
        """The server frees the room by its own vacuum."""


def _told(error: AntiphonError) -> AntiphonError:
    """What a client may hear of it: not where the database is."""
    log.warning("%s", error)
    if isinstance(error, OutputError):
        return OutputError("The store of this server cannot be written", "Its operator has to free disk space.")
    if isinstance(error, InputError):
        return InputError("The store of this server takes no such value", "Leave out characters that are none.")
    return _away() if isinstance(error, UnavailableError) else error


def _away() -> AwayError:
    return AwayError("The store of this server does not answer", "Ask again in a few seconds.", retry_after_s=AWAY_S)
