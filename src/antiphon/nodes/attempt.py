"""One attempt at one part, seen from the client: send the work, take the stream, check it, or pass to the next node."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from antiphon.audio import Waveform
from antiphon.economy.types import Role
from antiphon.errors import AntiphonError, BusyError, ConflictError, InputError, ProtocolError, UnavailableError
from antiphon.ledger.base import NodeRecord, PartRecord, PartState
from antiphon.ledger.operations import Skip
from antiphon.nodes.events import Audio, Stage
from antiphon.nodes.messages import (
    FETCH,
    FRAME_ACCEPTED,
    FRAME_CHUNK,
    FRAME_DONE,
    WORK,
    Done,
    Fetch,
    ResultHash,
    Work,
    audio_context,
)
from antiphon.nodes.parts import wrap_for
from antiphon.protocol import StreamOpener, canonical, envelope

if TYPE_CHECKING:
    from antiphon.nodes.client import Client, PartRun, TaskRun

BUSY_TRIES = 40
FETCH_DEADLINE_S = 10.0


@dataclass(slots=True)
class _Stream:
    """What has arrived of one attempt's audio."""

    opener: StreamOpener
    result: ResultHash
    rate_hz: int
    pcm: list[bytes] = field(default_factory=list)


async def run_attempt(client: Client, run: TaskRun, part: PartRun, record: PartRecord) -> None:
    """Try the assigned producer once. Afterwards the part is delivered, or was skipped in the ledger.

    1. A producer that is busy is asked again while no other is left; 2. one that fails before delivering is skipped;
    3. audio whose hash is not the committed one is never released in verified mode; 4. audio that a paid producer
    keeps back is fetched from a validator that judged it.
    """
    last = record.attempt + 1 == len(record.assignment.producers)
    heard = False
    try:
        for attempt in range(BUSY_TRIES):
            try:
                await _receive(client, run, part, record)
                heard = True
                break
            except BusyError as error:  # 1
                if not last or attempt + 1 == BUSY_TRIES:
                    raise
                await asyncio.sleep(error.retry_after_s)
    except InputError as error:
        await _skip(client, run, part, record, error)
        raise
    except AntiphonError as error:
        await _skip(client, run, part, record, error)  # 2
    if not heard and run.mode == "verified":
        await _rescue(client, run, part, record)  # 4


async def _skip(client: Client, run: TaskRun, part: PartRun, record: PartRecord, error: AntiphonError) -> None:
    """Pass over the producer, unless it has delivered after all."""
    operation = Skip(task=run.task, index=part.index, attempt=record.attempt, reason=type(error).__name__)
    try:
        await client.submit(operation, run.task)
    except ConflictError:
        return
    part.output.put_nowait(Stage(part.number, f"retry: {error.what}"))


async def _receive(client: Client, run: TaskRun, part: PartRun, record: PartRecord) -> None:
    """Send the work and take the answer."""
    producer = record.assignment.producers[record.attempt].node
    node = await _find(client, producer, record.part.role)
    work = Work(
        index=part.index,
        attempt=record.attempt,
        order=part.order,
        wrapped_key=wrap_for(part.key, node.seal_key, task=run.task, index=part.index, receiver=producer),
    )
    message = client.sign(WORK, producer, run.task, work)
    deadline_s = max(1.0, (record.deadline_ms - client.context.clock.now_ms()) / 1000)
    if run.mode == "verified":
        rules = (await client.context.ledger.task(run.task)).rules
        deadline_s += (rules.commit_s + rules.reveal_s) * (1 + rules.redraws)
    stream: _Stream | None = None
    answer = client.context.transport.request(node.endpoint, message, deadline_s=deadline_s)
    async with aclosing(answer) as frames:
        async for frame in frames:
            tag, payload = frame[:1], frame[1:]
            if tag == FRAME_ACCEPTED:
                context = audio_context(run.task, part.index, record.attempt, client.node_id)
                rate_hz = int.from_bytes(payload, "big")
                stream = _Stream(StreamOpener(part.key, context), ResultHash(part.key.reveal(), rate_hz), rate_hz)
            elif tag == FRAME_CHUNK and stream is not None:
                pcm, _ = stream.opener.open(payload)
                stream.result.update(pcm)
                _take(run, part, stream, pcm)
            elif tag == FRAME_DONE and stream is not None:
                await _check(client, run, part, record, stream, payload)
                _release(part, stream)
                return
            else:
                raise ProtocolError("The producer's answer has a frame out of place")
    raise ProtocolError("The producer's answer ended before it was done")


