"""Tasks of the network API.

1. A task is written down before anything is ordered for it.
2. An idempotency key names one task of its owner for ever: whoever asks again gets that task, whatever became of it.
3. What a process that was killed had under way has failed, as any other process finds, and is not ordered again: its
   money is where the ledger says, and `paid_nano` is counted anew.
"""

from __future__ import annotations

import time

import msgspec

from antiphon.gateway.database import Storage
from antiphon.gateway.network.bodies import Part, Problem, Task
from antiphon.gateway.schemas import Schema

KEPT_S = 30 * 86_400
"""So long an ended task is remembered, and its idempotency key with it."""
_FOUNDATION = """
CREATE TABLE tasks (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, owner TEXT NOT NULL, made_ms INTEGER NOT NULL, ended INTEGER NOT NULL,
    idempotency TEXT, body_sha256 BLOB NOT NULL, task TEXT NOT NULL, parts TEXT NOT NULL);
CREATE UNIQUE INDEX idempotent ON tasks (key, idempotency) WHERE idempotency IS NOT NULL;
CREATE INDEX by_time ON tasks (key, made_ms, id);
"""
SCHEMA = Schema("tasks", 2, "api-tasks.db", "The tasks", (_FOUNDATION,))
STOPPED = Problem(
    code="server_stopped",
    message="The server stopped while this was made. What was not made is not paid; order it again.",
)


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it lies in the file. `key`: of whom; empty: of nobody known."""

    task: Task
    key: str
    body_sha256: bytes
    parts: tuple[Part, ...] = ()


class TaskStore:
    """It belongs to one thread at a time; other processes may have one too."""

    def __init__(self, storage: Storage) -> None:
        """Raises as `Storage.open`."""
        self._file = storage.open(SCHEMA)
        self._file.join()

    def close(self) -> None:
        self._file.close()

    def fail_lost(self) -> list[Task]:
        """Rule 3: the tasks that are failed now, because their process is gone."""
        with self._file.transaction():
            rows = self._file.execute("SELECT owner, task FROM tasks WHERE ended = 0").fetchall()
            dead = self._file.dead({owner for owner, _ in rows})
            lost = [msgspec.json.decode(task, type=Task) for owner, task in rows if owner in dead]
            failed = [
                msgspec.structs.replace(
                    task, state="failed", error=STOPPED, ended_ms=int(time.time() * 1000), paid_final=False
                )
                for task in lost
            ]
            for task in failed:
                self._file.execute(
                    "UPDATE tasks SET ended = 1, task = ? WHERE id = ?", msgspec.json.encode(task).decode(), task.id
                )
        return failed

    def forget(self) -> None:
        """What is older than `KEPT_S`."""
        with self._file.transaction():
            old_ms = int((time.time() - KEPT_S) * 1000)
            self._file.execute("DELETE FROM tasks WHERE ended = 1 AND made_ms < ?", old_ms)

    def add(self, one: Stored, idempotency: str | None) -> Stored:
        """Rules 1 and 2: the task, or the one that has this idempotency key already."""
        with self._file.transaction():
            known = self._find("key = ? AND idempotency = ?", one.key, idempotency) if idempotency is not None else None
            if known is None:
                task = one.task
                row = (task.id, one.key, self._file.owner, task.created_ms, 0, idempotency, one.body_sha256)
                encoded = msgspec.json.encode(task).decode()
                self._file.execute("INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *row, encoded, "[]")
        return known or one

    def repeated(self, key: str, idempotency: str) -> Stored | None:
        """The task of an idempotency key."""
        with self._file.translated():
            return self._find("key = ? AND idempotency = ?", key, idempotency)

    def save(self, task: Task, parts: tuple[Part, ...], *, ended: bool) -> None:
        """What became of it so far."""
        with self._file.transaction():
            self._file.execute(
                "UPDATE tasks SET task = ?, parts = ?, ended = ? WHERE id = ?",
                msgspec.json.encode(task).decode(),
                msgspec.json.encode(parts).decode(),
                int(ended),
                task.id,
            )

    def find(self, key: str, task: str) -> Stored | None:
        """A task of `key`'s."""
        with self._file.translated():
            return self._find("key = ? AND id = ?", key, task)

    def page(self, key: str, before: str | None, limit: int) -> list[Task]:
        """The newest of `key`'s first, those made before the task `before`."""
        with self._file.translated():
            where, values = "key = ?", [key]
            if before is not None:
                where += " AND (made_ms, id) < (SELECT made_ms, id FROM tasks WHERE id = ? AND key = ?)"
                values += [before, key]
            query = f"SELECT task FROM tasks WHERE {where} ORDER BY made_ms DESC, id DESC LIMIT ?"  # noqa: S608 - no words of a client's
            rows = self._file.execute(query, *values, limit).fetchall()
        return [msgspec.json.decode(row[0], type=Task) for row in rows]

    def _find(self, where: str, *values: object) -> Stored | None:
        query = f"SELECT task, key, body_sha256, parts FROM tasks WHERE {where}"  # noqa: S608 - no words of a client's
        row = self._file.one(query, *values)
        if row is None:
            return None
        task, key, digest, parts = row
        return Stored(
            task=msgspec.json.decode(task, type=Task),
            key=key,
            body_sha256=digest,
            parts=msgspec.json.decode(parts, type=tuple[Part, ...]),
        )
