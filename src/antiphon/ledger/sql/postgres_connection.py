"""One connection to PostgreSQL, as the SQL ledger uses it.

1. Within a transaction that writes, statements are sent without waiting for the ones before (pipeline mode): only who
   reads an answer waits. So an error may be raised by a later statement, at the latest by `confirm`.
2. A connection that is lost is opened again by `reopen`, never by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from antiphon.ledger.sql.database import Values
from antiphon.postgres import dialect

CHANNEL = "antiphon_ledger"
"""Where processes tell each other that something changed."""
_ENDS = ("COMMIT", "ROLLBACK")


class PostgresConnection:
    """`Connection` over what `connect` opens."""

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], *, writes: bool) -> None:
        self._connect = connect
        self._writes = writes
        self.foreign_changes = 0
        self._mode = ExitStack()
        self._pipeline: psycopg.Pipeline | None = None
        self._failed = False
        self._open()

    @property
    def in_transaction(self) -> bool:
        if self.is_lost:
            return False
        return self._pipeline is not None or self._raw.info.transaction_status is not TransactionStatus.IDLE

    @property
    def is_lost(self) -> bool:
        return self._raw.closed

    def begin(self) -> None:
        """Begin a transaction that writes (rule 1)."""
        self._pipeline = self._mode.enter_context(self._raw.pipeline())
        self.execute("BEGIN")

    def execute(self, sql: str, values: Values = (), /) -> _Rows:
        self._recover()
        with self.noting():
            cursor = self._raw.execute(dialect.statement(sql), values)
            if sql in _ENDS:
                self._leave()
        return _Rows(self, cursor)

    def executemany(self, sql: str, values: Iterable[Values], /) -> _Rows:
        self._recover()
        cursor = self._raw.cursor()
        with self.noting():
            cursor.executemany(dialect.statement(sql), values)
        return _Rows(self, cursor)

    def confirm(self) -> None:
        """Wait until everything is done that was sent. Raises what went wrong."""
        if self._pipeline is not None:
            with self.noting():
                self._pipeline.sync()

    def close(self) -> None:
        with suppress(psycopg.Error):
            self._leave()
        self._raw.close()

    def reopen(self) -> None:
        """Rule 2."""
        with suppress(psycopg.Error):
            self._leave()
        self._open()
        self.foreign_changes += 1  # who knows what happened meanwhile

    def _open(self) -> None:
        self._raw = self._connect()
        if self._writes:
            own = self._raw.info.backend_pid
            self._raw.add_notify_handler(lambda notice: self._hear(notice.pid != own))
            self._raw.execute(f"LISTEN {CHANNEL}")

    def _hear(self, foreign: bool) -> None:
        self.foreign_changes += foreign

    def _leave(self) -> None:
        self._pipeline, self._failed = None, False
        self._mode.close()

    def _recover(self) -> None:
        """After an error the server skips everything up to the next sync."""
        if self._failed and self._pipeline is not None:
            self._failed = False
            with suppress(psycopg.Error):
                self._pipeline.sync()

    @contextmanager
    def noting(self) -> Iterator[None]:
        """A server that shuts down says so before the connection ends."""
        try:
            yield
        except psycopg.Error as e:
            self._failed = True
            if isinstance(e, errors.AdminShutdown | errors.CrashShutdown | errors.CannotConnectNow):
                self._raw.close()
            raise


class _Rows:
    """What a statement found; asking for it waits for it."""

    def __init__(self, connection: PostgresConnection, cursor: psycopg.Cursor[Any]) -> None:
        self._connection = connection
        self._cursor = cursor

    def fetchone(self) -> Any:
        with self._connection.noting():
            return self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        with self._connection.noting():
            return self._cursor.fetchall()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fetchall())
