"""A process that drives tasks on a ledger, a file or a PostgreSQL URL, until somebody kills it: see test_ledger_crash.

Prints one line per event: `sent HEX`, `done HEX`, `state NAME`.
"""

from __future__ import annotations

import asyncio
import sys

from ledger_market import OPERATOR, VALID, Market, committed, delivery, producer, seated, task_id

from antiphon.clock import SystemClock
from antiphon.economy.types import Rules
from antiphon.ledger.operations import Operation, Reveal
from antiphon.ledger.sql import SqlLedger

RULES = Rules(live_s=10**7)


def say(word: str, what: str) -> None:
    print(word, what, flush=True)


class LoudMarket(Market):
    """Says what it sends, and what was answered."""

    async def do(self, who, operation: Operation) -> None:  # type: ignore[no-untyped-def]
        raw = self.sign(who, operation)
        say("sent", raw.hex())
        await self.ledger.submit(raw)
        say("done", raw.hex())


async def drive(market: Market, task: str) -> None:
    await market.open(task, units=(50,))
    say("state", "assigned")
    record = await market.ledger.part(task, 0)
    await market.do(producer(record), delivery(record))
    say("state", "drawing")
    record = await market.draw(task)
    say("state", "delivered")
    seats = seated(record)
    for who in seats:
        await market.do(who, committed(record, who, VALID))
    say("state", "revealing")
    for who in seats:
        await market.do(who, Reveal(task=task, index=0, round=0, vote=VALID, salt=b"s" * 16))
    say("state", "valid")


async def main(place: str) -> None:
    clock = SystemClock()
    ledger = await SqlLedger.open(place, operator=OPERATOR, clock=clock, rules=RULES)
    market = LoudMarket(ledger, clock)
    await market.found()
    say("state", "founded")
    for number in range(10_000):
        await asyncio.gather(*(drive(market, task_id(10 * number + k)) for k in range(3)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
