"""What the chain says that accounts have, as rows. Set, not added: the same fact twice changes nothing.

1. Each fact has a name ("bond:0x...", "session:7"), an account and an amount; the account is moved by the difference to
   the amount that was applied before. 2. Less is taken as far as it is free; the rest is taken when it becomes so.
"""

from __future__ import annotations

from antiphon.economy import accounts
from antiphon.economy.types import Transfer
from antiphon.errors import ConflictError
from antiphon.ledger.sql import money
from antiphon.ledger.sql.database import Connection
from antiphon.ledger.vouchers import SETTLE_S, Funds

_STAKE = accounts.stake("")


def begin_session(db: Connection, account: str, funds: Funds, parts: int, expires_s: int) -> None:
    """A session's parts can stand behind vouchers from now on (`allot`)."""
    row = (funds.session, account, funds.payer, parts, funds.part_nano, expires_s)
    db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", (*row, parts))


def allot(db: Connection, account: str, payer: str, parts: int, nano: int, now_s: int) -> Funds | None:
    """The first of so many parts of the account's newest session that gives `nano` for each; None when none has them.

    `payer` opened the session, and signs. Each part is given once, the last ones first: what has no vouchers is netted
    with the lowest (`relay.netting`). Vouchers are due when nothing is spent from the session any more and batches have
    had their time.
    """
    found = db.execute(
        "SELECT session, part_nano, expires_s, free_parts FROM sessions "
        "WHERE account = ? AND payer = ? AND free_parts >= ? AND part_nano >= ? AND expires_s > ? "
        "ORDER BY session DESC LIMIT 1",
        (account, payer, parts, nano, now_s + SETTLE_S),
    ).fetchone()
    if found is None:
        return None
    session, part_nano, expires_s, free = found
    first = free - parts
    db.execute("UPDATE sessions SET free_parts = ? WHERE session = ?", (first, session))
    return Funds(session=session, part=first, payer=payer, part_nano=part_nano, due_s=expires_s - SETTLE_S // 2)


def put(db: Connection, name: str, account: str, nano: int, *, at_ms: int) -> None:
    """Rule 1."""
    row = db.execute("SELECT account FROM mirrored WHERE name = ?", (name,)).fetchone()
    if row is not None and row[0] != account:
        raise ConflictError(f"{name} belongs to another account here", "Use the account that it was claimed for first.")
    db.execute("INSERT INTO mirrored VALUES (?, ?, 0, 0) ON CONFLICT DO NOTHING", (name, account))
    db.execute("UPDATE mirrored SET wanted = ? WHERE name = ?", (nano, name))
    _apply(db, name, at_ms)


def catch_up(db: Connection, *, at_ms: int) -> None:
    """Rule 2: take what was not free before."""
    for (name,) in db.execute("SELECT name FROM mirrored WHERE nano <> wanted").fetchall():
        _apply(db, name, at_ms)


def forgive(db: Connection, name: str) -> None:
    """What could not be taken was spent: it is not taken from what the account gets later."""
    db.execute("UPDATE mirrored SET nano = wanted WHERE name = ?", (name,))


def is_over(db: Connection, name: str) -> bool:
    """Whether this was a fact once, and is none any more."""
    return db.execute("SELECT 1 FROM mirrored WHERE name = ? AND wanted = 0", (name,)).fetchone() is not None


def applied(db: Connection, prefix: str) -> dict[str, tuple[str, int]]:
    """(account, nano) by name, of what is not 0."""
    rows = db.execute(
        "SELECT name, account, nano FROM mirrored WHERE substr(name, 1, ?) = ? AND (nano <> 0 OR wanted <> 0)",
        (len(prefix), prefix),
    )
    return {name: (account, nano) for name, account, nano in rows}


def _apply(db: Connection, name: str, at_ms: int) -> None:
    account, nano, wanted = db.execute("SELECT account, nano, wanted FROM mirrored WHERE name = ?", (name,)).fetchone()
    change = max(wanted - nano, -_free(db, account))
    if change > 0:
        move = Transfer(source=accounts.ISSUED, target=account, amount_nano=change, why=f"{name} on the chain")
    elif change < 0:
        move = Transfer(source=account, target=accounts.ISSUED, amount_nano=-change, why=f"{name} on the chain")
    else:
        return
    money.move(db, [move], at_ms=at_ms)
    db.execute("UPDATE mirrored SET nano = nano + ? WHERE name = ?", (change, name))


def _free(db: Connection, account: str) -> int:
    held = money.holds(db, account)
    if account.startswith(_STAKE):
        held -= money.locked(db, account.removeprefix(_STAKE))
    return max(0, held)
