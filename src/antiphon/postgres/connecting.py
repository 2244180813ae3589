"""A session with a PostgreSQL server, by psycopg. Needs the extra `antiphon[postgres]`."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import conninfo

from antiphon.postgres.errors import refused, shown

CONNECT_S = 5
_LINK = {"connect_timeout": CONNECT_S, "keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}
_SETTINGS = (
    "SET client_min_messages = warning",
    "SET statement_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
    "SET standard_conforming_strings = on",
)


def connect(url: str, *settings: str) -> psycopg.Connection[Any]:
    """A session that begins no transaction by itself. `url` is libpq's
    (https://www.postgresql.org/docs/current/libpq-connect.html). Raises InputError, without the password, and
    UnreachableError."""
    try:
        raw = psycopg.connect(url, autocommit=True, application_name="antiphon", **_missing(url))
    except psycopg.OperationalError as e:
        raise refused(e, shown(url)) from e
    for setting in (*_SETTINGS, *settings):
        raw.execute(setting)
    return raw


def _missing(url: str) -> dict[str, Any]:
    """Limits that the URL does not set itself."""
    given = conninfo.conninfo_to_dict(url)
    return {key: value for key, value in _LINK.items() if key not in given}
