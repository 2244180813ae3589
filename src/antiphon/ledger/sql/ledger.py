"""The default ledger: one SQLite file, or a PostgreSQL database.

What survives: an answered operation survives the end of the process, also by `kill -9`. With the default
`synchronous=NORMAL` a power cut may take back the last operations (about a second's), but never leaves half of one:
money stays conserved and the file consistent. `durable=True` (`synchronous=FULL`) survives power cuts too, at the price
of one disk flush per group of operations.

On PostgreSQL an answered operation survives whatever the server's own `synchronous_commit` lets it survive (by default
a power cut too); `durable=True` insists on it.

Several processes may open the same ledger: every write is one transaction that begins with a lock. Long polls hear of
other processes' writes within `FOREIGN_CHANGE_S`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from antiphon.clock import Clock
from antiphon.economy.epochs import EpochRules
from antiphon.economy.types import DEFAULT_RULES, Rules
from antiphon.errors import InputError, ModelError, StateError, UnavailableError
from antiphon.ledger import limits
from antiphon.ledger.base import Ledger
from antiphon.ledger.operations import OPERATION_KIND, Operation
from antiphon.ledger.queries import ListSeats, Query, ReadEpoch, ReadPart
from antiphon.ledger.sql import answers, records
from antiphon.ledger.sql import epochs as epochs_
from antiphon.ledger.sql.database import Connection, Database, explained
from antiphon.ledger.sql.executor import OperationExecutor
from antiphon.ledger.sql.files import SqliteFile
from antiphon.ledger.sql.offers import OfferIndex
from antiphon.ledger.sql.waiters import Waiters
from antiphon.ledger.sql.worker import Session, Worker
from antiphon.protocol import canonical
from antiphon.protocol import envelope as envelopes
from antiphon.protocol.identity import Identity

T = TypeVar("T")

MAX_WAIT_S = 60.0
"""Longest long poll."""
EXPIRE_BATCH = 256
"""Most deadlines that take effect in one transaction."""
FOREIGN_CHANGE_S = 0.25
URL_PREFIXES = ("postgresql://", "postgres://")
INDEX_LAG = 256
"""Most changes that opening a task takes in by itself (some milliseconds)."""


class SqlLedger(Ledger):
    """`Ledger` over one database. Open it with `await SqlLedger.open(...)`, in the event loop that will use it."""

    def __init__(
        self, executor: OperationExecutor, database: Database, writer: Worker, reader: Worker, waiters: Waiters
    ) -> None:
        self._executor = executor
        self._database = database
        self._writer = writer
        self._reader = reader
        self._waiters = waiters
        self._watch: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        path: Path | str,
        *,
        operator: Identity,
        clock: Clock,
        rules: Rules = DEFAULT_RULES,
        epochs: EpochRules | None = None,
        durable: bool = False,
        create: bool = True,
    ) -> SqlLedger:
        """Open the file or the database at a `postgresql://` URL, or create the ledger there with `rules` and `epochs`
        if it may be created; an existing ledger keeps its own rules.

        Raises StateError (damaged, foreign, newer, or another operator's), OutputError (cannot be written), and of
        PostgreSQL InputError (URL, password, no such database) and UnreachableError.
        """
        database = database_at(path, durable=durable, create=create)
        waiters = Waiters()
        db, executor = await asyncio.to_thread(_open, database, operator, clock, rules, epochs or EpochRules())

        def index() -> OfferIndex:
            return OfferIndex(executor.secret, executor.rules)

        writer = Worker(db, database, index(), writes=True, announce=waiters.wake)
        reader = Worker(await asyncio.to_thread(database.reader), database, index(), writes=False)
        ledger = cls(executor, database, writer, reader, waiters)
        await ledger._keep_up()
        return ledger

    async def identity(self) -> str:
        return self._executor.operator.node_id

    @property
    def rules(self) -> Rules:
        """The rules this ledger was created with."""
        return self._executor.rules

    async def submit(self, envelope: bytes) -> None:
        message = envelopes.verify_at(envelope, self._executor.operator.node_id, limit=limits.MAX_OPERATION_BYTES)
        if message.kind != OPERATION_KIND:
            raise InputError(f"An envelope of kind {message.kind!r} is no operation", f"Sign it as {OPERATION_KIND!r}.")
        operation: Operation = canonical.decode(Operation, message.body)
        limits.check(operation)
        limits.check_size(operation, len(envelope))
        refusal = await self._writer.run(lambda s: self._executor.submit(s, message, envelope, operation))
        if refusal is not None:
            raise refusal

    async def read(self, query: Query[T]) -> T:
        async def look() -> Any:
            return await self._reader.run(lambda s: answers.answer(self._executor, s, query))

        if isinstance(query, ReadPart):
            part_version, key = query.newer_than, (query.task, query.index)
            found = await self._until(look, lambda part: part.version > part_version, key, query.wait_s)
        elif isinstance(query, ReadEpoch):
            newer_than = query.newer_than
            found = await self._until(look, lambda epoch: epoch.version > newer_than, epochs_.CHANGES, query.wait_s)
        elif isinstance(query, ListSeats):
            found = await self._until(look, bool, (query.node, records.SEATS), query.wait_s)
        else:
            found = await look()
        answer: T = found
        return answer

    async def expire(self) -> int:
        executor, moved = self._executor, 0
        while due := await self._reader.run(lambda s: records.due(s.db, executor.clock.now_ms(), EXPIRE_BATCH)):
            batch = [self._writer.run(_ticking(executor, task, index)) for task, index in due]
            moved += sum(await asyncio.gather(*batch))
        await self._keep_up()
        if await self._reader.run(executor.has_passed):
            await self._writer.run(executor.let_pass)
        return moved

    async def write(self, job: Callable[[Session], T]) -> T:
        """Do something else in one transaction of this ledger, as whoever keeps it: a relay mirrors the chain by it."""
        return await self._writer.run(job)

    async def _keep_up(self) -> None:
        """Let both indices of offers take in what changed, so that no question has to wait for much of it."""
        seen = await self._reader.run(_refresh)
        if seen > self._writer.index.seen + INDEX_LAG:
            await self._writer.run(_refresh)

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        await self._writer.close()
        await self._reader.close()

    async def _until(
        self, look: Callable[[], Awaitable[T]], enough: Callable[[T], bool], key: tuple[str, int], wait_s: float
    ) -> T:
        """A long poll: what is found once it is enough, or as it is after `wait_s`."""
        found = await look()
        if enough(found) or not wait_s > 0:  # so that a NaN does not wait either
            return found
        loop = asyncio.get_running_loop()
        end_s = loop.time() + min(wait_s, MAX_WAIT_S)
        async with self._waiters.listen(key) as changed:
            self._watch_others()
            while True:
                changed.clear()
                found = await look()
                left_s = end_s - loop.time()
                if enough(found) or left_s <= 0:
                    return found
                try:
                    await asyncio.wait_for(changed.wait(), left_s)
                except TimeoutError:
                    return found

    def _watch_others(self) -> None:
        """While somebody waits, look whether another process has written: one cheap question for all waiters."""
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._see_others())

    async def _see_others(self) -> None:
        seen: int | None = None
        while len(self._waiters):
            with suppress(UnavailableError):  # who waits hears of it by asking
                version = await self._writer.run(lambda s: self._database.foreign_changes(s.db))
                if seen is not None and version != seen:
                    self._waiters.wake_all()
                seen = version
            await asyncio.sleep(FOREIGN_CHANGE_S)


def _refresh(session: Session) -> int:
    session.index.refresh(session.db)
    return session.index.seen


def _ticking(executor: OperationExecutor, task: str, index: int) -> Callable[[Session], bool]:
    return lambda session: executor.tick(session, task, index)


def database_at(place: Path | str, *, durable: bool = False, create: bool = True) -> Database:
    """What a path or a URL names. Raises InputError for a URL that cannot be read."""
    if str(place).startswith(URL_PREFIXES):
        try:
            from antiphon.ledger.sql.postgres import PostgresDatabase
        except ImportError as e:
            raise ModelError("A ledger on PostgreSQL needs psycopg", "Run `pip install 'antiphon[postgres]'`.") from e
        return PostgresDatabase(str(place), durable=durable, create=create)
    return SqliteFile(Path(place), durable=durable)


def _open(
    database: Database, operator: Identity, clock: Clock, rules: Rules, epochs: EpochRules
) -> tuple[Connection, OperationExecutor]:
    db = database.prepare()
    try:
        with explained(database):
            return db, _executor(db, database, operator, clock, rules, epochs)
    except BaseException:
        db.close()
        raise


def _executor(
    db: Connection, database: Database, operator: Identity, clock: Clock, rules: Rules, epochs: EpochRules
) -> OperationExecutor:
    """Write what a new ledger is made with, or read what this one was made with."""
    made = {
        "operator": operator.node_id.encode(),
        "rules": canonical.encode(rules),
        "secret": secrets.token_bytes(32),
        "epochs": canonical.encode(epochs),
    }
    database.begin(db)
    db.executemany("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO NOTHING", list(made.items()))
    db.execute("COMMIT")
    kept = dict(db.execute("SELECT key, value FROM meta").fetchall())
    if kept["operator"] != made["operator"]:
        raise StateError(
            f"The ledger {database.name} belongs to {kept['operator'].decode()}, not to {operator.node_id}",
            "Open it with its own key.",
        )
    # Not `decode`: an older version wrote fewer rules, and what it did not know has its default.
    executor = OperationExecutor(operator, clock, canonical.parse(Rules, kept["rules"]), kept["secret"])
    database.begin(db)
    executor.epochs.begin(db)
    db.execute("COMMIT")
    return executor
