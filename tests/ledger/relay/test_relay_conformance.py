"""The conformance suite on a relay whose money, stakes and registry are on a real chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from conformance import LedgerConformance
from evm_anvil import Anvil
from ledger_market import OPERATOR, task_id
from postgres_server import PostgresServer
from relay_market import RelayMarket

from antiphon.ledger.queries import ReadBook
from antiphon.ledger.receipts import audit, build
from antiphon.ledger.records import PartState


class TestRelay(LedgerConformance):
    """What moves money at the ledger's own will is the chain's here: `test_relay_ledger` says what becomes of it."""

    @pytest.fixture
    async def market(self, founded: Anvil, opened: Callable[..., Awaitable[RelayMarket]]) -> RelayMarket:
        return await opened(founded)

    test_the_same_envelope_again_changes_nothing = None
    test_a_refused_envelope_is_refused_again_with_the_same_words = None
    test_only_the_operator_deposits = None
    test_nobody_pays_what_it_has_not = None
    test_nobody_registers_without_stake = None
    test_unsigned_forged_stale_and_misdirected_envelopes_are_refused = None
    test_nothing_is_opened_when_money_is_missing = None
    test_locked_stake_cannot_be_withdrawn_and_is_released_at_the_end = None
    test_who_is_silent_or_has_no_free_stake_at_delivery_is_not_drawn_and_the_record_says_so = None
    test_a_delivery_that_too_few_can_judge_is_refunded = None
    test_a_probe_looks_like_any_other_task_until_it_is_closed = None
    test_only_a_staked_validator_vouches_and_only_for_the_client_it_names = None
    test_nobody_works_on_or_judges_their_own_task = None
    test_a_validators_own_prompt_is_worked_judged_and_paid_like_any_other = None


async def test_a_relay_keeps_sessions_bonds_and_book_in_postgres(
    founded: Anvil, opened: Callable[..., Awaitable[RelayMarket]], postgres: PostgresServer
) -> None:
    db = postgres.new()
    market = await opened(founded, db=db)
    await market.open(task_id(1))
    await market.deliver(task_id(1))
    assert (await market.judge(task_id(1))).state is PartState.VALID
    audit(await build(market.ledger, task_id(1)), ledger=OPERATOR.node_id)
    await market.ledger.follow()
    page = await market.ledger.read(ReadBook(after=0, limit=1_000))
    assert len(page.hashes) == page.head.sequence > 10
    await market.ledger.close()
    again = await opened(founded, market.clock, found=False, db=db)
    assert (await again.ledger.read(ReadBook(after=0, limit=1_000))).hashes == page.hashes
