"""The worker's side: takes jobs from the queue, makes them with its engine, and acknowledges what is made."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal

from antiphon.engines.base import Engine
from antiphon.errors import AntiphonError, BusyError, InputError
from antiphon.nodes.engine_runner import Chunks, GenerationRunner
from antiphon.nodes.pool.connecting import connect, prepare, subscribe
from antiphon.nodes.pool.messages import (
    ALIVE_S,
    OVER,
    PIECE_BYTES,
    Made,
    WorkerJob,
    ask_subject,
    made_subject,
)
from antiphon.protocol import canonical

if TYPE_CHECKING:
    from nats.aio.client import Client

log = logging.getLogger("antiphon.nodes")

FETCH_S = 2.0
ASK_S = 2.0
REMEMBERED = 1_000


async def work(engine: Engine, url: str, *, name: str, slots: int, stopped: asyncio.Event) -> None:
    """Until `stopped`; what was begun is made to its end. Raises `UnavailableError` where there is no NATS at first."""
    connection = await connect(url)
    pool = ThreadPoolExecutor(slots, thread_name_prefix="worker")
    try:
        worker = _Worker(connection, GenerationRunner(engine, 0), name, pool)
        over = await connection.subscribe(OVER, cb=worker.is_over)
        jobs = await subscribe(await prepare(connection), engine.name)
        log.info("worker %s takes parts of %s", name, engine.name)
        async with asyncio.TaskGroup() as group:
            for _ in range(slots):
                group.create_task(worker.take(jobs, stopped))
        await over.unsubscribe()
    finally:
        with contextlib.suppress(Exception):
            await connection.close()
        pool.shutdown(wait=False, cancel_futures=True)


class _Worker:
    def __init__(self, connection: Client, runner: GenerationRunner, name: str, pool: ThreadPoolExecutor) -> None:
        self._connection, self._runner, self._name, self._pool = connection, runner, name, pool
        self._over: dict[str, None] = {}

    async def is_over(self, message: Any) -> None:
        self._over[message.data.decode("ascii", "replace")] = None
        while len(self._over) > REMEMBERED:
            self._over.pop(next(iter(self._over)))

    async def take(self, jobs: Any, stopped: asyncio.Event) -> None:
        while not stopped.is_set():
            try:
                (message,) = await jobs.fetch(1, timeout=FETCH_S)
            except Exception as error:  # noqa: BLE001 - nothing to do, or NATS is gone and comes back
                await asyncio.sleep(0 if isinstance(error, TimeoutError) else 0.25)
                continue
            try:
                await self._one(message)
            except Exception as error:  # noqa: BLE001 - most often NATS left amid it: the queue hands the job on
                log.warning("a job is left to others: %r", error)

    async def _one(self, message: Any) -> None:
        try:
            job = canonical.decode(WorkerJob, message.data)
        except AntiphonError as error:
            log.warning("a job that cannot be read is thrown away: %s", error)
            await message.term()
            return
        if job.job in self._over:
            await message.term()
            return
        if not await self._wanted(job):
            await message.nak(delay=1.0)  # nobody waits for it, or the way there is broken: a few times more
            return
        alive = asyncio.create_task(self._alive(message))
        try:
            await self._make(job)
            await self._connection.flush()
            await message.ack()
        finally:
            alive.cancel()

    async def _wanted(self, job: WorkerJob) -> bool:
        try:
            await self._connection.request(ask_subject(job.job), self._name.encode(), timeout=ASK_S)
        except Exception:  # noqa: BLE001 - nobody there, or not now
            return False
        return True

    @staticmethod
    async def _alive(message: Any) -> None:
        while True:
            await asyncio.sleep(ALIVE_S)
            with contextlib.suppress(Exception):
                await message.in_progress()

    async def _make(self, job: WorkerJob) -> None:
        run, sent = secrets.token_hex(8), 0

        async def say(kind: Literal["begun", "piece", "done", "failed"], **fields: Any) -> None:
            made = Made(run=run, worker=self._name, kind=kind, **fields)
            await self._connection.publish(made_subject(job.job), canonical.encode(made))

        await say("begun")
        chunks = Chunks(self._pool, self._runner.produce(job.request, job.seed))
        try:
            while job.job not in self._over and (chunk := await chunks.pull()) is not None:
                for start in range(0, len(chunk), PIECE_BYTES):
                    piece = chunk[start : start + PIECE_BYTES]
                    await say("piece", offset=sent, pcm=piece)
                    sent += len(piece)
            await say("done", offset=sent)
        except AntiphonError as error:
            fault = "input" if isinstance(error, InputError) else "busy" if isinstance(error, BusyError) else "other"
            await say("failed", error=str(error), fault=fault)
        finally:
            chunks.close()
