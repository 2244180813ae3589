"""Tasks of the network API.

1. A task is written down before anything is ordered for it.
2. An idempotency key names one task of its owner, as long as tasks are kept: whoever asks again gets that task,
   whatever became of it. Of one that was deleted nothing but the key stays: it is not ordered again.
3. What a process that was killed had under way has failed, as any other process finds, and is not ordered again: its
   money is where the ledger says, and `paid_nano` is counted anew.
4. Who makes a task is its owner, and writes down how it stands every moment (`sync`). Any other process may read that,
   and ask for its end (`ask_to_cancel`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from antiphon.gateway.database import Storage
from antiphon.gateway.network.bodies import Part, Problem, Task
from antiphon.gateway.schemas import Schema

_FOUNDATION = """
CREATE TABLE tasks (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, owner TEXT NOT NULL, made_ms INTEGER NOT NULL, ended INTEGER NOT NULL,
    idempotency TEXT, body_sha256 BLOB NOT NULL, task TEXT NOT NULL, parts TEXT NOT NULL);
CREATE UNIQUE INDEX idempotent ON tasks (key, idempotency) WHERE idempotency IS NOT NULL;
CREATE INDEX by_time ON tasks (key, made_ms, id);
"""
_DELETION = """
ALTER TABLE tasks ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN sound INTEGER NOT NULL DEFAULT 1;
"""
_SHARING = """
ALTER TABLE tasks ADD COLUMN cancel INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN over INTEGER NOT NULL DEFAULT 0;
CREATE INDEX under_way ON tasks (owner, key) WHERE ended = 0;
"""
_ENDING = """
UPDATE tasks SET over = 1 WHERE ended = 1;
CREATE INDEX not_over ON tasks (owner) WHERE over = 0;
"""
SCHEMA = Schema("tasks", 2, "api-tasks.db", "The tasks", (_FOUNDATION, _DELETION, _SHARING, _ENDING))
_ADD = """
INSERT INTO tasks (id, key, owner, made_ms, ended, idempotency, body_sha256, task, parts)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
STOPPED = Problem(
    code="server_stopped",
    message="The server stopped while this was made. What was not made is not paid; order it again.",
)


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it lies in the store. `key`: of whom; empty: of nobody known. `over`: its maker has done with it."""

    task: Task
    key: str
    body_sha256: bytes
    parts: tuple[Part, ...] = ()
    ended: bool = False
    over: bool = False
    deleted: bool = False


class TaskStore:
    """It belongs to one thread at a time; other processes may have one too."""

    def __init__(self, storage: Storage) -> None:
        """Raises as `Storage.open`."""
        self._file = storage.open(SCHEMA)
        self._file.join()

    def close(self) -> None:
        self._file.close()

    def fail_lost(self, mine: AbstractSet[str]) -> list[Task]:
        """Rule 3: the tasks that are failed now, because their process is gone. `mine`: what this one makes. Those
        that had ended stay as they are, and are over."""
        with self._file.transaction():
            rows = self._file.execute("SELECT id, owner, ended, task FROM tasks WHERE over = 0").fetchall()
            me = self._file.owner
            dead = self._file.dead({row[1] for row in rows} - {me})
            gone = [row for row in rows if row[1] in dead or (row[1] == me and row[0] not in mine)]
            for id_, *_ in gone:
                self._file.execute("UPDATE tasks SET over = 1 WHERE id = ?", id_)
            lost = [msgspec.json.decode(task, type=Task) for _, _, ended, task in gone if not ended]
            failed = [
                msgspec.structs.replace(
                    task, state="failed", error=STOPPED, ended_ms=int(time.time() * 1000), paid_final=False
                )
                for task in lost
            ]
            for task in failed:
                self._file.execute(
                    "UPDATE tasks SET ended = 1, task = ? WHERE id = ?",
                    msgspec.json.encode(task).decode(),
                    task.id,
                )
        return failed

    def forget(self, older_than_s: float) -> list[str]:
        """Tasks that ended and are older are gone; which had sound still."""
        with self._file.transaction():
            query = "DELETE FROM tasks WHERE ended = 1 AND made_ms < ? RETURNING id, sound"
            removed = self._file.execute(query, _before_ms(older_than_s)).fetchall()
        if removed:
            self._file.scrub()
        return [task for task, sound in removed if sound]

    def sounding(self, older_than_s: float) -> list[str]:
        """Tasks that ended, are older, and have sound still."""
        query = "SELECT id FROM tasks WHERE ended = 1 AND sound = 1 AND made_ms < ?"
        with self._file.translated():
            return [row[0] for row in self._file.execute(query, _before_ms(older_than_s)).fetchall()]

    def silence(self, task: str) -> None:
        """It has no sound any more."""
        with self._file.transaction():
            self._file.execute("UPDATE tasks SET sound = 0 WHERE id = ?", task)

    def delete(self, key: str, task: str) -> None:
        """Of a task of `key`'s that is over nothing stays but its idempotency key (rule 2)."""
        with self._file.transaction():
            found = self._find("key = ? AND id = ?", key, task)
            if found is None or not found.over:
                return
            self._file.execute("DELETE FROM tasks WHERE id = ? AND idempotency IS NULL", task)
            empty = msgspec.structs.replace(
                found.task,
                title="",
                voice="",
                sound=False,
                notes=(),
                error=None,
                seed=None,
                figures={},
                ledger_tasks=(),
            )
            self._file.execute(
                "UPDATE tasks SET task = ?, parts = '[]', body_sha256 = ?, sound = 0, deleted = 1 WHERE id = ?",
                msgspec.json.encode(empty).decode(),
                b"",
                task,
            )
        self._file.scrub()

    def add(self, one: Stored, idempotency: str | None, check: Callable[[int, int], None] | None = None) -> Stored:
        """Rules 1 and 2: the task, or the one that has this idempotency key already. `check` hears how many tasks of
        the key and of all have not ended, in whatever process; what it raises is raised, and there is no task."""
        with self._file.transaction():
            known = self._find("key = ? AND idempotency = ?", one.key, idempotency) if idempotency is not None else None
            if known is None:
                if check is not None:
                    count = "SELECT count(*) FROM tasks WHERE ended = 0"
                    mine = self._file.one(f"{count} AND key = ?", one.key)[0] if one.key else 0
                    check(mine, self._file.one(count)[0])
                task = one.task
                row = (task.id, one.key, self._file.owner, task.created_ms, 0, idempotency, one.body_sha256)
                encoded = msgspec.json.encode(task).decode()
                self._file.execute(_ADD, *row, encoded, "[]")
        return known or one

    def repeated(self, key: str, idempotency: str) -> Stored | None:
        """The task of an idempotency key."""
        with self._file.translated():
            return self._find("key = ? AND idempotency = ?", key, idempotency)

    def save(self, task: Task, parts: tuple[Part, ...], *, ended: bool, over: bool = False) -> None:
        """What became of it so far."""
        with self._file.transaction():
            self._save(task, parts, ended=ended, over=over)

    def _save(self, task: Task, parts: tuple[Part, ...], *, ended: bool, over: bool = False) -> None:
        self._file.execute(
            "UPDATE tasks SET task = ?, parts = ?, ended = ?, over = ? WHERE id = ? AND deleted = 0 AND ended <= ?",
            msgspec.json.encode(task).decode(),
            msgspec.json.encode(parts).decode(),
            int(ended),
            int(over),
            task.id,
            int(ended),  # what was told before the end is late
        )

    def sync(self, changed: Sequence[tuple[Task, tuple[Part, ...]]]) -> set[str]:
        """Rule 4: write down those of this process that changed; which of its tasks somebody wants to end."""
        with self._file.transaction(durable=False):
            for task, parts in changed:
                self._save(task, parts, ended=False)
            query = "SELECT id FROM tasks WHERE ended = 0 AND owner = ? AND cancel = 1"
            return {row[0] for row in self._file.execute(query, self._file.owner).fetchall()}

    def ask_to_cancel(self, key: str, task: str) -> None:
        """Rule 4."""
        with self._file.transaction():
            self._file.execute("UPDATE tasks SET cancel = 1 WHERE key = ? AND id = ? AND ended = 0", key, task)

    def find(self, key: str, task: str) -> Stored | None:
        """A task of `key`'s."""
        with self._file.translated():
            return self._find("key = ? AND id = ? AND deleted = 0", key, task)

    def page(self, key: str, before: str | None, limit: int) -> list[Task]:
        """The newest of `key`'s first, those made before the task `before`."""
        with self._file.translated():
            where, values = "key = ? AND deleted = 0", [key]
            if before is not None:
                where += " AND (made_ms, id) < (SELECT made_ms, id FROM tasks WHERE id = ? AND key = ?)"
                values += [before, key]
            query = f"SELECT task, sound FROM tasks WHERE {where} ORDER BY made_ms DESC, id DESC LIMIT ?"  # noqa: S608 - no words of a client's
            rows = self._file.execute(query, *values, limit).fetchall()
        return [_task(*row) for row in rows]

    def _find(self, where: str, *values: object) -> Stored | None:
        query = f"SELECT task, sound, key, body_sha256, parts, ended, over, deleted FROM tasks WHERE {where}"  # noqa: S608 - no words of a client's
        row = self._file.one(query, *values)
        if row is None:
            return None
        task, sound, key, digest, parts, ended, over, deleted = row
        return Stored(
            task=_task(task, sound),
            key=key,
            body_sha256=digest,
            parts=msgspec.json.decode(parts, type=tuple[Part, ...]),
            ended=bool(ended),
            over=bool(over),
            deleted=bool(deleted),
        )


def _task(encoded: str, sound: int) -> Task:
    task = msgspec.json.decode(encoded, type=Task)
    return task if sound else msgspec.structs.replace(task, sound=False)


def _before_ms(age_s: float) -> int:
    return int((time.time() - age_s) * 1000)
