"""The ledger's own word on a task: when it applied each operation and each deadline. Signed when the task closes."""

from __future__ import annotations

import msgspec

from antiphon.ledger.records import TaskState

LEDGER_JOURNAL = "ledger-journal"
"""Kind of the envelope that carries a `Journal`: the last one before the closing envelope."""


LEDGER_REVOKED = "ledger-revoked"
"""Kind of the envelope by which the ledger says that a consent of the task was revoked. Its body is the grantor's own
envelope with the `Revoke`: that one is about no single task."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One event. A deadline that passed has no envelope."""

    at_ms: int
    index: int  # of the part; -1 = the whole task
    envelope: int  # position in the evidence; -1 = a deadline
    left_out: tuple[str, ...] = ()  # after a delivery: who of the pool could not sit (no free stake, or silent)
    link: bytes = b""  # of the ledger's chain, for a draw


class Journal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All events after the opening, in order, and how the task ended."""

    entries: tuple[Entry, ...]
    state: TaskState
    closed_ms: int
