"""The default ledger: one SQLite file."""

from antiphon.ledger.sql.ledger import SqlLedger

__all__ = ["SqlLedger"]
