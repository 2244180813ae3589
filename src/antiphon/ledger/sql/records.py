"""Tasks, parts, envelopes and the journal as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from antiphon.economy import accounts
from antiphon.economy.types import Mode, Rules
from antiphon.errors import InputError
from antiphon.ledger import panel
from antiphon.ledger.flow import Facts
from antiphon.ledger.journal import Entry
from antiphon.ledger.limits import MAX_PARTS
from antiphon.ledger.machine import Step
from antiphon.ledger.opening import chain
from antiphon.ledger.records import PartRecord, PartState, TaskRecord, TaskState
from antiphon.ledger.sql import judged, market, money
from antiphon.ledger.sql.database import Connection
from antiphon.ledger.sql.worker import Session
from antiphon.protocol import canonical
from antiphon.protocol.envelope import Envelope

SEATS = -1
"""Beside a node's id: what changes when it gets a seat."""


@dataclass(slots=True)
class LedgerInput:
    """What the ledger itself adds to an event, for the journal."""

    left_out: tuple[str, ...] = ()
    link: bytes = b""


class SqlTaskStore:
    """`flow.TaskStore` of one task over the tables."""

    def __init__(self, session: Session, ledger: str, task: str, rules: Rules, secret: bytes, now_ms: int) -> None:
        self._db = session.db
        self._session = session
        self._secret = secret
        self._now_ms = now_ms
        self.inputs = LedgerInput()
        row = self._db.execute("SELECT client, mode, service FROM tasks WHERE task = ?", (task,)).fetchone()
        if row is None:
            raise no_task(task)
        self.facts = Facts(ledger=ledger, task=task, client=row[0], mode=Mode(row[1]), service=row[2], rules=rules)

    def part(self, index: int) -> PartRecord:
        return part(self._db, self.facts.task, index)

    def open_parts(self) -> Sequence[int]:
        rows = self._db.execute("SELECT idx FROM parts WHERE task = ? AND final = 0 ORDER BY idx", (self.facts.task,))
        return [row[0] for row in rows]

    def waiting(self) -> Sequence[tuple[int, int]]:
        return self._db.execute(
            "SELECT idx, phase FROM parts WHERE task = ? AND state = 'waiting' ORDER BY idx", (self.facts.task,)
        ).fetchall()

    def phases(self) -> Collection[tuple[int, PartState]]:
        rows = self._db.execute("SELECT DISTINCT phase, state FROM parts WHERE task = ?", (self.facts.task,))
        return [(phase, PartState(state)) for phase, state in rows]

    def left_out(self, record: PartRecord, /) -> tuple[str, ...]:
        able = market.able(self._db, record.assignment.validators, self.facts.rules, self._now_ms)
        self.inputs.left_out = tuple(judge.node for judge in record.assignment.validators if judge.node not in able)
        return self.inputs.left_out

    def link(self, record: PartRecord, /) -> bytes:
        beacon = task(self._db, self.facts.task).beacon
        self.inputs.link = chain(self._secret, beacon, record.part.index).link(record.round)
        return self.inputs.link

    def keep(self, before: PartRecord, step: Step) -> None:
        """The record, its money, its locked stake, its load and its scores: all of one step, or nothing."""
        db, facts, after = self._db, self.facts, step.record
        key = (facts.task, after.part.index)
        db.execute(
            "UPDATE parts SET state = ?, final = ?, deadline_ms = ?, record = ? WHERE task = ? AND idx = ?",
            (after.state.value, int(after.state.final), after.next_deadline_ms, canonical.pack(after), *key),
        )
        money.move(db, step.transfers, at_ms=self._now_ms, task=facts.task, part=after.part.index)
        moved = panel.shifted(before, after, facts.rules)
        market.hold(db, facts.client, moved)
        money.lock(db, moved, at_ms=self._now_ms, task=facts.task, part=after.part.index)
        market.load(db, panel.active(before), panel.active(after))
        for event in step.scores:
            market.score(db, facts.service, event, facts.rules)
        judged.note(db, facts, before, after)
        for turn in step.turnout:
            market.attend(db, facts.service, turn, facts.rules)
        self._session.changed.update((node, SEATS) for node in market.seat(db, before, after))
        if after.settled:
            db.execute("UPDATE tasks SET open_parts = open_parts - 1 WHERE task = ?", (facts.task,))
        self._session.changed.add(key)


def no_task(task: str) -> InputError:
    return InputError(f"There is no task {task[:40]!r} on this ledger", "Check the id and the ledger.")


def part(db: Connection, task: str, index: int) -> PartRecord:
    """One part's record. Raises InputError."""
    key = (task, index if index in range(MAX_PARTS) else -1)  # no column holds every number that may be asked for
    row = db.execute("SELECT record FROM parts WHERE task = ? AND idx = ?", key).fetchone()
    if row is None:
        raise InputError(f"There is no part {index} of task {task[:40]!r} on this ledger", "Check both.")
    return canonical.parse(PartRecord, row[0])


def parts(db: Connection, task: str) -> tuple[PartRecord, ...]:
    """All parts of a task, ascending. Raises InputError when there is no such task."""
    rows = db.execute("SELECT record FROM parts WHERE task = ? ORDER BY idx", (task,)).fetchall()
    if not rows:
        raise no_task(task)
    return tuple(canonical.parse(PartRecord, row[0]) for row in rows)


