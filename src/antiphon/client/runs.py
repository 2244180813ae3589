"""A task and its parts as the client holds them while they run."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from antiphon.client.budget import paid_nano
from antiphon.client.events import Event
from antiphon.economy.beacon import Chain
from antiphon.economy.types import DEFAULT_RULES, Mode, Quote, Rules
from antiphon.errors import AntiphonError
from antiphon.ledger.operations import Selector
from antiphon.ledger.records import PartRecord
from antiphon.parties.actor import Actor
from antiphon.protocol import TaskKey
from antiphon.protocol.consent import GrantRef
from antiphon.services import Request


@dataclass(slots=True)
class PartRun:
    """One part on the client's side: its order and key, and the queue its audio waits in until its turn."""

    number: int  # job-wide
    index: int  # within the task
    request: Request | None  # None: only its result is still wanted
    key: TaskKey
    order: bytes
    chain: Chain  # its links are opened one by one, as deliveries wait for their seats
    signed: dict[int, bytes] = field(default_factory=dict)  # by round: out of which pool we opened the link to draw
    output: asyncio.Queue[Event | None] = field(default_factory=asyncio.Queue)
    released_s: float = 0.0  # of audio, in stream mode
    refusal: AntiphonError | None = None  # why the last producer was passed over
    error: AntiphonError | None = None
    slot: str = ""  # where its result is kept
    selector: Selector | None = None  # None: only its result is still wanted
    heard: bool = False  # all its sound has come; in stream mode its verdict may be out
    missing: bool = False  # it failed, and the job goes on without it
    record: PartRecord | None = None  # as the ledger had it last
    moved: PartRun | None = None  # the same part, ordered again at another ledger


@dataclass(frozen=True, slots=True)
class KeptPart:
    """A part whose result an earlier run of the job has paid for."""

    number: int
    slot: str


@dataclass(slots=True)
class TaskRun:
    """One open task on the client's side. Without parts there is no task: all that is to play was kept."""

    actor: Actor  # at the ledger that it was opened at
    task: str
    quote: Quote
    mode: Mode
    parts: list[PartRun]
    plays: list[PartRun | KeptPart]  # the same and kept ones between them, in the job's order
    rules: Rules = DEFAULT_RULES
    grants: tuple[GrantRef, ...] = ()
    opening: asyncio.Task[None] | None = None
    workers: list[asyncio.Task[None]] = field(default_factory=list)
    moved: TaskRun | None = None  # what was left of it when its ledger was lost

    @property
    def known_cost_nano(self) -> int:
        """What it has cost, as far as we heard before its ledger was lost."""
        return paid_nano(self.actor.node_id, [part.record for part in self.parts if part.record is not None])
