"""What PostgreSQL's refusals mean here, and what to do next. No message holds a password."""

from __future__ import annotations

import re

import psycopg
from psycopg import conninfo

from antiphon.errors import AntiphonError, BusyError, InputError, OutputError, StateError, UnreachableError

_HOW = "Write postgresql://USER@HOST:PORT/DATABASE, and the password into PGPASSWORD or ~/.pgpass."
AGAIN = "Send the same operation again: it counts once."
_FULL = "Nothing was changed. Free disk space on the server, then send the operation again."
_RIGHTS = "Nothing was changed. Use the primary server, and the user who owns the tables."
_RETRY = "Nothing was changed. Retry."
_STATES: dict[str, tuple[type[AntiphonError], str]] = {
    "53100": (OutputError, _FULL),  # disk_full
    "58030": (OutputError, _FULL),  # io_error
    "25006": (OutputError, _RIGHTS),  # read_only_sql_transaction
    "42501": (OutputError, _RIGHTS),  # insufficient_privilege
    "53200": (BusyError, _RETRY),  # out_of_memory
    "53300": (BusyError, _RETRY),  # too_many_connections
    "55P03": (BusyError, _RETRY),  # lock_not_available: another process writes
    "57014": (BusyError, _RETRY),  # query_canceled
    "57P01": (UnreachableError, AGAIN),  # admin_shutdown
    "57P02": (UnreachableError, AGAIN),  # crash_shutdown
    "57P03": (UnreachableError, AGAIN),  # cannot_connect_now
}
"""By SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html"""


def explain(error: Exception, name: str) -> AntiphonError:
    """What a statement's error means; `name` is the database's, without its password."""
    what = f"{name}: {line(error)}"
    kind, hint = _STATES.get(getattr(error, "sqlstate", None) or "", (StateError, "Nothing was changed. Report this."))
    if kind is not StateError:
        return kind(what, hint)
    if isinstance(error, psycopg.DataError):
        return InputError(f"A value cannot be stored in {what}", "Nothing was changed. Leave the value out.")
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return UnreachableError(f"The connection was lost to {what}", AGAIN)
    return kind(what, hint)


def refused(error: psycopg.OperationalError, name: str) -> AntiphonError:
    """Why there is no connection: the client library tells it in words only."""
    told = line(error)
    if re.search(r"password|authentication|pg_hba|role \".*\" does not exist", told):
        return InputError(f"{name} does not let us in: {told}", _HOW)
    if re.search(r"database \".*\" does not exist", told):
        return InputError(f"{name} does not exist: {told}", "Make it: createdb --encoding UTF8 NAME")
    return UnreachableError(f"{name} cannot be reached: {told}", "Start the server, or check host and port.")


def shown(url: str) -> str:
    """A URL without its password. Raises InputError for one that cannot be read: its parts may be of the password."""
    unreadable = InputError(
        "The database's URL cannot be read", f"{_HOW} In a URL, @ : / and % are %40 %3A %2F and %25."
    )
    try:
        parts = {key: str(value) for key, value in conninfo.conninfo_to_dict(url).items()}
    except psycopg.ProgrammingError:
        raise unreadable from None  # its words may hold a part of the password
    user, host, port, name = (parts.get(key, "") for key in ("user", "host", "port", "dbname"))
    if "@" in host + port + name or not re.fullmatch(r"[\d,]*", port):
        raise unreadable
    return f"postgresql://{user and user + '@'}{host}{port and ':' + port}/{name}"


def line(error: Exception) -> str:
    """The first line of what the server says."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
