"""A validator: judges what a producer delivered, commits to its vote, reveals it, keeps the audio for the client."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import ThreadPoolExecutor

from antiphon.economy.types import Role, Verdict, Vote
from antiphon.errors import BusyError, ConflictError, ProtocolError
from antiphon.ledger import panel
from antiphon.ledger.base import PartRecord, PartState, TaskRecord
from antiphon.ledger.limits import check_vote
from antiphon.ledger.operations import Commit, Reveal, ServiceOffer
from antiphon.nodes.consents import require_standing
from antiphon.nodes.earnings import earned
from antiphon.nodes.listening.base import Listener, Submission
from antiphon.nodes.messages import (
    FETCH,
    FRAME_ACCEPTED,
    FRAME_CHUNK,
    FRAME_DONE,
    JUDGE,
    Fetch,
    Form,
    Judge,
    ResultHash,
    audio_context,
)
from antiphon.nodes.node import Context, Node, Route
from antiphon.nodes.parts import OpenedOrder, open_order
from antiphon.protocol import Envelope, StreamOpener, canonical

log = logging.getLogger("antiphon.nodes")

Ticket = tuple[str, int, int, int]
"""Task, part, attempt, round."""

KEPT_BYTES = 16 * 1024 * 1024
"""Sealed audio a validator keeps for clients whose producer withholds it; the oldest goes first."""


class Validator(Node):
    """Bounded: at most `queue` parts wait for judgement; beyond that the answer is "busy"."""

    role = Role.VALIDATOR
    new_work = frozenset({JUDGE})

    def __init__(self, context: Context, listener: Listener, price_nano: int, *, queue: int = 32) -> None:
        super().__init__(context)
        self._listener = listener
        self._price_nano = price_nano
        self._queue = queue
        self._judging: set[Ticket] = set()
        self._kept: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"validator-{self.node_id[:8]}")

    @property
    def offers(self) -> tuple[ServiceOffer, ...]:
        return tuple(
            ServiceOffer(service=service, price_nano=self._price_nano, languages=languages)
            for service, languages in self._listener.abilities.items()
        )

    @property
    def routes(self) -> Mapping[str, Route]:
        return {JUDGE: self._judge, FETCH: self._fetch}

    async def stop(self, *, goodbye: bool = True, finish_s: float = 0.0) -> None:
        await super().stop(goodbye=goodbye, finish_s=finish_s)
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _judge(self, message: Envelope) -> AsyncGenerator[bytes, None]:
        judge = canonical.decode(Judge, message.body)
        ticket = (message.task, judge.index, judge.attempt, judge.round)
        self._claimable(ticket)  # before anything costs: a full validator says so at once
        task = await self.context.ledger.task(message.task)
        record = await self.context.ledger.part(message.task, judge.index)
        self._expected(message, judge, task, record)
        own, then_ms = self.context.identity, task.opened_ms
        order = open_order(judge.order, judge.wrapped_key, task=task, record=record, identity=own, at_ms=then_ms)
        with order.key:
            submission = self._open_result(judge, order, record)
        self._claimable(ticket)  # claimed only now, so that a stranger's copy cannot block the producer's
        self._judging.add(ticket)
        if submission.result is not None:
            self._keep((message.task, judge.index, judge.attempt), judge.sealed_result)
        what = f"judging part {judge.index} of {message.task[:8]}"
        self._spawn(self._vote(ticket, submission, record.deadline_ms), what, lambda: self._judging.discard(ticket))
        yield FRAME_ACCEPTED

    def _claimable(self, ticket: Ticket) -> None:
        if ticket in self._judging:
            raise ConflictError("This part is already being judged here")
        if len(self._judging) >= self._queue:
            raise BusyError(f"The validator has {len(self._judging)} parts to judge", retry_after_s=1.0)

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

    def _open_result(self, judge: Judge, order: OpenedOrder, record: PartRecord) -> Submission:
        """The result, proven to be what the producer committed to. What does not open, or has another hash, is none:
        the producer signed this message, so it answers for it as for bad work."""
        delivery = record.delivery
        if delivery is None:
            raise ConflictError(f"Part {judge.index} has no delivery")
        opener = StreamOpener(order.key, audio_context(delivery.task, judge.index, judge.attempt, self.node_id))
        form = Form(rate_hz=delivery.rate_hz, channels=delivery.channels)
        result = ResultHash(order.key.reveal(), form)
        try:
            data, final = opener.open(judge.sealed_result)
        except ProtocolError as error:
            log.info("part %d of %s does not open: %s", judge.index, delivery.task[:8], error)
            data, final = b"", False
        result.update(data)
        honest = final and result.digest() == delivery.result_hash
        return Submission(order.brief.request, data if honest else None, form, delivery.size)

    async def _vote(self, ticket: Ticket, submission: Submission, deadline_ms: int) -> None:
        """Listen, commit, wait for the reveal phase, reveal. A lost race against the deadline costs only the fee."""
        task, index, attempt, round_ = ticket
        vote = await asyncio.get_running_loop().run_in_executor(self._pool, self._listen, submission, deadline_ms)
        if vote is None:
            log.warning("part %d of %s: no time was left to listen", index, task[:8])
            return
        salt = secrets.token_bytes(16)
        commitment = panel.commitment(vote, salt, validator=self.node_id, task=task, index=index, round=round_)
        await self.submit(Commit(task=task, index=index, round=round_, commitment=commitment), task)
        record = await self.context.ledger.part(task, index)
        while record.state is PartState.DELIVERED and (record.attempt, record.round) == (attempt, round_):
            record = await self.changed(record)
        if record.state is not PartState.REVEALING or (record.attempt, record.round) != (attempt, round_):
            return
        await self.submit(Reveal(task=task, index=index, round=round_, vote=vote, salt=salt), task)
        while record.state is PartState.REVEALING and record.round == round_:
            record = await self.changed(record)
        log.info("part %d of %s: voted %s; %s", index, task[:8], vote.verdict, earned(record, self.node_id))

    def _listen(self, submission: Submission, deadline_ms: int) -> Vote | None:
        """In the worker thread. None when the time to commit passed while it waited for its turn."""
        if self.context.clock.now_ms() >= deadline_ms:
            return None
        try:
            vote = self._listener.vote(submission)
            check_vote(vote)  # what could not be revealed must not be committed to: hiding a vote is punished
            return vote
        except Exception:  # the edge to whatever ears were plugged in: what cannot be measured is not bad
            log.exception("validator %s could not judge", self.node_id[:8])
            return Vote(verdict=Verdict.INCONCLUSIVE, score_ppm=None)

    async def _fetch(self, message: Envelope) -> AsyncGenerator[bytes, None]:
        """The client's remedy when a paid producer keeps the audio back: any validator that judged it has it."""
        fetch = canonical.decode(Fetch, message.body)
        task = await self.context.ledger.task(message.task)
        if task.client != message.sender:
            raise ProtocolError("Only the task's client may fetch its audio")
        record = await self.context.ledger.part(message.task, fetch.index)
        if record.state is not PartState.VALID or record.attempt != fetch.attempt:
            raise ConflictError(f"Part {fetch.index} is {record.state}", "Audio is handed out once it was found valid.")
        await require_standing(self.context.ledger, task.grants)
        sealed = self._kept.get((message.task, fetch.index, fetch.attempt))
        if sealed is None:
            raise ConflictError("This validator does not hold that audio", "Ask another validator of the part.")
        yield FRAME_CHUNK + sealed
        yield FRAME_DONE

    def _keep(self, key: tuple[str, int, int], sealed: bytes) -> None:
        self._kept[key] = sealed
        while sum(map(len, self._kept.values())) > KEPT_BYTES:
            self._kept.popitem(last=False)
