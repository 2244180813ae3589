"""Validators' own memories become weights, and epochs close by themselves, whatever is lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from antiphon.clock import ManualClock
from antiphon.economy.epochs import EpochRules
from antiphon.economy.types import DEFAULT_RULES, NANO, Role, Verdict, Vote
from antiphon.errors import UnavailableError
from antiphon.ledger import epoch_receipts
from antiphon.ledger.epochs import EpochState, Member
from antiphon.ledger.operations import CallEpoch, Deposit, Register, Retire, RevealWeights, ServiceOffer, Stake
from antiphon.ledger.sql import SqlLedger
from antiphon.nodes.memory import ScoreMemory, memory_of
from antiphon.nodes.weighing import Weigher, every_member
from antiphon.parties.actor import Actor, Context
from antiphon.protocol import Identity
from antiphon.transport import InProcessTransport

GOOD = Vote(verdict=Verdict.VALID, score_ppm=900_000)
BAD = Vote(verdict=Verdict.INVALID, score_ppm=50_000)
UNSURE = Vote(verdict=Verdict.INCONCLUSIVE, score_ppm=None)
MADE_MS = 2_000_000_000_000
"""After everybody registered."""


@dataclass
class World:
    ledger: SqlLedger
    clock: ManualClock
    bank: Actor
    home: Path
    validators: list[Actor] = field(default_factory=list)
    nodes: list[Actor] = field(default_factory=list)

    def actor(self, name: str) -> Actor:
        identity = Identity.from_seed(name.encode().ljust(32, b"."))
        return Actor(Context(identity, self.ledger, InProcessTransport(), self.clock))

    def memory(self, number: int) -> ScoreMemory:
        """As it is on disk."""
        return memory_of(self.home, self.validators[number].node_id)

    def weigher(self, number: int) -> Weigher:
        return Weigher(self.validators[number], self.memory(number))

    async def join(self, actor: Actor, role: Role) -> None:
        await self.bank.submit(Deposit(account=actor.node_id, amount_nano=100 * NANO))
        await actor.submit(Stake(amount_nano=100 * NANO))
        offers = (ServiceOffer(service="speech", price_nano=1),)
        key = actor.context.identity.seal_public
        await actor.submit(Register(role=role, offers=offers, seal_key=key, endpoint="x"))

    async def act(self, number: int) -> None:
        await self.weigher(number).act(await self.ledger.epoch())


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = ManualClock()
    operator = Identity.from_seed(b"o" * 32)
    rules = EpochRules(epoch_s=1_000, phase_s=50, evidence_epochs=0)
    ledger = await SqlLedger.open(tmp_path / "ledger.db", operator=operator, clock=clock, epochs=rules)
    made = World(ledger, clock, Actor(Context(operator, ledger, InProcessTransport(), clock)), tmp_path)
    made.validators = [made.actor(f"validator {i}") for i in range(3)]
    made.nodes = [made.actor(f"node {i}") for i in range(2)]
    for actor, role in [
        *((one, Role.VALIDATOR) for one in made.validators),
        *((n, Role.PROCESSOR) for n in made.nodes),
    ]:
        await made.join(actor, role)
    for number in range(3):
        memory = made.memory(number)
        for node, vote in ((made.nodes[0], GOOD), (made.nodes[1], BAD), (made.nodes[1], UNSURE)):
            memory.remember(node.node_id, "speech", vote, DEFAULT_RULES, at_ms=MADE_MS)
    yield made
    await ledger.close()


async def call(world: World) -> None:
    record = await world.ledger.epoch()
    await world.bank.submit(CallEpoch(epoch=record.number), record.id)


async def test_memories_become_weights_and_weights_become_money(world: World) -> None:
    world.clock.advance(20)
    await call(world)
    for number in (0, 1, 2, 0, 1, 2):
        await world.act(number)
    record = await world.ledger.epoch(1)
    assert (record.state, len(record.revealed)) == (EpochState.CLOSED, 3)
    good, bad = [(await world.ledger.account(node.node_id)).balance_nano for node in world.nodes]
    assert good > bad > 0
    report = epoch_receipts.audit(await epoch_receipts.build(world.ledger, 1))
    assert report.emission_nano == 10 * NANO * 20 // 1_000


async def test_every_act_of_it_by_new_processes_comes_to_the_same(world: World) -> None:
    """Each step is taken by a memory read from disk anew, and every operation's answer is lost once."""
    world.clock.advance(20)
    await call(world)
    for number in (0, 1, 2):
        record = await world.ledger.epoch()
        prepared = world.memory(number).prepare(record, await every_member(world.ledger))
        assert world.memory(number).prepare(record, ()) == prepared  # killed before anything was sent
        await world.weigher(number).act(record)
        assert world.memory(number).pending == prepared
    for number in (0, 1, 2):
        await world.act(number)
    assert (await world.ledger.epoch(1)).state is EpochState.CLOSED
    supply = await world.ledger.supply()
    for number in (0, 1, 2):
        await world.act(number)
    assert await world.ledger.supply() == supply


