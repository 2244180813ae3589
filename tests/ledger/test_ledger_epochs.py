from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_market import OPERATOR, Market, party

from antiphon.clock import ManualClock
from antiphon.economy import accounts
from antiphon.economy.epochs import EpochRules, Row, upscaled
from antiphon.economy.types import NANO, Role, Rules
from antiphon.errors import AntiphonError, ConflictError, FundsError, InputError, ProtocolError
from antiphon.ledger import epoch_receipts, epochs
from antiphon.ledger.epochs import EpochRecord, EpochState, Weights, commitment, epoch_id
from antiphon.ledger.operations import (
    CallEpoch,
    CommitWeights,
    Operation,
    Register,
    Retire,
    RevealWeights,
    SetEpochRules,
    Unstake,
)
from antiphon.ledger.sql import SqlLedger
from antiphon.protocol import Identity, canonical, envelope
from antiphon.protocol import receipt as receipts

SALT = b"s" * 16
HOUR = 3_600
RULES = EpochRules(epoch_s=HOUR, phase_s=60, evidence_epochs=0)


@dataclass
class World:
    """A market whose validators set weights."""

    market: Market
    clock: ManualClock
    path: Path
    epoch_rules: EpochRules
    uids: dict[str, int] = field(default_factory=dict)

    @property
    def ledger(self) -> SqlLedger:
        assert isinstance(self.market.ledger, SqlLedger)
        return self.market.ledger

    async def reopen(self) -> None:
        """As after the end of the process."""
        await self.ledger.close()
        self.market.ledger = await opened(self.path, self.clock, self.epoch_rules)

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def do(self, who: Identity, operation: Operation, epoch: int | None = None) -> None:
        number = epoch or (await self.ledger.epoch()).number
        raw = envelope.sign(
            who,
            kind="ledger",
            receiver=OPERATOR.node_id,
            task=epoch_id(OPERATOR.node_id, number),
            body=canonical.encode(operation),
            clock=self.clock,
        )
        self.market.last = raw
        await self.ledger.submit(raw)

    def weights(self, epoch: int, **by_service: dict[str, int]) -> Weights:
        """`speech={"producer 0": 3}`."""
        rows = {
            service: upscaled({self.uids[name]: value for name, value in row.items()})
            for service, row in by_service.items()
        }
        return Weights(epoch=epoch, version=1, rows=rows)

    async def commit(self, who: str, weights: Weights, salt: bytes = SALT) -> None:
        digest = commitment(weights, salt, validator=party(who).node_id, ledger=OPERATOR.node_id)
        await self.do(party(who), CommitWeights(epoch=weights.epoch, commitment=digest), weights.epoch)

    async def reveal(self, who: str, weights: Weights, salt: bytes = SALT) -> None:
        await self.do(party(who), RevealWeights(weights=weights, salt=salt), weights.epoch)

    async def call(self) -> int:
        number = (await self.ledger.epoch()).number
        await self.do(OPERATOR, CallEpoch(epoch=number))
        return number

    async def run(self, **by_validator: dict[str, int]) -> EpochRecord:
        """A whole epoch after an hour: `v0={"producer 0": 1}` is a validator's weights for speech."""
        self.wait(HOUR)
        await self.beat()
        number = await self.call()
        made = {f"validator {name[1:]}": self.weights(number, speech=row) for name, row in by_validator.items()}
        for who, weights in made.items():
            await self.commit(who, weights)
        for who, weights in made.items():
            await self.reveal(who, weights)
        return await self.ledger.epoch(number)

    async def beat(self, names: tuple[str, ...] = ("validator 0", "validator 1", "validator 2")) -> None:
        for name in names:
            await self.market.beat(party(name), role=Role.VALIDATOR)

    async def balance(self, who: str | Identity) -> int:
        identity = party(who) if isinstance(who, str) else who
        return (await self.ledger.account(identity.node_id)).balance_nano