def add_task(session: Session, record: TaskRecord, parts_: Sequence[PartRecord]) -> None:
    """Store a task as it begins."""
    session.db.execute(
        "INSERT INTO tasks (task, client, mode, service, state, closed_ms, open_parts, record) "
        "VALUES (?, ?, ?, ?, ?, 0, ?, ?)",
        (
            record.task,
            record.client,
            record.mode.value,
            record.selector.service,
            record.state.value,
            len(parts_),
            canonical.pack(record),
        ),
    )
    session.db.executemany(
        "INSERT INTO parts (task, idx, phase, state, final, deadline_ms, record) VALUES (?, ?, ?, ?, 0, ?, ?)",
        [(p.task, p.part.index, p.part.phase, p.state.value, p.deadline_ms, canonical.pack(p)) for p in parts_],
    )


def task(db: Connection, task_: str) -> TaskRecord:
    """One task's record. Raises InputError."""
    row = db.execute("SELECT record, state, closed_ms FROM tasks WHERE task = ?", (task_,)).fetchone()
    if row is None:
        raise no_task(task_)
    return _task(*row)


def tasks(db: Connection, client: str | None, limit: int) -> tuple[TaskRecord, ...]:
    """The newest tasks first."""
    where, values = ("WHERE client = ?", (client, limit)) if client else ("", (limit,))
    rows = db.execute(f"SELECT record, state, closed_ms FROM tasks {where} ORDER BY seq DESC LIMIT ?", values)  # noqa: S608
    return tuple(_task(*row) for row in rows)


def shown(record: TaskRecord) -> TaskRecord:
    """What others may see of a task. While it is open, a validator's own prompt looks like any other task."""
    if record.state is not TaskState.OPEN:
        return record
    selector = msgspec.structs.replace(record.selector, node="")
    return msgspec.structs.replace(record, synthetic=False, selector=selector)


def states(db: Connection, task_: str) -> set[PartState]:
    """The different states of a task's parts."""
    rows = db.execute("SELECT DISTINCT state FROM parts WHERE task = ?", (task_,))
    return {PartState(state) for (state,) in rows}


def is_over(db: Connection, task_: str) -> bool:
    """Whether all parts are final and the task is not closed yet."""
    row = db.execute("SELECT open_parts = 0 AND state = 'open' FROM tasks WHERE task = ?", (task_,)).fetchone()
    return bool(row[0])


def close_task(db: Connection, task_: str, state: TaskState, now_ms: int) -> None:
    """Mark a task closed; its escrow account must be empty and disappears."""
    assert money.holds(db, accounts.escrow(task_)) == 0, "a closed task holds no money"
    money.end(db, accounts.escrow(task_))
    db.execute("UPDATE tasks SET state = ?, closed_ms = ? WHERE task = ?", (state.value, now_ms, task_))


def due(db: Connection, now_ms: int, limit: int) -> list[tuple[str, int]]:
    """(task, index) of parts whose deadline has passed, the longest overdue first."""
    return db.execute(
        "SELECT task, idx FROM parts WHERE deadline_ms > 0 AND deadline_ms <= ? ORDER BY deadline_ms LIMIT ?",
        (now_ms, limit),
    ).fetchall()


def add_envelope(db: Connection, message: Envelope, raw: bytes, at_ms: int, *, task_: str, kept: bool = True) -> int:
    """Store an envelope that was applied; its row number. One that is not `kept` leaves only its nonce, for a while."""
    added = db.execute(
        "INSERT INTO envelopes (sender, nonce, sha256, at_ms, task, raw) VALUES (?, ?, ?, ?, ?, ?) RETURNING seq",
        (message.sender, message.nonce, sha256(raw).digest(), at_ms, task_, raw if kept else None),
    ).fetchall()
    return int(added[0][0])


def journal(
    db: Connection,
    task_: str,
    at_ms: int,
    index: int,
    envelope: int | None,
    inputs: LedgerInput | None = None,
) -> None:
    """Note one event of a task. No envelope: a deadline. `inputs`: what the ledger itself had to say for it."""
    inputs = inputs or LedgerInput()
    left_out = canonical.pack(inputs.left_out) if inputs.left_out else None
    db.execute(
        "INSERT INTO journal (task, at_ms, part, envelope, left_out, link) VALUES (?, ?, ?, ?, ?, ?)",
        (task_, at_ms, index, envelope, left_out, inputs.link or None),
    )


def entries(db: Connection, task_: str) -> tuple[Entry, ...]:
    """The journal of a task, envelopes by their position in its evidence."""
    rows = db.execute("SELECT seq FROM envelopes WHERE task = ? AND raw IS NOT NULL ORDER BY seq", (task_,))
    position = {seq: place for place, (seq,) in enumerate(rows)}
    events = db.execute(
        "SELECT at_ms, part, envelope, left_out, link FROM journal WHERE task = ? ORDER BY seq", (task_,)
    )
    return tuple(
        Entry(
            at_ms=at_ms,
            index=index,
            envelope=-1 if envelope is None else position[envelope],
            left_out=canonical.parse(tuple[str, ...], left_out) if left_out else (),
            link=link or b"",
        )
        for at_ms, index, envelope, left_out, link in events
    )


def evidence(db: Connection, task_: str) -> tuple[bytes, ...]:
    """The envelopes of a task in order. Raises InputError when there is no such task."""
    rows = db.execute("SELECT raw FROM envelopes WHERE task = ? AND raw IS NOT NULL ORDER BY seq", (task_,)).fetchall()
    if not rows:
        raise no_task(task_)
    return tuple(raw for (raw,) in rows)


def _task(blob: bytes, state: str, closed_ms: int) -> TaskRecord:
    record = canonical.parse(TaskRecord, blob)
    return msgspec.structs.replace(record, state=TaskState(state), closed_ms=closed_ms)
