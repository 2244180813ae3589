"""Which closed tasks a relay nets next, so that nobody who stays silent keeps the others from their pay.

1. Of each client one session, of no more parties than a batch has. What cannot be netted is set aside.
2. Whoever lets a batch expire is left out, each time for twice as long, until nothing else is left.
3. The batch after one that expired has only parties that signed that one. So newcomers who never sign, new ones each
   time, spoil every second batch at most.
4. Tasks are looked through page by page, each time from where the last look ended. So what is passed over, however much
   it is, hides nothing that came later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from antiphon.clock import Clock
from antiphon.economy import accounts
from antiphon.errors import ConflictError
from antiphon.ledger.relay import netting
from antiphon.ledger.relay.facts import Facts
from antiphon.ledger.sql import SqlLedger, batches

if TYPE_CHECKING:
    from antiphon.ledger.sql.batches import DueTask

MAX_DOUBLED = 8
"""Whoever is silent is left out for 2**8 times the time of a batch at most: eight hours and a half."""


class Choice:
    """What is to be netted, and who does not answer."""

    def __init__(self, store: SqlLedger, facts: Facts, clock: Clock, within_s: int) -> None:
        self._store, self._facts, self._clock, self._within_ms = store, facts, clock, 1_000 * within_s
        self._addresses: dict[str, str] = {}
        self._misses: dict[str, int] = {}
        self._until_ms: dict[str, int] = {}
        self._only: frozenset[str] | None = None
        self._after, self._passed_over = 0, False

    @property
    def addresses(self) -> Mapping[str, str]:
        """By node, of all that were chosen."""
        return self._addresses

    def expired(self, signed: Iterable[str], missing: Iterable[str]) -> None:
        """Rules 2 and 3."""
        now_ms = self._clock.now_ms()
        for party in missing:
            self._misses[party] = self._misses.get(party, 0) + 1
            self._until_ms[party] = now_ms + (self._within_ms << min(self._misses[party], MAX_DOUBLED))
        self._only, self._after = frozenset(signed), 0

    def settled(self, parties: Iterable[str]) -> None:
        """All of them have signed."""
        for party in parties:
            self._misses.pop(party, None)

    async def next(self, limit: int) -> list[DueTask]:
        """At most so many tasks; none when nothing is to be netted now (rule 4)."""
        while True:
            after = self._after
            found = await self._store.write(lambda s, after=after: batches.due(s.db, limit, after))  # type: ignore[misc]
            chosen = await self._choose(found)
            ended = len(found) < limit
            self._after = 0 if ended else found[-1].seq
            if chosen:
                self._only = None
                return chosen
            if ended:
                passed_over, self._passed_over = self._passed_over, False
                if passed_over and self._only is not None:
                    self._only = None
                    continue
                if passed_over:  # with the next look, everybody is asked again
                    self._until_ms.clear()
                return []

    async def set_aside(self, task: str, number: int) -> None:
        await self._store.write(lambda s: batches.set_aside(s.db, task, number))

    async def _choose(self, found: Sequence[DueTask]) -> list[DueTask]:
        """Rules 1 to 3."""
        chosen: list[DueTask] = []
        sessions: dict[str, int] = {}
        parties: set[str] = set()
        now_ms = self._clock.now_ms()
        silent = {party for party, until_ms in self._until_ms.items() if now_ms < until_ms}
        for one in found:
            if not one.net_nano:
                await self.set_aside(one.task, batches.NOTHING)
                continue
            named = await self._parties(one)
            if named is None:
                await self.set_aside(one.task, batches.PENDING)
            elif named & silent or (self._only is not None and not named <= self._only):
                self._passed_over = True
            elif sessions.get(one.client, one.session) == one.session and len(parties | named) <= netting.MAX_PARTIES:
                sessions[one.client] = one.session
                parties |= named
                chosen.append(one)
        return chosen

    async def _parties(self, one: DueTask) -> set[str] | None:
        """Addresses of all whom a task changes something for; None: it cannot be netted."""
        try:
            netting.expect_nettable(one)
        except ConflictError:
            return None
        named = set()
        prefix = accounts.balance("")
        for account in one.net_nano:
            node = account.removeprefix(prefix)
            if not account.startswith(prefix) or (node == one.client and one.session):
                continue
            if node not in self._addresses:
                address = await self._facts.address(node)
                if address is None:
                    return None
                self._addresses[node] = address
            named.add(self._addresses[node])
        if one.session:
            named.add((await self._store.write(lambda s: batches.claim(s.db, one.client, one.session)))[0])
        return named
