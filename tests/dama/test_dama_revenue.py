"""Revenue, end to end: from signed tasks over a lineage to contributors, to the unit, and proven without a ledger."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from conformance_assets import ONE, THREE, TWO, content, hold, make, shares, use
from hypothesis import given
from hypothesis import strategies as st
from ledger_market import OPERATOR, Market, task_id

from antiphon.clock import ManualClock
from antiphon.dama import revenue as revenues
from antiphon.dama.registry import check_lineage, every_asset, popular
from antiphon.economy import accounts, royalty, settlement
from antiphon.economy.types import DEFAULT_RULES, PPM, Terms
from antiphon.errors import ProtocolError
from antiphon.ledger.receipts import build
from antiphon.ledger.sql import SqlLedger
from antiphon.protocol.receipt import dump, load


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    clock = ManualClock()
    rules = msgspec.structs.replace(DEFAULT_RULES, appeal_s=0)
    ledger = await SqlLedger.open(tmp_path / "ledger.db", operator=OPERATOR, clock=clock, rules=rules)
    made = Market(ledger, clock)
    await made.found()
    await make(made, ONE, "root", contributors=shares((ONE, 333_333), (TWO, 333_333), (THREE, 333_334)))
    await make(made, TWO, "child", "root")
    await hold(made, "child", 0, 1, 2)
    for number, units in enumerate((100, 333, 7)):
        await use(made, number, "child", units=units)
    yield made
    await ledger.close()


async def known_of(market: Market):
    return {record.asset: record for record in await every_asset(market.ledger)}


async def test_each_amount_is_explained_from_task_to_contributor(market: Market) -> None:
    known = await known_of(market)
    found = await revenues.revenue(market.ledger, content("root"), known)
    assert [use.amount_nano for use in found.uses] == [1_000, 3_330, 70]
    assert {(use.used, use.level, use.ppm) for use in found.uses} == {(content("child"), 1, 100_000)}
    assert found.earned_nano == 4_400
    assert [part.earned_nano for part in found.parts] == [1_468, 1_466, 1_466]
    own = await revenues.revenue(market.ledger, content("child"), known)
    assert sum(use.amount_nano for use in own.uses) == own.earned_nano == 44_000 - 4_400


async def test_receipts_prove_it_without_a_ledger_and_a_false_word_is_caught(market: Market) -> None:
    known = await known_of(market)
    found = await revenues.revenue(market.ledger, content("root"), known)
    receipts = [load(dump(await build(market.ledger, task_id(number)))) for number in range(3)]
    assert revenues.check(found, receipts, known, OPERATOR.node_id) == [task_id(number) for number in range(3)]
    first, *others = found.uses
    for wrong in (
        msgspec.structs.replace(first, amount_nano=first.amount_nano + 1),
        msgspec.structs.replace(first, used=content("root")),
    ):
        lied = msgspec.structs.replace(found, uses=(wrong, *others))
        with pytest.raises(ProtocolError, match="brought"):
            revenues.check(lied, receipts, known, OPERATOR.node_id)
    bare = msgspec.structs.replace(receipts[0], statement={})
    with pytest.raises(ProtocolError, match="no statement"):
        revenues.check(found, [bare], known, OPERATOR.node_id)


async def test_a_ledger_that_tells_other_sums_is_caught(market: Market) -> None:
    record = await market.ledger.asset(content("root"))
    earnings = await market.ledger.earnings(content("root"))
    known = await known_of(market)
    with pytest.raises(ProtocolError, match="do not sum"):
        revenues.explained(record, earnings[1:], known)
    with pytest.raises(ProtocolError, match="do not sum"):
        revenues.explained(msgspec.structs.replace(record, earned_nano=record.earned_nano + 1), earnings, known)


async def test_what_earned_most_is_fetched_ahead(market: Market) -> None:
    known = await every_asset(market.ledger)
    assert [record.asset for record in popular(known, (), 5)] == [content("child"), content("root")]
    assert [record.asset for record in popular(known, (), 1)] == [content("child")]
    assert [record.asset for record in popular(known, {content("child")}, 5)] == [content("root")]
    copied = [msgspec.structs.replace(record, copy_of="x") for record in known]
    assert popular(copied, (), 5) == []


async def test_a_lineage_is_what_its_owners_signed(market: Market) -> None:
    known = await known_of(market)
    child = known[content("child")]
    check_lineage(child, known)
    root = known[content("root")]
    for lie, registry in (
        (msgspec.structs.replace(child, asked_ppm=0), known),
        (msgspec.structs.replace(child, parents=()), known),
        (msgspec.structs.replace(child, lineage=((child.asset, 0, PPM),)), known),
        (child, {child.asset: child}),
        (child, known | {root.asset: msgspec.structs.replace(root, asked_ppm=1)}),
    ):
        with pytest.raises(ProtocolError):
            check_lineage(lie, registry | {lie.asset: lie} if lie is not child else registry)


# 10,000 tasks over a lineage 5 deep


def line(rng: random.Random, depth: int = 5) -> list[tuple[tuple[str, int, int], ...]]:
    """Lineages as the registry lays them down, each with a second parent from further above."""
    found: list[tuple[str, int, royalty.Division[str]]] = []
    lineages = []
    for number in range(depth):
        parents = found[-1:] + (rng.sample(found[:-1], 1) if len(found) > 1 else [])
        above = royalty.division(parents)
        name = f"asset {number}"
        lineages.append(((name, 0, PPM - sum(ppm for _, _, ppm in above)), *above))
        found.append((name, rng.randrange(0, royalty.MAX_ASKED_PPM + 1), above))
    return lineages


@given(st.integers(0, 2**32))
def test_every_unit_of_random_tasks_over_a_lineage_five_deep_is_accounted_for(seed: int) -> None:
    pay_out(random.Random(seed), 100)


def test_every_unit_of_ten_thousand_tasks_is_accounted_for() -> None:
    assert pay_out(random.Random(13), 10_000) > 0


def pay_out(rng: random.Random, tasks: int) -> int:
    """Tasks of random prices over random assets of a line: settled, summed by account, divided among contributors."""
    lineages, earned, paid_nano = line(rng), Counter[str](), 0
    for _ in range(tasks):
        lineage = rng.choice(lineages)
        maker = Terms(
            node="maker", price_nano=rng.randrange(1, 10**12), quality_ppm=PPM, asset=lineage[0][0], lineage=lineage
        )
        moved = settlement.royalties(maker, maker.reward_nano, DEFAULT_RULES)
        assert sum(nano for _, nano, _ in moved) == maker.reward_nano * DEFAULT_RULES.royalty_ppm // PPM
        paid_nano += sum(nano for _, nano, _ in moved)
        earned.update({account: nano for account, nano, _ in moved})
    assert earned.total() == paid_nano
    assert earned.keys() <= {accounts.royalty(lineage[0][0]) for lineage in lineages}
    for nano in earned.values():
        cuts = sorted(rng.sample(range(1, PPM), 7))
        ppm = [b - a for a, b in zip([0, *cuts], [*cuts, PPM], strict=True)]
        assert sum(royalty.due(nano, ppm, place) for place in range(len(ppm))) == nano
    return paid_nano
