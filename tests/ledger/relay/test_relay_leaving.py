"""One relay of several is left for good when it is gone or was caught; also by who waits for an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from evm_anvil import Anvil
from ledger_market import CLIENT, task_id
from relay_market import RelayMarket

from antiphon.door import relays
from antiphon.door.settings import Settings
from antiphon.errors import ConflictError, LedgerLostError, UnreachableError
from antiphon.ledger.base import Ledger
from antiphon.ledger.evm.config import ChainFile
from antiphon.ledger.queries import Query, ReadBook
from antiphon.ledger.relay.leaving import LeavableRelay
from antiphon.ledger.relay.watch import WatchedLedger
from antiphon.ledger.retrying import RetryingLedger
from antiphon.transport import InProcessTransport

Open = Callable[..., Awaitable[RelayMarket]]


class Failing(Ledger):
    """A relay that can be cut off, or begin to withhold the newest entry of its book."""

    def __init__(self, relay: Ledger) -> None:
        self.relay, self.gone, self.withholds = relay, False, False

    async def identity(self) -> str:
        self._reach()
        return await self.relay.identity()

    async def submit(self, envelope: bytes) -> None:
        self._reach()
        await self.relay.submit(envelope)

    async def read(self, query: Query):  # type: ignore[no-untyped-def, type-arg]
        self._reach()
        answer = await self.relay.read(query)
        if self.withholds and isinstance(query, ReadBook) and answer.hashes:
            return type(answer)(first=answer.first, hashes=answer.hashes[:-1], head=answer.head)
        return answer

    async def expire(self) -> int:
        return await self.relay.expire()

    async def close(self) -> None:
        await self.relay.close()

    def _reach(self) -> None:
        if self.gone:
            raise UnreachableError("The ledger at http://127.0.0.1:1 does not answer", "Is it up?")


async def two(founded: Anvil, opened: Open, folder: Path) -> tuple[RelayMarket, Failing, LeavableRelay]:
    market = await opened(founded)
    relay = Failing(market.ledger)
    watched = WatchedLedger(relay, market.ledger._facts, folder / "head.json")
    market.ledger = LeavableRelay(watched)
    return market, relay, market.ledger


async def test_a_relay_that_does_not_answer_is_left_and_not_asked_again(
    founded: Anvil, opened: Open, tmp_path: Path
) -> None:
    market, relay, ledger = await two(founded, opened, tmp_path)
    await market.open(task_id(1))
    record = await ledger.part(task_id(1), 0)
    waiting = asyncio.create_task(ledger.part(task_id(1), 0, newer_than=record.version, wait_s=20.0))
    await asyncio.sleep(0)
    relay.gone = True
    with pytest.raises(LedgerLostError, match=r"does not answer. Open a session at another relay: antiphon chain"):
        await ledger.account(CLIENT.node_id)
    with pytest.raises(LedgerLostError, match="does not answer"):
        await asyncio.wait_for(waiting, 15)
    relay.gone = False
    with pytest.raises(LedgerLostError, match="does not answer"):
        await ledger.submit(market.last)
    assert ledger.is_lost


async def test_a_relay_that_is_caught_is_left(founded: Anvil, opened: Open, tmp_path: Path) -> None:
    market, relay, ledger = await two(founded, opened, tmp_path)
    await market.open(task_id(1))
    assert await ledger.watch() > 0
    await market.deliver(task_id(1))
    relay.withholds = True
    with pytest.raises(LedgerLostError, match="book does not add up to its head"):
        await ledger.watch()
    with pytest.raises(LedgerLostError, match="book does not add up to its head"):
        await ledger.account(CLIENT.node_id)


async def test_a_refusal_is_no_reason_to_leave(founded: Anvil, opened: Open, tmp_path: Path) -> None:
    market, _, ledger = await two(founded, opened, tmp_path)
    await market.open(task_id(1))
    with pytest.raises(ConflictError):
        await market.open(task_id(1))
    assert not ledger.is_lost


async def test_who_leaves_while_its_relay_is_away_does_not_wait_for_it(
    founded: Anvil, opened: Open, chain: tuple[ChainFile, Path], tmp_path: Path
) -> None:
    """At the end the book is looked at once more; a node has 45 s of patience until then."""
    relay = Failing((await opened(founded)).ledger)
    settings = Settings(tmp_path, "evm:", rpc=founded.url, chain=chain[1])
    patient, own = RetryingLedger(relay), await relay.identity()
    async with asyncio.timeout(300):
        with pytest.raises(UnreachableError):
            async with relays.watched(settings, patient, own, InProcessTransport(), leavable=False):
                relay.gone = True
