"""The conformance suite on every backend that needs no other process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from conformance import RULES, LedgerConformance
from ledger_market import OPERATOR, Market

from antiphon.clock import ManualClock
from antiphon.ledger.remote import LedgerService, RemoteLedger
from antiphon.ledger.sql import SqlLedger


class TestSqlLedger(LedgerConformance):
    @pytest.fixture
    async def market(self, tmp_path: Path) -> AsyncIterator[Market]:
        clock = ManualClock()
        ledger = await SqlLedger.open(tmp_path / "ledger.db", operator=OPERATOR, clock=clock, rules=RULES)
        market = Market(ledger, clock)
        await market.found()
        yield market
        await ledger.close()


class TestRemoteLedger(LedgerConformance):
    @pytest.fixture
    async def market(self, tmp_path: Path) -> AsyncIterator[Market]:
        clock = ManualClock()
        ledger = await SqlLedger.open(tmp_path / "ledger.db", operator=OPERATOR, clock=clock, rules=RULES)
        service = LedgerService(ledger, OPERATOR)

        def request(endpoint: str, message: bytes, deadline_s: float) -> AsyncIterator[bytes]:
            assert endpoint == "inproc:ledger"
            return service.handle(message)

        market = Market(RemoteLedger(request, "inproc:ledger", clock=clock), clock)
        await market.found()
        yield market
        await ledger.close()
