"""A ledger in an SQLite file: is it ours, whole and of our schema? Every failure says what to do next."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from antiphon.errors import AntiphonError, BusyError, OutputError, StateError
from antiphon.ledger.sql.schema import APPLICATION_ID, MIGRATIONS, VERSION

BUSY_TIMEOUT_MS = 5_000
CHECK_BYTES = 64 * 1024 * 1024
"""Files up to this size are checked as a whole when opened; larger ones page by page as they are read."""
PRIVATE = 0o600
"""The file holds the secret behind all draws: whoever reads it can foresee who will be drawn."""

_HEADER = b"SQLite format 3\0"


def connect(path: Path, *, durable: bool = False, read_only: bool = False) -> sqlite3.Connection:
    """A connection with this ledger's settings. The caller begins and ends transactions itself."""
    with translated(path):
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
        db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        if read_only:
            db.execute("PRAGMA query_only = ON")
        return db


def prepare(path: Path, *, durable: bool = False) -> sqlite3.Connection:
    """Open or create the file, and bring it to this version's schema; an older file is copied first.

    Raises StateError: not a ledger, damaged, or written by a newer version. Raises OutputError: it cannot be written.
    """
    _check_header(path)
    with translated(path):
        path.touch(mode=PRIVATE, exist_ok=True)
    db = connect(path, durable=durable)
    try:
        with translated(path):
            version = _check_origin(db, path)
            if 0 < version < VERSION:
                _back_up(db, path.with_name(f"{path.name}.v{version}.bak"))
            if version < VERSION:
                _migrate(db)
            _check_whole(db, path)
    except BaseException:
        db.close()
        raise
    return db


class SqliteFile:
    """`Database` over one file."""

    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, path: Path, *, durable: bool = False) -> None:
        self.name = str(path)
        self._path = path
        self._durable = durable

    def prepare(self) -> sqlite3.Connection:
        return prepare(self._path, durable=self._durable)

    def reader(self) -> sqlite3.Connection:
        return connect(self._path, read_only=True)

    def ready(self, db: sqlite3.Connection) -> None:
        """A file does not go away."""

    def is_lost(self, db: sqlite3.Connection) -> bool:  # noqa: ARG002
        return False

    def begin(self, db: sqlite3.Connection) -> None:
        db.execute("BEGIN IMMEDIATE")

    def confirm(self, db: sqlite3.Connection) -> None:
        """It is done when `execute` returns."""

    def announce(self, db: sqlite3.Connection) -> None:
        """SQLite does: see `foreign_changes`."""

    def roll_back(self, db: sqlite3.Connection) -> None:
        if db.in_transaction:
            db.execute("ROLLBACK")

    def foreign_changes(self, db: sqlite3.Connection) -> int:
        # On the writing connection the version changes only when somebody else has written.
        return int(db.execute("PRAGMA data_version").fetchone()[0])

    def explain(self, error: Exception) -> AntiphonError:
        if isinstance(error, sqlite3.DatabaseError):
            return translate(error, self.name)
        return StateError(f"The ledger {self.name} cannot be used: {error!r}", "Nothing was changed. Report this.")


@contextmanager
def translated(path: Path | str) -> Iterator[None]:
    """Turn SQLite's errors into this package's."""
    try:
        yield
    except sqlite3.DatabaseError as e:
        raise translate(e, path) from e
    except OSError as e:
        raise OutputError(f"The ledger {path} cannot be opened: {e.strerror}", "Check the path and its rights.") from e


def translate(error: sqlite3.DatabaseError, path: Path | str) -> StateError | OutputError | BusyError:
    """The error of this package that says what an SQLite error means here."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
        return OutputError(
            f"The ledger {path} cannot be written: {error}",
            "Nothing was changed. Free disk space, then send the operation again.",
        )
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
        return OutputError(f"The ledger {path} cannot be written: {error}", "Check the folder and its rights.")
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return BusyError(f"The ledger {path} is in use by another process", "Nothing was changed. Retry.")
    if code == sqlite3.SQLITE_CONSTRAINT:
        return StateError(
            f"The ledger {path} refused a step that breaks its rules: {error}", "Nothing was changed. Report this."
        )
    return StateError(
        f"The ledger {path} is damaged: {error}", "Restore a backup, or move the file away to start a new ledger."
    )


def _check_header(path: Path) -> None:
    with translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise StateError(f"The ledger {path} is a folder", "Name a file.")
        if not path.exists() or path.stat().st_size == 0:
            return
        with path.open("rb") as file:
            if file.read(len(_HEADER)) != _HEADER:
                raise StateError(f"{path} is not a ledger", "Name another file; this one was not touched.")


def _check_origin(db: sqlite3.Connection, path: Path) -> int:
    """The file's schema version; 0 for a new file."""
    origin = db.execute("PRAGMA application_id").fetchone()[0]
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if origin != APPLICATION_ID and (origin or version or tables):
        raise StateError(f"{path} is another program's database", "Name another file; this one was not touched.")
    if version > VERSION:
        raise StateError(
            f"The ledger {path} has schema {version}, this version knows up to {VERSION}", "Upgrade antiphon."
        )
    return version


def _back_up(db: sqlite3.Connection, path: Path) -> None:
    path.touch(mode=PRIVATE, exist_ok=True)
    with closing(sqlite3.connect(path)) as copy:
        db.backup(copy)


def _migrate(db: sqlite3.Connection) -> None:
    """All missing steps in one transaction: a file is never between two versions."""
    db.execute("BEGIN IMMEDIATE")
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]  # another process may have been faster
        for step in MIGRATIONS[version:]:
            for statement in _statements(step):
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    """`executescript` would commit the transaction, so the script is cut where SQLite says a statement is complete."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    assert not pending.strip(), "a script ends with a complete statement"


def _check_whole(db: sqlite3.Connection, path: Path) -> None:
    if path.stat().st_size <= CHECK_BYTES:
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise StateError(f"The ledger {path} is damaged: {found}", "Restore a backup, or start a new ledger.")
    total, kept = db.execute("SELECT (SELECT sum(nano) FROM accounts), (SELECT nano FROM supply)").fetchone()
    if (total or 0) != 0 or kept != 0:
        raise StateError(f"The ledger {path} is damaged: its accounts sum to {total}, not 0", "Restore a backup.")
