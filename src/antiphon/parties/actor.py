"""Somebody who takes part: with an identity, the ledger and a transport. It signs operations and waits for parts."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from antiphon.clock import Clock
from antiphon.errors import ConflictError
from antiphon.ledger.base import Ledger
from antiphon.ledger.notary import Notary
from antiphon.ledger.operations import Operation
from antiphon.ledger.records import PartRecord, PartState
from antiphon.parties.vouchers import Collector, Wallet
from antiphon.protocol import Identity, canonical, envelope
from antiphon.transport import Transport

WAIT_S = 20.0
"""Longest single wait for a part to move on."""
MIN_WAIT_S = 0.1
"""Least wait for a part whose deadline has passed by our clock: the ledger's may be behind."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a node is given: who it is and whom it can reach."""

    identity: Identity
    ledger: Ledger
    transport: Transport
    clock: Clock
    wallet: Wallet | None = None  # a client's, over a relay
    collector: Collector | None = None  # a producer's, over a relay
    notary: Notary | None = None  # over a relay: who signs for the chain


class Actor:
    """Somebody who signs operations: a client or a node."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.node_id = context.identity.node_id
        self._ledger_id: str | None = None

    async def submit(self, operation: Operation, task: str = "", *, nonce: bytes = b"") -> None:
        """Sign and submit one operation. How long a ledger that is away is waited for is the ledger's own affair
        (`ledger.retrying`). Of two with the same `nonce` the first counts (RepeatedError)."""
        await self.context.ledger.submit(self.sign("ledger", await self.ledger_id(), task, operation, nonce))

    async def endorse(self, record: PartRecord) -> PartRecord:
        """Sign the round for the chain, as its client or producer, if there is a chain; the part as it is then."""
        notary = self.context.notary
        if notary is None or record.state not in {PartState.DELIVERED, PartState.REVEALING}:
            return record
        task = await self.context.ledger.task(record.task)
        operation = await notary.endorse(task, record, self.node_id)
        if operation is not None:
            with contextlib.suppress(ConflictError):  # the round is over, or it was done before
                await self.submit(operation, record.task)
            record = await self.context.ledger.part(record.task, record.part.index)
        await notary.keep(task, record)
        return record

    async def keep(self, record: PartRecord) -> None:
        """Put on disk what the part can be settled by on a chain, if there is one."""
        if self.context.notary is not None and record.endorsed:
            await self.context.notary.keep(await self.context.ledger.task(record.task), record)

    async def ledger_id(self) -> str:
        """The node id of the ledger, asked for once."""
        if self._ledger_id is None:
            self._ledger_id = await self.context.ledger.identity()
        return self._ledger_id

    async def changed(self, record: PartRecord) -> PartRecord:
        """The part once it has moved on, or as it is after a while. A passed deadline is acted on: anybody may."""
        due_ms = record.next_deadline_ms
        left_s = (due_ms - self.context.clock.now_ms()) / 1000 + 0.01 if due_ms else WAIT_S
        wait_s = min(WAIT_S, max(MIN_WAIT_S, left_s))
        task, index = record.task, record.part.index
        fresh = await self.context.ledger.part(task, index, newer_than=record.version, wait_s=wait_s)
        if fresh.version == record.version and left_s <= wait_s:
            await self.context.ledger.expire()
        return fresh

    def sign(self, kind: str, receiver: str, task: str, body: object, nonce: bytes = b"") -> bytes:
        """One signed message of this actor."""
        return envelope.sign(
            self.context.identity,
            kind=kind,
            receiver=receiver,
            task=task,
            body=canonical.encode(body),
            clock=self.context.clock,
            nonce=nonce,
        )
