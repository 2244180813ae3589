"""The client: it orders, pays, receives, checks, and closes with a receipt.

A job is any number of requests in order. It runs as a sequence of tasks of at most `TASK_PARTS` parts, so a book needs
no more memory or locked money than a page. Parts run in parallel; audio comes out in order.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections.abc import AsyncGenerator, Coroutine, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice
from typing import Any

from antiphon.economy.beacon import Chain
from antiphon.economy.types import Part, Quote, Role
from antiphon.errors import (
    AntiphonError,
    ConflictError,
    FundsError,
    InputError,
    RejectedError,
    UnavailableError,
    UnreachableError,
)
from antiphon.ledger import panel, receipts
from antiphon.ledger.base import PartRecord, PartState, TaskState
from antiphon.ledger.operations import Cancel, OpenTask, Selector
from antiphon.nodes.attempt import Attempt, begin, conclude, draw_seats
from antiphon.nodes.blocking import in_daemon
from antiphon.nodes.consents import grants_of
from antiphon.nodes.events import Audio, Closed, Event, Opened, Stage
from antiphon.nodes.messages import ORDER, Brief
from antiphon.nodes.node import Actor
from antiphon.nodes.parts import make_order
from antiphon.nodes.runs import PartRun, TaskRun
from antiphon.protocol import TaskKey
from antiphon.services import EnrolRequest, Request, units_of

log = logging.getLogger("antiphon.nodes")

TASK_PARTS = 16
"""Most parts in one task: enough to keep every processor busy, little enough to lock and to hold in memory."""

RETRIES = 2
"""How often a sentence whose part failed is bought again, with another seed, before the job gives up."""

ABANDON_S = 3.0
"""Longest try to cancel a task in the ledger; without it the money comes back at the deadlines."""

STREAM = "stream"
VERIFIED = "verified"
_STAGES = {
    PartState.WAITING: "",
    PartState.ASSIGNED: "making",
    PartState.DRAWING: "judging",
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


class Client(Actor):
    """Opens tasks and follows them to their end. Closing the event stream early cancels and refunds."""

    async def quote(self, selector: Selector, requests: Iterable[Request]) -> Quote:
        """What the job would cost now; nothing is locked."""
        parts = tuple(_declared(index, request) for index, request in enumerate(requests))
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
                    async with aclosing(self._play(job, part, runs)) as events:
                        async for event in events:
                            yield event
                closed = await self._close(current)
                runs.remove(current)
                yield closed
                self._raise_failure(current)
                current = await ahead
        finally:
            await _undisturbed(self._leave(ahead, runs))

    async def _play(self, job: Job, part: PartRun, runs: list[TaskRun]) -> AsyncGenerator[Event, None]:
        """The events of one part; a part that failed is bought again while there is hope, as a task of its own."""
        tries = 0
        current = part
        while True:
            while (event := await current.output.get()) is not None:
                if not (isinstance(event, Audio) and event.audio is None):
                    yield event
            if current.error is None or not _worth_another(job, current.error) or tries == RETRIES:
                break
            tries += 1
            log.info("part %d is bought again: %s", part.number, current.error)
            again = await self._open_batch(job, [(part.number, part.request)], runs, again=tries)
            yield Opened(again.task, again.quote, part.number, 1)
            current = again.parts[0]
            await asyncio.gather(*again.workers)
            yield await self._close(again)
            runs.remove(again)
        part.error = current.error
        yield Audio(part.number, None)

    async def _leave(self, ahead: asyncio.Task[TaskRun | None] | None, runs: list[TaskRun]) -> None:
        """Nothing stays behind: no task of ours, no key, no escrow that a cancel can free."""
        if ahead is not None:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)
        await asyncio.gather(*(self._abandon(run) for run in runs))

    async def _open_ahead(
        self, current: TaskRun, job: Job, numbered: Iterator[tuple[int, Request]], runs: list[TaskRun]
    ) -> TaskRun | None:
        """Open the next task when half of the current one is done, so that no processor idles."""
        for done, finished in enumerate(asyncio.as_completed(current.workers), start=1):
            await finished
            if done * 2 >= len(current.workers):
                break
        if any(part.error and not _worth_another(job, part.error) for part in current.parts):
            return None  # the job has failed: nothing more is bought for it
        return await self._open(job, numbered, runs)

    async def _open(self, job: Job, numbered: Iterator[tuple[int, Request]], runs: list[TaskRun]) -> TaskRun | None:
        """Make orders, open the task (escrow), start all its parts. None when no request is left."""
        batch = await in_daemon(lambda: list(islice(numbered, TASK_PARTS)))
        return await self._open_batch(job, batch, runs) if batch else None

    async def _open_batch(
        self, job: Job, batch: list[tuple[int, Request]], runs: list[TaskRun], again: int = 0
    ) -> TaskRun:
        task = secrets.token_hex(16)
        declared = tuple(_declared(index, request) for index, (_, request) in enumerate(batch))
        quote = await self.context.ledger.quote(job.selector, declared)
        if job.max_total_nano is not None and quote.total_nano > job.max_total_nano:
            raise FundsError(
                f"The quote is {quote.total_nano} nano, more than the limit of {job.max_total_nano}",
                "Raise --max-cost, or shorten the text.",
            )
        parts = [
            self._order(task, index, number, request, part_seed(job.seed, number, task, again))
            for index, (number, request) in enumerate(batch)
        ]
        digest = hashlib.sha256(b"".join(hashlib.sha256(part.order).digest() for part in parts)).digest()
        operation = OpenTask(
            task=task,
            selector=job.selector,
            parts=declared,
            mode=job.mode,
            request_hash=digest,
            tips=tuple(part.chain.tip for part in parts),
            max_total_nano=quote.total_nano,
            synthetic=job.synthetic,
            grants=grants_of(request for _, request in batch),
        )
        run = TaskRun(task, quote, job.mode, parts)
        runs.append(run)
        # Its own task, for a cancel must not leave it open whether the money moved: `_abandon` waits for the answer.
        run.opening = asyncio.create_task(self.submit(operation, task), name=f"opening {task[:8]}")
        await asyncio.shield(run.opening)
        opened = await self.context.ledger.task(task)
        run.rules, run.grants = opened.rules, opened.grants
        run.workers = [asyncio.create_task(self._part(run, part), name=f"part {part.number}") for part in parts]
        return run

    def _order(self, task: str, index: int, number: int, request: Request, seed: int) -> PartRun:
        key = TaskKey.generate()
        order = make_order(Brief(request=request, seed=seed), key, task=task, index=index)
        chain = Chain(secrets.token_bytes(32))
        return PartRun(number, index, request, key, self.sign(ORDER, self.node_id, task, order), chain)

    async def _part(self, run: TaskRun, part: PartRun) -> None:
        """Follow one part in the ledger to its end, and ask whichever producer's turn it is.

        The ledger leads: a producer that hangs is left as soon as its part is passed on.
        """
        attempt: Attempt | None = None
        try:
            record = await self.context.ledger.part(run.task, part.index)
            told = ""
            while not record.state.final:
                told = self._tell(part, record, told)
                if attempt is not None and attempt.number != record.attempt:
                    await attempt.end()
                    attempt = None
                if attempt is None and record.state is PartState.ASSIGNED:
                    attempt = begin(self, run, part, record)
                if record.state is PartState.DRAWING:
                    await draw_seats(self, run, part, record)
                record = await self.changed(record)
            self._tell(part, record, told)
            await conclude(self, run, part, record, attempt)
        except AntiphonError as error:
            part.error = error
        finally:
            part.output.put_nowait(Audio(part.number, None))
            part.output.put_nowait(None)
            if attempt is not None:
                await attempt.end()
            part.key.destroy()

    @staticmethod
    def _tell(part: PartRun, record: PartRecord, told: str) -> str:
        """Say what stage the part has reached, once each."""
        word = _STAGES.get(record.state, str(record.state))
        if word and word != told:
            part.output.put_nowait(Stage(part.number, word, panel.producer(record).node))
        return word or told

    async def _close(self, run: TaskRun) -> Closed:
        """Settled: the receipt. Raises a part's error where that kept the task from being settled."""
        await asyncio.gather(*run.workers)
        task = await self.context.ledger.task(run.task)
        if task.state is TaskState.OPEN:
            self._raise_failure(run)
            raise UnavailableError(f"Task {run.task[:8]} is still open", "See `antiphon task show`.")
        receipt = await receipts.build(self.context.ledger, run.task)
        return Closed(task, await self.context.ledger.parts(run.task), receipt)

    @staticmethod
    def _raise_failure(run: TaskRun) -> None:
        errors = [part.error for part in run.parts if part.error is not None]
        if errors:
            raise errors[0]

    async def _abandon(self, run: TaskRun) -> None:
        """Cancel: stop the parts, take back the escrow of what was not delivered, forget the keys."""
        for worker in run.workers:
            worker.cancel()
        await asyncio.gather(*run.workers, return_exceptions=True)
        for part in run.parts:
            part.key.destroy()
        if run.opening is None:
            return
        try:
            async with asyncio.timeout(ABANDON_S):
                await asyncio.wait({run.opening})
                if run.opening.exception() is None:
                    await self.submit(Cancel(task=run.task), run.task)
        except ConflictError:
            return  # it is closed already
        except (AntiphonError, TimeoutError) as error:
            log.warning("task %s could not be cancelled; its money comes back in time (%s)", run.task[:8], error)
        finally:
            run.opening.cancel()


async def _undisturbed(work: Coroutine[Any, Any, None]) -> None:
    """Do bounded work to its end, even if the waiting for it is cancelled meanwhile."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _worth_another(job: Job, error: AntiphonError) -> bool:
    """Whether buying a part again may help: rejected or undelivered work may; a wrong request or no money may not.

    Not in stream mode, where the rejected audio has been heard, and not for a validator's own prompts.
    """
    if job.mode != VERIFIED or job.synthetic or isinstance(error, UnreachableError):
        return False
    return isinstance(error, (RejectedError, UnavailableError))


def _declared(index: int, request: Request) -> Part:
    """What everybody may know of a request: its units, and the role that does it."""
    role = Role.TRAINER if isinstance(request, EnrolRequest) else Role.PROCESSOR
    return Part(index=index, units=units_of(request), role=role)


def part_seed(seed: int | None, number: int, task: str, again: int = 0) -> int:
    """Seed of one part: from the job's seed (the same every time) or bound to the task id. 63 bits."""
    root = task if seed is None else str(seed) if not again else f"{seed} again {again}"
    return int.from_bytes(hashlib.sha256(f"antiphon/1 seed {root} {number}".encode()).digest()[:8], "big") >> 1
