"""Shares of a round on the market's own ledger: drawn validators commit, reveal, are paid, and the majority counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from contributors import POOL, honest, name, noisy, round_of
from ledger_market import CLIENT, OPERATOR, Market, party, seated, task_id
from msgspec.structs import replace

from antiphon.clock import ManualClock
from antiphon.economy.types import NANO, PPM, Role, Rules, Verdict, Vote
from antiphon.errors import InputError
from antiphon.genki.contribution import Appraisal, agreed, appraise, ballot, parts
from antiphon.ledger.operations import Register, Selector, ServiceOffer, Stake
from antiphon.ledger.sql import SqlLedger
from antiphon.protocol import canonical

SERVICE = "contribution"


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    clock = ManualClock()
    ledger = await SqlLedger.open(
        tmp_path / "ledger.db", operator=OPERATOR, clock=clock, rules=Rules(live_s=10**7, appeal_s=0)
    )
    market = Market(ledger, clock, producers=1, validators=5)
    await market.fund(CLIENT)
    for role, names in ((Role.PROCESSOR, ["producer 0"]), (Role.VALIDATOR, [f"validator {i}" for i in range(5)])):
        for who in map(party, names):
            await market.fund(who, 100 * NANO)
            await market.do(who, Stake(amount_nano=100 * NANO))
            offer = ServiceOffer(service=SERVICE, price_nano=1_000)
            await market.do(
                who, Register(role=role, offers=(offer,), seal_key=who.seal_public, endpoint=f"test:{who.node_id[:8]}")
            )
    yield market
    await ledger.close()


def found(beacon: bytes = b"beacon") -> Appraisal:
    honest_ = {name(number): honest(number) for number in range(4)}
    return appraise(round_of(honest_ | {name(15): noisy(honest_[name(0)], 0.1)}, pool=POOL, beacon=beacon))


async def judged(market: Market, delivered: Appraisal, votes: list[Vote]) -> dict[str, int]:
    await market.open(task_id(1), selector=Selector(service=SERVICE))
    await market.deliver(task_id(1), rate_hz=0, channels=0, size=len(canonical.encode(delivered)))
    seats = seated(await market.ledger.part(task_id(1), 0))
    record = await market.judge(task_id(1), 0, votes)
    (part,) = parts([line.contributor for line in delivered.lines])
    return agreed([(part, dict(zip(seats, votes, strict=True)), record.rulings[-1].outcome)])


def votes_of(delivered: Appraisal, *own: Appraisal) -> list[Vote]:
    (part,) = parts([line.contributor for line in delivered.lines])
    return [ballot(part, one.shares, delivered.shares) for one in own]


async def test_three_validators_appraise_alone_and_the_ledger_has_their_shares(market: Market) -> None:
    delivered = found()
    shares = await judged(market, delivered, votes_of(delivered, found(), found(), found()))
    assert sum(shares.values()) == PPM
    assert name(15) not in shares  # the copy
    for who, share in delivered.shares.items():
        assert abs(share - shares[who]) <= 20  # ppm: readings have steps
    spent = 1_000 * NANO - (await market.ledger.account(CLIENT.node_id)).balance_nano
    assert spent > 0  # and the judges were paid as for anything else


async def test_shares_that_somebody_made_up_are_found_invalid(market: Market) -> None:
    true = found()
    lines = tuple(replace(line, share_ppm=PPM if line.contributor == name(15) else 0) for line in true.lines)
    bribed = replace(true, lines=lines)
    votes = votes_of(bribed, true, true, bribed)
    assert [vote.verdict for vote in votes] == [Verdict.INVALID, Verdict.INVALID, Verdict.VALID]
    with pytest.raises(InputError, match="did not agree"):
        await judged(market, bribed, votes)


async def test_a_lone_validators_shares_are_outvoted(market: Market) -> None:
    true = found()
    (part,) = parts([line.contributor for line in true.lines])
    liar = ballot(part, {name(15): PPM}, {name(15): PPM})
    shares = await judged(market, true, [*votes_of(true, true, true), liar])
    assert shares.keys() == true.shares.keys()


def test_more_contributors_than_a_vote_holds_are_judged_in_parts() -> None:
    many = [f"{number:064x}" for number in range(70)]
    assert [len(part) for part in parts(many)] == [32, 32, 6]
    assert [who for part in parts(many) for who in part] == many
    vote = ballot(parts(many)[0], dict.fromkeys(many, PPM // 70), dict.fromkeys(many, PPM // 70))
    assert len({reading.key for reading in vote.readings}) == 32