async def test_lost_weights_cost_the_reveal_and_nothing_else(world: World) -> None:
    await call(world)
    for number in (0, 1, 2):
        await world.act(number)
    (world.home / "memory" / f"{world.validators[0].node_id[:16]}.json").unlink()
    for number in (0, 1, 2):
        await world.act(number)
    assert (await world.ledger.epoch()).state is EpochState.REVEALING
    world.clock.advance(51)
    await world.ledger.expire()
    assert len((await world.ledger.epoch(1)).revealed) == 2


async def test_they_run_by_themselves_on_the_ledgers_schedule(world: World) -> None:
    running = [asyncio.create_task(world.weigher(number).run()) for number in range(3)]
    await asyncio.sleep(0.05)
    assert (await world.ledger.epoch()).committed == ()
    world.clock.advance(1_000)
    await call(world)  # the manual clock wakes nobody
    await settled(world.ledger.epoch, 2)
    for one in running:
        one.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    assert (await world.ledger.epoch(1)).emission_nano == 10 * NANO


async def settled(read: Callable[[], object], number: int) -> None:
    for _ in range(200):
        record = await read()  # type: ignore[misc]
        if record.number == number:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"epoch {number} never opened")


async def test_a_validator_without_a_say_waits_for_the_next_epoch(world: World) -> None:
    await call(world)
    await world.validators[0].submit(Retire(role=Role.VALIDATOR))
    weigher = world.weigher(0)
    record = await world.ledger.epoch()
    await weigher.act(record)
    await weigher.act(record)
    assert (await world.ledger.epoch()).committed == ()


async def test_a_ledger_that_is_away_is_asked_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.nodes.weighing.PAUSE_S", 0.01)
    away = [True]
    submit = world.ledger.submit

    async def submitting(raw: bytes) -> None:
        if away[0]:
            raise UnavailableError("away")
        await submit(raw)

    await call(world)
    monkeypatch.setattr(world.ledger, "submit", submitting)
    running = asyncio.create_task(world.weigher(0).run())
    await asyncio.sleep(0.1)
    kept = world.memory(0).pending
    assert kept is not None
    away[0] = False
    for _ in range(100):
        if (await world.ledger.epoch()).committed:
            break
        await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (await world.ledger.epoch()).committed == (world.validators[0].node_id,)
    assert world.memory(0).pending == kept


def test_a_damaged_memory_is_kept_beside_and_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "memory" / "a.json"
    memory = ScoreMemory(file)
    memory.remember("n", "speech", GOOD, DEFAULT_RULES, at_ms=1)
    assert ScoreMemory(file).opinions == memory.opinions
    file.write_bytes(b"{")
    assert ScoreMemory(file).opinions == {}
    assert file.with_suffix(".damaged").read_bytes() == b"{"


async def test_who_registered_anew_begins_anew(world: World) -> None:
    record = await world.ledger.epoch()
    ours = world.nodes[0].node_id
    members = [Member(uid=5, node=ours, since_ms=MADE_MS + 1), Member(uid=6, node=world.nodes[1].node_id)]
    weights = world.memory(0).prepare(record, members).weights
    assert weights.rows["speech"].uids == (6,)
    assert ours not in world.memory(0).opinions["speech"]


async def test_what_was_never_judged_has_no_weight(world: World) -> None:
    record = await world.ledger.epoch()
    assert ScoreMemory().prepare(record, await every_member(world.ledger)).weights.rows == {}
    assert RevealWeights(weights=world.memory(1).prepare(record, await every_member(world.ledger)).weights, salt=b"")
