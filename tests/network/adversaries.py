"""Dishonest nodes: real ones with one step replaced. Each class says what it does that it should not."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import msgspec
import numpy as np

from antiphon.economy.types import Verdict, Vote
from antiphon.errors import BusyError, InputError, UnavailableError
from antiphon.ledger.operations import Commit, Deliver, Reveal
from antiphon.ledger.records import PartRecord, PartState
from antiphon.ledger.showings import SHOWN, Shown
from antiphon.nodes.producer import Producer
from antiphon.nodes.production import Production
from antiphon.nodes.showing import submit_for_judging
from antiphon.nodes.validator import Validator
from antiphon.parties.actor import Actor, Context
from antiphon.parties.messages import FRAME_CHUNK, FRAME_DONE, Done, Form, Judge, ResultHash, audio_context, form_frame
from antiphon.parties.orders import OpenedOrder
from antiphon.protocol import Envelope, StreamSealer, TaskKey

Frames = AsyncGenerator[bytes, None]


def loud(pcm: bytes) -> bytes:
    """Other audio of the same length."""
    return np.full(len(pcm) // 2, 12_345, dtype="<i2").tobytes()


class OtherCopy(Producer):
    """Delivers and shows honest audio, and sends the client something else."""

    async def _copy(self, job: Production) -> Frames:
        async for _ in super()._copy(job):
            pass
        context = audio_context(job.task.task, job.index, job.attempt, job.client)
        yield FRAME_CHUNK + StreamSealer(job.order.key, context).chunk(loud(b"".join(job.made_of)), final=True)


class Withholds(Producer):
    """Takes the money and keeps the client's copy."""

    async def _copy(self, job: Production) -> Frames:
        async for _ in super()._copy(job):
            raise UnavailableError("No copy for you")
        yield b""


class ShowsNobody(Producer):
    """Delivers, and never shows it."""

    async def _show(self, job: Production) -> PartRecord:
        record = await self.context.ledger.part(job.task.task, job.index)
        while not record.state.final and record.attempt == job.attempt:
            record = await self.changed(record)
        return record


class TwoFaced(Producer):
    """Shows one validator other audio than the others. `honestly` signed: as what it is; else as what it delivered."""

    def __init__(self, *args: Any, honestly: bool, **more: Any) -> None:
        super().__init__(*args, **more)
        self._honestly = honestly
        self.victim = ""

    async def _show(self, job: Production) -> PartRecord:
        self._job = job
        return await super()._show(job)

    def sign(self, kind: str, receiver: str, task: str, body: Any, nonce: bytes = b"") -> bytes:
        if isinstance(body, Judge) and self.victim in {"", receiver}:
            self.victim = receiver
            job, other = self._job, loud(b"".join(self._job.made_of))
            context = audio_context(task, job.index, job.attempt, receiver)
            sealed = StreamSealer(job.order.key, context).chunk(other, final=True)
            body = msgspec.structs.replace(body, sealed_result=sealed)
            if self._honestly:
                result = ResultHash(job.order.key.reveal(), job.form)
                result.update(other)
                told = Shown(index=job.index, attempt=job.attempt, validator=receiver, result_hash=result.digest())
                body = msgspec.structs.replace(body, shown=super().sign(SHOWN, str(self._ledger_id), task, told))
        return super().sign(kind, receiver, task, body, nonce)


class ShowsOther(Producer):
    """Shows other audio than it committed to."""

    async def _show(self, job: Production) -> PartRecord:
        job.made_of[:] = [loud(b"".join(job.made_of))]
        return await super()._show(job)


class ShowsNoise(Producer):
    """Shows bytes that do not open, in the hope that nobody can vote on them."""

    def sign(self, kind: str, receiver: str, task: str, body: Any, nonce: bytes = b"") -> bytes:
        if isinstance(body, Judge):
            body = msgspec.structs.replace(body, sealed_result=secrets.token_bytes(500))
        return super().sign(kind, receiver, task, body, nonce)


class ShowsWrongKey(Producer):
    """Shows another key than the client committed to."""

    async def _show(self, job: Production) -> PartRecord:
        wrong = TaskKey.generate()
        real = job.order
        job.order = OpenedOrder(real.brief, wrong, real.raw)
        try:
            return await super()._show(job)
        finally:
            job.order = real
            wrong.destroy()


class ShowsOne(Producer):
    """Shows it to one validator only."""

    async def _show(self, job: Production) -> PartRecord:
        real = self.context.transport
        asked: set[str] = set()

        class OnlyOne:
            def request(self, endpoint: str, message: bytes, *, deadline_s: float) -> Frames:
                asked.add(endpoint)
                if len(asked) > 1:
                    raise UnavailableError("not shown")
                return real.request(endpoint, message, deadline_s=deadline_s)

            async def close(self) -> None:
                return None

        alone = Actor(Context(self.context.identity, self.context.ledger, OnlyOne(), self.context.clock))
        return await submit_for_judging(alone, job)


class Declares(Producer):
    """Delivers honest audio under wrong figures."""

    def __init__(self, *args: Any, change: dict[str, Any], **more: Any) -> None:
        super().__init__(*args, **more)
        self._change = change

    async def submit(self, operation: Any, task: str = "") -> None:
        if isinstance(operation, Deliver):
            operation = msgspec.structs.replace(operation, **self._change)
        await super().submit(operation, task)


