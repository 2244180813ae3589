"""A ledger in a PostgreSQL database, by psycopg. Needs the extra `antiphon[postgres]`.

1. Everything of a ledger lies in the first schema of the search path. A database that holds other tables there is
   refused, and so is one without a ledger where there must be one (`create`).
2. Who writes holds one advisory lock for the length of the transaction: writers of all processes take turns.
3. A connection that is lost is opened again at the next transaction, never within one.
4. Other processes hear of changes by NOTIFY.
5. No message holds the password: a URL is shown without it, and not at all where it cannot be read.
"""

from __future__ import annotations

from typing import Any

import psycopg

from antiphon.errors import AntiphonError, StateError, UnreachableError
from antiphon.ledger.sql.postgres_connection import CHANNEL, PostgresConnection
from antiphon.ledger.sql.schema import APPLICATION_ID, MIGRATIONS, VERSION
from antiphon.postgres import dialect
from antiphon.postgres.connecting import connect
from antiphon.postgres.errors import AGAIN, explain, line, shown

LOCK_MS = 5_000
"""Longest wait for another process that writes."""


class PostgresDatabase:
    """`Database` at a URL (libpq's: https://www.postgresql.org/docs/current/libpq-connect.html)."""

    errors: tuple[type[Exception], ...] = (psycopg.Error,)

    def __init__(self, url: str, *, durable: bool = False, create: bool = True) -> None:
        self._url = url
        self._durable = durable
        self._create = create
        self.name = shown(url)

    def connect(self, *, writes: bool) -> psycopg.Connection[Any]:
        """A session with this ledger's settings. Raises InputError (rule 5) and UnreachableError."""
        return connect(self._url, *self._settings(writes=writes))

    def _settings(self, *, writes: bool) -> tuple[str, ...]:
        lock = f"SET lock_timeout = {LOCK_MS}"
        if not writes:
            return ("SET default_transaction_isolation = 'repeatable read'", "SET default_transaction_read_only = on")
        isolation = "SET default_transaction_isolation = 'read committed'"
        return (lock, isolation, "SET synchronous_commit = on") if self._durable else (lock, isolation)

    def prepare(self) -> PostgresConnection:
        try:
            db = PostgresConnection(lambda: self.connect(writes=True), writes=True)
        except psycopg.Error as e:
            raise self.explain(e) from e
        try:
            db.execute("BEGIN")
            self._take_turn(db)
            self._migrate(db)
            self._check_whole(db)
            db.execute("COMMIT")
        except psycopg.Error as e:
            db.close()
            raise self.explain(e) from e
        except BaseException:
            db.close()
            raise
        return db

    def reader(self) -> PostgresConnection:
        return PostgresConnection(lambda: self.connect(writes=False), writes=False)

    def ready(self, db: PostgresConnection) -> None:
        if db.is_lost:
            try:
                db.reopen()
            except psycopg.Error as e:
                raise UnreachableError(f"{self.name} cannot be reached: {line(e)}", AGAIN) from e
            except AntiphonError as e:
                raise UnreachableError(e.what, AGAIN) from e

    def is_lost(self, db: PostgresConnection) -> bool:
        return db.is_lost

    def begin(self, db: PostgresConnection) -> None:
        db.begin()
        self._take_turn(db)

    def _take_turn(self, db: PostgresConnection) -> None:
        """Rule 2."""
        db.execute("SELECT pg_advisory_xact_lock(?)", (APPLICATION_ID,)).fetchone()

    def confirm(self, db: PostgresConnection) -> None:
        db.confirm()

    def announce(self, db: PostgresConnection) -> None:
        db.execute(f"NOTIFY {CHANNEL}")

    def roll_back(self, db: PostgresConnection) -> None:
        try:
            if db.in_transaction:
                db.execute("ROLLBACK")
        except psycopg.Error:
            db.close()  # then the server rolls it back

    def foreign_changes(self, db: PostgresConnection) -> int:
        return db.foreign_changes  # what the transaction around this question has brought

    def explain(self, error: Exception) -> AntiphonError:
        return explain(error, self.name)

    def _migrate(self, db: PostgresConnection) -> None:
        """Rule 1, then all missing steps in one transaction."""
        (encoding,) = db.execute("SHOW server_encoding").fetchone()
        if encoding != "UTF8":
            raise StateError(f"{self.name} is encoded as {encoding}", "createdb --encoding UTF8 --template template0")
        version = self._version(db)
        if version > VERSION:
            raise StateError(
                f"{self.name} has schema {version}, this version knows up to {VERSION}", "Upgrade antiphon."
            )
        for step in MIGRATIONS[version:]:
            db.execute(dialect.migration(step))
        if version == 0:
            db.execute("CREATE TABLE antiphon_schema (version BIGINT NOT NULL)")
            db.execute("INSERT INTO antiphon_schema VALUES (0)")
        db.execute("UPDATE antiphon_schema SET version = ?", (VERSION,))

    def _version(self, db: PostgresConnection) -> int:
        """The schema's version; 0: there is no ledger, and one may be made."""
        tables = {name for (name,) in db.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")}
        if "antiphon_schema" in tables:
            return int(db.execute("SELECT version FROM antiphon_schema").fetchone()[0])
        if tables:
            raise StateError(f"{self.name} holds another program's tables", "Name another database; none was touched.")
        if not self._create:
            raise StateError(
                f"{self.name} holds no ledger, but the key of its operator is here",
                "Name the right database, or restore it from a backup. For another network choose another --home.",
            )
        return 0

    def _check_whole(self, db: PostgresConnection) -> None:
        total, kept = db.execute("SELECT (SELECT sum(nano) FROM accounts), (SELECT nano FROM supply)").fetchone()
        if (total or 0) != 0 or kept != 0:
            raise StateError(f"{self.name} is damaged: its accounts sum to {total}, not 0", "Restore a backup.")
