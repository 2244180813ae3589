"""A producer: a processor (or trainer) node. It takes work, makes audio, commits to it, and shows it to validators."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

from antiphon.economy.types import Mode, Role
from antiphon.errors import AntiphonError, BusyError, ConflictError, ProtocolError, UnavailableError
from antiphon.ledger import panel
from antiphon.ledger.operations import Decline, Deliver, Redeem, ServiceOffer
from antiphon.ledger.records import PartRecord, PartState
from antiphon.ledger.vouchers import HEARD, Heard, check_next, owed_nano
from antiphon.nodes.auditing import committed
from antiphon.nodes.backlog import Backlog
from antiphon.nodes.earnings import earned
from antiphon.nodes.engine_runner import Chunks, EngineRunner, TracingRunner
from antiphon.nodes.node import Node, Route
from antiphon.nodes.production import Production
from antiphon.nodes.showing import submit_for_judging
from antiphon.nodes.watching import run_while_assigned
from antiphon.parties.actor import Context
from antiphon.parties.consents import require_standing
from antiphon.parties.messages import DONE, FRAME_ACCEPTED, FRAME_DONE, WORK, Done, ResultHash, Work, form_frame
from antiphon.parties.orders import open_order
from antiphon.parties.origins import require_origin
from antiphon.protocol import Envelope, canonical

log = logging.getLogger("antiphon.nodes")

FAREWELL_S = 0.5


class Producer(Node):
    """Bounded: `slots` parts are made at once, `queue` more may wait or be judged; beyond that the answer is "busy".

    1. A part is claimed only after order, client and assignment are checked, so a stranger cannot block it.
    2. It is made apart from the client's answer: a client that leaves before all is made cancels it; one that stops
    reading delays nobody. A part that leaves our hands meanwhile (passed on, cancelled, its consent revoked) is made no
    further. 3. Once made it is delivered, shown and paid for, whether or not the client still listens.
    4. Where vouchers can be had (`Context.collector`), a stream goes on as far as they reach, and its last one is
    redeemed when the client leaves; a client that signs none hears its part when it is valid. 5. No more is made than
    validators judge in time (`Backlog`).
    """

    new_work = frozenset({WORK})

    def __init__(
        self, context: Context, runner: EngineRunner, *, role: Role = Role.PROCESSOR, slots: int = 1, queue: int = 8
    ) -> None:
        super().__init__(context)
        self.role = role
        self._runner = runner
        self._slots = asyncio.Semaphore(slots)
        self._limit = slots + queue
        self._backlog = Backlog(context.clock)
        self._taken: set[tuple[str, int, int]] = set()
        self._vouched: dict[tuple[str, int, int], Production] = {}
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix=f"producer-{self.node_id[:8]}")

    @property
    def offers(self) -> tuple[ServiceOffer, ...]:
        return self._runner.offers

    @property
    def routes(self) -> Mapping[str, Route]:
        return {WORK: self._work, HEARD: self._heard}

    async def stop(self, *, goodbye: bool = True, finish_s: float = 0.0) -> None:
        await super().stop(goodbye=goodbye, finish_s=finish_s)
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _work(self, message: Envelope) -> AsyncGenerator[bytes, None]:
        work = canonical.decode(Work, message.body)
        job = await self._accept(message, work)
        making = self._spawn(self._produce(job), f"part {job.index} of {job.task.task[:8]}", lambda: self._over(job))
        try:
            yield form_frame(job.form)
            async with aclosing(self._copy(job)) as frames:
                async for frame in frames:
                    yield frame
            yield FRAME_DONE + self.sign(DONE, message.sender, message.task, job.done)
        finally:
            if not job.made:
                making.cancel()
                if not self._leaving:
                    self._spawn(self._give_back(job), f"giving back part {job.index}", lambda: None)
            job.let_go()

    async def _give_back(self, job: Production) -> None:
        """Give back what nobody waits for, so that its escrow need not wait for a deadline; what was heard is paid.

        A client that left on purpose says so in the ledger itself, and is given the time to: then the part ends as
        cancelled, not as work that nobody wanted to do.
        """
        await asyncio.sleep(FAREWELL_S)
        task, index, attempt = job.ticket
        operation: Decline | Redeem = Decline(task=task, index=index, attempt=attempt, reason="the client left")
        if job.heard_raw:
            operation = Redeem(task=task, index=index, attempt=attempt, heard=job.heard_raw)
        with contextlib.suppress(ConflictError):  # the client said so itself, or has passed the part on
            await self.submit(operation, task)

    async def _heard(self, message: Envelope) -> AsyncGenerator[bytes, None]:
        """A voucher for what was sent. Doubled or late ones change nothing: they are cumulative."""
        heard = canonical.decode(Heard, message.body)
        job = self._vouched.get((message.task, heard.index, heard.attempt))
        if job is None or job.client != message.sender or job.funds is None:
            raise ConflictError(f"Part {heard.index} is not streamed to this client here", "Send no voucher.")
        if (heard.position, heard.stream) != job.sent:
            raise ConflictError(f"{heard.position} bytes of part {heard.index} are not what was sent", "Sign what is.")
        owed = owed_nano(
            panel.producer(job.record).reward_nano,
            job.record.part.units,
            job.form.bytes_per_s,
            heard.position,
            job.funds,
        )
        check_next(job.heard, heard, owed=owed)
        assert self.context.collector is not None, "vouchers are asked for only by whoever can keep them"
        self.context.collector.take(job.funds, heard)
        job.heard, job.heard_raw = heard, canonical.pack(message)
        job.vouched.set()
        yield FRAME_ACCEPTED

    async def _accept(self, message: Envelope, work: Work) -> Production:
        """Work only for a task whose escrow is locked, whose client is asking, and whose part is ours."""
        ticket = (message.task, work.index, work.attempt)
        self._claimable(ticket)  # before anything costs: a full node says so at once
        task = await self.context.ledger.task(message.task)
        record = await self.context.ledger.part(message.task, work.index)
        if task.client != message.sender:
            raise ProtocolError("Only the task's client may ask for its work")
        self._expect_ours(record, work.attempt)
        self.admit(message)
        own, now_ms = self.context.identity, self.context.clock.now_ms()
        order = open_order(work.order, work.wrapped_key, task=task, record=record, identity=own, at_ms=now_ms)
        try:
            await require_origin(self.context.ledger, order.brief.request)
            self._runner.check(order.brief.request)
            if record.funds is not None and self.context.collector is not None:
                await self.context.collector.expect(record.funds)
            self._claimable(ticket)
        except BaseException:
            order.key.destroy()
            raise
        self._taken.add(ticket)
        job = Production(task, record, order, message.sender, self._runner.form)
        if self.context.collector is not None and task.mode is Mode.STREAM and job.form.is_audio:
            job.funds, job.withheld = record.funds, record.funds is None
            self._vouched[ticket] = job
        return job

    def _claimable(self, ticket: tuple[str, int, int]) -> None:
        if ticket in self._taken:
            raise ConflictError("This part is already in work here")
        if len(self._taken) >= self._limit:
            raise BusyError(f"The node has {len(self._taken)} parts in work", "Try another node.", retry_after_s=0.5)

    def _expect_ours(self, record: PartRecord, attempt: int) -> None:
        index = record.part.index
        if record.state is not PartState.ASSIGNED or record.attempt != attempt:
            raise ConflictError(f"Part {index} is {record.state} in attempt {record.attempt}")
        if record.assignment.producers[attempt].node != self.node_id:
            raise ConflictError(f"Part {index} is not assigned to this node")

    def _over(self, job: Production) -> None:
        """The background work ended, in whatever way."""
        job.told(error=UnavailableError(f"Part {job.index} was not completed", "Ask another node."))
        self._taken.discard(job.ticket)
        self._vouched.pop(job.ticket, None)
        job.let_go()

    async def _produce(self, job: Production) -> None:
        """Make, deliver, show; the client's answer hears of each step."""
        try:
            commit_s = job.task.rules.commit_s
            waited = self._slots.locked() or not self._backlog.fits(commit_s)
            async with self._slots:
                await self._backlog.room(commit_s)
                if waited:
                    self._expect_ours(await self.context.ledger.part(job.task.task, job.index), job.attempt)
                await run_while_assigned(self, job.record, self._make(job))
            await run_while_assigned(self, job.record, self._let_it_be_heard(job))
            job.made = True
            self._backlog.delivered()
            try:
                job.told(done=await self._deliver(job))
                record = await self._show(job)
            finally:
                self._backlog.judged()
            await require_standing(self.context.ledger, job.task.grants)
        except AntiphonError as error:
            job.told(error=error)
            raise
        job.told(valid=record.state is PartState.VALID and record.attempt == job.attempt)
        log.info("part %d of %s: %s", job.index, job.task.task[:8], earned(record, self.node_id))

    def _copy(self, job: Production) -> AsyncGenerator[bytes, None]:
        return job.frames()

    async def _show(self, job: Production) -> PartRecord:
        return await submit_for_judging(self, job)

    @staticmethod
    async def _let_it_be_heard(job: Production) -> None:
        """The end of the stream leaves after delivery; all before it is vouched for first."""
        job.whole = True
        job.moved.set()
        if job.funds is not None:
            await job.all_vouched.wait()

    async def _make(self, job: Production) -> None:
        # Lazily, in the pool's thread: what an engine does before its first chunk blocks too.
        chunks = Chunks(self._pool, self._begun(job))
        try:
            while (chunk := await chunks.pull()) is not None:
                job.add(chunk)
        finally:
            chunks.close()
        if not job.size:
            raise UnavailableError("The engine made nothing", "Ask another node.")

    def _begun(self, job: Production) -> Iterator[bytes]:
        brief = job.order.brief
        if not isinstance(self._runner, TracingRunner):
            yield from self._runner.produce(brief.request, brief.seed)
            return
        made, job.trace = self._runner.traced(brief.request, brief.seed)
        yield from made

    async def _deliver(self, job: Production) -> Done:
        """Commit to the result in the ledger before any validator sees it."""
        result = ResultHash(job.order.key.reveal(), job.form)
        for piece in job.made_of:
            result.update(piece)
        done = Done(
            index=job.index,
            attempt=job.attempt,
            result_hash=result.digest(),
            size=result.size,
        )
        delivery = Deliver(
            task=job.task.task,
            index=done.index,
            attempt=done.attempt,
            result_hash=done.result_hash,
            size=done.size,
            rate_hz=job.form.rate_hz,
            channels=job.form.channels,
            trace_root=committed(job),
        )
        await self.submit(delivery, job.task.task)
        return done
