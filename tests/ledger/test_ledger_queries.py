"""Reading is one method: whoever passes queries on need not know them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import pytest
from conformance_assets import content, make
from ledger_market import OPERATOR, SPEECH, Market, party, task_id

from antiphon.clock import ManualClock
from antiphon.economy.types import DEFAULT_RULES, Part, Role
from antiphon.ledger import remote
from antiphon.ledger.queries import (
    AnyQuery,
    AskQuote,
    IsRevoked,
    ListAssets,
    ListBatches,
    ListEarnings,
    ListMembers,
    ListNodes,
    ListOffers,
    ListParts,
    ListSeats,
    ListTasks,
    Query,
    ReadAccount,
    ReadAsset,
    ReadBook,
    ReadEpoch,
    ReadEvidence,
    ReadNode,
    ReadPart,
    ReadSupply,
    ReadTask,
)
from antiphon.ledger.remote import LedgerService, RemoteLedger
from antiphon.ledger.retrying import RetryingLedger
from antiphon.ledger.sql import SqlLedger
from antiphon.protocol import canonical

TASK = task_id(1)


def asked(market: Market) -> list[Query[Any]]:
    producer = next(node for node in market.people if node != OPERATOR.node_id)
    return [
        ReadAccount(owner=OPERATOR.node_id),
        ReadNode(node=list(market.people)[3], role=Role.PROCESSOR),
        ListNodes(limit=3),
        ListOffers(selector=SPEECH, role=Role.VALIDATOR),
        AskQuote(selector=SPEECH, parts=(Part(index=0, units=10),)),
        ReadTask(task=TASK),
        ListTasks(),
        ListParts(task=TASK),
        ReadPart(task=TASK, index=0),
        ListSeats(node=producer),
        ReadEvidence(task=TASK),
        IsRevoked(grantor=producer, grant="0" * 32),
        ReadEpoch(),
        ListMembers(limit=4),
        ReadSupply(),
        ReadAsset(asset=content("asset")),
        ListAssets(),
        ListEarnings(asset=content("asset")),
        ListBatches(task=TASK),
    ]


async def test_every_query_has_the_same_answer_here_and_over_a_channel(tmp_path: Path) -> None:
    clock = ManualClock()
    ledger = await SqlLedger.open(tmp_path / "ledger.db", operator=OPERATOR, clock=clock)
    service = LedgerService(ledger, OPERATOR)

    def request(endpoint: str, message: bytes, deadline_s: float) -> AsyncIterator[bytes]:
        return service.handle(message)

    far = RetryingLedger(RemoteLedger(request, "x", clock=clock))
    market = Market(ledger, clock)
    await market.found()
    await make(market, party("one"), "asset")
    await market.open(TASK)
    await market.deliver(TASK)
    await market.judge(TASK)
    clock.advance(DEFAULT_RULES.appeal_s + 1)
    await ledger.expire()
    queries = asked(market)
    assert {type(query) for query in queries} == set(get_args(AnyQuery)) - {ReadBook}  # a relay's: tests/ledger/relay
    for query in queries:
        assert await far.read(query) == await ledger.read(query), query
    await ledger.close()


def test_a_question_has_the_bytes_that_other_versions_read() -> None:
    question = remote._Question(nonce=b"n" * 16, call=ReadPart(task="t", index=1, newer_than=2, wait_s=3.5))
    assert canonical.pack(question).hex() == (
        "82a56e6f6e6365c410" + "6e" * 16 + "a463616c6c85a463616c6ca470617274a47461736ba174a5696e64657801"
        "aa6e657765725f7468616e02a6776169745f73cb400c000000000000"
    )


@pytest.mark.parametrize("query", get_args(AnyQuery))
def test_every_query_names_the_type_of_its_answer(query: type[Query[Any]]) -> None:
    assert query.answer() is not Any
    assert query.answer() is not None
