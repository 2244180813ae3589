"""Where a voice profile comes from: reference -> profile -> consent, as a trainer signed it and validators judged it.

A profile is used only with the task that made it. That task's evidence is the chain: the trainer's signed `Deliver` has
the hash of the very bytes of the profile, which name the reference; validators found it valid against that reference;
`OpenTask` names the consent, whose grantor can revoke it. Nobody can say it for another: a profile that is relabelled
has another hash, and one that its maker vouches for alone was never found valid.
"""

from __future__ import annotations

from antiphon.economy.types import Role
from antiphon.errors import ConflictError, InputError, ProtocolError
from antiphon.ledger.base import Ledger
from antiphon.ledger.records import PartRecord, PartState, TaskRecord
from antiphon.parties.messages import DATA, ResultHash, result_salt
from antiphon.protocol import TaskKey, canonical
from antiphon.protocol.consent import open_grant
from antiphon.services import CloneRequest, Origin, Request, VoiceProfile

_AGAIN = "Enrol the voice again: antiphon voices delete NAME, then antiphon voices add NAME."


def origin_of(task: str, index: int, key: TaskKey) -> Origin:
    """Of a part's result, for those who use it later."""
    return Origin(task=task, index=index, salt=result_salt(key.reveal()))


async def require_origin(ledger: Ledger, request: Request) -> None:
    """Raise `InputError` unless the request uses no profile, or one that this ledger shows the making of:

    1. it names a task and part of this ledger; 2. a trainer's part that validators found valid; 3. whose delivered hash
    is that of this very profile; 4. for a task that named one consent; 5. whose grantor is the one whose consent the
    request carries, so that his revocation reaches it, whatever other consents name the same recording.
    """
    if not isinstance(request, CloneRequest):
        return
    origin = request.origin
    if origin is None:  # 1
        raise InputError("The voice profile does not come with the task that made it", _AGAIN)
    task, part = await _made(ledger, origin)
    if part.part.role is not Role.TRAINER or part.state is not PartState.VALID or part.delivery is None:  # 2
        raise InputError("The voice profile's task is no enrolment that was found valid", _AGAIN)
    if part.delivery.result_hash != _hash_of(request.profile, origin):  # 3
        raise InputError("The voice profile is not the one that its task delivered: it was changed", _AGAIN)
    grantors = {grant.grantor for grant in task.grants}
    if len(task.grants) != 1 or open_grant(request.consent).grantor not in grantors:  # 4, 5
        raise InputError(
            "The consent is not by whoever consented to the making of this voice profile",
            "Ask the voice's owner for one, or enrol the recording with the consent that you have.",
        )


async def _made(ledger: Ledger, origin: Origin) -> tuple[TaskRecord, PartRecord]:
    try:
        return await ledger.task(origin.task), await ledger.part(origin.task, origin.index)
    except (InputError, ConflictError, ProtocolError) as e:
        raise InputError("This ledger knows no task that made the voice profile", _AGAIN) from e


def _hash_of(profile: VoiceProfile, origin: Origin) -> bytes:
    result = ResultHash(b"", DATA, salt=origin.salt)
    result.update(canonical.encode(profile))
    return result.digest()