async def opened(path: Path, clock: ManualClock, rules: EpochRules) -> SqlLedger:
    return await SqlLedger.open(
        path, operator=OPERATOR, clock=clock, rules=Rules(silent_s=10**9, live_s=30), epochs=rules
    )


async def founded(path: Path, rules: EpochRules = RULES, clock: ManualClock | None = None) -> World:
    clock = clock or ManualClock()
    market = Market(await opened(path, clock, rules), clock, producers=3, validators=3)
    await market.found()
    world = World(market, clock, path, rules)
    members = {member.node: member.uid for member in await world.ledger.members()}
    names = [f"producer {i}" for i in range(3)] + [f"validator {i}" for i in range(3)]
    world.uids = {name: members[party(name).node_id] for name in names}
    return world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await founded(tmp_path / "ledger.db")
    yield made
    await made.ledger.close()


SAME = {"producer 0": 3, "producer 1": 1}


async def test_an_epoch_pays_nodes_validators_and_owner(world: World) -> None:
    before = await world.ledger.supply()
    record = await world.run(v0=SAME, v1=SAME, v2=SAME)
    assert record.state is EpochState.CLOSED
    assert record.emission_nano == 10 * NANO
    assert await world.balance("producer 0") == pytest.approx(10 * NANO * 0.41 * 0.75, abs=100)
    assert await world.balance("producer 1") == pytest.approx(10 * NANO * 0.41 * 0.25, abs=100)
    assert await world.balance("producer 2") == 0
    for name in ("validator 0", "validator 1", "validator 2"):
        assert await world.balance(name) == pytest.approx(10 * NANO * 0.41 / 3, abs=100)
    assert await world.balance(OPERATOR) == pytest.approx(10 * NANO * 0.18, abs=100)
    after = await world.ledger.supply()
    assert after.issued_nano - before.issued_nano == after.emitted_nano == 10 * NANO


async def test_its_receipt_verifies_offline_and_names_every_amount(world: World) -> None:
    record = await world.run(v0=SAME, v1=SAME, v2={"producer 2": 1})
    receipt = await epoch_receipts.build(world.ledger, record.number)
    again = receipts.load(receipts.dump(receipt))
    report = epoch_receipts.audit(again, ledger=OPERATOR.node_id)
    assert (report.revealed, report.carried, report.emission_nano) == (3, 0, 10 * NANO)
    assert report.net_nano[accounts.ISSUED] == -10 * NANO
    for name in world.uids:
        assert report.net_nano.get(accounts.balance(party(name).node_id), 0) == await world.balance(name)
    assert epoch_receipts.is_epoch(again)
    (told,) = [one for one in again.statement["services"]["speech"]["nodes"] if one["uid"] == world.uids["producer 2"]]
    assert told["consensus"] == 0


@pytest.mark.parametrize("field", ["emission_nano", "owner", "bonds_sha256"])
async def test_a_changed_statement_is_found(world: World, field: str) -> None:
    record = await world.run(v0=SAME, v1=SAME, v2=SAME)
    receipt = await epoch_receipts.build(world.ledger, record.number)
    wrong = msgspec.structs.replace(receipt, statement={**receipt.statement, field: 1})
    with pytest.raises(ProtocolError, match=field):
        epoch_receipts.audit(wrong)


async def test_evidence_that_lacks_a_reveal_is_found(world: World) -> None:
    record = await world.run(v0=SAME, v1=SAME, v2={"producer 2": 1})
    raws = list(await world.ledger.evidence(record.id))[:-1]
    messages = [envelope.verify_at(raw, OPERATOR.node_id) for raw in raws]
    kept = [one for one in messages if b"reveal-weights" not in one.body or one.sender != party("validator 2").node_id]
    assert len(kept) == len(messages) - 1
    with pytest.raises(ProtocolError):
        epoch_receipts.replay(OPERATOR.node_id, kept)
    swapped = [*messages[4:7], *messages[:4], *messages[7:]]
    with pytest.raises(ProtocolError):
        epoch_receipts.replay(OPERATOR.node_id, swapped)


