"""One attempt at one part, seen from the client: send the work, take the stream, skip a producer that fails.

And the end of a part: whatever a producer says, only audio whose hash was judged valid counts (`conclude`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextlib import aclosing
from dataclasses import dataclass, field

from antiphon.client.events import Artefact, Audio, Stage
from antiphon.client.runs import PartRun, TaskRun
from antiphon.economy.types import Mode, Role
from antiphon.errors import (
    AntiphonError,
    BusyError,
    ConflictError,
    InputError,
    ProtocolError,
    RejectedError,
    StateError,
    UnavailableError,
)
from antiphon.ledger import panel
from antiphon.ledger.operations import DrawSeats, Skip
from antiphon.ledger.records import PartRecord, PartState
from antiphon.ledger.vouchers import HEARD, Heard, owed_nano
from antiphon.parties.actor import Actor
from antiphon.parties.consents import require_standing
from antiphon.parties.messages import (
    FETCH,
    FRAME_ACCEPTED,
    FRAME_CHUNK,
    FRAME_DONE,
    MAX_RESULT_BYTES,
    WORK,
    Done,
    Fetch,
    Form,
    ResultHash,
    Work,
    audio_context,
    form_of,
)
from antiphon.parties.orders import wrap_for
from antiphon.parties.origins import origin_of
from antiphon.protocol import StreamOpener, canonical, envelope

log = logging.getLogger("antiphon.nodes")

LONGEST_PAUSE_S = 1.0
"""Between two questions to a busy producer, whatever it asks for."""
HAND_OVER_S = 10.0
"""A paid producer's time to send the client's copy; then validators are asked."""
FETCH_DEADLINE_S = 10.0
VOUCHER_S = 10.0


@dataclass(slots=True)
class Copy:
    """One sealed stream of a part's audio, as far as it has arrived."""

    opener: StreamOpener
    result: ResultHash
    form: Form
    pcm: bytearray = field(default_factory=bytearray)

    def take(self, sealed: bytes) -> bytes:
        """Open the next chunk. Raises `ProtocolError` for what is no audio, or more than one part can have."""
        pcm, _ = self.opener.open(sealed)
        if (self.form.is_audio and len(pcm) % 2) or len(self.pcm) + len(pcm) > MAX_RESULT_BYTES:
            raise ProtocolError("The node sends what is no result of one part", "Ask another node.")
        self.result.update(pcm)
        self.pcm += pcm
        return pcm

    def is_whole(self, result_hash: bytes) -> bool:
        return self.opener.finished and self.result.digest() == result_hash


@dataclass(slots=True)
class Attempt:
    """What came of one producer's turn."""

    number: int
    copy: Copy | None = None
    task: asyncio.Task[None] | None = None

    async def end(self) -> None:
        """Stop it and wait for its end."""
        if self.task is not None:
            self.task.cancel()
            (failed,) = await asyncio.gather(self.task, return_exceptions=True)
            if isinstance(failed, Exception):
                log.error("%s failed", self.task.get_name(), exc_info=failed)


def begin(client: Actor, run: TaskRun, part: PartRun, record: PartRecord) -> Attempt:
    """Ask the assigned producer, in a task of its own."""
    attempt = Attempt(record.attempt)
    attempt.task = asyncio.create_task(_run(client, run, part, record, attempt), name=f"attempt at part {part.number}")
    return attempt


async def _run(client: Actor, run: TaskRun, part: PartRun, record: PartRecord, attempt: Attempt) -> None:
    """1. A busy producer is asked again while no other is left; 2. one that fails is passed over in the ledger, which
    refuses if it has delivered after all."""
    last = record.attempt + 1 == len(record.assignment.producers)
    while True:
        try:
            await _receive(client, run, part, record, attempt)
            return
        except BusyError as error:
            if not last:
                await _skip(client, run, part, record, error)
                return
            await asyncio.sleep(min(max(error.retry_after_s, 0.05), LONGEST_PAUSE_S))  # 1, until the ledger's deadline
        except AntiphonError as error:
            await _skip(client, run, part, record, error)  # 2
            return


async def _skip(client: Actor, run: TaskRun, part: PartRun, record: PartRecord, error: AntiphonError) -> None:
    part.refusal = error
    operation = Skip(task=run.task, index=part.index, attempt=record.attempt, reason=type(error).__name__)
    try:
        await client.submit(operation, run.task)
    except ConflictError:
        return
    part.output.put_nowait(Stage(part.number, f"retry: {error.what}"))


