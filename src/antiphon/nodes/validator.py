"""A validator: judges what a producer delivered, commits to its vote, reveals it, keeps the audio for the client."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from antiphon.audio import Waveform
from antiphon.economy.types import Role, Vote
from antiphon.errors import BusyError, ConflictError, ProtocolError
from antiphon.judges.base import Evidence
from antiphon.ledger import panel
from antiphon.ledger.base import PartRecord, PartState, TaskRecord
from antiphon.ledger.operations import Commit, Reveal, ServiceOffer
from antiphon.nodes.messages import (
    FETCH,
    FRAME_ACCEPTED,
    FRAME_CHUNK,
    FRAME_DONE,
    JUDGE,
    Fetch,
    Judge,
    ResultHash,
    audio_context,
)
from antiphon.nodes.node import Context, Node, Route
from antiphon.nodes.parts import OpenedOrder, open_order
from antiphon.protocol import Envelope, StreamOpener, canonical

log = logging.getLogger("antiphon.nodes")

KEPT_BYTES = 16 * 1024 * 1024
"""Sealed audio a validator keeps for clients whose producer withholds it; the oldest goes first."""


class Listener(Protocol):
    """Judges a piece of work: measurements to a vote. Blocking; called in a worker thread."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages whose words it can check (BCP 47; `en` covers `en-us`). Empty = any."""

    def vote(self, evidence: Evidence) -> Vote: ...


class Validator(Node):
    """Bounded: at most `queue` parts wait for judgement; beyond that the answer is "busy"."""

    role = Role.VALIDATOR

    def __init__(
        self, context: Context, listener: Listener, offers: tuple[ServiceOffer, ...], *, queue: int = 32
    ) -> None:
        super().__init__(context)
        self._listener = listener
        self._offers = offers
        self._queue = queue
        self._judging: set[tuple[str, int, int, int]] = set()
        self._kept: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"validator-{self.node_id[:8]}")

    @property
    def offers(self) -> tuple[ServiceOffer, ...]:
        return self._offers

    @property
    def routes(self) -> Mapping[str, Route]:
        return {JUDGE: self._judge, FETCH: self._fetch}

    async def stop(self, *, goodbye: bool = True) -> None:
        await super().stop(goodbye=goodbye)
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _judge(self, message: Envelope) -> AsyncGenerator[bytes, None]:
        judge = canonical.decode(Judge, message.body)
        ticket = (message.task, judge.index, judge.attempt, judge.round)
        if ticket in self._judging:
            raise ConflictError("This part is already being judged here")
        if len(self._judging) >= self._queue:
            raise BusyError(f"The validator has {len(self._judging)} parts to judge", retry_after_s=1.0)
        self._judging.add(ticket)
        try:
            task = await self.context.ledger.task(message.task)
            record = await self.context.ledger.part(message.task, judge.index)
            self._expected(message, judge, task, record)
            order = open_order(
                judge.order, judge.wrapped_key, task=task, index=judge.index, identity=self.context.identity
            )
            evidence = self._open_audio(judge, order, record)
        except BaseException:
            self._judging.discard(ticket)
            raise
        self._keep((message.task, judge.index, judge.attempt), judge.sealed_audio)
        order.key.destroy()
        self._spawn(self._vote(ticket, evidence), f"judging part {judge.index} of {message.task[:8]}")
        yield FRAME_ACCEPTED

    def _expected(self, message: Envelope, judge: Judge, task: TaskRecord, record: PartRecord) -> None:
        """Only the assigned producer may show work, only to a drawn validator, only while votes are open."""
        if record.state is not PartState.DELIVERED or (record.attempt, record.round) != (judge.attempt, judge.round):
            raise ConflictError(f"Part {judge.index} is {record.state}, round {record.round}")
        if message.sender != record.assignment.producers[record.attempt].node:
            raise ProtocolError("Only the part's producer may show its result")
        if self.node_id not in {seat.node for seat in panel.seats(record, task.rules)}:
            raise ConflictError("This validator was not drawn for this round")
        if self.node_id in record.commits:
            raise ConflictError("This validator has voted already")

    def _open_audio(self, judge: Judge, order: OpenedOrder, record: PartRecord) -> Evidence:
        """The audio, proven to be what the producer committed to. With another hash there is no audio to judge."""
        delivery = record.delivery
        if delivery is None:
            raise ConflictError(f"Part {judge.index} has no delivery")
        opener = StreamOpener(order.key, audio_context(delivery.task, judge.index, judge.attempt, self.node_id))
        pcm, final = opener.open(judge.sealed_audio)
        result = ResultHash(order.key.reveal(), delivery.rate_hz)
        result.update(pcm)
        honest = final and result.digest() == delivery.result_hash and len(pcm) % 2 == 0
        return Evidence(
            request=order.brief.request,
            audio=Waveform.from_pcm16(pcm, delivery.rate_hz) if honest else None,
            declared_rate_hz=delivery.rate_hz,
            declared_samples=delivery.samples,
        )

    async def _vote(self, ticket: tuple[str, int, int, int], evidence: Evidence) -> None:
        """Listen, commit, wait for the reveal phase, reveal. A lost race against the deadline costs only the fee."""
        task, index, attempt, round_ = ticket
        try:
            loop = asyncio.get_running_loop()
            vote = await loop.run_in_executor(self._pool, self._listener.vote, evidence)
            salt = secrets.token_bytes(16)
            commitment = panel.commitment(vote, salt, validator=self.node_id, task=task, index=index, round=round_)
            await self.submit(Commit(task=task, index=index, round=round_, commitment=commitment), task)
            record = await self.context.ledger.part(task, index)
            while record.state is not PartState.REVEALING:
                if record.state.final or (record.attempt, record.round) != (attempt, round_):
                    return
                record = await self.changed(record)
            await self.submit(Reveal(task=task, index=index, round=round_, vote=vote, salt=salt), task)
        finally:
            self._judging.discard(ticket)

    async def _fetch(self, message: Envelope) -> AsyncGenerator[bytes, None]:
        """The client's remedy when a paid producer keeps the audio back: any validator that judged it has it."""
        fetch = canonical.decode(Fetch, message.body)
        task = await self.context.ledger.task(message.task)
        if task.client != message.sender:
            raise ProtocolError("Only the task's client may fetch its audio")
        sealed = self._kept.get((message.task, fetch.index, fetch.attempt))
        if sealed is None:
            raise ConflictError("This validator does not hold that audio", "Ask another validator of the part.")
        yield FRAME_CHUNK + sealed
        yield FRAME_DONE

    def _keep(self, key: tuple[str, int, int], sealed: bytes) -> None:
        self._kept[key] = sealed
        while sum(map(len, self._kept.values())) > KEPT_BYTES:
            self._kept.popitem(last=False)
