"""One thread that writes, one that reads. Writes that wait at the same time share a transaction (group commit).

Each job of a group runs in its own savepoint: one that fails is rolled back alone. If the transaction itself is lost
(disk full, say), each job of the group runs again in a transaction of its own, so a caller hears only its own error.
A lost connection is opened again, and each job runs once more: an operation that was committed after all is known by
its nonce, and everything else sets what is so, and adds nothing.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from antiphon.errors import AntiphonError, BusyError, StateError
from antiphon.ledger.sql.database import Connection, Database
from antiphon.ledger.sql.offers import OfferIndex

MAX_GROUP = 256
"""Most jobs in one transaction."""
MAX_QUEUE = 10_000
"""Most jobs that wait; more are refused."""

T = TypeVar("T")
Changed = set[tuple[str, int]]
"""(task, index) of parts that a transaction changed."""


class Session:
    """What a job gets: the connection, its index of offers, and a place to say which parts it changed."""

    def __init__(self, db: Connection, index: OfferIndex) -> None:
        self.db = db
        self.index = index
        self.changed: Changed = set()


class _Job(Generic[T]):
    def __init__(self, run: Callable[[Session], T], loop: asyncio.AbstractEventLoop) -> None:
        self.run = run
        self.loop = loop
        self.future: asyncio.Future[T] = loop.create_future()
        self.result: T | None = None
        self.error: AntiphonError | None = None
        self.changed: Changed = set()

    def answer(self) -> None:
        """In the loop's thread."""
        if self.future.done():  # its caller was cancelled; the job still counts
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]


class Worker:
    """A thread with a connection of its own. `announce` hears, in the loop, which parts each commit changed."""

    def __init__(
        self,
        db: Connection,
        database: Database,
        index: OfferIndex,
        *,
        writes: bool,
        announce: Callable[[Changed], None] | None = None,
    ) -> None:
        self._db = db
        self.index = index
        self._database = database
        self._failures: tuple[type[Exception], ...] = (*database.errors, AssertionError, AntiphonError)
        self._writes = writes
        self._announce = announce
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._loop, name=f"ledger {'writer' if writes else 'reader'}")
        self._thread.daemon = True
        self._thread.start()

    async def run(self, job: Callable[[Session], T]) -> T:
        """The job's result after its transaction is committed. Raises what it raises; BusyError when too many wait."""
        if self._closed:
            raise StateError("The ledger is closed", "Open it again.")
        if self._jobs.qsize() >= MAX_QUEUE:
            raise BusyError(f"{MAX_QUEUE} operations wait for this ledger", "Retry later.", retry_after_s=0.5)
        work = _Job(job, asyncio.get_running_loop())
        self._jobs.put(work)
        return await work.future

    async def close(self) -> None:
        """Finish what waits, then end the thread and the connection."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _loop(self) -> None:
        while (first := self._jobs.get()) is not None:
            group, last = self._collect(first)
            if self._writes:
                self._write(group)
            else:
                self._read(group)
            self._deliver(group)
            if last:
                break
        self._db.close()

    def _collect(self, first: _Job[Any]) -> tuple[list[_Job[Any]], bool]:
        group = [first]
        while len(group) < MAX_GROUP:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return group, False
            if job is None:
                return group, True
            group.append(job)
        return group, False

    def _read(self, group: Sequence[_Job[Any]]) -> None:
        for job in group:
            self._look(job)
            if self._is_lost():
                self._look(job)

    def _look(self, job: _Job[Any]) -> None:
        try:
            self._database.ready(self._db)
        except AntiphonError as e:
            job.error = e
            return
        self._run(job)

    def _write(self, group: Sequence[_Job[Any]]) -> None:
        if self._transaction(group) or (len(group) == 1 and not self._is_lost()):
            return
        for job in group:
            if not self._transaction([job]) and self._is_lost():
                return  # nobody is there: the others' errors say so too

    def _is_lost(self) -> bool:
        return self._database.is_lost(self._db)

    def _transaction(self, group: Sequence[_Job[Any]]) -> bool:
        """Whether the group was committed. If not, nothing of it was, and each job carries the error."""
        try:
            self._database.ready(self._db)
            self._database.begin(self._db)
            for job in group:
                self._savepoint(job)
            off = self._db.execute("SELECT nano FROM supply").fetchone()[0]
            assert off == 0, f"money is conserved, yet the accounts sum to {off}"
            if any(job.changed for job in group):
                self._database.announce(self._db)
            self._db.execute("COMMIT")
        except self._failures as e:
            self._database.roll_back(self._db)
            self.index.forget()  # it may have read what is undone now
            for job in group:
                job.error, job.changed = self._translated(e), set()
            return False
        return True

    def _savepoint(self, job: _Job[Any]) -> None:
        self._db.execute("SAVEPOINT job")
        self._run(job)
        if job.error is not None:
            if not self._db.in_transaction:
                raise job.error
            self._db.execute("ROLLBACK TO job")
        self._db.execute("RELEASE job")

    def _run(self, job: _Job[Any]) -> None:
        session = Session(self._db, self.index)
        job.error, job.changed = None, set()
        try:
            job.result = job.run(session)
            self._database.confirm(self._db)
            job.changed = session.changed
        except Exception as e:  # noqa: BLE001 - whatever it is belongs to the job's caller, not to this thread
            job.error = self._translated(e)

    def _translated(self, error: Exception) -> AntiphonError:
        """Callers hear of errors on purpose only; anything else is a defect, and nothing of it was committed."""
        if isinstance(error, AntiphonError):
            return error
        if isinstance(error, self._database.errors):
            told = self._database.explain(error)
        else:
            told = StateError(
                f"The ledger {self._database.name} refused a step that breaks its rules: {error!r}",
                "Nothing was changed. Please report this.",
            )
        told.__cause__ = error
        return told

    def _deliver(self, group: Sequence[_Job[Any]]) -> None:
        changed: Changed = set().union(*(job.changed for job in group))
        for loop in {job.loop for job in group}:
            answers = [job for job in group if job.loop is loop]
            try:
                loop.call_soon_threadsafe(self._tell, answers, changed)
            except RuntimeError:  # the loop is gone, and with it everybody who waits in it
                continue

    def _tell(self, answers: Sequence[_Job[Any]], changed: Changed) -> None:
        for job in answers:
            job.answer()
        if changed and self._announce is not None:
            self._announce(changed)