async def _receive(client: Actor, run: TaskRun, part: PartRun, record: PartRecord, attempt: Attempt) -> None:
    """Send the work and take the answer, frame by frame. Raises `ProtocolError` for a frame out of place."""
    producer = panel.producer(record).node
    node = await client.context.ledger.node(producer, record.part.role)
    work = Work(
        index=part.index,
        attempt=record.attempt,
        order=part.order,
        wrapped_key=wrap_for(part.key, node.seal_key, task=run.task, index=part.index, receiver=producer),
    )
    message = client.sign(WORK, producer, run.task, work)
    copy: Copy | None = None
    answer = client.context.transport.request(node.endpoint, message, deadline_s=_time_limit_s(client, run, record))
    async with aclosing(answer) as frames:
        async for frame in frames:
            tag, payload = frame[:1], frame[1:]
            if tag == FRAME_ACCEPTED and copy is None:
                context = audio_context(run.task, part.index, record.attempt, client.node_id)
                form = form_of(payload)
                copy = Copy(StreamOpener(part.key, context), ResultHash(part.key.reveal(), form), form)
                attempt.copy = copy
            elif tag == FRAME_CHUNK and copy is not None:
                copy.take(payload)
                if run.mode is Mode.STREAM and copy.form.is_audio:
                    if record.funds is not None and not copy.opener.finished:
                        await _vouch(
                            client, run, record, copy, node.endpoint
                        )  # before it is heard: who leaves has paid
                    _release(run, part, copy)
            elif tag == FRAME_DONE and copy is not None:
                _check_done(client, run, record, copy, payload)
                if run.mode is Mode.STREAM and copy.form.is_audio:
                    part.output.put_nowait(Audio(part.number, None))  # all is heard; the verdict is out
                return
            else:
                raise ProtocolError("The producer's answer has a frame out of place", "Ask another node.")
    raise ProtocolError("The producer's answer ended before it was done", "Ask another node.")


async def _vouch(client: Actor, run: TaskRun, record: PartRecord, copy: Copy, endpoint: str) -> None:
    """Sign what is owed for the sound so far; the producer sends on when it has that."""
    assert record.funds is not None, "only what has funds is vouched for"
    if client.context.wallet is None:
        raise StateError("The key of the session is not here", "Use the key that opened it: ANTIPHON_CHAIN_KEY.")
    producer, position = panel.producer(record), len(copy.pcm)
    heard = Heard(
        index=record.part.index,
        attempt=record.attempt,
        position=position,
        stream=copy.result.digest(),
        amount_nano=owed_nano(producer.reward_nano, record.part.units, copy.form.bytes_per_s, position, record.funds),
        signature=b"",
    )
    heard = await client.context.wallet.sign(record.funds, producer.node, heard)
    message = client.sign(HEARD, producer.node, run.task, heard)
    with contextlib.suppress(ConflictError):  # the part was delivered meanwhile: it is judged, and no voucher needed
        async for _ in client.context.transport.request(endpoint, message, deadline_s=VOUCHER_S):
            pass


async def draw_seats(client: Actor, run: TaskRun, part: PartRun, record: PartRecord) -> None:
    """Something is delivered: open the next link, so that nobody could know before who judges it.

    One link for one pool, and never a later link first (from which the earlier ones follow): else a ledger that has
    seen the link could refuse it, and show us the pool out of which the seats that it wants are drawn.
    Raises ProtocolError.
    """
    seen = panel.pool_hash(record, run.rules)
    opened = [drawn.client_link for drawn in record.seatings]
    if part.signed.setdefault(record.round, seen) != seen or opened != list(map(part.chain.link, range(record.round))):
        raise ProtocolError(
            f"The ledger tells two stories of part {part.number + 1}: who may judge it, or how often it was judged",
            "Do not use this ledger; it may choose who judges.",
        )
    operation = DrawSeats(
        task=run.task,
        index=part.index,
        attempt=record.attempt,
        round=record.round,
        link=part.chain.link(record.round),
        pool_hash=seen,
    )
    with contextlib.suppress(ConflictError):  # it was opened before, and the answer lost; or the part has ended
        await client.submit(operation, run.task)
    if client.context.notary is not None:
        await client.endorse(await client.context.ledger.part(run.task, part.index))


def _time_limit_s(client: Actor, run: TaskRun, record: PartRecord) -> float:
    """Until the ledger's own deadlines for this attempt have passed, whatever the producer does."""
    left_s = max(1.0, (record.deadline_ms - client.context.clock.now_ms()) / 1000)
    rules = run.rules
    if run.mode is Mode.STREAM:
        return left_s + HAND_OVER_S
    return left_s + (rules.draw_s + rules.commit_s + rules.reveal_s) * (1 + rules.redraws) + HAND_OVER_S


