"""One PostgreSQL server for all tests of a process that want databases on it."""

from __future__ import annotations

from postgres_server import postgres

__all__ = ["postgres"]
