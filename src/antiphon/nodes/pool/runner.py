"""The node's side: an `EngineRunner` whose parts are made by workers.

1. A part is put into the queue; whoever takes it asks whether it is still wanted. 2. A worker that dies is silent, and
the server hands its job on; the next one's bytes are taken from where the first stopped. 3. A worker from which nothing
comes for `patience_s` is slow: the log says so, and another copy goes into the queue. 4. Who leaves ends the work.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import secrets
import threading
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from antiphon.engines.base import Engine
from antiphon.errors import AntiphonError, BusyError, InputError, UnavailableError
from antiphon.ledger.operations import ServiceOffer
from antiphon.nodes.engine_runner import GenerationRunner
from antiphon.nodes.pool.assembly import Assembly
from antiphon.nodes.pool.connecting import connect, prepare
from antiphon.nodes.pool.messages import OVER, Made, WorkerJob, ask_subject, made_subject, work_subject
from antiphon.parties.messages import Form
from antiphon.protocol import canonical
from antiphon.services import Request

if TYPE_CHECKING:
    from nats.aio.client import Client

log = logging.getLogger("antiphon.nodes")

START_S = 60.0
"""Longest that a part waits for a worker."""

PATIENCE_S = 15.0
MAX_COPIES = 3
RETRY_S = 0.5


class PoolRunner:
    """Workers at `url` make the parts. The engine here only says what it offers, and refuses what it cannot make."""

    def __init__(
        self, engine: Engine, price_nano: int, url: str, *, patience_s: float = PATIENCE_S, start_s: float = START_S
    ) -> None:
        if engine.capabilities.auditable:
            raise InputError(f"Work of {engine.name} is audited where it was made", "Run a node on each machine.")
        self._here = GenerationRunner(engine, price_nano)
        self._engine, self._url = engine.name, url
        self._patience_s, self._start_s = patience_s, start_s
        self.slow: Counter[str] = Counter()  # how often nothing came from a worker in time
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pool", daemon=True)
        self._thread.start()
        try:
            self._connection: Client = self._run(self._open())
        except BaseException:
            self._end()
            raise

    @property
    def offers(self) -> tuple[ServiceOffer, ...]:
        return self._here.offers

    @property
    def form(self) -> Form:
        return self._here.form

    def check(self, request: Request) -> None:
        self._here.check(request)

    def close(self) -> None:
        """Leave the queue; what is in work fails."""
        with contextlib.suppress(Exception):  # a connection that is lost cannot be closed well
            self._run(self._connection.close())
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def produce(self, request: Request, seed: int) -> Iterator[bytes]:
        """Raises `UnavailableError` (`BusyError`: nobody took it), `InputError` as the worker says it."""
        self.check(request)
        pieces: queue.SimpleQueue[bytes | BaseException | None] = queue.SimpleQueue()
        job = WorkerJob(job=secrets.token_hex(16), request=request, seed=seed)
        making = asyncio.run_coroutine_threadsafe(self._make(job, pieces), self._loop)
        try:
            while (piece := pieces.get()) is not None:
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
        finally:
            making.cancel()

    @property
    def meeting(self) -> int | None:
        """How often the connection was made anew; None: NATS is away."""
        return self._connection.stats["reconnects"] if self._connection.is_connected else None

    async def _open(self) -> Client:
        connection = await connect(self._url)
        try:
            await prepare(connection)
        except AntiphonError:
            await connection.close()
            raise
        return connection

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _make(self, job: WorkerJob, pieces: queue.SimpleQueue[bytes | BaseException | None]) -> None:
        said: asyncio.Queue[Made] = asyncio.Queue()

        async def hear(message: Any) -> None:
            said.put_nowait(canonical.decode(Made, message.data))

        async def answer(message: Any) -> None:
            await message.respond(b"go")

        heard = await self._connection.subscribe(made_subject(job.job), cb=hear)
        asked = await self._connection.subscribe(ask_subject(job.job), cb=answer)
        try:
            await _Order(self, job, said, pieces).run()
            pieces.put(None)
        except AntiphonError as error:
            pieces.put(error)
        except asyncio.CancelledError:
            pieces.put(UnavailableError("The part was given up", "Ask another node."))
            raise
        except Exception as error:  # noqa: BLE001 - whoever waits in another thread must hear of it
            pieces.put(UnavailableError(f"The pool failed: {error!r}", "Ask another node."))
        finally:
            for one in (heard, asked):
                with contextlib.suppress(Exception):
                    await one.unsubscribe()
            with contextlib.suppress(Exception):
                await self._connection.publish(OVER, job.job.encode())

    async def enqueue(self, job: WorkerJob, copy: int) -> None:
        """Waits while NATS is gone. The same copy twice is one: the server knows its id."""
        while True:
            try:
                await self._connection.jetstream().publish(
                    work_subject(self._engine),
                    canonical.encode(job),
                    headers={"Nats-Msg-Id": f"{job.job}-{copy}"},
                    timeout=2.0,
                )
                return
            except Exception as error:  # noqa: BLE001 - not there, or between two lives
                log.info("the queue does not take a part yet: %r", error)
                await asyncio.sleep(RETRY_S)


class _Order:
    """One part on its way through the pool."""

    def __init__(
        self,
        pool: PoolRunner,
        job: WorkerJob,
        said: asyncio.Queue[Made],
        pieces: queue.SimpleQueue[bytes | BaseException | None],
    ) -> None:
        self._pool, self._job, self._said, self._pieces = pool, job, said, pieces
        self._assembly = Assembly()
        self._workers: dict[str, str] = {}  # by run
        self._replaced: set[str] = set()
        self._copies, self._left = 0, MAX_COPIES

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._pool._start_s):
                await self._again()
                self._begun(await self._said.get())
        except TimeoutError:
            raise BusyError("No worker of the pool took the part", "Try another node.", retry_after_s=1.0) from None
        since_s, meeting = loop.time(), self._pool.meeting
        while True:
            try:
                async with asyncio.timeout_at(since_s + self._pool._patience_s):
                    made = await self._said.get()
            except TimeoutError:
                if (now := self._pool.meeting) is not None:
                    await (self._slow() if now == meeting else self._lost())
                    meeting = now
                since_s = loop.time()
                continue
            self._begun(made)
            if made.kind == "piece" and (new := self._assembly.take(made.run, made.offset, made.pcm)):
                self._pieces.put(bytes(new))
                since_s = loop.time()
            if made.kind == "done" and self._assembly.ends(made.run, made.offset):
                return
            if made.kind == "failed":
                self._failed(made)
            await self._replace(made.run)

    def _begun(self, made: Made) -> None:
        if self._workers.setdefault(made.run, made.worker) and made.kind == "begun" and len(self._workers) > 1:
            log.warning("worker %s takes over a part, after %d bytes", made.worker, len(self._assembly.made))

    def _alive(self) -> bool:
        return any(not self._assembly.is_out(run) for run in self._workers)

    async def _replace(self, run: str) -> None:
        """A run that is out asks for another copy once, whatever still comes from it."""
        if self._assembly.is_out(run) and run not in self._replaced:
            self._replaced.add(run)
            if not self._alive():
                await self._again()

    def _failed(self, made: Made) -> None:
        self._assembly.drop(made.run)
        log.warning("worker %s failed at a part: %s", made.worker, made.error)
        if made.fault == "input":
            raise InputError(made.error)
        if not self._left and not self._alive():
            raise UnavailableError(f"Workers failed: {made.error}", "Ask another node.")

    async def _slow(self) -> None:
        for worker in sorted({name for run, name in self._workers.items() if not self._assembly.is_out(run)}):
            self._pool.slow[worker] += 1
            log.warning("worker %s is slow: nothing came from it for %g s", worker, self._pool._patience_s)
        await self._again()

    async def _lost(self) -> None:
        """NATS was away, and what was said meanwhile is lost: no worker's fault."""
        self._left = MAX_COPIES
        await self._again()

    async def _again(self) -> None:
        if not self._left:
            raise UnavailableError("The pool's workers did not complete the part", "Ask another node.")
        self._left -= 1
        self._copies += 1
        await self._pool.enqueue(self._job, self._copies)