async def test_bonds_chain_one_epoch_to_the_next(world: World) -> None:
    first = await world.run(v0=SAME, v1=SAME, v2=SAME)
    second = await world.run(v0=SAME, v1={"producer 1": 1}, v2=SAME)
    told = [(await epoch_receipts.build(world.ledger, one.number)).statement for one in (first, second)]
    assert told[0]["bonds_sha256"] == told[1]["from_sha256"] != told[1]["bonds_sha256"]


async def test_run_twice_it_pays_nothing_twice(world: World) -> None:
    first = await world.run(v0=SAME, v1=SAME, v2=SAME)
    supply = await world.ledger.supply()
    with pytest.raises(ConflictError, match="closed"):
        await world.do(OPERATOR, CallEpoch(epoch=first.number), first.number)
    number = await world.call()
    made = world.weights(number, speech=SAME)
    for name in ("validator 0", "validator 1", "validator 2"):
        await world.commit(name, made)
    for name in ("validator 0", "validator 1", "validator 2"):
        await world.reveal(name, made)
    assert (await world.ledger.epoch(number)).emission_nano == 0
    assert await world.ledger.supply() == supply
    assert epoch_receipts.audit(await epoch_receipts.build(world.ledger, number)).paid == 0


async def test_nobody_sees_weights_while_others_can_commit(world: World) -> None:
    number = await world.call()
    made = world.weights(number, speech=SAME)
    await world.commit("validator 0", made)
    with pytest.raises(ConflictError, match="Others can still commit"):
        await world.reveal("validator 0", made)
    with pytest.raises(ConflictError, match="still open"):
        await world.ledger.evidence((await world.ledger.epoch()).id)
    await world.commit("validator 1", made)
    await world.commit("validator 2", made)
    await world.reveal("validator 0", made)
    with pytest.raises(ConflictError, match="time to commit"):
        await world.commit("validator 1", made)


async def test_a_failed_reveal_erases_nothing(world: World) -> None:
    number = await world.call()
    made = world.weights(number, speech=SAME)
    for name in ("validator 0", "validator 1", "validator 2"):
        await world.commit(name, made)
    for wrong, salt in ((world.weights(number, speech={"producer 1": 1}), SALT), (made, b"t" * 16)):
        with pytest.raises(InputError, match="committed to"):
            await world.reveal("validator 0", wrong, salt)
    await world.reveal("validator 0", made)
    with pytest.raises(ConflictError, match="already"):
        await world.reveal("validator 0", made)
    assert (await world.ledger.epoch()).revealed == (party("validator 0").node_id,)


async def test_a_lost_reveal_can_be_given_again_after_a_kill(world: World) -> None:
    world.wait(HOUR)
    number = await world.call()
    made = world.weights(number, speech=SAME)
    await world.beat()
    for name in ("validator 0", "validator 1", "validator 2"):
        await world.commit(name, made)
        await world.reopen()
    for name in ("validator 0", "validator 1"):
        await world.reveal(name, made)
        await world.reopen()
    await world.reveal("validator 2", made)
    last = world.market.last
    await world.reopen()
    assert (await world.ledger.epoch(number)).emission_nano == 10 * NANO
    supply = await world.ledger.supply()
    await world.ledger.submit(last)  # the answer was lost: the same envelope once more
    assert await world.ledger.supply() == supply
    epoch_receipts.audit(await epoch_receipts.build(world.ledger, number))


async def test_on_a_schedule_phases_end_by_themselves(world: World) -> None:
    world.wait(HOUR - 1)
    made = world.weights(1, speech=SAME)
    await world.commit("validator 0", made)
    await world.ledger.expire()
    assert (await world.ledger.epoch()).state is EpochState.COMMITTING
    world.wait(60)
    await world.ledger.expire()
    assert (await world.ledger.epoch()).state is EpochState.REVEALING
    world.wait(61)
    await world.ledger.expire()  # the reveal never came
    record = await world.ledger.epoch(1)
    assert (record.state, record.revealed) == (EpochState.CLOSED, ())
    assert (await world.ledger.epoch()).number == 2
    assert await world.balance("producer 0") == 0


