"""Before a task is opened: does its client's session still stand behind it?

A client can end parts of its own session on the chain, by a batch that nobody else is in or by seats of its own.
Nobody can prevent that, so whoever works for it must hear of it before more work is done. The chain says what the
session has given; the relay knows what it has ordered (`sql.spending`). Is more gone, or was a part ended that was
promised for a task which is not settled, no task is opened out of it any more. Each account is looked at once in
`LASTS_MS`, at the newest block, so a client gets at most what it orders in that time.
"""

from __future__ import annotations

from antiphon.clock import Clock
from antiphon.errors import ConflictError, FundsError
from antiphon.ledger.relay import paying
from antiphon.ledger.relay.facts import Facts
from antiphon.ledger.sql import SqlLedger, batches, spending

LASTS_MS = 5_000
PROMISED = 8
"""So many of the promised parts are asked for, those that were named last."""
MAX_KNOWN = 10_000


class Backing:
    """Looks at the sessions of clients. What was found is kept for a while, good or bad."""

    def __init__(self, store: SqlLedger, facts: Facts, clock: Clock) -> None:
        self._store, self._facts, self._clock = store, facts, clock
        self._known: dict[str, tuple[int, str]] = {}  # by account: until when, and what is wrong

    def forget(self, account: str) -> None:
        """It has another session."""
        self._known.pop(account, None)

    async def expect(self, account: str) -> None:
        """Raises FundsError: it has no session; ConflictError: what it has was spent behind the relay's back; and
        UnavailableError while the chain is away."""
        now_ms = self._clock.now_ms()
        until_ms, wrong = self._known.get(account, (0, ""))
        if now_ms >= until_ms:
            spent = await self._store.write(lambda s: spending.of_account(s.db, account, PROMISED))
            if spent is None:
                raise FundsError("A task is paid out of a session, and this account has none", "antiphon chain session")
            wrong = await self._wrong(spent)
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[account] = now_ms + LASTS_MS, wrong
        if wrong:
            raise ConflictError(wrong, "Sign the relay's batches, or open another session: antiphon chain session")

    async def _wrong(self, spent: spending.Spent) -> str:
        quorum, number = self._facts.contracts.quorum, spent.session
        given_nano = spent.nano - (await quorum.read("sessions", number))[4]
        ended = [part for part in spent.promised if await quorum.read("is_settled", number, part)]
        if given_nano <= spent.ordered_nano and not ended:
            return ""
        paid = await self._paid(number, spent.promised)
        ordered_nano = spent.ordered_nano + sum(paid.values())
        if given_nano > ordered_nano:
            return f"Session {number} has given {given_nano} nano on the chain, of which {ordered_nano} for tasks here"
        if lost := [part for part in ended if part not in paid]:
            return f"Part {lost[0]} of session {number} was promised for a task, and ended without paying for it"
        return ""

    async def _paid(self, session: int, promised: tuple[int, ...]) -> dict[int, int]:
        """What the session gave for those parts that were settled as its client has signed here, in nano."""
        found: dict[int, int] = {}
        for part in sorted((await self._facts.ended(session)).keys() & set(promised)):
            for task in await self._store.write(lambda s, part=part: batches.endorsed(s.db, session, part)):  # type: ignore[misc]
                opened = await self._store.task(task)
                for record in await self._store.parts(task):
                    for one in (one.operation for one in record.endorsed if one.node == opened.client):
                        if (one.session, one.part) == (session, part):
                            told = await paying.paid(self._facts, record, opened.request_hash, one)
                            found |= {} if told is None else {part: told.nano}
        return found
