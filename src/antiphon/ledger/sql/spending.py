"""What a relay has ordered the chain to take out of a session, as far as its own rows say."""

from __future__ import annotations

import msgspec

from antiphon.ledger.sql.database import Connection

_GIVEN = """
SELECT coalesce(sum(x.nano), 0) FROM tasks t JOIN batch_tasks b ON b.task = t.task JOIN transfers x ON x.task = t.task
WHERE t.client = ? AND b.number <> 0 AND x.at_ms >= ? AND x.source = 'escrow:' || t.task AND x.target <> ?
AND (b.number > 0 OR EXISTS (
  SELECT 1 FROM endorsed e JOIN taken_off o ON o.name = 'part ' || e.part || ' of session ' || e.session
  WHERE e.task = t.task AND e.idx = x.part AND e.session = ?
))
"""


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """An account's session."""

    session: int
    nano: int  # all of it
    ordered_nano: int  # what batches, also one that waits for signatures, and noted quorums take out of it
    promised: tuple[int, ...]  # parts, of those that the client has signed or that stand behind vouchers, newest first


def of_account(db: Connection, account: str, promised: int) -> Spent | None:
    """The newest session that the account has claimed, with at most so many of the parts that were promised for tasks
    which are not settled; None: it has claimed none."""
    row = db.execute(
        "SELECT s.session, s.parts * s.part_nano, c.at_ms FROM claims c JOIN sessions s ON s.session = c.session "
        "WHERE c.account = ? ORDER BY c.at_ms DESC, c.session DESC LIMIT 1",
        (account,),
    ).fetchone()
    if row is None:
        return None
    session, nano, at_ms = row
    values = (account, at_ms, f"balance:{account}", session)
    parts = db.execute(
        "SELECT DISTINCT e.part FROM endorsed e LEFT JOIN batch_tasks b ON b.task = e.task "
        "WHERE e.session = ? AND (b.number IS NULL OR b.number < 0) AND NOT EXISTS "
        "(SELECT 1 FROM taken_off WHERE name = 'part ' || e.part || ' of session ' || e.session) "
        "ORDER BY e.part LIMIT ?",
        (session, promised),
    ).fetchall()
    return Spent(
        session=session,
        nano=nano,
        ordered_nano=int(db.execute(_GIVEN, values).fetchone()[0]),
        promised=tuple(part for (part,) in parts),
    )