async def test_an_epoch_in_which_nobody_commits_goes_on_and_issues_nothing(world: World) -> None:
    world.wait(50 * HOUR)
    await world.ledger.expire()
    assert ((await world.ledger.epoch()).number, (await world.ledger.supply()).emitted_nano) == (1, 0)
    assert (await world.run(v0=SAME, v1=SAME, v2=SAME)).emission_nano == 10 * NANO


async def test_who_misses_an_epoch_counts_with_its_last_weights(world: World) -> None:
    await world.run(v0=SAME, v1=SAME, v2=SAME)
    world.wait(HOUR)
    number = (await world.ledger.epoch()).number
    made = world.weights(number, speech={"producer 2": 1})
    await world.commit("validator 0", made)
    world.wait(61)
    await world.ledger.expire()
    await world.reveal("validator 0", made)
    record = await world.ledger.epoch(number)
    assert record.state is EpochState.CLOSED
    report = epoch_receipts.audit(await epoch_receipts.build(world.ledger, number))
    assert (report.revealed, report.carried) == (1, 2)
    assert await world.balance("producer 2") == 0  # a third of the stake is no consensus


async def test_what_a_validator_said_before_it_left_counts_no_more(world: World) -> None:
    await world.run(v0=SAME, v1=SAME, v2=SAME)
    node = party("validator 2")
    record = await world.ledger.node(node.node_id, Role.VALIDATOR)
    await world.market.do(node, Retire(role=Role.VALIDATOR))
    again = Register(role=Role.VALIDATOR, offers=record.offers, seal_key=node.seal_public, endpoint=record.endpoint)
    await world.market.do(node, again)
    world.wait(HOUR)
    number = (await world.ledger.epoch()).number
    made = world.weights(number, speech=SAME)
    await world.commit("validator 0", made)
    world.wait(61)
    await world.ledger.expire()
    await world.reveal("validator 0", made)
    report = epoch_receipts.audit(await epoch_receipts.build(world.ledger, number))
    assert (report.revealed, report.carried) == (1, 1)


async def test_a_node_that_left_between_weights_and_epoch_gets_nothing(world: World) -> None:
    world.wait(HOUR)
    await world.beat()
    number = await world.call()
    made = world.weights(number, speech=SAME)
    for name in ("validator 0", "validator 1", "validator 2"):
        await world.commit(name, made)
    await world.market.do(party("producer 0"), Retire(role=Role.PROCESSOR))
    for name in ("validator 0", "validator 1", "validator 2"):
        await world.reveal(name, made)
    assert await world.balance("producer 0") == 0
    assert await world.balance("producer 1") == pytest.approx(10 * NANO * 0.41, abs=100)
    epoch_receipts.audit(await epoch_receipts.build(world.ledger, number))


async def test_a_node_that_comes_back_has_a_new_uid(world: World) -> None:
    node = party("producer 0")
    record = await world.ledger.node(node.node_id, Role.PROCESSOR)
    again = Register(role=Role.PROCESSOR, offers=record.offers, seal_key=node.seal_public, endpoint=record.endpoint)
    await world.market.do(node, again)
    members = {member.node: member.uid for member in await world.ledger.members()}
    assert members[node.node_id] == world.uids["producer 0"]
    await world.market.do(node, Retire(role=Role.PROCESSOR))
    await world.market.do(node, again)
    members = {member.node: member.uid for member in await world.ledger.members()}
    assert members[node.node_id] > max(world.uids.values())


