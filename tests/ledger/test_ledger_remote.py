"""What only the ledger over a channel can get wrong: errors, sizes, silence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ledger_market import OPERATOR, Market, task_id

from antiphon.clock import ManualClock
from antiphon.errors import BusyError, InputError, ProtocolError, UnavailableError
from antiphon.ledger import remote
from antiphon.ledger.remote import LedgerService, RemoteLedger
from antiphon.ledger.sql import SqlLedger


class Busy:
    async def identity(self) -> str:
        raise BusyError("Too many", "Retry.", retry_after_s=2.5)


async def collect(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def test_an_error_travels_as_its_own_class_with_its_words() -> None:
    service = LedgerService(Busy(), OPERATOR)  # type: ignore[arg-type]
    client = RemoteLedger(lambda endpoint, message, deadline_s: service.handle(message), "x")
    with pytest.raises(BusyError, match=r"Too many\. Retry\.") as found:
        await client.identity()
    assert found.value.retry_after_s == 2.5


async def test_noise_is_answered_with_an_error_not_with_a_crash() -> None:
    service = LedgerService(Busy(), OPERATOR)  # type: ignore[arg-type]
    assert b"ProtocolError" in await collect(service.handle(b"\x00noise"))


async def test_no_answer_is_unavailable_and_too_long_an_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silence(endpoint: str, message: bytes, deadline_s: float) -> AsyncIterator[bytes]:
        return
        yield b""

    async def flood(endpoint: str, message: bytes, deadline_s: float) -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1_000

    with pytest.raises(UnavailableError, match="no answer"):
        await RemoteLedger(silence, "x").identity()
    monkeypatch.setattr(remote, "MAX_SMALL_ANSWER_BYTES", 10_000)
    with pytest.raises(ProtocolError, match="longer than"):
        await RemoteLedger(flood, "x").identity()


async def test_a_long_poll_is_given_its_time_beyond_the_deadline() -> None:
    deadlines = []

    async def note(endpoint: str, message: bytes, deadline_s: float) -> AsyncIterator[bytes]:
        deadlines.append(deadline_s)
        return
        yield b""

    client = RemoteLedger(note, "x", ledger=OPERATOR.node_id, deadline_s=5.0)
    with pytest.raises(UnavailableError):
        await client.part(task_id(1), 0, newer_than=3, wait_s=10.0)
    with pytest.raises(UnavailableError):
        await client.part(task_id(1), 0, newer_than=3, wait_s=1e9)
    assert deadlines == [15.0, 5.0 + remote.MAX_POLL_S]


async def test_large_answers_travel_in_pieces(tmp_path: Path) -> None:
    clock = ManualClock()
    ledger = await SqlLedger.open(tmp_path / "ledger.db", operator=OPERATOR, clock=clock)
    service, sizes = LedgerService(ledger, OPERATOR), []

    async def request(endpoint: str, message: bytes, deadline_s: float) -> AsyncIterator[bytes]:
        async for piece in service.handle(message):
            sizes.append(len(piece))
            yield piece

    market = Market(RemoteLedger(request, "x", clock=clock), clock)
    await market.found()
    await market.open(task_id(1), units=[1] * 1_000)
    sizes.clear()
    assert len(await market.ledger.parts(task_id(1))) == 1_000
    assert len(sizes) > 1
    assert max(sizes) <= remote.FRAME_BYTES
    with pytest.raises(InputError):
        await market.ledger.task(task_id(2))
    await ledger.close()
