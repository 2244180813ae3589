"""Step audits between nodes: what a producer shows of how it made a part, and what a validator makes of it.

A producer whose engine can be audited commits to the root of its trace with the delivery. Where the draw of the seats
audits the delivery, it shows with the result what the draw chose, to every seat the same.

1. Who commits to nothing where the order's engine can be audited, or to what is not the order's work, has delivered
   invalid work. 2. What does not fit the commitment, or was made by other models than ours, is not shown: ABSENT, like
   audio that does not fit the signed hash. Most seats decide, and no producer can have a single one of them fined.
3. A validator without the engine, or whose machine cannot tell, judges by listening alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from antiphon.economy.measurement import Measurement
from antiphon.economy.types import Rules, Verdict, Vote
from antiphon.engines import registry
from antiphon.engines.auditing import Auditable, Claim, Finding, Result
from antiphon.errors import AntiphonError, InputError, ProtocolError
from antiphon.judges.metrics import AUDIT, AUDIT_WHY, AUDITS, SURPRISE
from antiphon.judges.readings import readings_of
from antiphon.ledger.audits import audit_of
from antiphon.ledger.operations import Deliver
from antiphon.ledger.records import PartRecord
from antiphon.nodes.evaluation.base import AuditDraw, Submission
from antiphon.nodes.production import Production
from antiphon.parties.messages import MAX_OPENING_BYTES, Judge, TraceOpening, trace_commitment, trace_context
from antiphon.parties.orders import OpenedOrder
from antiphon.protocol import canonical
from antiphon.protocol.sealing import seal, unseal
from antiphon.services import CloneRequest, Request, SpeechRequest

log = logging.getLogger("antiphon.nodes")

MAX_WHY_CHARS = 200

Auditor = Callable[[Request], Auditable | None]


def auditor_of(request: Request) -> Auditable | None:
    """The installed engine whose voice the order names, if its work can be audited."""
    try:
        if isinstance(request, SpeechRequest):
            name = registry.engine_for(request.voice)
        elif isinstance(request, CloneRequest):
            name = request.profile.engine
        else:
            return None
        engine = registry.load(name)
    except AntiphonError:  # not installed, or broken
        return None
    return engine if isinstance(engine, Auditable) and engine.capabilities.auditable else None


def committed(job: Production) -> bytes:
    """`Deliver.trace_root` of a finished part."""
    return b"" if job.trace is None else trace_commitment(job.order.key.reveal(), job.trace.root)


def opening_for(job: Production, record: PartRecord, receiver: str) -> bytes:
    """What this round's audit shows to one of its seats, sealed; nothing where none was drawn."""
    if job.trace is None or record.delivery is None:
        return b""
    beacon = audit_of(record, record.round, record.delivery, job.task.rules)
    if beacon is None:
        return b""
    body = canonical.encode(TraceOpening(root=job.trace.root, shown=job.trace.open(beacon)))
    return seal(job.order.key, body, trace_context(job.task.task, job.index, job.attempt, receiver))


def shown_on(drawn: AuditDraw | None, order: OpenedOrder, record: PartRecord, attempt: int, receiver: str) -> bytes:
    """What an appellant shows to a juror: the same as it was shown itself."""
    if drawn is None:
        return b""
    body = canonical.encode(TraceOpening(root=drawn.root, shown=drawn.shown))
    return seal(order.key, body, trace_context(record.task, record.part.index, attempt, receiver))


def drawn_for(
    judge: Judge, order: OpenedOrder, record: PartRecord, delivery: Deliver, rules: Rules, receiver: str
) -> AuditDraw | None:
    """The audit that this round drew, with what was shown. Raises `ProtocolError` when it is missing, or another's."""
    beacon = audit_of(record, judge.round, delivery, rules)
    if beacon is None:
        return None
    if not judge.opening or len(judge.opening) > MAX_OPENING_BYTES + 1024:
        raise ProtocolError("The draw audits this delivery, and no opening of its trace came", "Show it.")
    context = trace_context(record.task, judge.index, judge.attempt, receiver)
    shown = canonical.decode(TraceOpening, unseal(order.key, judge.opening, context))
    if trace_commitment(order.key.reveal(), shown.root) != delivery.trace_root:
        raise ProtocolError("The opening is not of the trace that was committed to", "Show that one.")
    return AuditDraw(beacon=beacon, root=shown.root, shown=shown.shown)


def judged(submission: Submission, listen: Callable[[], Vote], auditor: Auditor) -> Vote:
    """The vote of who listens, and of the audit where there is one. Blocking."""
    finding = _finding(submission, auditor)
    if finding is None:
        return listen()
    figures = _measured(finding)
    match finding.result:
        case Result.UNPROVEN:
            log.warning("an audit was shown nothing that fits: %s", finding.reason)
            return Vote(verdict=Verdict.ABSENT, score_ppm=None)
        case Result.FAILED:
            log.warning("an audit failed: %s", finding.reason)
            return Vote(verdict=Verdict.INVALID, score_ppm=0, measurements=figures)
    vote = listen()
    return msgspec.structs.replace(
        vote,
        measurements=(*vote.measurements, *figures),
        readings=(*vote.readings, *readings_of(figures, AUDITS)),
    )


def _finding(submission: Submission, auditor: Auditor) -> Finding | None:
    """None: nothing is to be audited."""
    drawn, audio = submission.audit, submission.audio
    if drawn is None and not submission.uncommitted:
        return None
    engine = auditor(submission.request)
    if engine is not None and submission.uncommitted:
        return Finding(Result.FAILED, f"work of {engine.name} commits to how it was made, and this does not")
    if drawn is None or audio is None:  # what is no audio is for the other judges
        return None
    if engine is None:
        return Finding(Result.UNDECIDED, "no engine here can audit it")
    claim = Claim(submission.request, submission.seed, drawn.root, drawn.beacon, drawn.shown, audio)
    try:
        return engine.audit(claim)
    except InputError as error:  # such as a consent that ran out since
        return Finding(Result.UNDECIDED, error.what)


def _measured(finding: Finding) -> tuple[Measurement, ...]:
    reason = finding.reason[:MAX_WHY_CHARS]
    decided = finding.result in {Result.PASSED, Result.FAILED}
    passed = AUDIT.measured(float(finding.result is Result.PASSED)) if decided else AUDIT.unmeasured(reason)
    if finding.result is Result.FAILED:
        return passed, AUDIT_WHY.unmeasured(reason)
    if finding.figure is None:
        return (passed,)
    return passed, SURPRISE.measured(finding.figure)
