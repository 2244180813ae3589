"""The conformance suite on SQLite, on a real PostgreSQL server, and behind the ledger's service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from conformance import RULES, LedgerConformance
from conformance_assets import AssetConformance
from ledger_market import OPERATOR, Market
from postgres_server import PostgresServer

from antiphon.clock import ManualClock
from antiphon.ledger.remote import LedgerService, RemoteLedger
from antiphon.ledger.sql import SqlLedger


@asynccontextmanager
async def founded(place: Path | str, *, remote: bool = False) -> AsyncIterator[Market]:
    clock = ManualClock()
    ledger = await SqlLedger.open(place, operator=OPERATOR, clock=clock, rules=RULES)
    service = LedgerService(ledger, OPERATOR)

    def request(endpoint: str, message: bytes, deadline_s: float) -> AsyncIterator[bytes]:
        assert endpoint == "inproc:ledger"
        return service.handle(message)

    market = Market(RemoteLedger(request, "inproc:ledger", clock=clock) if remote else ledger, clock)
    await market.found()
    yield market
    await ledger.close()


class TestSqliteLedger(LedgerConformance, AssetConformance):
    @pytest.fixture
    async def market(self, tmp_path: Path) -> AsyncIterator[Market]:
        async with founded(tmp_path / "ledger.db") as market:
            yield market


class TestPostgresLedger(LedgerConformance, AssetConformance):
    @pytest.fixture
    async def market(self, postgres: PostgresServer) -> AsyncIterator[Market]:
        async with founded(postgres.new()) as market:
            yield market


class TestRemoteLedger(LedgerConformance, AssetConformance):
    @pytest.fixture
    async def market(self, tmp_path: Path) -> AsyncIterator[Market]:
        async with founded(tmp_path / "ledger.db", remote=True) as market:
            yield market
