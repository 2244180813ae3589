"""A miner: it shows a card, takes work of validators, and answers with sealed audio as it is made."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import aclosing, contextmanager

from antiphon.clock import Clock
from antiphon.errors import BusyError, InputError, ProtocolError
from antiphon.nodes.engine_runner import EngineRunner
from antiphon.parties.messages import FRAME_CHUNK, PartBrief, form_frame
from antiphon.protocol import Identity, StreamSealer, canonical
from antiphon.protocol.sealing import unseal
from antiphon.services import EnrolRequest, Request, service_of
from antiphon.subnet.gate import Gate
from antiphon.subnet.hotkeys import Hotkey, Requests, sender_of
from antiphon.subnet.making import making
from antiphon.subnet.messages import Ask, AskCard, AskWork, Card, Names, sign_card
from antiphon.subnet.sessions import Sessions
from antiphon.transport.base import request_headers
from antiphon.transport.connection import MESSAGE_PATH

log = logging.getLogger("antiphon.subnet")

FRAME_BYTES = 480_000
"""Largest piece of an answer in one frame: 10 s of audio at 24 kHz. Nobody listens to it as it grows."""


class Miner:
    """Bounded: `slots` orders are made at once, `queue` more wait, and one validator has at most half of the places.

    1. Who asks is looked up before anything is computed for him; 2. the request is authentic (`hotkeys.Requests`);
    3. only then is a place taken and the order opened. A validator that leaves cancels what was made for it. Engines
    work in `pool`, by default as many threads as there are slots.
    """

    def __init__(
        self,
        key: Hotkey,
        identity: Identity,
        gate: Gate,
        runners: Sequence[EngineRunner],
        clock: Clock,
        *,
        netuid: int,
        slots: int = 1,
        queue: int = 8,
        pool: Executor | None = None,
    ) -> None:
        if not runners:
            raise InputError("A miner runs at least one engine", "Give --engine; see `antiphon engines`.")
        self._key, self._identity, self._gate, self._clock = key, identity, gate, clock
        self._runners = tuple(runners)
        self._netuid = netuid
        self._sessions = Sessions(identity, netuid, key.ss58)
        self._requests = Requests(key.ss58, not_before_ns=time.time_ns())
        self._places = slots + queue
        self._held: Counter[str] = Counter()
        self._slots = asyncio.Semaphore(slots)
        self._pool = pool or ThreadPoolExecutor(slots, thread_name_prefix="miner")

    @property
    def hotkey(self) -> str:
        return self._key.ss58

    def handle(self, message: bytes) -> AsyncIterator[bytes]:
        """A handler for `antiphon.transport.serve`."""
        headers = request_headers.get({})
        self._gate.check(sender_of(headers))  # 1
        sender = self._requests.verify(headers, message, path=MESSAGE_PATH)  # 2
        ask = canonical.decode(Ask, message)
        if ask.netuid != self._netuid:
            raise ProtocolError(f"This miner serves subnet {self._netuid}, not {ask.netuid}")
        return self._card() if isinstance(ask, AskCard) else self._work(ask, sender)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _card(self) -> AsyncIterator[bytes]:
        card = Card(
            netuid=self._netuid,
            hotkey=self.hotkey,
            seal_public=self._identity.seal_public,
            offers=tuple(offer for runner in self._runners for offer in runner.offers),
            time_ms=self._clock.now_ms(),
        )
        yield sign_card(card, self._key)

    @contextmanager
    def _place(self, sender: str) -> Iterator[None]:
        if self._held.total() >= self._places or self._held[sender] >= max(1, self._places // 2):
            raise BusyError(f"This miner has {self._held.total()} orders in work", "Ask again.", retry_after_s=1.0)
        self._held[sender] += 1
        try:
            yield
        finally:
            self._held[sender] -= 1

    async def _work(self, ask: AskWork, sender: str) -> AsyncIterator[bytes]:
        names = Names(self._netuid, ask.order, self.hotkey, sender)
        with self._place(sender):  # 3
            key = self._sessions.open(sender, ask.wrapped_key)
            brief = canonical.decode(PartBrief, unseal(key, ask.sealed_brief, names.context("brief")))
            runner = self._runner_of(brief.request)
            yield form_frame(runner.form)
            sealer = StreamSealer(key, names.context("answer"))
            made = making(self._pool, lambda: runner.produce(brief.request, brief.seed))
            async with self._slots, aclosing(made):
                async for chunk, ended in made:
                    for start in range(0, len(chunk), FRAME_BYTES):
                        end = start + FRAME_BYTES
                        yield sealer.chunk(chunk[start:end], ended and end >= len(chunk), before=FRAME_CHUNK)
            if not sealer.finished:
                yield sealer.chunk(b"", final=True, before=FRAME_CHUNK)
        log.info("%s for %s", service_of(brief.request), sender[:8])

    def _runner_of(self, request: Request) -> EngineRunner:
        """The first that can do it. Raises InputError with the last one's reason."""
        refused = InputError(f"This miner offers no {service_of(request)}", "Look at its card.")
        for runner in self._runners:
            if runner.form.is_audio == isinstance(request, EnrolRequest):
                continue  # a voice profile is no sound
            if all(offer.service != service_of(request) for offer in runner.offers):
                continue
            try:
                runner.check(request)
            except InputError as error:
                refused = error
            else:
                return runner
        raise refused
