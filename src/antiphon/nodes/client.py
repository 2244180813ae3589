"""The client: it orders, pays, receives, checks, and closes with a receipt.

A job is any number of requests in order. It runs as a sequence of tasks of at most `TASK_PARTS` parts, so a book needs
no more memory or locked money than a page. Parts run in parallel; audio comes out in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from antiphon.economy.types import Part, Quote
from antiphon.errors import AntiphonError, FundsError, InputError, RejectedError, UnavailableError
from antiphon.ledger import panel, receipts
from antiphon.ledger.base import PartRecord, PartState, TaskState
from antiphon.ledger.operations import Cancel, OpenTask, Selector
from antiphon.nodes.attempt import run_attempt
from antiphon.nodes.events import Audio, Closed, Event, Opened, Stage
from antiphon.nodes.messages import ORDER, Brief
from antiphon.nodes.node import Actor, Context
from antiphon.nodes.parts import make_order
from antiphon.protocol import TaskKey
from antiphon.services import Request, units_of

TASK_PARTS = 16
"""Most parts in one task: enough to keep every processor busy, little enough to lock and to hold in memory."""

STREAM = "stream"
VERIFIED = "verified"
_STAGES = {
    PartState.WAITING: "",
    PartState.ASSIGNED: "making",
    PartState.DELIVERED: "judging",
    PartState.REVEALING: "judging",
}


@dataclass(frozen=True, slots=True)
class Job:
    """What to make: requests in order, all for offers that match `selector`. `seed` None = bound to the task id."""

    requests: Iterable[Request]
    selector: Selector
    mode: str = VERIFIED
    seed: int | None = None
    max_total_nano: int | None = None
    synthetic: bool = False


@dataclass(slots=True)
class PartRun:
    """One part on the client's side: its order and key, and the queue its audio waits in until its turn."""

    number: int  # job-wide
    index: int  # within the task
    key: TaskKey
    order: bytes
    output: asyncio.Queue[Event | None] = field(default_factory=asyncio.Queue)
    released_samples: int = 0
    error: AntiphonError | None = None


@dataclass(slots=True)
class TaskRun:
    """One open task on the client's side."""

    task: str
    quote: Quote
    mode: str
    parts: list[PartRun]
    workers: list[asyncio.Task[None]] = field(default_factory=list)


