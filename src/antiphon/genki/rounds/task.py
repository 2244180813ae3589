"""What the coordinator asks of a contributor, beside the parameters to begin with."""

from __future__ import annotations

import msgspec

from antiphon.genki.rounds.plan import Plan
from antiphon.protocol import canonical

MAX_TASK_BYTES = 32 * 1024


class Task(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One round's request. `counted` is the last round in which the receiver's update was aggregated, 0 for none.
    `attempt` names the try at a sum, with secure aggregation: 32 hex digits, drawn anew for each."""

    plan: Plan
    round: int
    base: str  # `learning.digest` of the parameters that come with it
    counted: int = 0
    attempt: str = ""


def encode(task: Task) -> bytes:
    return canonical.encode(task)


def decode(raw: bytes) -> Task:
    """Raises `ProtocolError` for anything but a task of this version."""
    return canonical.decode(Task, raw, limit=MAX_TASK_BYTES)