async def test_a_stranger_a_poor_one_and_one_without_permit_cannot_commit(world: World) -> None:
    with pytest.raises(InputError, match="no registered validator"):
        await world.commit("producer 0", world.weights(1))
    await world.market.do(party("validator 0"), Unstake(amount_nano=95 * NANO))
    with pytest.raises(FundsError, match="10 ANT"):
        await world.commit("validator 0", world.weights(1))
    await world.market.do(OPERATOR, SetEpochRules(rules=msgspec.structs.replace(RULES, permits=1)))
    await world.run(v1=SAME, v2=SAME)
    with pytest.raises(FundsError, match="no permit: 1 validators"):
        await world.commit("validator 2", world.weights(2))
    await world.commit("validator 1", world.weights(2))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "version 2"),
        ({"rows": {"speech": Row(uids=(999,), values=(1,))}}, "uid 999"),
        ({"rows": {"": Row(uids=(1,), values=(1,))}}, "no service"),
        ({"rows": {str(number): Row(uids=(), values=()) for number in range(17)}}, "17 services"),
        ({"rows": {"s": Row(uids=tuple(range(9_000)), values=(1,) * 9_000)}}, "9000 weights"),
    ],
)
async def test_weights_that_are_not_taken_leave_the_commitment(
    world: World, change: dict[str, object], words: str
) -> None:
    number = await world.call()
    wrong = msgspec.structs.replace(world.weights(number, speech=SAME), **change)
    for name in ("validator 0", "validator 1", "validator 2"):
        await world.commit(name, wrong)
    with pytest.raises(InputError, match=words):
        await world.reveal("validator 0", wrong)
    assert party("validator 0").node_id in (await world.ledger.epoch()).committed


@pytest.mark.parametrize("values", [[-1], [65_536], [0], [float("nan")], [1.5], ["1"]])
async def test_no_other_numbers_than_of_16_bits_arrive(world: World, values: list[object]) -> None:
    body = {
        "op": "reveal-weights",
        "weights": {"epoch": 1, "version": 1, "rows": {"speech": {"uids": [1], "values": values}}},
        "salt": SALT,
    }
    raw = envelope.sign(
        party("validator 0"),
        kind="ledger",
        receiver=OPERATOR.node_id,
        task=epoch_id(OPERATOR.node_id, 1),
        body=msgspec.msgpack.encode(body),
        clock=world.clock,
    )
    with pytest.raises(AntiphonError):
        await world.ledger.submit(raw)
    assert (await world.ledger.epoch()).version == 0


async def test_only_the_operator_calls_and_sets_rules(world: World) -> None:
    for operation in (CallEpoch(epoch=1), SetEpochRules(rules=RULES)):
        with pytest.raises(InputError, match="operator"):
            await world.do(party("validator 0"), operation)
    with pytest.raises(InputError, match="name different epochs"):
        await world.do(OPERATOR, CallEpoch(epoch=1), epoch=7)
    with pytest.raises(ConflictError, match="not open yet"):
        await world.do(OPERATOR, CallEpoch(epoch=7), epoch=7)


async def test_rules_count_from_the_next_epoch_on(world: World) -> None:
    rules = EpochRules(
        epoch_s=HOUR, phase_s=60, evidence_epochs=0, yuma3=True, liquid_ppm=(700_000, 900_000), burn_ppm=180_000
    )
    await world.market.do(OPERATOR, SetEpochRules(rules=rules))
    assert ((await world.ledger.epoch()).rules, (await world.ledger.epoch()).coming) == (RULES, rules)
    first = await world.run(v0=SAME, v1=SAME, v2=SAME)
    second = await world.run(v0=SAME, v1={"producer 2": 1}, v2=SAME)
    assert (first.rules, second.rules, second.coming) == (RULES, rules, None)
    for record in (first, second):
        epoch_receipts.audit(await epoch_receipts.build(world.ledger, record.number))
    assert (await world.ledger.supply()).burnt_nano == pytest.approx(10 * NANO * 0.18, abs=1)


async def test_who_commits_too_often_is_told_and_the_last_one_counts(world: World) -> None:
    number = await world.call()
    for turn in range(epochs.MAX_COMMITS - 1):
        await world.commit("validator 0", world.weights(number, speech={"producer 2": turn + 1, "producer 1": 1}))
    made = world.weights(number, speech=SAME)
    await world.commit("validator 0", made)
    with pytest.raises(ConflictError, match="4 times"):
        await world.commit("validator 0", made)
    await world.commit("validator 1", made)
    await world.commit("validator 2", made)
    for name in ("validator 0", "validator 1", "validator 2"):
        await world.reveal(name, made)
    assert epoch_receipts.audit(await epoch_receipts.build(world.ledger, number)).envelopes == 12