def _check_done(client: Actor, run: TaskRun, record: PartRecord, copy: Copy, payload: bytes) -> None:
    """The producer signed for exactly what arrived. Raises `ProtocolError`. What counts is the ledger (`conclude`)."""
    signed = envelope.verify_at(payload, client.node_id)
    done = canonical.decode(Done, signed.body)
    if signed.sender != panel.producer(record).node or signed.task != run.task:
        raise ProtocolError("The result is signed by somebody else", "Ask another node.")
    if not copy.is_whole(done.result_hash):
        raise ProtocolError("The audio is not what the producer signed for", "It is not used.")


def _release(run: TaskRun, part: PartRun, copy: Copy) -> None:
    """Give out what is new. After a broken attempt, what was played already is skipped, by time."""
    if not copy.form.is_audio:
        part.output.put_nowait(Artefact(part.number, bytes(copy.pcm), origin_of(run.task, part.index, part.key)))
        return
    frame = 2 * copy.form.channels
    start = frame * round(part.released_s * copy.form.rate_hz)
    stop = len(copy.pcm) - len(copy.pcm) % frame
    if stop > start:
        part.released_s = stop / copy.form.bytes_per_s
        part.output.put_nowait(Audio(part.number, copy.form.waveform(bytes(copy.pcm[start:stop]))))


async def conclude(client: Actor, run: TaskRun, part: PartRun, record: PartRecord, attempt: Attempt | None) -> Copy:
    """The part is final: release and return what was judged valid, or raise what went wrong.

    0. Of a task whose consent was revoked nothing is released any more, valid or not. 1. Money came back: the reason.
    2. The producer's copy counts if its hash is the judged one. 3. Else the judged audio comes from a validator.
    4. In stream mode it must begin with what was heard already.
    """
    await require_standing(client.context.ledger, run.grants)  # 0
    if record.state is not PartState.VALID:
        raise _failure(part, record)  # 1
    ruling = record.rulings[-1]
    heard: Copy | None = None
    if attempt is not None and attempt.task is not None and attempt.number == ruling.attempt:
        await asyncio.wait({attempt.task}, timeout=HAND_OVER_S)
        heard = attempt.copy
        if heard is not None and heard.is_whole(ruling.delivery.result_hash):
            _release(run, part, heard)  # 2
            return heard
    judged = await fetch_judged(client, run, part, record)  # 3
    if run.mode is Mode.STREAM and heard is not None and not judged.pcm.startswith(bytes(heard.pcm)):  # 4
        raise ProtocolError(
            f"Part {part.number + 1} was heard other than it was judged",
            "Do not use the audio; the receipt names the node.",
        )
    _release(run, part, judged)
    return judged


def _failure(part: PartRun, record: PartRecord) -> AntiphonError:
    if record.state is PartState.INVALID:
        return RejectedError(
            f"Validators rejected part {part.number + 1}", "You were refunded; see the receipt, or try another voice."
        )
    if isinstance(part.refusal, InputError):
        return part.refusal
    if record.rulings and record.rulings[-1].outcome.verdict is None and record.state is PartState.REFUNDED:
        return UnavailableError(
            f"Part {part.number + 1} was made, but its validators could not judge it",
            "You were refunded. Try other or more words, or another voice; the receipt says what was measured.",
        )
    last = record.notes[-1] if record.notes else "no node delivered"
    return UnavailableError(f"Part {part.number + 1} failed: {last}", "You were refunded; try again.")


async def fetch_judged(client: Actor, run: TaskRun, part: PartRun, record: PartRecord) -> Copy:
    """Fetch the judged audio from any validator that voted on it."""
    for validator in record.rulings[-1].votes:
        try:
            return await _fetch(client, run, part, validator, record)
        except AntiphonError:
            continue
    raise UnavailableError(
        f"Part {part.number + 1} is valid, but nobody hands over its audio", "Run the command again."
    )


async def _fetch(client: Actor, run: TaskRun, part: PartRun, validator: str, record: PartRecord) -> Copy:
    ruling = record.rulings[-1]
    node = await client.context.ledger.node(validator, Role.VALIDATOR)
    message = client.sign(FETCH, validator, run.task, Fetch(index=part.index, attempt=ruling.attempt))
    opener = StreamOpener(part.key, audio_context(run.task, part.index, ruling.attempt, validator))
    form = Form(rate_hz=ruling.delivery.rate_hz, channels=ruling.delivery.channels)
    copy = Copy(opener, ResultHash(part.key.reveal(), form), form)
    answer = client.context.transport.request(node.endpoint, message, deadline_s=FETCH_DEADLINE_S)
    async with aclosing(answer) as frames:
        async for frame in frames:
            if frame[:1] == FRAME_CHUNK:
                copy.take(frame[1:])
    if not copy.is_whole(ruling.delivery.result_hash):
        raise ProtocolError("The validator's copy is not what was judged", "Ask another validator.")
    return copy
