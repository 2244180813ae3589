"""A validator: judges what a producer delivered, commits to its vote, reveals it, keeps the audio for the client."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from antiphon.economy.types import Role, Rules, Verdict, Vote
from antiphon.errors import AntiphonError, BusyError, ConflictError, InputError, ProtocolError
from antiphon.ledger import appeals, panel, showings
from antiphon.ledger.limits import check_vote
from antiphon.ledger.operations import Commit, Deliver, Expose, Reveal, ServiceOffer
from antiphon.ledger.records import PartRecord, PartState, TaskRecord
from antiphon.nodes.appealing import appeal, called, phase, worth_an_appeal
from antiphon.nodes.auditing import Auditor, auditor_of, drawn_for, judged
from antiphon.nodes.earnings import earned
from antiphon.nodes.evaluation.base import Evaluator, Submission
from antiphon.nodes.memory import ScoreMemory
from antiphon.nodes.node import Node, Route
from antiphon.nodes.weighing import Weigher
from antiphon.parties.actor import WAIT_S, Context
from antiphon.parties.consents import require_standing
from antiphon.parties.messages import (
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
from antiphon.parties.orders import OpenedOrder, open_order
from antiphon.parties.origins import require_origin
from antiphon.protocol import Envelope, StreamOpener, canonical

log = logging.getLogger("antiphon.nodes")

Ticket = tuple[str, int, int, int]
"""Task, part, attempt, round."""

SHOWN_BY = 0.7
"""Part of the time to commit after which a validator that was shown nothing says so."""
PAUSE_S = 1.0
"""Before a ledger that does not answer is asked again."""
REMEMBERED = 10_000
"""Most showings that were turned away, and are remembered."""
KEPT_BYTES = 16 * 1024 * 1024
"""Sealed audio a validator keeps for clients whose producer withholds it; the oldest goes first."""


class Validator(Node):
    """Bounded: at most `queue` parts wait for judgement; beyond that the answer is "busy"."""

    role = Role.VALIDATOR
    new_work = frozenset({JUDGE})

    def __init__(
        self,
        context: Context,
        evaluator: Evaluator,
        price_nano: int,
        *,
        queue: int = 32,
        auditor: Auditor = auditor_of,
        memory: ScoreMemory | None = None,
        weighs: bool = True,
    ) -> None:
        """`auditor` finds the engine that audits work on a request; what it hears, it remembers in `memory`, and
        `weighs` nodes by it in each epoch."""
        super().__init__(context)
        self._weighs = weighs
        self._memory = memory or ScoreMemory()
        self._weighing: asyncio.Task[None] | None = None
        self._auditor = auditor
        self._evaluator = evaluator
        self._price_nano = price_nano
        self._queue = queue
        self._judging: set[Ticket] = set()
        self._turned_away: OrderedDict[Ticket, None] = OrderedDict()  # shown to us, and not judged
        self._attending: asyncio.Task[None] | None = None
        self._kept: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"validator-{self.node_id[:8]}")

    @property
    def offers(self) -> tuple[ServiceOffer, ...]:
        return tuple(
            ServiceOffer(service=service, price_nano=self._price_nano, languages=languages)
            for service, languages in self._evaluator.abilities.items()
        )

    @property
    def routes(self) -> Mapping[str, Route]:
        return {JUDGE: self._judge, FETCH: self._fetch}

    async def start(self, endpoint: str) -> None:
        await super().start(endpoint)
        self._attending = asyncio.create_task(self._attend(), name=f"seats of {self.node_id[:8]}")
        if self._weighs:
            weigher = Weigher(self, self._memory)
            self._weighing = asyncio.create_task(weigher.run(), name=f"weights of {self.node_id[:8]}")

    async def stop(self, *, goodbye: bool = True, finish_s: float = 0.0) -> None:
        for work in (self._attending, self._weighing):
            if work is not None:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
        await super().stop(goodbye=goodbye, finish_s=finish_s)
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _judge(self, message: Envelope) -> AsyncGenerator[bytes, None]:
        judge = canonical.decode(Judge, message.body)
        ticket = (message.task, judge.index, judge.attempt, judge.round)
        self._claimable(ticket)  # before anything costs: a full validator says so at once
        task = await self.context.ledger.task(message.task)
        record = await self.context.ledger.part(message.task, judge.index)
        delivery, deadline_ms = self._expected(message, judge, record)
        self.admit(message)
        order = await self._opened(ticket, judge, task, record)
        try:
            submission = self._open_result(judge, order, record, delivery, task.rules, await self.ledger_id())
            self._claimable(ticket)  # claimed only now, so that a stranger's copy cannot block the producer's
            await self._expose_if_proven(judge, record)
        except BaseException:
            order.key.destroy()
            raise
        self._judging.add(ticket)

        def over() -> None:
            self._judging.discard(ticket)
            order.key.destroy()

        self._keep((message.task, judge.index, judge.attempt), judge.sealed_result)
        what = f"judging part {judge.index} of {message.task[:8]}"
        self._spawn(self._vote(ticket, order, submission, deadline_ms, task), what, over)
        yield FRAME_ACCEPTED

    async def _opened(self, ticket: Ticket, judge: Judge, task: TaskRecord, record: PartRecord) -> OpenedOrder:
        """The client's order. Without consent, or origin of the voice, nobody judges and nobody is punished."""
        own, then_ms = self.context.identity, task.opened_ms
        try:
            order = open_order(judge.order, judge.wrapped_key, task=task, record=record, identity=own, at_ms=then_ms)
            try:
                await require_origin(self.context.ledger, order.brief.request)
            except BaseException:
                order.key.destroy()
                raise
        except InputError:
            self._turn_away(ticket)
            raise
        return order

    def _claimable(self, ticket: Ticket) -> None:
        if ticket in self._judging:
            raise ConflictError("This part is already being judged here")
        if len(self._judging) >= self._queue:
            self._turn_away(ticket)
            raise BusyError(f"The validator has {len(self._judging)} parts to judge", retry_after_s=1.0)

    def _turn_away(self, ticket: Ticket) -> None:
        """It was shown, and we do not judge it: so it is not absent."""
        self._turned_away[ticket] = None
        while len(self._turned_away) > REMEMBERED:
            self._turned_away.popitem(last=False)

    def _expected(self, message: Envelope, judge: Judge, record: PartRecord) -> tuple[Deliver, int]:
        """Only the assigned producer may show work, only to a drawn validator, only while votes are open; to a jury its
        appellant too. What was delivered, and the time to commit."""
        if judge.round >= appeals.JURY:
            return called(record, judge, message.sender, self.node_id)
        if record.state is not PartState.DELIVERED or (record.attempt, record.round) != (judge.attempt, judge.round):
            raise ConflictError(f"Part {judge.index} is {record.state}, round {record.round}")
        if message.sender != record.assignment.producers[record.attempt].node:
            raise ProtocolError("Only the part's producer may show its result")
        if self.node_id not in {seat.node for seat in panel.seats(record)}:
            raise ConflictError("This validator was not drawn for this round")
        if self.node_id in record.commits:
            raise ConflictError("This validator has voted already")
        assert record.delivery is not None, "what is judged was delivered"
        return record.delivery, record.deadline_ms

    async def _expose_if_proven(self, judge: Judge, record: PartRecord) -> None:
        """Publish what proves by itself that the producer shows something else than it delivered."""
        if judge.round < appeals.JURY and showings.equivocates(record, judge.shown, await self.ledger_id()):
            await self.submit(
                Expose(task=record.task, index=judge.index, round=judge.round, shown=judge.shown), record.task
            )
            raise ProtocolError("That is not what was delivered", "The producer's own signature proves it.")

    async def _attend(self) -> None:
        """Know of every seat that is ours. One whose producer shows us nothing, or nothing that fits what it signed,
        until most of the time to commit is over: we say so."""
        newest, due_ms = -1, dict[Ticket, int]()
        while True:
            now_ms = self.context.clock.now_ms()
            for ticket in [ticket for ticket, at_ms in due_ms.items() if at_ms <= now_ms]:
                del due_ms[ticket]
                if ticket not in self._judging:
                    self._spawn(self._say_absent(ticket), f"seat at part {ticket[1]} of {ticket[0][:8]}", lambda: None)
            wait_s = min([WAIT_S, *((at_ms - now_ms) / 1000 for at_ms in due_ms.values())])
            try:
                for seat in await self.context.ledger.seats(self.node_id, newer_than=newest, wait_s=max(0.01, wait_s)):
                    newest = max(newest, seat.number)
                    left_ms = max(0, seat.deadline_ms - self.context.clock.now_ms())
                    ticket = (seat.task, seat.index, seat.attempt, seat.round)
                    due_ms[ticket] = self.context.clock.now_ms() + int(SHOWN_BY * left_ms)
            except AntiphonError as error:
                log.warning("validator %s cannot see its seats: %s", self.node_id[:8], error)
                await asyncio.sleep(PAUSE_S)

    async def _say_absent(self, ticket: Ticket) -> None:
        task, index, attempt, round_ = ticket
        record = await self.context.ledger.part(task, index)
        here = record.state is PartState.DELIVERED and (record.attempt, record.round) == (attempt, round_)
        if not here or self.node_id in record.commits or ticket in self._judging:
            return
        shown = ticket in self._turned_away
        verdict = Verdict.INCONCLUSIVE if shown else Verdict.ABSENT
        log.warning("part %d of %s: %s", index, task[:8], "shown and not judged" if shown else "nothing was shown")
        await self._cast(ticket, Vote(verdict=verdict, score_ppm=None))

    def _open_result(
        self, judge: Judge, order: OpenedOrder, record: PartRecord, delivery: Deliver, rules: Rules, ledger: str
    ) -> Submission:
        """The result, proven to be what the producer signed for in this message (a jury's: what it delivered). What is
        not is refused: a producer that shows nobody anything that fits its own signature has shown nothing."""
        opener = StreamOpener(order.key, audio_context(delivery.task, judge.index, judge.attempt, self.node_id))
        form = Form(rate_hz=delivery.rate_hz, channels=delivery.channels)
        result = ResultHash(order.key.reveal(), form)
        signed = delivery.result_hash
        if judge.round < appeals.JURY:
            maker = panel.producer(record).node
            shown = showings.read(judge.shown, producer=maker, ledger=ledger, task=delivery.task)
            if (shown.index, shown.attempt, shown.validator) != (judge.index, judge.attempt, self.node_id):
                raise ProtocolError("What the producer signed is about another showing", "Sign what is shown.")
            signed = shown.result_hash
        data, final = opener.open(judge.sealed_result)
        result.update(data)
        if not final or result.digest() != signed:
            raise ProtocolError("The result is not what the producer signed for", "Sign what is shown.")
        return Submission(
            order.brief.request,
            data,
            form,
            delivery.size,
            places=panel.places(record, judge.attempt),
            seed=order.brief.seed,
            uncommitted=rules.audit_ppm > 0 and not delivery.trace_root,
            audit=drawn_for(judge, order, record, delivery, rules, self.node_id),
        )

    async def _vote(
        self, ticket: Ticket, order: OpenedOrder, submission: Submission, deadline_ms: int, opened: TaskRecord
    ) -> None:
        """Listen, vote, and appeal when outvoted and sure. A lost race against the deadline costs little more than the
        fee."""
        task, index, attempt, round_ = ticket
        vote = await asyncio.get_running_loop().run_in_executor(self._pool, self._listen, submission, deadline_ms)
        if vote is None:
            log.warning("part %d of %s: no time was left to listen", index, task[:8])
            return
        record = await self._cast(ticket, vote)
        maker, now_ms = record.assignment.producers[attempt].node, self.context.clock.now_ms()
        self._memory.remember(maker, opened.selector.service, vote, opened.rules, at_ms=now_ms)
        if worth_an_appeal(record, round_, self.node_id, vote, opened.rules) and submission.result is not None:
            await appeal(self, record, round_, order, submission.result, submission.audit)

    async def _cast(self, ticket: Ticket, vote: Vote) -> PartRecord:
        """Commit, wait for the reveal phase, reveal; the part once its votes are counted."""
        task, index, attempt, round_ = ticket
        salt = secrets.token_bytes(16)
        commitment = panel.commitment(vote, salt, validator=self.node_id, task=task, index=index, round=round_)
        await self.submit(Commit(task=task, index=index, round=round_, commitment=commitment), task)
        record = await self.context.ledger.part(task, index)
        while phase(record, attempt, round_) == "commit":
            record = await self.changed(record)
        if phase(record, attempt, round_) != "reveal":
            return record
        reveal = Reveal(
            task=task, index=index, round=round_, vote=vote, salt=salt, ballot=await self._ballot(record, vote)
        )
        await self.submit(reveal, task)
        record = await self.context.ledger.part(task, index)
        while phase(record, attempt, round_) == "reveal":
            record = await self.changed(record)
        await self.keep(record)
        log.info("part %d of %s: voted %s; %s", index, task[:8], vote.verdict, earned(record, self.node_id))
        return record

    async def _ballot(self, record: PartRecord, vote: Vote) -> bytes:
        """The vote signed for the chain; empty where there is none, and for a jury's."""
        notary = self.context.notary
        if notary is None or record.state is not PartState.REVEALING:
            return b""
        return await notary.ballot(record, await self.context.ledger.task(record.task), vote)

    def _listen(self, submission: Submission, deadline_ms: int) -> Vote | None:
        """In the worker thread. None when the time to commit passed while it waited for its turn."""
        if self.context.clock.now_ms() >= deadline_ms:
            return None
        try:
            vote = judged(submission, partial(self._evaluator.vote, submission), self._auditor)
            check_vote(vote)  # what could not be revealed must not be committed to: hiding a vote is punished
            return vote
        except (
            Exception,
            SystemExit,
        ):  # the edge to whatever evaluator was plugged in: what cannot be measured is not bad
            log.exception("validator %s could not judge", self.node_id[:8])
            return Vote(verdict=Verdict.INCONCLUSIVE, score_ppm=None)

    async def _fetch(self, message: Envelope) -> AsyncGenerator[bytes, None]:
        """The client's remedy when a paid producer keeps the audio back: any validator that judged it has it."""
        fetch = canonical.decode(Fetch, message.body)
        task = await self.context.ledger.task(message.task)
        if task.client != message.sender:
            raise ProtocolError("Only the task's client may fetch its audio")
        self.admit(message)
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