async def test_who_loses_its_permit_has_committed_no_more(world: World) -> None:
    """So no more reveal than there are permits, however often stake moves on: a receipt has room for so many."""
    await world.market.do(OPERATOR, SetEpochRules(rules=msgspec.structs.replace(RULES, permits=1)))
    await world.run(v0=SAME, v1=SAME, v2=SAME)
    made = world.weights(2, speech=SAME)
    await world.commit("validator 0", made)
    await world.market.do(party("validator 0"), Unstake(amount_nano=NANO))
    await world.commit("validator 1", made)
    await world.market.do(party("validator 1"), Unstake(amount_nano=NANO))
    await world.commit("validator 2", made)
    assert (await world.ledger.epoch()).committed == (party("validator 2").node_id,)
    world.wait(HOUR)
    await world.beat()
    await world.call()
    with pytest.raises(ConflictError, match="lost its permit to more stake"):
        await world.reveal("validator 0", made)
    await world.reveal("validator 2", made)
    assert (await world.ledger.epoch(2)).state is EpochState.CLOSED
    epoch_receipts.audit(await epoch_receipts.build(world.ledger, 2))


async def test_only_so_many_commit_in_one_epoch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epochs, "MAX_COMMITTERS", 2)
    number, made = await world.call(), world.weights(1, speech=SAME)
    for name in ("validator 0", "validator 1", "validator 0"):
        await world.commit(name, made)
    with pytest.raises(ConflictError, match="2 validators have committed in this epoch"):
        await world.commit("validator 2", made)
    world.wait(HOUR)
    for name in ("validator 0", "validator 1"):
        await world.reveal(name, made)
    assert (await world.ledger.epoch(number)).state is EpochState.CLOSED
    await world.commit("validator 2", world.weights(2, speech=SAME))


async def test_a_newcomer_is_immune_for_as_long_as_the_rules_say(tmp_path: Path) -> None:
    """On a full ledger a richer one takes the place of the weakest, but not of one that has just come."""
    clock = ManualClock()
    for immunity_s, age_s, gives_way in ((0, 1, True), (60, 59, False), (60, 61, True)):
        ledger = await SqlLedger.open(
            tmp_path / f"{immunity_s}-{age_s}.db",
            operator=OPERATOR,
            clock=clock,
            rules=Rules(max_nodes=3),
            epochs=msgspec.structs.replace(RULES, immunity_s=immunity_s),
        )
        market = Market(ledger, clock, producers=2, validators=0)
        await market.found()
        clock.advance(HOUR)
        await market.join(party("newcomer"), Role.PROCESSOR, 10, stake_nano=10 * NANO)
        clock.advance(age_s)
        for name in ("producer 0", "producer 1", "newcomer"):
            await market.beat(party(name))
        await market.join(party("rich"), Role.PROCESSOR, 10, stake_nano=500 * NANO)
        listed = {record.node for record in await ledger.nodes()}
        assert len(listed) == 3
        assert party("rich").node_id in listed
        assert (party("newcomer").node_id not in listed) is gives_way
        await ledger.close()


async def test_whoever_waits_for_an_epoch_hears_of_it(world: World) -> None:
    waiting = asyncio.create_task(world.ledger.epoch(newer_than=0, wait_s=5))
    await asyncio.sleep(0.05)
    await world.call()
    assert (await waiting).called


async def test_no_more_is_issued_than_may_exist(tmp_path: Path) -> None:
    from antiphon.ledger.limits import MAX_SUPPLY_NANO

    world = await founded(
        tmp_path / "ledger.db", EpochRules(epoch_s=HOUR, phase_s=60, evidence_epochs=0, emission_nano=MAX_SUPPLY_NANO)
    )
    record = await world.run(v0=SAME, v1=SAME, v2=SAME)
    assert (await world.ledger.supply()).issued_nano == MAX_SUPPLY_NANO
    assert record.emission_nano < MAX_SUPPLY_NANO
    assert (await world.run(v0=SAME, v1=SAME, v2=SAME)).emission_nano == 0
    await world.ledger.close()


