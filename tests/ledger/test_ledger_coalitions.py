"""Attacks by several parties together, on a real ledger. Who is honest here loses nothing; who is not gains nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ledger_market import (
    ABSENT,
    CLIENT,
    INVALID,
    OPERATOR,
    SALT,
    VALID,
    Market,
    producer,
    seated,
    task_id,
)

from antiphon.clock import ManualClock
from antiphon.economy.selection import judging_cost
from antiphon.economy.types import NANO, Mode, Part, Rules, Vote
from antiphon.errors import ConflictError, ProtocolError
from antiphon.ledger import appeals, panel
from antiphon.ledger.operations import Appeal, Cancel, Commit, Expose, Reveal
from antiphon.ledger.receipts import audit, build
from antiphon.ledger.records import PartRecord, PartState, TaskState
from antiphon.ledger.showings import SHOWN, Shown
from antiphon.ledger.sql import SqlLedger
from antiphon.protocol import canonical, envelope

RULES = Rules(live_s=10**7)
FEE, REWARD = 10_000, 100_000  # nano: of a validator, and of the producer, for a part of 100 units


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    """Three producers and twelve validators of equal stake; at the end nothing is locked and all accounts sum to 0."""
    clock = ManualClock()
    ledger = await SqlLedger.open(tmp_path / "ledger.db", operator=OPERATOR, clock=clock, rules=RULES)
    market = Market(ledger, clock, producers=3, validators=12)
    await market.found()
    yield market
    assert all([(await ledger.account(who)).locked_nano == 0 for who in market.people])
    await ledger.close()
    db = sqlite3.connect(tmp_path / "ledger.db")
    assert db.execute("SELECT sum(nano) FROM accounts").fetchone() == (0,)
    db.close()


async def wealth(market: Market, *who: str) -> int:
    accounts = [await market.ledger.account(owner) for owner in who]
    return sum(account.balance_nano + account.stake_nano + account.escrow_nano for account in accounts)


async def pass_time(market: Market, seconds: int) -> None:
    market.clock.advance(seconds)  # type: ignore[attr-defined]
    await market.ledger.expire()


async def jury_says(market: Market, record: PartRecord, votes: dict[str, Vote]) -> PartRecord:
    """Of the jury, who is named in `votes` commits and reveals; the others are silent."""
    (dispute,) = record.disputes
    task, round_ = record.task, appeals.JURY + dispute.round
    for who, vote in votes.items():
        digest = panel.commitment(vote, SALT, validator=who, task=task, index=0, round=round_)
        await market.do(who, Commit(task=task, index=0, round=round_, commitment=digest))
    if len(votes) < len(dispute.jury):
        await pass_time(market, RULES.commit_s)
    for who, vote in votes.items():
        await market.do(who, Reveal(task=task, index=0, round=round_, vote=vote, salt=SALT))
    return await market.ledger.part(task, 0)


@pytest.mark.parametrize("cartel", [4, 6], ids=["a third", "half"])
async def test_a_jury_that_only_the_cartel_was_shown_the_work_overturns_nothing(market: Market, cartel: int) -> None:
    """A producer delivers silence, three honest validators say so, and it appeals to those of the pool that are its
    own: nobody else can hear the work. They outweigh the first panel, but not the pool."""
    await market.open(task_id(1))
    record = await market.deliver(task_id(1))
    maker, honest = producer(record), seated(record)
    before = await wealth(market, *honest)
    record = await market.judge(task_id(1), votes=(INVALID,) * 3)
    await market.do(maker, Appeal(task=task_id(1), index=0, round=0))
    record = await market.ledger.part(task_id(1), 0)
    record = await jury_says(market, record, dict.fromkeys(record.disputes[0].jury[:cartel], VALID))
    assert "upheld" in record.notes[-1]
    assert await wealth(market, *honest) == before + 3 * FEE
    await market.do(CLIENT, Cancel(task=task_id(1)))


async def test_two_seats_that_say_nothing_was_shown_fine_nobody(market: Market) -> None:
    """A client has heard its stream and calls two of its own validators that sit: "we were shown nothing". Nobody can
    check that, so it needs most of a second round of others."""
    await market.open(task_id(1), mode=Mode.STREAM)
    record = await market.deliver(task_id(1))
    maker, first = producer(record), seated(record)
    before = await wealth(market, maker)
    record = await market.judge(task_id(1), votes=(ABSENT, ABSENT, VALID))
    assert (record.state, await wealth(market, maker)) == (PartState.DRAWING, before)
    record = await market.draw(task_id(1))
    assert not set(seated(record)) & set(first)
    record = await market.judge(task_id(1))
    assert (record.state, await wealth(market, maker)) == (PartState.VALID, before + REWARD)


async def test_a_client_with_its_own_producer_pays_for_the_stake_that_others_have_locked(market: Market) -> None:
    """It delivers rubbish to itself and keeps its link back: a part of its reward returns to its own pocket, the rest
    is burnt. What it held of the standing producers and of everybody who might have been drawn costs the hold fee."""
    await market.open(task_id(1))
    record = await market.deliver(task_id(1), draws=False)
    maker = producer(record)
    others = sorted(market.people.keys() - {maker, CLIENT.node_id, OPERATOR.node_id})
    coalition, rest = await wealth(market, maker, CLIENT.node_id), await wealth(market, *others)
    held = sum([(await market.ledger.account(who)).locked_nano for who in others])
    await pass_time(market, RULES.draw_s)
    lost = coalition - await wealth(market, maker, CLIENT.node_id)
    burnt = REWARD - REWARD * RULES.unjudged_ppm // 10**6 + judging_cost(record.assignment, RULES)
    assert lost - burnt == await wealth(market, *others) - rest >= held * RULES.hold_ppm // (2 * 10**6) > 0


async def test_a_client_that_leaves_between_delivery_and_draw_pays_the_same(market: Market) -> None:
    await market.open(task_id(1))
    record = await market.deliver(task_id(1), draws=False)
    before = await wealth(market, producer(record))
    stood_by = record.assignment.producers[1].node
    others = await wealth(market, stood_by)
    await market.do(CLIENT, Cancel(task=task_id(1)))
    assert await wealth(market, producer(record)) == before + REWARD * RULES.unjudged_ppm // 10**6
    assert await wealth(market, stood_by) > others


async def test_a_producer_cannot_convict_itself_to_spare_an_outvoted_friend(market: Market) -> None:
    """Two honest reveals say that its work is bad. Its friend in the third seat would be fined, and asks it for a
    signature on something else: then nobody but the producer would be, and the friend would earn a fee."""
    await market.open(task_id(1))
    record = await market.deliver(task_id(1))
    maker, (friend, *honest) = producer(record), seated(record)
    told = Shown(index=0, attempt=0, validator=friend, result_hash=b"o" * 32)
    raw = envelope.sign(
        market.people[maker],
        kind=SHOWN,
        receiver=OPERATOR.node_id,
        task=task_id(1),
        body=canonical.encode(told),
        clock=market.clock,
    )
    exposing = Expose(task=task_id(1), index=0, round=0, shown=raw)
    await market.commit(task_id(1), 0, friend, VALID)
    with pytest.raises(ConflictError, match="has committed"):
        await market.do(friend, exposing)
    for who in honest:
        await market.commit(task_id(1), 0, who, INVALID)
    await market.reveal(task_id(1), 0, honest[0], INVALID)
    with pytest.raises(ConflictError, match="no seat is judging"):
        await market.do(friend, exposing)
    await market.reveal(task_id(1), 0, honest[1], INVALID)
    await pass_time(market, RULES.reveal_s)
    await pass_time(market, RULES.appeal_s)
    assert await wealth(market, friend) == 100 * NANO - FEE
    assert await wealth(market, *honest) == 2 * (100 * NANO + FEE)
    await market.do(CLIENT, Cancel(task=task_id(1)))


STAGES = ["opened", "delivered", "drawn", "one commits", "all commit", "fined", "appealed", "one juror commits"]


@pytest.mark.parametrize("last", STAGES)
async def test_wherever_everybody_stops_answering_time_alone_brings_all_money_home(market: Market, last: str) -> None:
    """Two phases; from the named stage on nobody sends anything any more."""
    parts = (Part(index=0, units=100), Part(index=1, units=100, phase=1))
    await market.open(task_id(1), parts=parts)
    await play_until(market, STAGES.index(last))
    waited_s = 0
    while (await market.ledger.task(task_id(1))).state is TaskState.OPEN:
        await pass_time(market, 10)
        waited_s += 10
    longest = (RULES.deliver_s + (RULES.draw_s + RULES.commit_s + RULES.reveal_s) * 2) * 3 + RULES.appeal_s + 60
    assert waited_s <= longest < RULES.unbond_s
    account = await market.ledger.account(CLIENT.node_id)
    assert account.escrow_nano == 0
    audit(await build(market.ledger, task_id(1)), ledger=OPERATOR.node_id)


async def play_until(market: Market, stage: int) -> None:
    """Everybody goes on to the stage of this number."""
    if stage >= 1:
        record = await market.deliver(task_id(1), draws=stage >= 2)
    if stage == 3:
        await market.commit(task_id(1), 0, seated(record)[0], VALID)
    if stage == 4:
        for who in seated(record):
            await market.commit(task_id(1), 0, who, VALID)
    if stage >= 5:
        record = await market.judge(task_id(1), votes=(INVALID, INVALID, VALID))
    if stage >= 6:
        await market.do(fined(record), appealing(record))
    if stage == 7:
        record = await market.ledger.part(task_id(1), 0)
        round_, who = appeals.JURY, record.disputes[0].jury[0]
        digest = panel.commitment(VALID, SALT, validator=who, task=task_id(1), index=0, round=round_)
        await market.do(who, Commit(task=task_id(1), index=0, round=round_, commitment=digest))


def fined(record: PartRecord) -> str:
    return record.rulings[-1].outcome.minority[0]


def appealing(record: PartRecord) -> Appeal:
    return Appeal(task=record.task, index=record.part.index, round=record.rulings[-1].round)


@pytest.mark.parametrize("overturned", [True, False])
async def test_a_juror_that_repeats_what_is_told_already_pays_when_it_is_wrong(
    market: Market, overturned: bool
) -> None:
    """Votes and readings of the panel are public when the jury votes. Whoever votes like it unheard was paid by each
    appeal in vain, and lost nothing by the others."""
    await market.open(task_id(1))
    await market.deliver(task_id(1))
    record = await market.judge(task_id(1), votes=(VALID, VALID, INVALID))
    await market.do(fined(record), appealing(record))
    record = await market.ledger.part(task_id(1), 0)
    jury = record.disputes[0].jury
    lazy, hiding, awake = jury[0], jury[1], jury[2:8]
    digest = panel.commitment(VALID, SALT, validator=hiding, task=task_id(1), index=0, round=appeals.JURY)
    await market.do(hiding, Commit(task=task_id(1), index=0, round=appeals.JURY, commitment=digest))
    assert (await market.ledger.account(hiding)).locked_nano == FEE
    truth, other = (INVALID, VALID) if overturned else (VALID, INVALID)
    await jury_says(market, record, {lazy: other, **dict.fromkeys(awake, truth)})
    await pass_time(market, RULES.reveal_s)
    record = await market.ledger.part(task_id(1), 0)
    assert ("overturned" in record.notes[-1]) is overturned
    assert await wealth(market, lazy) == await wealth(market, hiding) == 100 * NANO - FEE
    assert await wealth(market, *awake) > 600 * NANO
    assert await wealth(market, jury[8]) == 100 * NANO, "who was not there loses nothing"


async def test_honest_jurors_are_not_fined_because_others_were_away(market: Market) -> None:
    """A cartel of four holds the panel and then keeps silent; of the honest jurors only five are there."""
    await market.open(task_id(1))
    await market.deliver(task_id(1))
    record = await market.judge(task_id(1), votes=(VALID, VALID, INVALID))
    await market.do(fined(record), appealing(record))
    record = await market.ledger.part(task_id(1), 0)
    awake = record.disputes[0].jury[:5]
    record = await jury_says(market, record, dict.fromkeys(awake, INVALID))
    assert "upheld" in record.notes[-1]
    assert await wealth(market, *awake) == 5 * 100 * NANO


async def test_a_proof_from_a_ledger_of_the_clients_own_convicts_nobody_here(market: Market) -> None:
    """The client runs a second ledger, opens a task of the same id there, and has the producer show other work."""
    await market.open(task_id(1))
    record = await market.deliver(task_id(1))
    maker, (friend, *_) = producer(record), seated(record)
    told = Shown(index=0, attempt=0, validator=friend, result_hash=b"o" * 32)
    raw = envelope.sign(
        market.people[maker],
        kind=SHOWN,
        receiver=CLIENT.node_id,
        task=task_id(1),
        body=canonical.encode(told),
        clock=market.clock,
    )
    with pytest.raises(ProtocolError, match="receiver"):
        await market.do(friend, Expose(task=task_id(1), index=0, round=0, shown=raw))
    assert (await market.judge(task_id(1))).state is PartState.VALID
