"""What all nodes share: an identity, the ledger, a transport; registration, heartbeat and the dispatch of messages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from antiphon.clock import Clock
from antiphon.economy.types import Role
from antiphon.errors import AntiphonError, UnavailableError
from antiphon.ledger.base import Ledger, PartRecord
from antiphon.ledger.operations import Heartbeat, Operation, Register, ServiceOffer
from antiphon.nodes.transport import Transport
from antiphon.protocol import Envelope, Identity, ReplayGuard, canonical, envelope

log = logging.getLogger("antiphon.nodes")

MAX_AGE_MS = 60_000
"""Oldest message a node accepts; the replay guard remembers at least this long."""

HEARTBEAT_S = 10.0
LEDGER_TRIES = 5
WAIT_S = 20.0
"""Longest single wait for a part to move on."""
EXPIRE_PAUSE_S = 0.02
"""Between two looks at a part whose deadline has passed, should the ledger's clock be behind ours."""

Route = Callable[[Envelope], AsyncGenerator[bytes, None]]


@dataclass(frozen=True, slots=True)
class Context:
    """What a node is given: who it is and whom it can reach."""

    identity: Identity
    ledger: Ledger
    transport: Transport
    clock: Clock


class Actor:
    """Somebody who signs operations: a client or a node."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.node_id = context.identity.node_id
        self._ledger_id: str | None = None

    async def submit(self, operation: Operation, task: str = "") -> None:
        """Sign and submit one operation; an unreachable ledger is tried again with the same envelope (idempotent)."""
        if self._ledger_id is None:
            self._ledger_id = await self.context.ledger.identity()
        signed = envelope.sign(
            self.context.identity,
            kind="ledger",
            receiver=self._ledger_id,
            task=task,
            body=canonical.encode(operation),
            clock=self.context.clock,
        )
        for attempt in range(LEDGER_TRIES):
            try:
                await self.context.ledger.submit(signed)
                return
            except UnavailableError as error:
                if attempt + 1 == LEDGER_TRIES or not getattr(error, "unreachable", False):
                    raise
                await asyncio.sleep(0.2 * 2**attempt)

    async def changed(self, record: PartRecord) -> PartRecord:
        """The part once it has moved on, or as it is after a while. A passed deadline is acted on: anybody may."""
        left_s = (record.deadline_ms - self.context.clock.now_ms()) / 1000 + 0.01 if record.deadline_ms else WAIT_S
        wait_s = min(WAIT_S, max(0.0, left_s))
        task, index = record.task, record.part.index
        fresh = await self.context.ledger.part(task, index, newer_than=record.version, wait_s=wait_s)
        if fresh.version == record.version and left_s <= wait_s:
            await self.context.ledger.expire()
            await asyncio.sleep(EXPIRE_PAUSE_S)
        return fresh

    def sign(self, kind: str, receiver: str, task: str, body: object) -> bytes:
        """One signed message of this actor."""
        return envelope.sign(
            self.context.identity,
            kind=kind,
            receiver=receiver,
            task=task,
            body=canonical.encode(body),
            clock=self.context.clock,
        )


class Node(Actor):
    """A registered actor with an endpoint. Subclasses give `role`, `offers` and `routes`."""

    role: Role

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._guard = ReplayGuard(window_ms=2 * MAX_AGE_MS, capacity=100_000)
        self._background: set[asyncio.Task[None]] = set()
        self._heart: asyncio.Task[None] | None = None

    @property
    def offers(self) -> tuple[ServiceOffer, ...]:
        raise NotImplementedError

    @property
    def routes(self) -> Mapping[str, Route]:
        raise NotImplementedError

    async def handle(self, message: bytes) -> AsyncGenerator[bytes, None]:
        """The transport's handler: verify, then dispatch by kind. Raises `AntiphonError` only."""
        opened = envelope.open(
            message,
            receiver=self.node_id,
            clock=self.context.clock,
            guard=self._guard,
            kinds=tuple(self.routes),
            max_age_ms=MAX_AGE_MS,
        )
        async for frame in self.routes[opened.kind](opened):
            yield frame

    async def start(self, endpoint: str) -> None:
        """Register in the ledger and keep telling it that this node is alive."""
        await self.submit(
            Register(
                role=self.role,
                offers=self.offers,
                seal_key=self.context.identity.seal_public,
                endpoint=endpoint,
            )
        )
        self._heart = asyncio.create_task(self._beat(), name=f"heartbeat {self.node_id[:8]}")

    async def stop(self, *, goodbye: bool = True) -> None:
        """End background work, and tell the ledger not to offer this node any more."""
        tasks = list(self._background)
        if self._heart is not None:
            tasks.append(self._heart)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if goodbye:
            with contextlib.suppress(AntiphonError):
                await self.submit(Heartbeat(role=self.role, live=False))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            await self._quietly(self.submit(Heartbeat(role=self.role)), "heartbeat")

    def _spawn(self, work: Coroutine[Any, Any, None], what: str) -> None:
        """Run in the background; an expected error is logged, and ends this piece of work only."""
        task = asyncio.create_task(self._quietly(work, what), name=what)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _quietly(self, work: Awaitable[None], what: str) -> None:
        try:
            await work
        except AntiphonError as error:
            log.warning("%s %s: %s: %s", self.role, self.node_id[:8], what, error)

    async def drain(self) -> None:
        """Wait until no background work is left (votes cast, results judged)."""
        while self._background:
            await asyncio.gather(*self._background, return_exceptions=True)