class TickingClock(ManualClock):
    """Like a machine's: later each time that it is looked at."""

    def now_ms(self) -> int:
        self.advance(0.001)
        return super().now_ms()


async def test_weights_are_carried_while_time_goes_on(tmp_path: Path) -> None:
    world = await founded(tmp_path / "ledger.db", clock=TickingClock())
    await world.run(v0=SAME, v1=SAME, v2=SAME)
    record = await alone(world)
    report = epoch_receipts.audit(await epoch_receipts.build(world.ledger, record.number))
    assert (report.revealed, report.carried) == (1, 2)
    await world.ledger.close()


async def test_only_weights_of_who_has_a_permit_are_carried(world: World) -> None:
    await world.run(v0=SAME, v1=SAME, v2=SAME)
    await world.market.do(party("validator 2"), Unstake(amount_nano=95 * NANO))
    record = await alone(world)
    report = epoch_receipts.audit(await epoch_receipts.build(world.ledger, record.number))
    assert (report.revealed, report.carried) == (1, 1)


async def test_a_clock_that_is_set_back_harms_no_receipt_and_pays_no_time_twice(world: World) -> None:
    world.wait(HOUR)
    await world.beat()
    number = await world.call()
    made = world.weights(number, speech=SAME)
    for act in (world.commit, world.reveal):
        for name in ("validator 0", "validator 1", "validator 2"):
            await act(name, made)
            world.wait(-0.02)
    record = await world.ledger.epoch(number)
    epoch_receipts.audit(await epoch_receipts.build(world.ledger, number))
    world.wait(-HOUR)
    following = await world.ledger.epoch()
    assert following.opened_ms == record.closed_ms
    with pytest.raises(ConflictError, match="clock ran back"):
        await world.commit("validator 0", world.weights(following.number, speech=SAME))
    world.wait(HOUR + 1)
    await world.beat()
    for name in ("validator 0", "validator 1", "validator 2"):
        await world.commit(name, world.weights(following.number, speech=SAME))
    assert (await world.ledger.supply()).emitted_nano == 10 * NANO
    assert await world.ledger.epoch() == await world.ledger.epoch(following.number)


async def test_no_task_mixes_with_an_epochs_evidence(world: World) -> None:
    for number in (1, 2, 10**6):
        with pytest.raises(InputError, match="epochs begin so"):
            await world.market.open(epoch_id(OPERATOR.node_id, number))
    await world.run(v0=SAME, v1=SAME, v2=SAME)
    epoch_receipts.audit(await epoch_receipts.build(world.ledger, 1))


async def alone(world: World) -> EpochRecord:
    """An epoch in which validator 0 takes part and the others do not."""
    world.wait(HOUR)
    number = (await world.ledger.epoch()).number
    made = world.weights(number, speech={"producer 2": 1})
    await world.commit("validator 0", made)
    world.wait(61)
    await world.ledger.expire()
    await world.reveal("validator 0", made)
    record = await world.ledger.epoch(number)
    assert record.state is EpochState.CLOSED
    return record


async def test_unknown_epochs_are_named(world: World) -> None:
    for number in (7, -1, 10**30):
        with pytest.raises(InputError, match="no epoch"):
            await world.ledger.epoch(number)


