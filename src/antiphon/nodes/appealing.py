"""Appeals, seen from a node: whether one is worth its bond, and how the jury gets to hear the work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Literal

from antiphon.economy.types import Role, Rules, Vote
from antiphon.errors import AntiphonError, ConflictError, ProtocolError
from antiphon.ledger import appeals
from antiphon.ledger.operations import Appeal, Deliver
from antiphon.ledger.records import Dispute, DisputeState, PartRecord, PartState
from antiphon.nodes.auditing import shown_on
from antiphon.nodes.evaluation.base import AuditDraw
from antiphon.nodes.showing import hand_over
from antiphon.parties.actor import Actor
from antiphon.parties.messages import Judge, audio_context
from antiphon.parties.orders import OpenedOrder, wrap_for
from antiphon.protocol import StreamSealer

log = logging.getLogger("antiphon.nodes")

SURE = 4
"""A validator appeals when its score is further from the majority's than so many tolerances: then it did not just hear
a borderline case a little otherwise."""

Phase = Literal["commit", "reveal", "over"]


def phase(record: PartRecord, attempt: int, round_: int) -> Phase:
    """Where a round of judgement is, of a first panel or of a jury."""
    if round_ >= appeals.JURY:
        dispute = _of_jury(record, round_)
        state = dispute.state if dispute is not None else None
        return {DisputeState.COMMITTING: "commit", DisputeState.REVEALING: "reveal"}.get(state, "over")  # type: ignore[arg-type, return-value]
    if (record.attempt, record.round) != (attempt, round_):
        return "over"
    return {PartState.DELIVERED: "commit", PartState.REVEALING: "reveal"}.get(record.state, "over")  # type: ignore[return-value]


def called(record: PartRecord, judge: Judge, sender: str, node: str) -> tuple[Deliver, int]:
    """What a juror is asked to hear, and until when. Raises for whoever may not ask, or need not be heard."""
    dispute = _of_jury(record, judge.round)
    if dispute is None or dispute.state is not DisputeState.COMMITTING or dispute.attempt != judge.attempt:
        raise ConflictError(f"No appeal on part {judge.index} waits for its jury")
    ruling = appeals.ruling_of(record, dispute)
    if sender not in appeals.may_appeal(record, dispute) | {ruling.producer.node}:
        raise ProtocolError("Only who was fined and the producer may show a jury the result")
    if node not in dispute.jury or node in dispute.commits:
        raise ConflictError("This validator is not on the jury, or has voted already")
    return ruling.delivery, dispute.deadline_ms


def worth_an_appeal(record: PartRecord, round_: int, node: str, vote: Vote, rules: Rules) -> bool:
    """Whether this validator was fined for a vote of which it is sure."""
    try:
        dispute = appeals.find(record, round_)
    except ConflictError:
        return False
    median = appeals.ruling_of(record, dispute).outcome.score_ppm
    if node not in appeals.may_appeal(record, dispute) or vote.score_ppm is None or median is None:
        return False
    return (
        dispute.state is not DisputeState.REVEALING and abs(vote.score_ppm - median) >= SURE * rules.score_tolerance_ppm
    )


async def appeal(
    actor: Actor, record: PartRecord, round_: int, order: OpenedOrder, result: bytes, audit: AuditDraw | None = None
) -> None:
    """Ask for the jury, show it the result (and what its audit opens), and wait for its end. When somebody else was
    first, the jury is shown the result all the same: whoever appeals to show nothing must not be the last word."""
    task, index = record.task, record.part.index
    with contextlib.suppress(ConflictError):
        await actor.submit(Appeal(task=task, index=index, round=round_), task)
    record = await actor.context.ledger.part(task, index)
    dispute = appeals.find(record, round_)
    log.info("part %d of %s: appealed to a jury of %d", index, task[:8], len(dispute.jury))
    async with asyncio.TaskGroup() as shows:
        for juror in dispute.jury:
            shows.create_task(_show(actor, record, dispute, juror, order, result, audit))
    while any(other.round == round_ for other in record.disputes):
        record = await actor.changed(record)
    log.info("part %d of %s: %s", index, task[:8], record.notes[-1])


async def _show(
    actor: Actor,
    record: PartRecord,
    dispute: Dispute,
    juror: str,
    order: OpenedOrder,
    result: bytes,
    audit: AuditDraw | None,
) -> None:
    task, index = record.task, record.part.index
    try:
        node = await actor.context.ledger.node(juror, Role.VALIDATOR)
        sealer = StreamSealer(order.key, audio_context(task, index, dispute.attempt, juror))
        body = Judge(
            index=index,
            attempt=dispute.attempt,
            round=appeals.JURY + dispute.round,
            order=order.raw,
            wrapped_key=wrap_for(order.key, node.seal_key, task=task, index=index, receiver=juror),
            shown=b"",  # the delivery's own hash is what a jury checks
            sealed_result=sealer.chunk(result, final=True),
            opening=shown_on(audit, order, record, dispute.attempt, juror),
        )
        await hand_over(actor, node.endpoint, juror, task, body)
    except AntiphonError as error:
        log.warning("juror %s did not take part %d of %s: %s", juror[:8], index, task[:8], error)


def _of_jury(record: PartRecord, round_: int) -> Dispute | None:
    return next((dispute for dispute in record.disputes if appeals.JURY + dispute.round == round_), None)
