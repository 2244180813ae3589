"""Whoever signs for a chain what somebody does over a relay. Without a chain key there is no such one."""

from __future__ import annotations

from typing import Protocol

from antiphon.economy.types import Vote
from antiphon.ledger.operations import Endorse
from antiphon.ledger.records import PartRecord, TaskRecord


class Notary(Protocol):
    """One party's. None of it raises for what cannot be signed: the task goes on as it would without."""

    async def endorse(self, task: TaskRecord, record: PartRecord, node: str) -> Endorse | None:
        """What `node`, the task's client or the part's producer, is to submit once the seats are drawn."""

    async def ballot(self, record: PartRecord, task: TaskRecord, vote: Vote) -> bytes:
        """A seat's vote for the chain; empty: it cannot be signed."""

    async def keep(self, task: TaskRecord, record: PartRecord) -> None:
        """Put on disk what a part can be settled by if the relay is never heard of again."""
