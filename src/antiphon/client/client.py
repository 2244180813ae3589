"""The client: it orders, pays, receives, checks, and closes with a receipt.

A job is any number of requests in order. It runs as a sequence of tasks of at most `TASK_PARTS` parts, so a book needs
no more memory or locked money than a page. Parts run in parallel; audio comes out in order.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Coroutine, Iterable, Sequence
from contextlib import aclosing
from typing import Any

from antiphon.client import moving
from antiphon.client.attempt import Attempt, begin, conclude, draw_seats
from antiphon.client.blocking import in_daemon
from antiphon.client.budget import Budget, cost_nano, exposed_nano
from antiphon.client.events import Audio, Closed, Event, Missing, Opened, Stage
from antiphon.client.job import (
    TASK_PARTS,
    Job,
    JobItem,
    JobRun,
    items_of,
    next_batch,
    recalled,
    worth_another,
)
from antiphon.client.job_policy import JobPolicy, Ordered, Result
from antiphon.client.pace import Pace
from antiphon.client.runs import KeptPart, PartRun, TaskRun
from antiphon.economy.beacon import Chain
from antiphon.economy.types import Mode, Part, Quote, Role
from antiphon.errors import (
    AntiphonError,
    ConflictError,
    FundsError,
    InputError,
    LedgerLostError,
    OutputError,
    UnavailableError,
)
from antiphon.ledger import panel, receipts
from antiphon.ledger.operations import Cancel, OpenTask, Selector
from antiphon.ledger.records import PartRecord, PartState, TaskState
from antiphon.parties.actor import Actor, Context
from antiphon.parties.consents import grants_of
from antiphon.parties.messages import ORDER, PartBrief
from antiphon.parties.orders import make_order
from antiphon.parties.origins import origin_of
from antiphon.protocol import TaskKey
from antiphon.services import EnrolRequest, Request, units_of

__all__ = ["RETRIES", "TASK_PARTS", "Client", "Job", "part_seed"]

log = logging.getLogger("antiphon.nodes")

RETRIES = 2
"""How often a sentence whose part failed is bought again, with another seed, before the job gives up."""

UNJUDGED_TASKS = 2
"""So many tasks of a stream may be heard and not yet closed while the next one is heard."""

OPEN_TRIES = 4
"""So often a task is quoted anew whose price rose between quote and escrow."""

ABANDON_S = 3.0
"""Longest try to cancel a task in the ledger; without it the money comes back at the deadlines."""

EMPTY_QUOTE = Quote(parts=())
_STAGES = {
    PartState.WAITING: "",
    PartState.ASSIGNED: "making",
    PartState.LEFT: "cancelled",
    PartState.DRAWING: "judging",
    PartState.DELIVERED: "judging",
    PartState.REVEALING: "judging",
}


class Client(Actor):
    """Opens tasks and follows them to their end. Closing the event stream early cancels and refunds.

    With `elsewhere`, a job goes on at another ledger when its own is lost.
    """

    def __init__(self, context: Context, elsewhere: moving.Elsewhere | None = None) -> None:
        super().__init__(context)
        self._place = moving.Place(context, elsewhere)
        self.pace = Pace()

    async def _leave_ledger(self, lost: Actor, error: LedgerLostError) -> None:
        await self._place.leave(lost, error)
        self.context, self._ledger_id = self._place.actor.context, None

    async def quote(self, selector: Selector, requests: Iterable[Request]) -> Quote:
        """What the job would cost now; nothing is locked."""
        parts = tuple(_declared(index, request) for index, request in enumerate(requests))
        return await self.context.ledger.quote(selector, parts)

    async def run(self, job: Job) -> AsyncGenerator[Event, None]:
        """Do the job. Raises the first part's error after everything is settled or refunded; with `keep_going` only
        when nothing could be made, or when it is no fault of one part."""
        policy = job.policy or JobPolicy(Budget(job.max_total_nano))
        job_run = JobRun(job, policy, items_of(job, policy))
        ahead: asyncio.Task[TaskRun | None] | None = None
        closing: deque[tuple[TaskRun, asyncio.Task[Closed | None]]] = deque()
        try:
            current = await self._open(job_run)
            if current is None:
                raise InputError("There is nothing to say", "Give at least one word.")
            while current is not None:
                if current.parts:
                    yield Opened(current.task, current.quote, current.parts[0].number, len(current.parts))
                ahead = asyncio.create_task(self._open_ahead(current, job_run))
                for part in current.plays:
                    async with aclosing(self._play(job_run, part)) as events:
                        async for event in events:
                            yield event
                if current.parts:
                    last = self._closed(moving.last(current), job_run)
                    closing.append((current, asyncio.create_task(last, name=f"closing {current.task[:8]}")))
                async for event in self._closings(job_run, closing, UNJUDGED_TASKS if job.mode is Mode.STREAM else 0):
                    yield event
                current = await ahead
            async for event in self._closings(job_run, closing, 0):
                yield event
            if job_run.first_failure is not None and not job_run.made:
                raise job_run.first_failure
        finally:
            await _undisturbed(self._end([*filter(None, [ahead]), *(task for _, task in closing)], job_run.runs))

    async def _closings(
        self, job_run: JobRun, closing: deque[tuple[TaskRun, asyncio.Task[Closed | None]]], waiting: int
    ) -> AsyncGenerator[Event, None]:
        """Tasks as they are closed, in their order; at most `waiting` are left open. Raises a part's error."""
        while closing and (len(closing) > waiting or closing[0][1].done()):
            run, task = closing[0]
            closed = await task
            closing.popleft()
            for told in job_run.told_late():
                yield told
            if closed is not None:
                yield closed
            for part in run.parts:
                if part.heard and not part.missing and (error := moving.failure(part)) is not None:
                    part.error = error
                    job_run.made -= 1
                    if job_run.goes_on_without(part):
                        part.missing = True
                        yield Missing(part.number, error)
            _raise_failure(run)

    async def _play(self, job_run: JobRun, part: PartRun | KeptPart) -> AsyncGenerator[Event, None]:
        """The events of one part; one that failed is bought again while there is hope, as a task of its own.

        It ends with its sound: a listener does not wait for the verdict, which may be out when the next part is heard.
        """
        for told in job_run.told_late():
            yield told
        if isinstance(part, KeptPart):
            yield await recalled(job_run, part)
            job_run.made += 1
        else:
            async for event in self._bought(job_run, part):
                yield event
            if part.error is None:
                job_run.made, job_run.in_a_row = job_run.made + 1, 0
            elif isinstance(part.error, OutputError):
                raise part.error  # nothing can be kept any more: what was not made is not made
            elif job_run.goes_on_without(part):
                part.missing = True
                yield Missing(part.number, part.error)
        yield Audio(part.number, None)

    async def _bought(self, job_run: JobRun, part: PartRun) -> AsyncGenerator[Event, None]:
        tries = 0
        current = part
        while True:
            while (event := await current.output.get()) is not None:
                if not (isinstance(event, Audio) and event.audio is None):
                    yield event
                elif current.error is None:
                    part.heard = current.heard = True
                    job_run.unjudged.append(current)
                    part.error = None
                    return
            if isinstance(current.error, LedgerLostError):
                if current.moved is None:
                    elsewhere = await self._moved(job_run, current, current.error)
                    yield Opened(elsewhere.task, elsewhere.quote, part.number, len(elsewhere.parts))
                assert current.moved is not None
                current = current.moved
                continue
            if current.error is None or not worth_another(job_run.job, current.error) or tries == RETRIES:
                break
            tries += 1
            log.info("part %d is bought again: %s", part.number, current.error)
            wanted = moving.wanted(part)
            assert wanted is not None
            try:
                again = await self._open_batch(job_run, [wanted], again=tries)
            except FundsError as error:
                current.error = error
                break
            yield Opened(again.task, again.quote, part.number, 1)
            current = again.parts[0]
            await asyncio.gather(*again.workers)
            if not moving.unfinished(again) and (closed := await self._closed(again, job_run)) is not None:
                yield closed
        part.error = current.error

    async def _moved(self, job_run: JobRun, part: PartRun, error: LedgerLostError) -> TaskRun:
        """Order again, at the next ledger, what a lost one has left unfinished of the part's task."""
        run = next(run for run in job_run.runs if part in run.parts)
        await asyncio.gather(*run.workers)
        await self._leave_ledger(run.actor, error)
        job_run.forget(run)
        again = await self._open_batch(job_run, moving.wanted_again(moving.unfinished(run)))
        moving.link(run, again)
        return again

    async def _end(self, beside: Sequence[asyncio.Task[Any]], runs: list[TaskRun]) -> None:
        """Nothing stays behind: no task of ours, no key, no escrow that a cancel can free."""
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await asyncio.gather(*(self._abandon(run) for run in runs))

    async def _open_ahead(self, current: TaskRun, job_run: JobRun) -> TaskRun | None:
        """Open the next task when half of the current one is done, so that no processor idles."""
        for done, finished in enumerate(asyncio.as_completed(current.workers), start=1):
            await finished
            if done * 2 >= len(current.workers):
                break
        if any(part.error and not job_run.recovers_from(part.error) for part in current.parts):
            return None  # the job has failed: nothing more is bought for it
        return await self._open(job_run)

    async def _open(self, job_run: JobRun) -> TaskRun | None:
        """Make orders, open the task (escrow), start all its parts. None when no request is left."""
        batch = await in_daemon(lambda: next_batch(job_run))
        return await self._open_batch(job_run, batch) if batch else None

    async def _open_batch(self, job_run: JobRun, batch: list[JobItem], again: int = 0) -> TaskRun:
        """Open a task for what is not kept. Prices move with every vote: one that rose after the quote is quoted anew.

        Raises `FundsError` for what the budget or the balance does not cover.
        """
        tries = OPEN_TRIES
        while True:
            here, run = self._place.actor, None
            try:
                run = await self._prepared(here, job_run, batch, again)
                if run.parts:
                    await self._opened(run, job_run)
            except LedgerLostError as error:
                await self._leave_ledger(here, error)
            except FundsError as error:
                tries -= 1
                if run is None or error.what.startswith("balance:") or not tries:
                    raise
            else:
                return run
            if run is not None:
                job_run.runs.remove(run)
                for part in run.parts:
                    part.key.destroy()

    async def _prepared(self, here: Actor, job_run: JobRun, batch: list[JobItem], again: int) -> TaskRun:
        job, keeper = job_run.job, job_run.policy.keeper
        new = [one for one in batch if not one.kept]
        if not new:
            return TaskRun(here, "", EMPTY_QUOTE, job.mode, [], [KeptPart(one.number, one.slot) for one in batch])
        task = secrets.token_hex(16)
        declared = tuple(_declared(index, one.request) for index, one in enumerate(new))
        async with job_run.policy.budget.lock:
            quote = await self._admitted(here, job_run, new[0].selector, declared)
            parts = [
                self._order(task, index, one, part_seed(job.seed, one.number, task, again + job_run.tries(one.slot)))
                for index, one in enumerate(new)
            ]
            own = {part.number: part for part in parts}
            plays = [own.get(one.number) or KeptPart(one.number, one.slot) for one in batch]
            run = TaskRun(here, task, quote, job.mode, parts, plays)
            job_run.runs.append(run)
        if keeper is not None:
            noted = [Ordered(part.slot, part.index, part.key.reveal(), part.chain.secret) for part in parts]
            await asyncio.to_thread(keeper.opening, task, noted)
        return run

    async def _opened(self, run: TaskRun, job_run: JobRun) -> None:
        """Lock the escrow, and set all parts to work."""
        job, task, parts = job_run.job, run.task, run.parts
        selector = parts[0].selector
        assert selector is not None, "all parts of a task have one"
        asked = [(part, part.request) for part in parts if part.request is not None]
        digest = hashlib.sha256(b"".join(hashlib.sha256(part.order).digest() for part in parts)).digest()
        operation = OpenTask(
            task=task,
            selector=selector,
            parts=tuple(_declared(part.index, request) for part, request in asked),
            mode=job.mode,
            request_hash=digest,
            tips=tuple(part.chain.tip for part in parts),
            max_total_nano=run.quote.total_nano,
            synthetic=job.synthetic,
            voucher=job.voucher,
            grants=grants_of(request for _, request in asked),
            payer=self.context.wallet.address if self.context.wallet is not None and job.mode is Mode.STREAM else "",
        )
        # Its own task, for a cancel must not leave it open whether the money moved: `_abandon` waits for the answer.
        run.opening = asyncio.create_task(run.actor.submit(operation, task), name=f"opening {task[:8]}")
        await asyncio.shield(run.opening)
        opened = await run.actor.context.ledger.task(task)
        run.rules, run.grants = opened.rules, opened.grants
        run.workers = [
            asyncio.create_task(self._part(run, part, job_run), name=f"part {part.number}") for part in parts
        ]
        began, kind = self.pace.begin(), job_run.policy.kind

        def ended(_: asyncio.Future[list[BaseException | None]]) -> None:
            good = all(part.record is not None and part.record.state is PartState.VALID for part in parts)
            self.pace.end(kind, began, sum(part.released_s for part in parts) if good else 0.0)

        asyncio.gather(*run.workers, return_exceptions=True).add_done_callback(ended)

    async def _admitted(self, here: Actor, job_run: JobRun, selector: Selector, parts: tuple[Part, ...]) -> Quote:
        """The quote of a task that fits the budget; what is open now is waited for where that may make room.

        Raises `FundsError`: then it fits in no case.
        """
        budget, ledger = job_run.policy.budget, here.context.ledger
        quote = await ledger.quote(selector, parts)
        while not budget.fits(open_nano := await self._open_nano(job_run), quote.total_nano):
            working = [worker for run in job_run.runs for worker in run.workers if not worker.done()]
            if not working:
                raise budget.refusal(open_nano, quote.total_nano)
            await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
            quote = await ledger.quote(selector, parts)
        return quote

    async def _open_nano(self, job_run: JobRun) -> int:
        if job_run.policy.budget.limit_nano is None:
            return 0
        held = 0
        for run in job_run.runs:
            if run.opening is None or not run.opening.done():
                held += run.quote.total_nano
            elif run.actor is not self._place.actor:
                held += run.known_cost_nano
            elif run.opening.exception() is None:
                held += exposed_nano(self.node_id, await run.actor.context.ledger.parts(run.task))
        return held

    def _order(self, task: str, index: int, one: JobItem, seed: int) -> PartRun:
        key = TaskKey.generate()
        order = make_order(PartBrief(request=one.request, seed=seed), key, task=task, index=index)
        signed = self.sign(ORDER, self.node_id, task, order)
        chain = Chain(secrets.token_bytes(32))
        return PartRun(one.number, index, one.request, key, signed, chain, slot=one.slot, selector=one.selector)

    async def _part(self, run: TaskRun, part: PartRun, job_run: JobRun) -> None:
        """Follow one part in the ledger to its end, and ask whichever producer's turn it is.

        The ledger leads: a producer that hangs is left as soon as its part is passed on.
        """
        actor = run.actor
        attempt: Attempt | None = None
        try:
            record = await actor.context.ledger.part(run.task, part.index)
            told = ""
            while not record.state.final:
                told = self._tell(part, record, told)
                if attempt is not None and attempt.number != record.attempt:
                    await attempt.end()
                    attempt = None
                if attempt is None and record.state is PartState.ASSIGNED:
                    attempt = begin(actor, run, part, record)
                if record.state is PartState.DRAWING:
                    await draw_seats(actor, run, part, record)
                record = part.record = await actor.changed(record)
            self._tell(part, record, told)
            await actor.keep(record)
            judged = await conclude(actor, run, part, record, attempt)
            if job_run.policy.keeper is not None:
                origin = None if judged.form.is_audio else origin_of(run.task, part.index, part.key)
                result = Result(judged.form, bytes(judged.pcm), origin)
                await asyncio.to_thread(job_run.policy.keeper.finished, part.slot, result)
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

    async def _closed(self, run: TaskRun, job_run: JobRun) -> Closed | None:
        """As `_close`; None when the ledger was lost after everything was made: then there is no receipt."""
        try:
            return await self._close(run, job_run)
        except LedgerLostError as error:
            await self._leave_ledger(run.actor, error)
            job_run.forget(run)
            log.warning("task %s has no receipt: %s", run.task[:8], error.what)
            return None

    async def _close(self, run: TaskRun, job_run: JobRun) -> Closed:
        """Settled: the receipt, once no fine waits for an appeal any more. Raises a part's error where that kept the
        task from being settled."""
        await asyncio.gather(*run.workers)
        ledger = run.actor.context.ledger
        for part in await ledger.parts(run.task):
            record = part
            while record.state.final and not record.settled:
                record = await run.actor.changed(record)
        task = await ledger.task(run.task)
        if task.state is TaskState.OPEN:
            _raise_failure(run)
            raise UnavailableError(f"Task {run.task[:8]} is still open", "See `antiphon task show`.")
        receipt = await receipts.build(ledger, run.task)
        parts = await ledger.parts(run.task)
        job_run.runs.remove(run)
        job_run.policy.budget.spent_nano += cost_nano(receipt, self.node_id)
        return Closed(task, parts, receipt)

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
                    await run.actor.submit(Cancel(task=run.task), run.task)
        except ConflictError:
            return  # it is closed already
        except (AntiphonError, TimeoutError) as error:
            log.warning("task %s could not be cancelled; its money comes back in time (%s)", run.task[:8], error)
        finally:
            run.opening.cancel()


def _raise_failure(run: TaskRun) -> None:
    for part in run.parts:
        if not part.missing and (error := moving.failure(part)) is not None:
            raise error


async def _undisturbed(work: Coroutine[Any, Any, None]) -> None:
    """Do bounded work to its end, even if the waiting for it is cancelled meanwhile."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _declared(index: int, request: Request) -> Part:
    """What everybody may know of a request: its units, and the role that does it."""
    role = Role.TRAINER if isinstance(request, EnrolRequest) else Role.PROCESSOR
    return Part(index=index, units=units_of(request), role=role)


def part_seed(seed: int | None, number: int, task: str, again: int = 0) -> int:
    """Seed of one part: from the job's seed (the same every time) or bound to the task id. 63 bits."""
    root = task if seed is None else str(seed) if not again else f"{seed} again {again}"
    return int.from_bytes(hashlib.sha256(f"antiphon/1 seed {root} {number}".encode()).digest()[:8], "big") >> 1