def test_the_largest_epoch_there_can_be_has_a_receipt() -> None:
    """64 validators, each with as many weights as it may have; half of them for nodes that nobody else weighs."""
    standing = epochs.Standing(
        number=1,
        rules=RULES,
        opened_ms=0,
        committed_ms=0,
        closed_ms=HOUR * 1000,
        room_nano=10**18,
        owner=OPERATOR.node_id,
        members=tuple(
            epochs.Member(uid=uid, node=f"{uid:064x}", validator=uid < 64, stake_nano=10**12 * (uid < 64))
            for uid in range(20_000)
        ),
        applied_ms=(),
        bonds={},
        paid_sha256=b"",
    )
    half = epochs.MAX_WEIGHTS // 2
    revealed = {
        f"{judge:064x}": Weights(
            epoch=1,
            version=1,
            rows={
                "s": upscaled({**{64 + n: 1 for n in range(half)}, **{3_000 + judge * 200 + n: 1 for n in range(half)}})
            },
        )
        for judge in range(64)
    }
    settled = epochs.settle(standing, revealed)
    later = msgspec.structs.replace(standing, bonds=settled.computed.bonds, paid_sha256=settled.paid_sha256)
    told = epoch_receipts.statement(epoch_receipts.Replayed(standing=later, revealed=revealed, settled=settled))
    signed = sum(len(canonical.pack(one)) for one in revealed.values()) + len(canonical.pack(later))
    assert len(canonical.pack(later)) < envelope.MAX_ENVELOPE_BYTES - 10_000
    assert len(msgspec.json.encode(told)) + signed * 4 // 3 < receipts.MAX_RECEIPT_BYTES


class Round(msgspec.Struct, frozen=True):
    """What validators do in one epoch, by number, and what happens meanwhile."""

    waits_s: int
    calls: bool
    commits: list[int]
    leaves: int  # a producer; 3: nobody
    restarts: bool
    lies: int  # a validator that first reveals something else; 3: nobody
    reveals: list[int]


some = st.lists(st.integers(0, 2), max_size=4)
rounds = st.builds(
    Round, st.integers(0, 9_000), st.booleans(), some, st.integers(0, 3), st.booleans(), st.integers(0, 3), some
)


@settings(max_examples=15, deadline=None)
@given(history=st.lists(rounds, min_size=1, max_size=4), rows=st.lists(st.integers(1, 9), min_size=6, max_size=6))
def test_whatever_happens_every_unit_is_accounted_for(history: list[Round], rows: list[int]) -> None:
    asyncio.run(_played(history, rows))


async def _played(history: list[Round], rows: list[int]) -> None:
    with TemporaryDirectory() as folder:
        world = await founded(Path(folder) / "ledger.db")
        deposited = (await world.ledger.supply()).issued_nano
        for one in history:
            await _play(world, one, rows)
        supply, number = await world.ledger.supply(), (await world.ledger.epoch()).number
        assert number == 1 + sum(bool(one.commits) for one in history)  # it closes once somebody has committed
        closed = [await world.ledger.epoch(number) for number in range(1, number)]
        assert supply.emitted_nano == sum(record.emission_nano for record in closed)
        assert supply.issued_nano == deposited + supply.emitted_nano
        for record in closed:
            report = epoch_receipts.audit(await epoch_receipts.build(world.ledger, record.number))
            assert report.emission_nano == record.emission_nano <= 10 * NANO
        await world.ledger.close()


async def _play(world: World, one: Round, rows: list[int]) -> None:
    epoch = (await world.ledger.epoch()).number
    made = world.weights(epoch, speech={"producer 0": rows[epoch % 3], "producer 1": rows[3 + epoch % 3]})
    world.wait(one.waits_s)
    if one.calls:
        await world.call()
    for number in one.commits:
        with contextlib.suppress(ConflictError):
            await world.commit(f"validator {number}", made)
    if one.leaves < 3:
        with contextlib.suppress(InputError):
            await world.market.do(party(f"producer {one.leaves}"), Retire(role=Role.PROCESSOR))
    world.wait(HOUR + 61)
    await world.ledger.expire()
    if one.restarts:
        await world.reopen()
    with contextlib.suppress(ConflictError, InputError):
        await world.reveal(f"validator {one.lies}", made, b"w" * 16)
    for number in one.reveals:
        with contextlib.suppress(ConflictError):
            await world.reveal(f"validator {number}", made)
    world.wait(61)
    await world.ledger.expire()
