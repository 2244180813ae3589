"""A producer: a processor (or trainer) node. It takes work, makes audio, commits to it, and shows it to validators."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field

from antiphon.economy.types import Role, Terms
from antiphon.errors import AntiphonError, BusyError, ConflictError, ProtocolError, UnavailableError
from antiphon.ledger import panel
from antiphon.ledger.base import PartRecord, PartState, TaskRecord
from antiphon.ledger.operations import Deliver, ServiceOffer
from antiphon.nodes.messages import (
    DONE,
    FRAME_ACCEPTED,
    FRAME_CHUNK,
    FRAME_DONE,
    JUDGE,
    WORK,
    Done,
    Judge,
    ResultHash,
    Work,
    audio_context,
)
from antiphon.nodes.node import Context, Node, Route
from antiphon.nodes.parts import OpenedOrder, open_order, wrap_for
from antiphon.nodes.workshop import Workshop, in_threads
from antiphon.protocol import Envelope, StreamSealer, canonical

log = logging.getLogger("antiphon.nodes")

JUDGE_DEADLINE_S = 10.0
JUDGE_TRIES = 6
PCM_FRAME_BYTES = 96_000
"""Largest piece of audio in one frame: 2 s at 24 kHz."""


@dataclass(slots=True)
class _Job:
    task: TaskRecord
    index: int
    attempt: int
    order: OpenedOrder
    rate_hz: int
    pcm: list[bytes] = field(default_factory=list)
    holders: int = 1  # the answer to the client, and from delivery on the shepherd; the last one destroys the key

    def let_go(self) -> None:
        self.holders -= 1
        if self.holders == 0:
            self.order.key.destroy()
            self.pcm.clear()


class Producer(Node):
    """Bounded: `slots` parts are made at once, `queue` more may wait; beyond that the answer is "busy"."""

    def __init__(
        self, context: Context, workshop: Workshop, *, role: Role = Role.PROCESSOR, slots: int = 1, queue: int = 8
    ) -> None:
        super().__init__(context)
        self.role = role
        self._workshop = workshop
        self._slots = asyncio.Semaphore(slots)
        self._limit = slots + queue
        self._taken: set[tuple[str, int, int]] = set()
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix=f"producer-{self.node_id[:8]}")

    @property
    def offers(self) -> tuple[ServiceOffer, ...]:
        return (self._workshop.offer,)

    @property
    def routes(self) -> Mapping[str, Route]:
        return {WORK: self._work}

    async def stop(self, *, goodbye: bool = True) -> None:
        await super().stop(goodbye=goodbye)
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _work(self, message: Envelope) -> AsyncGenerator[bytes, None]:
        work = canonical.decode(Work, message.body)
        ticket = (message.task, work.index, work.attempt)
        if ticket in self._taken:
            raise ConflictError("This part is already in work here")
        if len(self._taken) >= self._limit:
            raise BusyError(f"The node has {len(self._taken)} parts in work", "Try another node.", retry_after_s=0.5)
        self._taken.add(ticket)
        job: _Job | None = None
        try:
            job = await self._accept(message, work)
            yield FRAME_ACCEPTED + job.rate_hz.to_bytes(4, "big")
            async with self._slots, aclosing(self._make(job, message.sender)) as frames:
                async for frame in frames:
                    yield frame
            done = await self._deliver(job)
            job.holders += 1
            self._spawn(self._shepherd(job, ticket), f"part {work.index} of {message.task[:8]}")
            if job.task.mode == "verified":
                async for frame in self._release(job, message.sender):
                    yield frame
            yield FRAME_DONE + self.sign(DONE, message.sender, message.task, done)
        finally:
            if job is None or job.holders == 1:
                self._taken.discard(ticket)
            if job is not None:
                job.let_go()

    async def _accept(self, message: Envelope, work: Work) -> _Job:
        """Work only for a task whose escrow is locked, whose client is asking, and whose part is ours."""
        task = await self.context.ledger.task(message.task)
        record = await self.context.ledger.part(message.task, work.index)
        if task.client != message.sender:
            raise ProtocolError("Only the task's client may ask for its work")
        if record.state is not PartState.ASSIGNED or record.attempt != work.attempt:
            raise ConflictError(f"Part {work.index} is {record.state} in attempt {record.attempt}")
        if record.assignment.producers[record.attempt].node != self.node_id:
            raise ConflictError(f"Part {work.index} is not assigned to this node")
        order = open_order(work.order, work.wrapped_key, task=task, index=work.index, identity=self.context.identity)
        try:
            self._workshop.check(order.brief.request)
        except AntiphonError:
            order.key.destroy()
            raise
        return _Job(task, work.index, work.attempt, order, self._workshop.rate_hz)

    async def _make(self, job: _Job, client: str) -> AsyncGenerator[bytes, None]:
        """Generate; in stream mode each chunk leaves at once."""
        sealer = StreamSealer(job.order.key, audio_context(job.task.task, job.index, job.attempt, client))
        brief = job.order.brief
        chunks = self._workshop.produce(brief.request, brief.seed)
        async for chunk in in_threads(self._pool, chunks):
            pcm = chunk.to_pcm16()
            job.pcm.append(pcm)
            if job.task.mode == "stream":
                for piece in _pieces(pcm):
                    yield FRAME_CHUNK + sealer.chunk(piece)
        if job.task.mode == "stream":
            yield FRAME_CHUNK + sealer.chunk(b"", final=True)

    async def _release(self, job: _Job, client: str) -> AsyncGenerator[bytes, None]:
        """Verified mode: the client's copy leaves once validators have found the part valid."""
        record = await self.context.ledger.part(job.task.task, job.index)
        while record.state is not PartState.VALID:
            if record.state.final or record.attempt != job.attempt:
                raise UnavailableError(f"Part {job.index} was not found valid")
            record = await self.changed(record)
        sealer = StreamSealer(job.order.key, audio_context(job.task.task, job.index, job.attempt, client))
        for piece in _pieces(b"".join(job.pcm)):
            yield FRAME_CHUNK + sealer.chunk(piece)
        yield FRAME_CHUNK + sealer.chunk(b"", final=True)

    async def _deliver(self, job: _Job) -> Done:
        """Commit to the result in the ledger before any validator sees it."""
        result = ResultHash(job.order.key.reveal(), job.rate_hz)
        for pcm in job.pcm:
            result.update(pcm)
        delivery = Deliver(
            task=job.task.task,
            index=job.index,
            attempt=job.attempt,
            result_hash=result.digest(),
            samples=result.samples,
            rate_hz=job.rate_hz,
        )
        await self.submit(delivery, job.task.task)
        return Done(
            index=job.index,
            attempt=job.attempt,
            result_hash=delivery.result_hash,
            samples=delivery.samples,
            rate_hz=delivery.rate_hz,
        )

    async def _shepherd(self, job: _Job, ticket: tuple[str, int, int]) -> None:
        """Show the result to the validators of each round until the part leaves our hands; then forget the key."""
        shown_round = -1
        shows: list[asyncio.Task[None]] = []
        try:
            record = await self.context.ledger.part(job.task.task, job.index)
            while not record.state.final and record.attempt == job.attempt:
                if record.state is PartState.DELIVERED and record.round > shown_round:
                    shown_round = record.round
                    shows.append(asyncio.create_task(self._show(job, record, panel.seats(record, job.task.rules))))
                record = await self.changed(record)
        finally:
            for show in shows:
                show.cancel()
            await asyncio.gather(*shows, return_exceptions=True)
            self._taken.discard(ticket)
            job.let_go()

    async def _show(self, job: _Job, record: PartRecord, seats: tuple[Terms, ...]) -> None:
        keys = {node.node: node for node in await self.context.ledger.nodes(Role.VALIDATOR)}
        outcomes = await asyncio.gather(
            *(
                self._show_one(job, record, seat.node, keys[seat.node].seal_key, keys[seat.node].endpoint)
                for seat in seats
                if seat.node in keys
            ),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if isinstance(outcome, AntiphonError):
                log.warning("a validator did not take part %d of %s: %s", job.index, job.task.task[:8], outcome)
            elif isinstance(outcome, BaseException):
                raise outcome

    async def _show_one(self, job: _Job, record: PartRecord, validator: str, seal_key: bytes, endpoint: str) -> None:
        """A busy validator is asked again; one that stays silent simply abstains."""
        task = job.task.task
        sealer = StreamSealer(job.order.key, audio_context(task, job.index, job.attempt, validator))
        body = Judge(
            index=job.index,
            attempt=job.attempt,
            round=record.round,
            order=job.order.raw,
            wrapped_key=wrap_for(job.order.key, seal_key, task=task, index=job.index, receiver=validator),
            sealed_audio=sealer.chunk(b"".join(job.pcm), final=True),
        )
        for attempt in range(JUDGE_TRIES):
            try:
                message = self.sign(JUDGE, validator, task, body)
                async for _ in self.context.transport.request(endpoint, message, deadline_s=JUDGE_DEADLINE_S):
                    pass
                return
            except UnavailableError as error:
                if attempt + 1 == JUDGE_TRIES:
                    raise
                await asyncio.sleep(error.retry_after_s if isinstance(error, BusyError) else 0.25 * 2**attempt)


def _pieces(pcm: bytes) -> list[bytes]:
    return [pcm[start : start + PCM_FRAME_BYTES] for start in range(0, len(pcm), PCM_FRAME_BYTES)]
