"""Who judged whom, by settled rounds; what epochs make of it, and what their receipts show."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from ledger_market import INVALID, OPERATOR, UNSURE, VALID, Market, chain, party, producer, seated, task_id
from test_ledger_epochs import HOUR, World, founded, opened

from antiphon.clock import ManualClock
from antiphon.economy.epochs import EpochRules
from antiphon.economy.types import NANO, Mode, Part, Role, Rules, Vote
from antiphon.errors import ProtocolError
from antiphon.ledger import epoch_receipts
from antiphon.ledger.operations import Appeal, OpenTask, Register, Retire, Selector, ServiceOffer, Stake, Voucher
from antiphon.protocol import canonical, envelope

RULES = EpochRules(epoch_s=HOUR, phase_s=60)
ALIKE = {"producer 0": 1, "producer 1": 1, "producer 2": 1}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await founded(tmp_path / "ledger.db", RULES)
    for name in ("producer 0", "producer 1", "producer 2"):
        await made.market.beat(party(name))
    await made.beat()
    yield made
    await made.ledger.close()


async def judged(world: World, number: int, votes: tuple[Vote, ...] = (VALID, VALID, VALID)) -> tuple[str, list[str]]:
    """One client's task, judged: its producer and its seats, in the order of their votes."""
    task = task_id(number)
    await world.market.open(task)
    record = await world.market.deliver(task)
    await world.market.judge(task, votes=votes)
    return producer(record), seated(record)


def rows(world: World) -> dict[tuple[int, int], tuple[int, int]]:
    """(judge, node): (quality, epoch), as they lie in the file."""
    with sqlite3.connect(world.path) as db:
        return {(one, two): (ppm, epoch) for _, one, two, ppm, epoch in db.execute("SELECT * FROM evidence")}


def uids(world: World) -> dict[str, int]:
    return {party(name).node_id: uid for name, uid in world.uids.items()}


async def test_every_seat_of_the_majority_has_judged_the_producer(world: World) -> None:
    maker, seats = await judged(world, 1)
    quality = Rules().prior_quality_ppm + (800_000 - Rules().prior_quality_ppm) // 10
    assert rows(world) == {(uids(world)[seat], uids(world)[maker]): (quality, 1) for seat in seats}


async def test_who_guesses_or_says_nothing_has_judged_nobody(world: World) -> None:
    two = (VALID.readings[0], msgspec.structs.replace(VALID.readings[0], key="content.echo"))
    heard = msgspec.structs.replace(VALID, readings=two)
    wrong = tuple(msgspec.structs.replace(one, value=one.value + 90_000) for one in two)
    _, seats = await judged(world, 1, (heard, heard, msgspec.structs.replace(VALID, readings=wrong)))
    assert {judge for judge, _ in rows(world)} == {uids(world)[seat] for seat in seats[:2]}
    before = rows(world)
    maker, seats = await judged(world, 2, (VALID, UNSURE, VALID))
    changed = {pair for pair, told in rows(world).items() if before.get(pair) != told}
    assert changed == {(uids(world)[seat], uids(world)[maker]) for seat in (seats[0], seats[2])}


async def test_a_letter_buys_no_evidence(world: World) -> None:
    for number, units in enumerate((1, 19, 20)):
        await world.market.open(task_id(number), units=(units,))
        await world.market.deliver(task_id(number))
        await world.market.judge(task_id(number))
        assert bool(rows(world)) == (units == 20)


async def test_who_begins_with_invalid_work_begins_at_the_bottom(world: World) -> None:
    """The half of a full score that nobody has earned yet would else be paid for noise, epoch after epoch."""
    await judged(world, 1, (INVALID, INVALID, INVALID))
    assert {quality for quality, _ in rows(world).values()} == {Rules().floor_quality_ppm}


@pytest.mark.parametrize("appealed", [False, True])
async def test_a_round_counts_when_nothing_of_it_can_change(tmp_path: Path, appealed: bool) -> None:
    """A fine waits for an appeal; until then nobody has judged. A dissenter never has; nor has anybody by a round that
    was appealed."""
    clock, path = ManualClock(), tmp_path / "ledger.db"
    market = Market(await opened(path, clock, RULES), clock, producers=3, validators=7)
    await market.found()
    world = World(market, clock, path, RULES)
    world.uids = {member.node: member.uid for member in await world.ledger.members()}
    for name in market.people:
        role = Role.VALIDATOR if name in {party(f"validator {n}").node_id for n in range(7)} else Role.PROCESSOR
        if name in world.uids:
            await market.beat(market.people[name], role=role)
    _, seats = await judged(world, 1, (VALID, VALID, INVALID))
    assert not rows(world)
    if appealed:
        await market.do(seats[2], Appeal(task=task_id(1), index=0, round=0))
        world.wait(Rules().commit_s)
    world.wait(Rules().appeal_s + 1)
    await world.ledger.expire()
    assert not (await world.ledger.part(task_id(1), 0)).disputes
    assert {judge for judge, _ in rows(world)} == (set() if appealed else {world.uids[seat] for seat in seats[:2]})
    await world.ledger.close()


