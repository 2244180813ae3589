"""Batches of a relay as rows, and what they take off its book.

1. A task is in one batch at a time. One that cannot be netted is set aside for good: it is settled by quorum.
2. What was settled on the chain leaves the book once (`settle`), under a name of its own.
3. Less is taken as far as it is free; the rest is taken when it becomes so (`catch_up`). So an account that has spent
   here what the chain has paid it already pays it back with the next that it earns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from antiphon.economy import accounts
from antiphon.economy.types import Transfer
from antiphon.errors import ConflictError
from antiphon.ledger.operations import Endorse
from antiphon.ledger.sql import money, records
from antiphon.ledger.sql.database import Connection, marks

SIGNING, SETTLED, DROPPED = "signing", "settled", "dropped"
PENDING, BY_QUORUM, NOTHING = -2, -1, 0
"""Numbers of no batch: of tasks that are set aside (at first, what the quorum has settled of them is still on the book)
or that have moved no money."""
_STAKE = accounts.stake("")


class DueTask(msgspec.Struct, frozen=True, kw_only=True):
    """A closed task that is in no batch. `session`: what its client paid it out of; 0 = its balance."""

    task: str
    client: str
    session: int
    net_nano: dict[str, int]
    drawn: tuple[tuple[int, int, int], ...] = ()  # as in `receipts.AuditReport`
    named: tuple[tuple[int, int], ...] = ()  # (session, part) that its client has signed for it, ascending
    seq: int = 0  # its place among all tasks of the ledger


def endorse(db: Connection, operation: Endorse) -> None:
    """A part of a session was named for a part of a task."""
    named = operation.session, operation.part, operation.task, operation.index, operation.attempt, operation.round
    db.execute("INSERT INTO endorsed VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", named)


def endorsed(db: Connection, session: int, part: int) -> list[str]:
    """Tasks that this part of a session was named for."""
    rows = db.execute("SELECT DISTINCT task FROM endorsed WHERE session = ? AND part = ?", (session, part))
    return [task for (task,) in rows]


def _named(db: Connection, tasks: list[str]) -> dict[str, tuple[tuple[int, int], ...]]:
    found: dict[str, set[tuple[int, int]]] = {task: set() for task in tasks}
    sql = f"SELECT task, session, part FROM endorsed WHERE task IN ({marks(len(tasks))})"  # noqa: S608
    for task, session, part in db.execute(sql, tasks):
        found[task].add((session, part))
    return {task: tuple(sorted(parts)) for task, parts in found.items()}


def keep_claim(db: Connection, account: str, session: int, address: str, signature: bytes, *, at_ms: int) -> None:
    """A session was given to an account."""
    db.execute(
        "INSERT INTO claims VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (account, session, address, signature, at_ms),
    )


def claim(db: Connection, account: str, session: int) -> tuple[str, bytes]:
    """(address, signature) of a claim that was kept."""
    row: tuple[str, bytes] = db.execute(
        "SELECT address, signature FROM claims WHERE account = ? AND session = ?", (account, session)
    ).fetchone()
    return row


def due(db: Connection, limit: int, after: int = 0) -> list[DueTask]:
    """Closed tasks that are in no batch, after this place, the oldest first."""
    rows = db.execute(
        "SELECT t.task, t.client, coalesce((SELECT c.session FROM claims c JOIN envelopes e ON e.task = t.task "
        "WHERE c.account = t.client AND c.at_ms <= e.at_ms ORDER BY e.seq, c.at_ms DESC, c.session DESC LIMIT 1), 0), "
        "t.seq FROM tasks t LEFT JOIN batch_tasks b ON b.task = t.task "
        "WHERE t.state <> 'open' AND b.task IS NULL AND t.seq > ? ORDER BY t.seq LIMIT ?",
        (after, limit),
    ).fetchall()
    tasks = [task for task, *_ in rows]
    nets, named = _nets(db, tasks), _named(db, tasks)
    drawn = _drawn(db, {task: client for task, client, session, _ in rows if session})
    return [
        DueTask(
            task=task,
            client=client,
            session=session,
            net_nano=nets[task],
            drawn=drawn.get(task, ()),
            named=named[task],
            seq=seq,
        )
        for task, client, session, seq in rows
    ]


def of_tasks(db: Connection, tasks: tuple[str, ...]) -> list[DueTask]:
    """The same of given tasks, whatever batch they are in; without their sessions."""
    nets = _nets(db, list(tasks))
    clients = dict(
        db.execute(f"SELECT task, client FROM tasks WHERE task IN ({marks(len(tasks))})", tasks).fetchall()  # noqa: S608
    )
    return [DueTask(task=task, client=clients[task], session=0, net_nano=nets[task], named=()) for task in tasks]


def set_aside(db: Connection, task: str, number: int) -> None:
    """Rule 1."""
    db.execute(
        "INSERT INTO batch_tasks VALUES (?, ?) ON CONFLICT (task) DO UPDATE SET number = excluded.number",
        (task, number),
    )


def note_quorum(db: Connection, task: str) -> None:
    """A part of the task was settled by quorum. One that is in a batch is found out when that is made again."""
    db.execute(
        "INSERT INTO batch_tasks VALUES (?, ?) ON CONFLICT (task) DO UPDATE SET number = excluded.number "
        "WHERE batch_tasks.number < 0",
        (task, PENDING),
    )


def pending(db: Connection) -> list[str]:
    """Closed tasks of which the quorum may have settled what is still on the book."""
    rows = db.execute(
        "SELECT b.task FROM batch_tasks b JOIN tasks t ON t.task = b.task WHERE b.number = ? AND t.state <> 'open'",
        (PENDING,),
    )
    return [task for (task,) in rows]


def begin(db: Connection, tasks: list[str]) -> int:
    """A new batch of these tasks; its number."""
    sql = "INSERT INTO batches (state, record) VALUES (?, ?) RETURNING seq"
    number = int(db.execute(sql, (SIGNING, b"")).fetchone()[0])
    db.executemany("INSERT INTO batch_tasks VALUES (?, ?)", [(task, number) for task in tasks])
    return number


def keep(db: Connection, number: int, record: bytes) -> None:
    db.execute("UPDATE batches SET record = ? WHERE seq = ?", (record, number))


def find(db: Connection, *, number: int = 0, task: str = "", state: str = "") -> list[tuple[int, str, bytes]]:
    """(number, state, record) of batches: one, those of a task, or those in a state."""
    values: tuple[object, ...] = (number, task, state)
    where = "seq = ?" if number else "seq IN (SELECT number FROM batch_tasks WHERE task = ?)" if task else "state = ?"
    value = next(one for one in values if one)
    return db.execute(f"SELECT seq, state, record FROM batches WHERE {where} ORDER BY seq", (value,)).fetchall()  # noqa: S608


def sign(db: Connection, number: int, address: str, signature: bytes) -> None:
    db.execute("INSERT INTO batch_signatures VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (number, address, signature))


def signatures(db: Connection, number: int) -> dict[str, bytes]:
    """By address."""
    return dict(db.execute("SELECT address, signature FROM batch_signatures WHERE number = ?", (number,)).fetchall())


def drop(db: Connection, number: int) -> None:
    """It can be settled no more: its tasks are free for another one."""
    db.execute("UPDATE batches SET state = ? WHERE seq = ?", (DROPPED, number))
    db.execute("DELETE FROM batch_tasks WHERE number = ?", (number,))
    db.execute("DELETE FROM batch_signatures WHERE number = ?", (number,))


def settle(db: Connection, number: int, record: bytes, nets: Mapping[str, int], *, at_ms: int) -> None:
    """Rule 2."""
    db.execute("UPDATE batches SET state = ?, record = ? WHERE seq = ?", (SETTLED, record, number))
    take_off(db, f"batch {number}", nets, at_ms=at_ms)


def take_off(db: Connection, name: str, nets: Mapping[str, int], *, at_ms: int) -> None:
    """Rule 2: what each account has got (or given) by these tasks is on the chain now. Does nothing the second time."""
    if not db.execute(
        "INSERT INTO taken_off VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING 1", (name, at_ms)
    ).fetchall():
        return
    for account, nano in nets.items():
        db.execute("INSERT INTO settled VALUES (?, 0, 0) ON CONFLICT DO NOTHING", (account,))
        db.execute("UPDATE settled SET wanted = wanted + ? WHERE account = ?", (nano, account))
    catch_up(db, at_ms=at_ms)


def catch_up(db: Connection, *, at_ms: int) -> None:
    """Rule 3. The sum over all accounts stays 0: the database checks it."""
    for account, wanted, taken in db.execute(
        "SELECT account, wanted, taken FROM settled WHERE wanted <> taken"
    ).fetchall():
        change = min(wanted - taken, _free(db, account))
        if not change:
            continue
        source, target = (account, accounts.ISSUED) if change > 0 else (accounts.ISSUED, account)
        move = Transfer(source=source, target=target, amount_nano=abs(change), why="settled on the chain")
        money.move(db, [move], at_ms=at_ms)
        db.execute("UPDATE settled SET taken = taken + ? WHERE account = ?", (change, account))


def owed(db: Connection, account: str) -> int:
    """What the chain has paid an account, and it has spent here meanwhile, in nano."""
    row = db.execute("SELECT wanted - taken FROM settled WHERE account = ?", (account,)).fetchone()
    return max(0, int(row[0])) if row else 0


def expect_known(db: Connection, number: int) -> None:
    """Raise ConflictError unless this batch waits for signatures."""
    if not any(state == SIGNING for _, state, _ in find(db, number=number)):
        raise ConflictError(f"Batch {number} waits for no signatures", "Ask for the batches again.")


def _nets(db: Connection, tasks: list[str]) -> dict[str, dict[str, int]]:
    """What the tasks have changed for each account, by task."""
    found: dict[str, Counter[str]] = {task: Counter() for task in tasks}
    rows: list[Any] = db.execute(
        f"SELECT task, source, target, sum(nano) FROM transfers WHERE task IN ({marks(len(tasks))}) GROUP BY 1, 2, 3",  # noqa: S608
        tasks,
    ).fetchall()
    for task, source, target, nano in rows:
        found[task][source] -= int(nano)
        found[task][target] += int(nano)
    return {task: {account: nano for account, nano in net.items() if nano} for task, net in found.items()}


def _drawn(db: Connection, clients: Mapping[str, str]) -> dict[str, tuple[tuple[int, int, int], ...]]:
    """What parts with vouchers took out of their escrow, by task; of the tasks that have such parts."""
    funds = {
        (task, part.part.index): part.funds
        for task in clients
        for part in records.parts(db, task)
        if part.funds is not None
    }
    tasks = sorted({task for task, _ in funds})
    spent: Counter[tuple[str, int]] = Counter()
    rows: list[Any] = db.execute(
        f"SELECT task, part, source, target, sum(nano) FROM transfers WHERE task IN ({marks(len(tasks))}) "  # noqa: S608
        "GROUP BY 1, 2, 3, 4",
        tasks,
    ).fetchall()
    for task, part, source, target, nano in rows:
        if source == accounts.escrow(task) and target != accounts.balance(clients[task]):
            spent[task, part] += int(nano)
    found: dict[str, list[tuple[int, int, int]]] = {task: [] for task in tasks}
    for (task, part), one in sorted(funds.items()):
        if spent[task, part]:
            found[task].append((one.session, one.part, spent[task, part]))
    return {task: tuple(drawn) for task, drawn in found.items()}


def _free(db: Connection, account: str) -> int:
    held = money.holds(db, account)
    if account.startswith(_STAKE):
        held -= money.locked(db, account.removeprefix(_STAKE))
    return max(0, held)
