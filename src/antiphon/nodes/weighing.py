"""A validator sets weights: when an epoch is due it commits to what it remembers, and reveals it when nobody can copy.

Whatever fails is tried again until the ledger's phase is over: nothing is thrown away before the epoch has closed.
"""

from __future__ import annotations

import asyncio
import logging

from antiphon.errors import AntiphonError, FundsError, InputError
from antiphon.ledger.base import Ledger
from antiphon.ledger.epochs import EpochRecord, EpochState, Member, commitment
from antiphon.ledger.operations import CommitWeights, RevealWeights
from antiphon.nodes.memory import ScoreMemory
from antiphon.parties.actor import WAIT_S, Actor

log = logging.getLogger("antiphon.nodes")

PAUSE_S = 1.0
"""Before what failed is tried again."""
PAGE = 1_000


class Weigher:
    """Takes part in epochs for one validator."""

    def __init__(self, actor: Actor, memory: ScoreMemory) -> None:
        self._actor, self._memory = actor, memory
        self._without = 0  # the epoch in which we were told that we have no say

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                record = await self._actor.context.ledger.epoch()
                await self.act(record)
                await self._until_it_changes(record)
            except AntiphonError as error:
                log.warning("validator %s: epoch: %s", self._actor.node_id[:8], error)
                await asyncio.sleep(PAUSE_S)

    async def act(self, record: EpochRecord) -> None:
        """What the open epoch asks of us now. Raises what the ledger raises."""
        me, ledger = self._actor.node_id, self._actor.context.ledger
        if record.is_due(self._actor.context.clock.now_ms()) and self._without != record.number:
            pending = self._memory.pending
            lost = pending is None or pending.weights.epoch != record.number
            if me not in record.committed or lost:
                await self._commit(record, await every_member(ledger))
        pending = self._memory.pending
        if record.state is EpochState.REVEALING and me in record.committed and me not in record.revealed:
            if pending is None or pending.weights.epoch != record.number:
                log.warning("validator %s lost the weights that it committed to", me[:8])
                return
            await self._actor.submit(RevealWeights(weights=pending.weights, salt=pending.salt), record.id)

    async def _commit(self, record: EpochRecord, members: tuple[Member, ...]) -> None:
        pending = self._memory.prepare(record, members)
        digest = commitment(
            pending.weights, pending.salt, validator=self._actor.node_id, ledger=await self._actor.ledger_id()
        )
        try:
            await self._actor.submit(CommitWeights(epoch=record.number, commitment=digest), record.id)
        except (FundsError, InputError) as error:
            self._without = record.number
            log.info("validator %s sets no weights in epoch %d: %s", self._actor.node_id[:8], record.number, error)

    async def _until_it_changes(self, record: EpochRecord) -> None:
        """Until there is something new, or the epoch is due."""
        left_s = (record.due_ms - self._actor.context.clock.now_ms()) / 1000
        wait_s = min(WAIT_S, left_s if left_s > 0 else WAIT_S)
        await self._actor.context.ledger.epoch(newer_than=record.version, wait_s=wait_s)


async def every_member(ledger: Ledger) -> tuple[Member, ...]:
    """All registered identities, page by page."""
    found: list[Member] = []
    while page := await ledger.members(after=found[-1].uid if found else -1, limit=PAGE):
        found += page
    return tuple(found)
