"""Revoked consents, and the open tasks that rely on one, as rows."""

from __future__ import annotations

from collections.abc import Iterable

from antiphon.errors import InputError
from antiphon.ledger.limits import MAX_REVOCATIONS
from antiphon.ledger.sql.database import Connection
from antiphon.protocol.consent import Consent, GrantRef


def is_revoked(db: Connection, ref: GrantRef) -> bool:
    """Whether its own grantor has revoked it."""
    key = (ref.grantor, ref.id)
    return db.execute("SELECT 1 FROM revocations WHERE grantor = ? AND consent = ?", key).fetchone() is not None


def revoke(db: Connection, ref: GrantRef, now_ms: int) -> bool:
    """Note it for ever. False: it was revoked before."""
    count = db.execute("SELECT count(*) FROM revocations WHERE grantor = ?", (ref.grantor,)).fetchone()[0]
    if count >= MAX_REVOCATIONS and not is_revoked(db, ref):
        raise InputError(f"{ref.grantor} has revoked {count} consents, and no more fit", "Use an identity of its own.")
    row = (ref.grantor, ref.id, now_ms)
    sql = "INSERT INTO revocations VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1"
    return bool(db.execute(sql, row).fetchall())


def rely(db: Connection, task: str, consents: Iterable[Consent]) -> None:
    """A task that begins relies on these. Raises InputError for one that was revoked."""
    for consent in consents:
        if is_revoked(db, consent.ref):
            raise InputError(f"The consent of {consent.grant.subject!r} was revoked", "Ask for a new one.")
        db.execute("INSERT INTO reliances VALUES (?, ?, ?)", (consent.grantor, consent.id, task))


def relying(db: Connection, ref: GrantRef) -> list[str]:
    """The open tasks that rely on a consent."""
    key = (ref.grantor, ref.id)
    rows = db.execute("SELECT task FROM reliances WHERE grantor = ? AND consent = ? ORDER BY task", key)
    return [row[0] for row in rows]


def release(db: Connection, task: str) -> None:
    """A closed task relies on nothing any more."""
    db.execute("DELETE FROM reliances WHERE task = ?", (task,))