def _take(run: TaskRun, part: PartRun, stream: _Stream, pcm: bytes) -> None:
    """Stream mode releases at once, except what an earlier, broken attempt has released already."""
    if run.mode == "verified":
        stream.pcm.append(pcm)
        return
    before = stream.result.samples - len(pcm) // 2
    fresh = pcm[2 * max(0, part.released_samples - before) :]
    if fresh:
        part.released_samples = stream.result.samples
        part.output.put_nowait(Audio(part.number, Waveform.from_pcm16(fresh, stream.rate_hz)))


def _release(part: PartRun, stream: _Stream) -> None:
    if stream.pcm:
        part.output.put_nowait(Audio(part.number, Waveform.from_pcm16(b"".join(stream.pcm), stream.rate_hz)))


async def _check(
    client: Client, run: TaskRun, part: PartRun, record: PartRecord, stream: _Stream, payload: bytes
) -> None:
    """The stream is whole, and is what the producer signed and what the ledger holds. Raises `ProtocolError`."""
    signed = envelope.verify_at(payload, client.node_id)
    done = canonical.decode(Done, signed.body)
    if signed.sender != record.assignment.producers[record.attempt].node or signed.task != run.task:
        raise ProtocolError("The result is signed by somebody else")
    if not stream.opener.finished:
        raise ProtocolError("The audio stream was cut short")
    delivered = await client.context.ledger.part(run.task, part.index)
    hashes = {done.result_hash, stream.result.digest()}
    hashes.update(ruling.delivery.result_hash for ruling in delivered.rulings if ruling.attempt == record.attempt)
    if delivered.delivery is not None and delivered.attempt == record.attempt:
        hashes.add(delivered.delivery.result_hash)
    if len(hashes) != 1:
        raise ProtocolError("The audio is not what the producer committed to", "It is not used.")


async def _rescue(client: Client, run: TaskRun, part: PartRun, record: PartRecord) -> None:
    """Fetch judged audio from a validator when the producer did not hand it over."""
    current = record
    while not current.state.final and current.attempt == record.attempt:
        current = await client.changed(current)
    if current.state is not PartState.VALID or current.attempt != record.attempt or not current.rulings:
        return
    ruling = current.rulings[-1]
    for validator in ruling.votes:
        try:
            await _fetch(client, run, part, validator, current)
            return
        except AntiphonError:
            continue
    raise UnavailableError(f"Part {part.index} is valid, but nobody hands over its audio", "Run the command again.")


async def _fetch(client: Client, run: TaskRun, part: PartRun, validator: str, record: PartRecord) -> None:
    delivery = record.rulings[-1].delivery
    node = await _find(client, validator, Role.VALIDATOR)
    message = client.sign(FETCH, validator, run.task, Fetch(index=part.index, attempt=record.attempt))
    opener = StreamOpener(part.key, audio_context(run.task, part.index, record.attempt, validator))
    stream = _Stream(opener, ResultHash(part.key.reveal(), delivery.rate_hz), delivery.rate_hz)
    answer = client.context.transport.request(node.endpoint, message, deadline_s=FETCH_DEADLINE_S)
    async with aclosing(answer) as frames:
        async for frame in frames:
            if frame[:1] == FRAME_CHUNK:
                pcm, _ = opener.open(frame[1:])
                stream.result.update(pcm)
                stream.pcm.append(pcm)
    if not opener.finished or stream.result.digest() != delivery.result_hash:
        raise ProtocolError("The validator's copy is not what was judged")
    _release(part, stream)


async def _find(client: Client, node_id: str, role: Role) -> NodeRecord:
    for node in await client.context.ledger.nodes(role):
        if node.node == node_id:
            return node
    raise UnavailableError(f"Node {node_id[:8]} is not registered any more")
