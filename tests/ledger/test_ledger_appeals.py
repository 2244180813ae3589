"""Appeals on a real ledger: a cartel that holds the first panel is outvoted by the rest of the pool, and pays."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ledger_market import (
    ADA,
    CLIENT,
    CLONE,
    INVALID,
    OPERATOR,
    SALT,
    UNSURE,
    VALID,
    Market,
    consent,
    party,
    seated,
    task_id,
)

from antiphon.clock import ManualClock
from antiphon.economy.types import NANO, Rules, Vote
from antiphon.errors import ConflictError, FundsError
from antiphon.ledger import appeals
from antiphon.ledger.operations import Appeal, Cancel, Commit, Reveal, Revoke, Unstake
from antiphon.ledger.panel import commitment
from antiphon.ledger.receipts import audit, build
from antiphon.ledger.records import PartRecord, PartState, TaskState
from antiphon.ledger.sql import SqlLedger
from antiphon.protocol.consent import grant_id

RULES = Rules(live_s=10**7)
MAKER = party("producer 0").node_id
FEE, REWARD = 10_000, 100_000  # nano: of a validator, and of the producer, for a part of 100 units


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    """One producer and five validators; at the end nothing is locked and all accounts sum to 0."""
    clock = ManualClock()
    ledger = await SqlLedger.open(tmp_path / "ledger.db", operator=OPERATOR, clock=clock, rules=RULES)
    market = Market(ledger, clock, producers=1, validators=5)
    await market.found()
    yield market
    for task in await ledger.tasks(limit=500):
        assert task.state is not TaskState.OPEN
        audit(await build(ledger, task.task), ledger=OPERATOR.node_id)
    assert all([(await ledger.account(who)).locked_nano == 0 for who in market.people])
    await ledger.close()
    db = sqlite3.connect(tmp_path / "ledger.db")
    assert db.execute("SELECT sum(nano) FROM accounts").fetchone() == (0,)
    db.close()


async def wealth(market: Market, *who: str) -> int:
    accounts = [await market.ledger.account(owner) for owner in who]
    return sum(account.balance_nano + account.stake_nano + account.escrow_nano for account in accounts)


async def judged(market: Market, number: int, votes: tuple[Vote, Vote, Vote]) -> PartRecord:
    await market.open(task_id(number))
    await market.deliver(task_id(number))
    return await market.judge(task_id(number), votes=votes)


async def jury_votes(market: Market, record: PartRecord, vote: Vote, count: int = 2) -> PartRecord:
    """The first `count` of the jury commit and reveal `vote`."""
    (dispute,) = record.disputes
    task, round_ = record.task, appeals.JURY + dispute.round
    for who in dispute.jury[:count]:
        digest = commitment(vote, SALT, validator=who, task=task, index=0, round=round_)
        await market.do(who, Commit(task=task, index=0, round=round_, commitment=digest))
    if count < len(dispute.jury):
        market.clock.advance(RULES.commit_s)  # type: ignore[attr-defined]
        await market.ledger.expire()
    for who in dispute.jury[:count]:
        await market.do(who, Reveal(task=task, index=0, round=round_, vote=vote, salt=SALT))
    return await market.ledger.part(task, 0)


async def test_without_an_appeal_the_fines_follow_when_the_window_ends_and_nothing_else_waits(market: Market) -> None:
    before = await wealth(market, CLIENT.node_id)
    record = await judged(market, 1, (VALID, VALID, INVALID))
    assert (record.state, len(record.disputes)) == (PartState.VALID, 1)
    loser = record.rulings[0].outcome.minority[0]
    assert await wealth(market, CLIENT.node_id) == before - REWARD - 2 * FEE, "the client has its money back"
    assert await wealth(market, loser) == 100 * NANO
    assert (await market.ledger.account(loser)).locked_nano == FEE
    assert (await market.ledger.task(task_id(1))).state is TaskState.OPEN
    market.clock.advance(RULES.appeal_s)  # type: ignore[attr-defined]
    assert await market.ledger.expire() == 1
    assert await wealth(market, loser) == 100 * NANO - FEE
    assert (await market.ledger.task(task_id(1))).state is TaskState.COMPLETED


async def test_a_cartel_that_passes_silence_loses_to_the_rest_of_the_pool(market: Market) -> None:
    client = await wealth(market, CLIENT.node_id)
    maker = await wealth(market, MAKER)
    record = await judged(market, 1, (VALID, VALID, INVALID))
    outcome = record.rulings[0].outcome
    (honest,) = outcome.minority
    await market.do(honest, Appeal(task=task_id(1), index=0, round=0))
    record = await jury_votes(market, await market.ledger.part(task_id(1), 0), INVALID)
    assert record.settled
    assert "overturned on appeal" in record.notes[-1]
    assert await wealth(market, CLIENT.node_id) == client, "the client is made whole"
    assert await wealth(market, MAKER) == maker + REWARD - 200_000
    for who in outcome.majority:
        assert await wealth(market, who) == 100 * NANO + FEE - 2 * FEE
    assert await wealth(market, honest) == 100 * NANO + FEE
    for who in {judge.node for judge in record.assignment.validators} - set(seated(record)):
        assert await wealth(market, who) == 100 * NANO + FEE


async def test_an_appeal_in_vain_pays_the_jury_and_the_fine_follows(market: Market) -> None:
    record = await judged(market, 1, (VALID, VALID, INVALID))
    (loser,) = record.rulings[0].outcome.minority
    await market.do(loser, Appeal(task=task_id(1), index=0, round=0))
    jury = (await market.ledger.part(task_id(1), 0)).disputes[0].jury
    assert (await market.ledger.account(loser)).locked_nano == FEE + 2 * FEE
    record = await jury_votes(market, await market.ledger.part(task_id(1), 0), VALID)
    assert "upheld on appeal" in record.notes[-1]
    assert await wealth(market, loser) == 100 * NANO - FEE - 2 * FEE
    assert await wealth(market, *jury) == 2 * (100 * NANO + FEE)


async def test_a_producer_wrongly_fined_gets_its_fine_back_and_its_reward_out_of_the_fines(market: Market) -> None:
    maker, client = await wealth(market, MAKER), await wealth(market, CLIENT.node_id)
    record = await judged(market, 1, (INVALID, INVALID, VALID))
    outcome = record.rulings[0].outcome
    assert record.state is PartState.INVALID
    assert await wealth(market, MAKER) == maker, "the fine waits"
    await market.do(MAKER, Appeal(task=task_id(1), index=0, round=0))
    record = await jury_votes(market, await market.ledger.part(task_id(1), 0), VALID)
    assert "overturned" in record.notes[-1]
    assert await wealth(market, MAKER) == maker + FEE, "4 fees of fines: 1 for the outvoted, 2 for the jury, 1 is left"
    assert await wealth(market, CLIENT.node_id) == client - 2 * FEE, "the client bears what its judgement cost"
    assert await wealth(market, *outcome.majority) == 2 * (100 * NANO + FEE - 2 * FEE)


async def test_a_jury_that_is_shown_nothing_changes_nothing_and_costs_the_appellant_one_fee(market: Market) -> None:
    record = await judged(market, 1, (VALID, VALID, INVALID))
    (loser,) = record.rulings[0].outcome.minority
    await market.do(loser, Appeal(task=task_id(1), index=0, round=0))
    market.clock.advance(RULES.commit_s)  # type: ignore[attr-defined]
    await market.ledger.expire()
    record = await market.ledger.part(task_id(1), 0)
    assert "upheld" in record.notes[-1]
    assert await wealth(market, loser) == 100 * NANO - FEE - FEE


async def test_one_juror_or_one_that_cannot_tell_overturns_nothing(market: Market) -> None:
    for number, vote, count in ((1, INVALID, 1), (2, UNSURE, 2)):
        record = await judged(market, number, (VALID, VALID, INVALID))
        (loser,) = record.rulings[0].outcome.minority
        await market.do(loser, Appeal(task=task_id(number), index=0, round=0))
        record = await jury_votes(market, await market.ledger.part(task_id(number), 0), vote, count)
        assert "upheld" in record.notes[-1]


async def test_only_who_was_fined_appeals_once_in_time_and_with_stake_for_the_jury(market: Market) -> None:
    record = await judged(market, 1, (VALID, VALID, INVALID))
    outcome, asked = record.rulings[0].outcome, Appeal(task=task_id(1), index=0, round=0)
    for who in (*outcome.majority, MAKER, CLIENT.node_id):
        with pytest.raises((ConflictError, FundsError)):
            await market.do(who, asked)
    with pytest.raises(ConflictError, match="Nothing is held back"):
        await market.do(outcome.minority[0], Appeal(task=task_id(1), index=0, round=1))
    market.clock.advance(RULES.appeal_s)  # type: ignore[attr-defined]
    with pytest.raises(ConflictError):
        await market.do(outcome.minority[0], asked)
    record = await judged(market, 2, (VALID, VALID, INVALID))
    (loser,) = record.rulings[0].outcome.minority
    free = await market.ledger.account(loser)
    await market.do(loser, Unstake(amount_nano=free.stake_nano - 10 * NANO))
    await market.do(loser, Appeal(task=task_id(2), index=0, round=0))
    with pytest.raises(ConflictError, match="committing"):
        await market.do(loser, Appeal(task=task_id(2), index=0, round=0))
    market.clock.advance(RULES.commit_s)  # type: ignore[attr-defined]
    await market.ledger.expire()


async def test_a_consent_can_be_revoked_while_only_fines_wait(market: Market) -> None:
    raw = consent(market.clock)
    await market.open(task_id(1), selector=CLONE, grants=(raw,))
    await market.deliver(task_id(1))
    record = await market.judge(task_id(1), votes=(VALID, VALID, INVALID))
    assert record.state.final
    assert not record.settled
    await market.do(ADA, Revoke(grant=grant_id(raw)))
    assert await market.ledger.revoked(ADA.node_id, grant_id(raw))
    with pytest.raises(ConflictError, match="already closed"):
        await market.do(CLIENT, Cancel(task=task_id(1)))
    market.clock.advance(RULES.appeal_s)  # type: ignore[attr-defined]
    await market.ledger.expire()
    told = (await build(market.ledger, task_id(1))).statement["consents"]
    assert told[0]["revoked_ms"] > 0


async def test_the_cartel_of_two_in_five_always_cheating_is_paid_never(market: Market) -> None:
    """Honest validators appeal whenever they are outvoted: then the cartel loses each time, not seven times in ten."""
    cartel = [party(f"validator {number}").node_id for number in range(2)]
    client, before = await wealth(market, CLIENT.node_id), await wealth(market, MAKER, *cartel)
    for number in range(16):
        await market.open(task_id(number))
        record = await market.deliver(task_id(number))
        votes = [VALID if who in cartel else INVALID for who in seated(record)]
        record = await market.judge(task_id(number), votes=votes)
        if record.state is PartState.VALID:
            (honest,) = record.rulings[0].outcome.minority
            await market.do(honest, Appeal(task=task_id(number), index=0, round=0))
            record = await jury_votes(market, await market.ledger.part(task_id(number), 0), INVALID)
            assert "overturned" in record.notes[-1]
        else:
            market.clock.advance(RULES.appeal_s)  # type: ignore[attr-defined]
            await market.ledger.expire()
    assert await wealth(market, CLIENT.node_id) == client
    assert await wealth(market, MAKER, *cartel) < before - 16 * REWARD
