"""What all nodes share: registration, heartbeat and the dispatch of messages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import aclosing
from typing import Any

from antiphon.economy.types import Role
from antiphon.errors import AntiphonError, ConflictError, InputError, UnavailableError
from antiphon.ledger.operations import Heartbeat, Register, ServiceOffer
from antiphon.parties.actor import Actor, Context
from antiphon.parties.messages import HEADS
from antiphon.protocol import Envelope, ReplayGuard, canonical, envelope

log = logging.getLogger("antiphon.nodes")

MAX_AGE_MS = 60_000
"""Oldest message a node accepts; the replay guard remembers at least this long."""

HEARTBEAT_S = 5.0
RENEW_MS = 86_400_000
"""How often a registration is signed anew (`ledger.registration.MAX_AGE_MS`)."""
GOODBYE_S = 3.0
"""Longest try to tell the ledger that a node leaves; without it the ledger notices after `rules.live_s`."""

Route = Callable[[Envelope], AsyncGenerator[bytes, None]]


class Node(Actor, ABC):
    """A registered actor with an endpoint. Subclasses give `role`, `offers` and `routes`."""

    role: Role

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._guard = ReplayGuard(
            window_ms=2 * MAX_AGE_MS,
            capacity=100_000,
            # What was answered before a restart is forgotten: a message from back then could be a second copy.
            not_before_ms=context.clock.now_ms() - 1,
        )
        self._background: set[asyncio.Task[None]] = set()
        self._heart: asyncio.Task[None] | None = None
        self._leaving = False
        self._endpoint = ""
        self._registered_ms = 0

    @property
    @abstractmethod
    def offers(self) -> tuple[ServiceOffer, ...]:
        """What it announces in the ledger."""

    @property
    @abstractmethod
    def routes(self) -> Mapping[str, Route]:
        """What answers which kind of message."""

    async def handle(self, message: bytes) -> AsyncGenerator[bytes, None]:
        """The transport's handler: verify, then dispatch by kind. Raises `AntiphonError` only.

        Each route calls `admit` once the ledger has shown that the sender is a party of the task. Until then nothing is
        remembered: a stranger's message is refused as often as it comes, and takes no place from those who belong.
        """
        opened = envelope.open(
            message,
            receiver=self.node_id,
            clock=self.context.clock,
            guard=None,
            kinds=(HEADS, *self.routes),
            max_age_ms=MAX_AGE_MS,
        )
        now_ms = self.context.clock.now_ms()
        self._guard.check(opened.sender, opened.nonce, time_ms=opened.time_ms, now_ms=now_ms)
        if self._leaving and opened.kind in self.new_work:
            raise UnavailableError("The node is leaving and takes no more work", "Ask another node.")
        if opened.kind == HEADS:
            if (head := self.context.ledger.head) is not None:
                yield canonical.pack(head)
            return
        # Closed here and now: what a route holds (keys, its place in the queue) is free when the asker is gone.
        async with aclosing(self.routes[opened.kind](opened)) as frames:
            async for frame in frames:
                yield frame

    def admit(self, message: Envelope) -> None:
        """Rule 10: act on a message once. Raises `ProtocolError` (replayed, stale), `BusyError` (too many of them)."""
        now_ms = self.context.clock.now_ms()
        self._guard.admit(message.sender, message.nonce, time_ms=message.time_ms, now_ms=now_ms)

    new_work: frozenset[str] = frozenset()
    """Kinds of messages that are refused while the node leaves."""

    async def start(self, endpoint: str) -> None:
        """Register in the ledger and keep telling it that this node is alive."""
        self._endpoint = endpoint
        await self._register()
        self._heart = asyncio.create_task(self._beat(), name=f"heartbeat {self.node_id[:8]}")

    async def stop(self, *, goodbye: bool = True, finish_s: float = 0.0) -> None:
        """Leave: no new work, up to `finish_s` for what is under way, then an end to it."""
        self._leaving = True
        if self._heart is not None:
            await _end({self._heart})
        if goodbye and self._endpoint:
            with contextlib.suppress(AntiphonError, TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await self.submit(Heartbeat(role=self.role, endpoint=self._endpoint, live=False))
        if finish_s > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(finish_s):
                    await self.drain()
        await _end(self._background)

    async def drain(self) -> None:
        """Wait until no background work is left (votes cast, results judged)."""
        while self._background:
            await asyncio.wait(self._background)
            await asyncio.sleep(0)  # lets their callbacks take them off the list

    async def _register(self) -> None:
        self._registered_ms = self.context.clock.now_ms()
        await self.submit(
            Register(
                role=self.role,
                offers=self.offers,
                seal_key=self.context.identity.seal_public,
                endpoint=self._endpoint,
            )
        )

    async def _beat(self) -> None:
        """For ever. A ledger that does not know this node, or knows it elsewhere, is told of it again; and every day,
        since an old registration is believed by nobody."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            try:
                try:
                    if self.context.clock.now_ms() - self._registered_ms > RENEW_MS:
                        await self._register()
                    await self.submit(Heartbeat(role=self.role, endpoint=self._endpoint))
                except (InputError, ConflictError):
                    await self._register()
            except AntiphonError as error:
                log.warning("%s %s: heartbeat: %s", self.role, self.node_id[:8], error)

    def _spawn(self, work: Coroutine[Any, Any, None], what: str, done: Callable[[], None]) -> asyncio.Task[None]:
        """Run in the background. `done` is called when it ends, in whatever way: also if it never began."""
        task = asyncio.create_task(self._quietly(work, what), name=what)
        self._background.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._background.discard(task)
            work.close()
            done()

        task.add_done_callback(ended)
        return task

    async def _quietly(self, work: Coroutine[Any, Any, None], what: str) -> None:
        """An error ends this piece of work only; one that nobody foresaw is logged with its traceback."""
        try:
            await work
        except AntiphonError as error:
            log.warning("%s %s: %s: %s", self.role, self.node_id[:8], what, error)
        except Exception:  # the edge: nobody waits for this task, so its log is all that is told
            log.exception("%s %s: %s failed", self.role, self.node_id[:8], what)


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for their end."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