class Answers(Producer):
    """Says `frames(message)` instead of working, and delivers nothing."""

    def __init__(self, *args: Any, frames: Callable[[Producer, Envelope], AsyncIterator[bytes]], **more: Any) -> None:
        super().__init__(*args, **more)
        self._frames = frames

    async def _work(self, message: Envelope) -> Frames:
        async for frame in self._frames(self, message):
            yield frame


async def raises(node: Producer, message: Envelope) -> Frames:
    raise RuntimeError("a bug in somebody's node")
    yield b""


async def sleeps(node: Producer, message: Envelope) -> Frames:
    await asyncio.sleep(3600)
    yield b""


async def accepts_and_sleeps(node: Producer, message: Envelope) -> Frames:
    yield form_frame(Form(rate_hz=24_000, channels=1))
    await asyncio.sleep(3600)


async def garbage(node: Producer, message: Envelope) -> Frames:
    yield form_frame(Form(rate_hz=24_000, channels=1))
    yield FRAME_CHUNK + secrets.token_bytes(500)


async def unknown_frames(node: Producer, message: Envelope) -> Frames:
    yield b"?what"


async def empty_frames(node: Producer, message: Envelope) -> Frames:
    while True:
        yield b""


async def absurd_rate(node: Producer, message: Envelope) -> Frames:
    yield form_frame(Form(rate_hz=2**32 - 1, channels=1))


async def accepts_twice(node: Producer, message: Envelope) -> Frames:
    yield form_frame(Form(rate_hz=24_000, channels=1))
    yield form_frame(Form(rate_hz=24_000, channels=1))


async def huge_frame(node: Producer, message: Envelope) -> Frames:
    yield form_frame(Form(rate_hz=24_000, channels=1))
    yield FRAME_CHUNK + bytes(9 * 1024 * 1024)


async def done_without_audio(node: Producer, message: Envelope) -> Frames:
    yield form_frame(Form(rate_hz=24_000, channels=1))
    done = Done(index=0, attempt=0, result_hash=bytes(32), size=2)
    yield FRAME_DONE + node.sign("done", message.sender, message.task, done)


async def claims_a_user_error(node: Producer, message: Envelope) -> Frames:
    raise InputError("Your text is bad")
    yield b""


async def busy_for_ever(node: Producer, message: Envelope) -> Frames:
    raise BusyError("Later", retry_after_s=1e6)
    yield b""


class HalfAStream(Producer):
    """Streams the first half of the audio, then breaks off before it delivers."""

    async def _produce(self, job: Production) -> None:
        brief = job.order.brief
        chunks = list(self._runner.produce(brief.request, brief.seed))
        for chunk in chunks[: len(chunks) // 2 + 1]:
            job.add(chunk)
        await asyncio.sleep(0.1)
        raise UnavailableError("The machine was switched off")


class NeverEnds(Producer):
    """An engine that makes audio for ever."""

    async def _make(self, job: Production) -> None:
        while True:
            job.add(bytes(1024 * 1024))
            await asyncio.sleep(0)


class Replays(Producer):
    """Answers every question with the frames of the first one."""

    first: list[bytes] | None = None

    async def _work(self, message: Envelope) -> Frames:
        if self.first is not None:
            for frame in self.first:
                yield frame
            return
        kept = []
        async for frame in super()._work(message):
            kept.append(frame)
            yield frame
        self.first = kept


class Careless(Validator):
    """Votes without listening."""

    def __init__(self, *args: Any, vote: Vote, **more: Any) -> None:
        super().__init__(*args, **more)
        self._vote_of_mine = vote

    def _listen(self, evidence: Any, deadline_ms: int) -> Vote | None:
        return self._vote_of_mine


class Copies(Validator):
    """Commits to another's commitment, and reveals whatever that one reveals."""

    async def _vote(self, ticket: Any, evidence: Any, deadline_ms: int) -> None:
        task, index, _, round_ = ticket
        record = await self.context.ledger.part(task, index)
        while not record.commits and record.state is PartState.DELIVERED:
            record = await self.changed(record)
        stolen = next(iter(record.commits.values()))
        await self.submit(Commit(task=task, index=index, round=round_, commitment=stolen), task)
        while not record.reveals and record.state in {PartState.DELIVERED, PartState.REVEALING}:
            record = await self.changed(record)
        if record.reveals:
            vote = next(iter(record.reveals.values()))
            await self.submit(Reveal(task=task, index=index, round=round_, vote=vote, salt=bytes(16)), task)


class RevealsOther(Validator):
    """Commits to one vote and reveals another, or (`other` None) nothing."""

    def __init__(self, *args: Any, other: Vote | None, **more: Any) -> None:
        super().__init__(*args, **more)
        self._other = other

    async def submit(self, operation: Any, task: str = "") -> None:
        if isinstance(operation, Reveal):
            if self._other is None:
                return
            operation = msgspec.structs.replace(operation, vote=self._other)
        await super().submit(operation, task)


class VotesTwice(Validator):
    """Sends each commitment and each vote twice."""

    async def submit(self, operation: Any, task: str = "") -> None:
        await super().submit(operation, task)
        if isinstance(operation, Commit | Reveal):
            await super().submit(operation, task)


def vote(verdict: Verdict, score_ppm: int) -> Vote:
    return Vote(verdict=verdict, score_ppm=score_ppm)
