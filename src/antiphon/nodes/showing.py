"""How a producer gets its result judged: it shows order, key and result to the drawn validators of every round."""

from __future__ import annotations

import asyncio
import logging

from antiphon.economy.types import Role, Terms
from antiphon.errors import AntiphonError, BusyError, UnavailableError
from antiphon.ledger import panel
from antiphon.ledger.records import PartRecord, PartState
from antiphon.ledger.showings import SHOWN, Shown
from antiphon.nodes.auditing import opening_for
from antiphon.nodes.production import Production
from antiphon.parties.actor import Actor
from antiphon.parties.messages import JUDGE, Judge, audio_context
from antiphon.parties.orders import wrap_for
from antiphon.protocol import StreamSealer

log = logging.getLogger("antiphon.nodes")

JUDGE_DEADLINE_S = 10.0
JUDGE_TRIES = 6
LONGEST_PAUSE_S = 2.0


async def submit_for_judging(actor: Actor, job: Production) -> PartRecord:
    """Show the result to the validators of each round until the part leaves our hands. Returns it as it is then."""
    shown_round = -1
    shows: list[asyncio.Task[None]] = []
    try:
        record = await actor.context.ledger.part(job.task.task, job.index)
        while not record.state.final and record.attempt == job.attempt:
            if record.state is PartState.DELIVERED and record.round > shown_round:
                shown_round = record.round
                shows.append(asyncio.create_task(_show(actor, job, record)))
            record = await actor.changed(await actor.endorse(record))
        await actor.keep(record)
    finally:
        for show in shows:
            show.cancel()
        for failed in await asyncio.gather(*shows, return_exceptions=True):
            if isinstance(failed, Exception):
                log.error("showing part %d of %s failed", job.index, job.task.task[:8], exc_info=failed)
    return record


async def _show(actor: Actor, job: Production, record: PartRecord) -> None:
    async with asyncio.TaskGroup() as shows:
        for seat in panel.seats(record):
            shows.create_task(_show_one(actor, job, record, seat))


def _statement(job: Production, seat: Terms) -> Shown:
    assert job.done is not None, "only what is delivered is shown"
    return Shown(index=job.index, attempt=job.attempt, validator=seat.node, result_hash=job.done.result_hash)


async def _show_one(actor: Actor, job: Production, record: PartRecord, seat: Terms) -> None:
    """A busy or absent validator is asked again. What is shown to most seats too late, or not at all, is invalid."""
    task = job.task.task
    try:
        node = await actor.context.ledger.node(seat.node, Role.VALIDATOR)
        seal_key, endpoint = node.seal_key, node.endpoint
        sealer = StreamSealer(job.order.key, audio_context(task, job.index, job.attempt, seat.node))
        body = Judge(
            index=job.index,
            attempt=job.attempt,
            round=record.round,
            order=job.order.raw,
            wrapped_key=wrap_for(job.order.key, seal_key, task=task, index=job.index, receiver=seat.node),
            shown=actor.sign(SHOWN, await actor.ledger_id(), task, _statement(job, seat)),
            sealed_result=sealer.chunk(b"".join(job.made_of), final=True),
            opening=opening_for(job, record, seat.node),
        )
        await hand_over(actor, endpoint, seat.node, task, body)
    except AntiphonError as error:
        log.warning("validator %s did not take part %d of %s: %s", seat.node[:8], job.index, task[:8], error)


async def hand_over(actor: Actor, endpoint: str, validator: str, task: str, body: Judge) -> None:
    """Show it to one validator; one that is busy or away is asked again. Raises what the last try raised."""
    for attempt in range(JUDGE_TRIES):
        try:
            message = actor.sign(JUDGE, validator, task, body)
            async for _ in actor.context.transport.request(endpoint, message, deadline_s=JUDGE_DEADLINE_S):
                pass
            return
        except UnavailableError as error:
            if attempt + 1 == JUDGE_TRIES:
                raise
            pause_s = error.retry_after_s if isinstance(error, BusyError) else 0.25 * 2**attempt
            await asyncio.sleep(min(pause_s, LONGEST_PAUSE_S))