async def test_a_prompt_is_evidence_of_who_ordered_it_alone(world: World) -> None:
    sponsor, stranger, task = party("validator 1"), party("stranger"), task_id(7)
    world.market.people[stranger.node_id] = stranger
    await world.market.fund(stranger)
    voucher = envelope.sign(
        sponsor,
        kind="ledger-voucher",
        receiver=OPERATOR.node_id,
        task="",
        body=canonical.encode(Voucher(client=stranger.node_id)),
        clock=world.clock,
    )
    wanted = party("producer 2").node_id
    await world.market.do(
        stranger,
        OpenTask(
            task=task,
            parts=(Part(index=0, units=20),),
            selector=Selector(service="speech", language="en-us", node=wanted),
            mode=Mode.VERIFIED,
            request_hash=bytes(32),
            max_total_nano=900 * NANO,
            tips=(chain(task, 0).tip,),
            synthetic=True,
            voucher=voucher,
        ),
    )
    await world.market.deliver(task)
    await world.market.judge(task)
    assert set(rows(world)) == {(world.uids["validator 1"], world.uids["producer 2"])}


@pytest.mark.parametrize(("stake", "counts"), [(290, False), (310, True)])
async def test_a_pool_without_most_of_the_stake_is_nobodys_evidence(world: World, stake: int, counts: bool) -> None:
    """A language that only one owner's nodes offer: its client's tasks are judged by its own validators alone."""
    owner = {role: party(f"own {role}") for role in (Role.PROCESSOR, Role.VALIDATOR)}
    for role, identity in owner.items():
        world.market.people[identity.node_id] = identity
        held = stake * NANO if role is Role.VALIDATOR else 100 * NANO
        await world.market.fund(identity, held)
        await world.market.do(identity, Stake(amount_nano=held))
        offers = (ServiceOffer(service="speech", price_nano=1_000, languages=("tlh",)),)
        endpoint = f"test:{identity.node_id[:8]}"
        await world.market.do(
            identity, Register(role=role, offers=offers, seal_key=identity.seal_public, endpoint=endpoint)
        )
        await world.market.beat(identity, role=role)
    await world.market.open(task_id(9), selector=Selector(service="speech", language="tlh"))
    record = await world.market.deliver(task_id(9))
    assert producer(record) == owner[Role.PROCESSOR].node_id
    assert seated(record) == [owner[Role.VALIDATOR].node_id]
    await world.market.judge(task_id(9), votes=(VALID,))
    assert len(rows(world)) == counts
    await judged(world, 1)
    assert len(rows(world)) == (1 if counts else 3)  # then the others are the ones without most of it


async def test_an_epoch_pays_what_was_judged_and_its_receipt_shows_it(world: World) -> None:
    maker, seats = await judged(world, 1)
    record = await world.run(v0=ALIKE, v1=ALIKE, v2=ALIKE)
    receipt = await epoch_receipts.build(world.ledger, record.number)
    epoch_receipts.audit(receipt)
    speech = receipt.statement["services"]["speech"]
    assert [one["uid"] for one in speech["nodes"]] == [uids(world)[maker]]
    assert set(speech["nodes"][0]["weights"]) == {str(uids(world)[seat]) for seat in seats}
    assert all(one["judged"] > (1 << 31) - 4 for one in speech["validators"])
    assert (await world.ledger.account(maker)).balance_nano > 10 * NANO * 0.4
    assert (await world.ledger.supply()).burnt_nano == 0


async def test_weights_that_nobody_has_judged_are_paid_nothing(world: World) -> None:
    record = await world.run(v0=ALIKE, v1=ALIKE, v2=ALIKE)
    assert record.emission_nano == 10 * NANO
    assert (await world.ledger.supply()).burnt_nano == 10 * NANO * 82 // 100
    epoch_receipts.audit(await epoch_receipts.build(world.ledger, record.number))


async def test_evidence_passes_with_its_window_and_stays_when_the_ledger_is_opened_again(world: World) -> None:
    maker, _ = await judged(world, 1)
    paid = []
    for _ in range(RULES.evidence_epochs + 1):
        await world.reopen()
        before = (await world.ledger.account(maker)).balance_nano
        await world.run(v0=ALIKE, v1=ALIKE, v2=ALIKE)
        paid.append((await world.ledger.account(maker)).balance_nano > before)
    assert paid == [True, True, True, False]


async def test_who_leaves_takes_its_evidence_with_it(world: World) -> None:
    maker, _ = await judged(world, 1)
    await world.market.do(maker, Retire(role=Role.PROCESSOR))
    assert not rows(world)


async def test_a_receipt_with_other_evidence_is_found(world: World) -> None:
    """The ledger's word is signed; payments that do not follow from it are no payments."""
    await judged(world, 1)
    record = await world.run(v0=ALIKE, v1=ALIKE, v2=ALIKE)
    raws = list(await world.ledger.evidence(record.id))[:-1]
    messages = [envelope.verify_at(raw, OPERATOR.node_id) for raw in raws]
    standing = canonical.decode(epoch_receipts.Standing, messages[-1].body)
    body = canonical.pack(msgspec.structs.replace(standing, evidence={}))
    with pytest.raises(ProtocolError, match="other payments"):
        epoch_receipts.replay(OPERATOR.node_id, [*messages[:-1], msgspec.structs.replace(messages[-1], body=body)])
