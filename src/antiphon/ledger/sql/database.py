"""What the SQL ledger asks of a database: an SQLite file (`files`) or PostgreSQL (`postgres`).

SQL is written once, in what both understand. Parameters are `?` or `:name`. The caller begins and ends transactions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from antiphon.errors import AntiphonError

Values = Sequence[Any] | Mapping[str, Any]


class Rows(Protocol):
    """What a statement found."""

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """As `sqlite3.Connection`. Used by one thread at a time."""

    @property
    def in_transaction(self) -> bool: ...

    def execute(self, sql: str, values: Values = ..., /) -> Rows: ...

    def executemany(self, sql: str, values: Iterable[Values], /) -> Rows: ...

    def close(self) -> None: ...


class Database(Protocol):
    """Where one ledger lies, and what its connections do differently from those of other databases."""

    name: str
    """For messages: it holds no password."""
    errors: tuple[type[Exception], ...]
    """What a statement raises."""

    def prepare(self) -> Connection:
        """A connection that writes, at this version's schema. Raises what says why there is none."""

    def reader(self) -> Connection:
        """A connection that only reads."""

    def ready(self, db: Any) -> None:
        """Connect again if the connection was lost. Raises UnreachableError."""

    def is_lost(self, db: Any) -> bool:
        """Whether the connection was lost: what was asked may or may not have been done."""

    def begin(self, db: Any) -> None:
        """Begin a transaction in which nobody else writes."""

    def confirm(self, db: Any) -> None:
        """Wait until everything that was asked is done; raise what went wrong and was not raised before."""

    def announce(self, db: Any) -> None:
        """Inside a transaction that changed something: tell other processes, once it is committed."""

    def roll_back(self, db: Any) -> None:
        """End a transaction that failed, if it is not ended."""

    def foreign_changes(self, db: Any) -> int:
        """A number that is another one when another process has written."""

    def explain(self, error: Exception) -> AntiphonError:
        """The error of this package that says what one of `errors` means here."""


@contextmanager
def explained(database: Database) -> Iterator[None]:
    """Turn the database's errors into this package's."""
    try:
        yield
    except database.errors as e:
        raise database.explain(e) from e


def marks(count: int) -> str:
    """Places for so many values of an IN; it holds nothing when there are none."""
    return ", ".join("?" * count) or "NULL"
