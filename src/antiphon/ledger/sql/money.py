"""Accounts, transfers and locked stake as rows. Money only ever moves by `move`: double entry, never negative."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from antiphon.economy import accounts
from antiphon.economy.types import Transfer
from antiphon.errors import FundsError
from antiphon.ledger.records import Account, Supply
from antiphon.ledger.sql.database import Connection, marks

_STAKE = accounts.stake("")
UNBOND_BATCH = 256
"""Most accounts whose stake returns in one transaction."""
WHOLE_TASK = -1
"""The part column of what concerns no single part."""

_BARE = """
SELECT k.node FROM locked k LEFT JOIN accounts a ON a.name = 'stake:' || k.node
WHERE k.node IN ({marks}) AND k.nano > coalesce(a.nano, 0)
"""


def holds(db: Connection, account: str) -> int:
    """What an account holds, in nano; 0 if it does not exist."""
    row = db.execute("SELECT nano FROM accounts WHERE name = ?", (account,)).fetchone()
    return int(row[0]) if row else 0


def move(db: Connection, transfers: Iterable[Transfer], *, at_ms: int, task: str = "", part: int = -1) -> None:
    """Carry out the transfers in order. Raises FundsError before an account would become negative."""
    for transfer in transfers:
        held = holds(db, transfer.source)
        if held < transfer.amount_nano and transfer.source.startswith(_STAKE):
            held += _call_back(db, transfer.source, transfer.amount_nano - held, at_ms=at_ms)
        if transfer.source != accounts.ISSUED and held < transfer.amount_nano:
            raise FundsError(
                f"{transfer.source} holds {held} nano, less than the {transfer.amount_nano} nano for {transfer.why}",
                "Deposit the difference, or ask for less.",
            )
        if transfer.source == accounts.ISSUED:
            db.execute("INSERT INTO accounts VALUES (?, 0) ON CONFLICT DO NOTHING", (transfer.source,))
        db.execute("UPDATE accounts SET nano = nano - ? WHERE name = ?", (transfer.amount_nano, transfer.source))
        db.execute(
            "INSERT INTO accounts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET nano = accounts.nano + excluded.nano",
            (transfer.target, transfer.amount_nano),
        )
        db.execute(
            "INSERT INTO transfers (at_ms, task, part, source, target, nano, why) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (at_ms, task, part, transfer.source, transfer.target, transfer.amount_nano, transfer.why),
        )


def pay_out(db: Connection, transfers: Sequence[Transfer], *, at_ms: int, task: str) -> None:
    """Carry out many transfers from one account, which is empty after them: as `move` does it, at once."""
    source = transfers[0].source
    assert all(one.source == source for one in transfers), "one account pays"
    assert holds(db, source) == sum(one.amount_nano for one in transfers), "all of it is paid"
    db.executemany(
        "INSERT INTO accounts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET nano = accounts.nano + excluded.nano",
        [(one.target, one.amount_nano) for one in transfers],
    )
    db.execute("UPDATE accounts SET nano = 0 WHERE name = ?", (source,))
    db.executemany(
        "INSERT INTO transfers (at_ms, task, part, source, target, nano, why) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(at_ms, task, WHOLE_TASK, source, one.target, one.amount_nano, one.why) for one in transfers],
    )


def end(db: Connection, account: str) -> None:
    """Forget an account that is empty. The database refuses it for one that is not."""
    db.execute("DELETE FROM accounts WHERE name = ?", (account,))


def locked(db: Connection, node: str) -> int:
    """Stake of a node that open parts hold, in nano."""
    row = db.execute("SELECT nano FROM locked WHERE node = ?", (node,)).fetchone()
    return int(row[0]) if row else 0


def lock(db: Connection, deltas: Mapping[str, int], *, at_ms: int, task: str, part: int) -> None:
    """Lock (positive) or release (negative) stake, and keep its history. Stake always covers what is locked."""
    moved = [(nano, node) for node, nano in deltas.items() if nano]
    new = [(node,) for nano, node in moved if nano > 0]
    db.executemany("INSERT INTO locked VALUES (?, 0) ON CONFLICT DO NOTHING", new)
    db.executemany("UPDATE locked SET nano = nano + ? WHERE node = ?", moved)
    db.executemany(
        "INSERT INTO stake_history (at_ms, task, part, node, nano) VALUES (?, ?, ?, ?, ?)",
        [(at_ms, task, part, node, nano) for nano, node in moved],
    )
    bare = db.execute(_BARE.format(marks=marks(len(moved))), [node for _, node in moved]).fetchall()
    assert not bare, f"stake covers what is locked, except of {bare}"


def unbond(db: Connection, node: str, *, due_ms: int) -> None:
    """Note when a node's stake that is on its way arrives: all of it together, the last to have left deciding."""
    db.execute(
        "INSERT INTO unbonding VALUES (?, ?) ON CONFLICT (node) DO UPDATE SET due_ms = excluded.due_ms", (node, due_ms)
    )


def unbonded(db: Connection, now_ms: int) -> list[str]:
    """Nodes whose stake has arrived."""
    rows = db.execute("SELECT node FROM unbonding WHERE due_ms <= ? ORDER BY due_ms LIMIT ?", (now_ms, UNBOND_BATCH))
    return [node for (node,) in rows]


def release(db: Connection, node: str, *, at_ms: int) -> None:
    """What is left of a node's stake on its way becomes its balance."""
    source = accounts.unbonding(node)
    if held := holds(db, source):
        back = Transfer(source=source, target=accounts.balance(node), amount_nano=held, why="unstaked")
        move(db, [back], at_ms=at_ms)
    end(db, source)
    db.execute("DELETE FROM unbonding WHERE node = ?", (node,))


def _call_back(db: Connection, stake: str, missing_nano: int, *, at_ms: int) -> int:
    """Stake on its way back still answers for penalties: as much of it as is missing returns. How much did."""
    source = accounts.unbonding(stake.removeprefix(_STAKE))
    amount_nano = min(missing_nano, holds(db, source))
    if amount_nano:
        move(db, [Transfer(source=source, target=stake, amount_nano=amount_nano, why="for a penalty")], at_ms=at_ms)
    return amount_nano


def account_of(db: Connection, owner: str) -> Account:
    """Everything one identity owns; zeros for one that the ledger has never heard of."""
    escrow = db.execute(
        "SELECT coalesce(sum(nano), 0) FROM tasks JOIN accounts ON name = 'escrow:' || task "
        "WHERE client = ? AND open_parts > 0",
        (owner,),
    ).fetchone()[0]
    due = db.execute("SELECT due_ms FROM unbonding WHERE node = ?", (owner,)).fetchone()
    return Account(
        owner=owner,
        balance_nano=holds(db, accounts.balance(owner)),
        stake_nano=holds(db, accounts.stake(owner)),
        locked_nano=locked(db, owner),
        escrow_nano=int(escrow),
        unbonding_nano=holds(db, accounts.unbonding(owner)),
        unbonding_until_ms=int(due[0]) if due else 0,
    )


def supply(db: Connection) -> Supply:
    """All money, and where it came from."""
    emitted = db.execute("SELECT coalesce(sum(emission_nano), 0) FROM epochs").fetchone()[0]
    return Supply(
        issued_nano=-holds(db, accounts.ISSUED), emitted_nano=int(emitted), burnt_nano=holds(db, accounts.BURNT)
    )