class Client(Actor):
    """Opens tasks and follows them to their end. Closing the event stream early cancels and refunds."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)

    async def quote(self, selector: Selector, requests: Iterable[Request]) -> Quote:
        """What the job would cost now; nothing is locked."""
        parts = tuple(Part(index=index, units=units_of(request)) for index, request in enumerate(requests))
        return await self.context.ledger.quote(selector, parts)

    async def run(self, job: Job) -> AsyncGenerator[Event, None]:
        """Do the job. Raises the first part's error after everything is settled or refunded."""
        numbered = enumerate(job.requests)
        runs: list[TaskRun] = []  # every task that may hold money
        ahead: asyncio.Task[TaskRun | None] | None = None
        try:
            current = await self._open(job, numbered, runs)
            if current is None:
                raise InputError("There is nothing to say", "Give at least one word.")
            while current is not None:
                yield Opened(current.task, current.quote, current.parts[0].number, len(current.parts))
                ahead = asyncio.create_task(self._open_ahead(current, job, numbered, runs))
                for part in current.parts:
                    while (event := await part.output.get()) is not None:
                        yield event
                closed = await self._close(current)
                runs.remove(current)
                yield closed
                self._raise_failure(current, closed)
                current = await ahead
        finally:
            if ahead is not None:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)
            for run in runs:
                await self._abandon(run)

    async def _open_ahead(
        self, current: TaskRun, job: Job, numbered: Iterator[tuple[int, Request]], runs: list[TaskRun]
    ) -> TaskRun | None:
        """Open the next task when half of the current one is done, so that no processor idles."""
        for done, finished in enumerate(asyncio.as_completed(current.workers), start=1):
            await finished
            if done * 2 >= len(current.workers):
                break
        return await self._open(job, numbered, runs)

    async def _open(self, job: Job, numbered: Iterator[tuple[int, Request]], runs: list[TaskRun]) -> TaskRun | None:
        """Make orders, open the task (escrow), start all its parts. None when no request is left."""
        batch = list(islice(numbered, TASK_PARTS))
        if not batch:
            return None
        task = secrets.token_hex(16)
        declared = tuple(Part(index=index, units=units_of(request)) for index, (_, request) in enumerate(batch))
        quote = await self.context.ledger.quote(job.selector, declared)
        if job.max_total_nano is not None and quote.total_nano > job.max_total_nano:
            raise FundsError(
                f"The quote is {quote.total_nano} nano, more than the limit of {job.max_total_nano}",
                "Raise --max-cost, or shorten the text.",
            )
        parts = [self._order(task, index, number, request, job.seed) for index, (number, request) in enumerate(batch)]
        digest = hashlib.sha256(b"".join(hashlib.sha256(part.order).digest() for part in parts)).digest()
        run = TaskRun(task, quote, job.mode, parts)
        runs.append(run)  # before the money moves: whatever happens from here on, somebody will take it back
        await self.submit(
            OpenTask(
                task=task,
                selector=job.selector,
                parts=declared,
                mode=job.mode,
                request_hash=digest,
                max_total_nano=quote.total_nano,
                synthetic=job.synthetic,
            ),
            task,
        )
        run.workers = [asyncio.create_task(self._part(run, part), name=f"part {part.number}") for part in parts]
        return run

    def _order(self, task: str, index: int, number: int, request: Request, seed: int | None) -> PartRun:
        key = TaskKey.generate()
        brief = Brief(request=request, seed=part_seed(seed, number, task))
        return PartRun(
            number, index, key, self.sign(ORDER, self.node_id, task, make_order(brief, key, task=task, index=index))
        )

    async def _part(self, run: TaskRun, part: PartRun) -> None:
        """Take one part through as many attempts as the ledger allows."""
        watch = asyncio.create_task(self._watch(run, part))
        try:
            record = await self.context.ledger.part(run.task, part.index)
            while not record.state.final:
                if record.state is not PartState.WAITING:
                    await run_attempt(self, run, part, record)
                attempt = record.attempt
                while not record.state.final and record.attempt == attempt:
                    record = await self.changed(record)
            if record.state is not PartState.VALID:
                part.error = _failure(record)
            await watch
        except AntiphonError as error:
            part.error = error
        finally:
            watch.cancel()
            part.output.put_nowait(Audio(part.number, None))
            part.output.put_nowait(None)
            part.key.destroy()

    async def _watch(self, run: TaskRun, part: PartRun) -> None:
        """Tell the stages of a part as the ledger sees them, beside the stream of its audio."""
        record = await self.context.ledger.part(run.task, part.index)
        told = ""
        while True:
            word = _STAGES.get(record.state, str(record.state))
            if word != told and word:
                told = word
                part.output.put_nowait(Stage(part.number, word, panel.producer(record).node))
            if record.state.final:
                return
            record = await self.changed(record)

    async def _close(self, run: TaskRun) -> Closed:
        await asyncio.gather(*run.workers)
        task = await self.context.ledger.task(run.task)
        receipt = await receipts.build(self.context.ledger, run.task)
        return Closed(task, await self.context.ledger.parts(run.task), receipt)

    @staticmethod
    def _raise_failure(run: TaskRun, closed: Closed) -> None:
        errors = [part.error for part in run.parts if part.error is not None]
        if errors:
            raise errors[0]
        if closed.task.state is not TaskState.COMPLETED:
            raise UnavailableError(f"Task {run.task[:8]} ended {closed.task.state}", "See `antiphon task show`.")

    async def _abandon(self, run: TaskRun) -> None:
        """Cancel: stop the parts, take back the escrow of what was not delivered, forget the keys."""
        for worker in run.workers:
            worker.cancel()
        await asyncio.gather(*run.workers, return_exceptions=True)
        for part in run.parts:
            part.key.destroy()
        with contextlib.suppress(AntiphonError):
            if (await self.context.ledger.task(run.task)).state is TaskState.OPEN:
                await self.submit(Cancel(task=run.task), run.task)


def part_seed(seed: int | None, number: int, task: str) -> int:
    """Seed of one part: from the job's seed (the same every time) or bound to the task id. 63 bits."""
    root = task if seed is None else str(seed)
    return int.from_bytes(hashlib.sha256(f"antiphon/1 seed {root} {number}".encode()).digest()[:8], "big") >> 1


def _failure(record: PartRecord) -> AntiphonError:
    last = record.notes[-1] if record.notes else "no node delivered"
    if record.state is PartState.INVALID:
        return RejectedError(
            f"Validators rejected part {record.part.index}", "You were refunded; see the receipt, or try another voice."
        )
    return UnavailableError(f"Part {record.part.index} failed: {last}", "You were refunded; try again.")
