"""What nodes and clients ask about consents: which ones a job relies on, and whether they still stand."""

from __future__ import annotations

from collections.abc import Iterable

from antiphon.errors import InputError, ProtocolError
from antiphon.ledger.base import Ledger
from antiphon.ledger.records import TaskRecord
from antiphon.protocol.consent import GrantRef, require_for
from antiphon.services import CloneRequest, EnrolRequest, Request


def grants_of(requests: Iterable[Request]) -> tuple[bytes, ...]:
    """The different consents that requests carry: what `OpenTask` names."""
    carried = (one.consent for one in requests if isinstance(one, EnrolRequest | CloneRequest))
    return tuple(dict.fromkeys(consent for consent in carried if consent))


def require_named(request: Request, task: TaskRecord, *, at_ms: int) -> None:
    """Raise unless the request needs no consent, or carries one that allows it to the task's client at that moment and
    that the task named in the ledger, so that whoever gave it can revoke it.

    An enrolment's task names that one consent and no other: it is whose voice the profile will be (`origins`).

    Raises `InputError` (missing, expired, foreign) and `ProtocolError` (forged, or not named).
    """
    consent = require_for(request, at_ms=at_ms, grantee=task.client)
    if consent is not None and consent.ref not in task.grants:
        raise ProtocolError(
            "The request carries a consent that its task did not name in the ledger", "Name it in OpenTask.grants."
        )
    if consent is not None and isinstance(request, EnrolRequest) and task.grants != (consent.ref,):
        raise ProtocolError(
            "The enrolment's task names more consents than the one that it relies on", "Enrol each voice by itself."
        )


async def require_standing(ledger: Ledger, grants: Iterable[GrantRef]) -> None:
    """Raise `InputError` if any of a task's consents was revoked: from then on nobody hands out its audio."""
    for ref in grants:
        if await ledger.revoked(ref.grantor, ref.id):
            raise InputError(
                f"The consent {ref.id[:8]} was revoked by {ref.grantor[:8]}, so the audio is not handed out",
                "What was not delivered yet was refunded. Ask for a new consent.",
            )
