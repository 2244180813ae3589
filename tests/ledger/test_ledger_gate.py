"""A stranger's flood at a served ledger's door: it is counted, and those who have something at stake do not feel it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ledger_market import CLIENT, OPERATOR, SPEECH, Market, party, task_id

from antiphon.clock import ManualClock
from antiphon.economy.types import NANO, Mode, Part, Role
from antiphon.errors import AntiphonError, BusyError, FundsError, ProtocolError
from antiphon.ledger.gate import Gate, Rates
from antiphon.ledger.operations import OpenTask, Operation, Pay, Register, Revoke, ServiceOffer, Stake
from antiphon.ledger.remote import LedgerService, RemoteLedger
from antiphon.ledger.sql import SqlLedger
from antiphon.protocol.identity import Identity

RATES = Rates(identity_per_s=10, identity_burst=100, strangers_per_s=1, strangers_burst=20)


class Counting(SqlLedger):
    """Counts what reaches the ledger itself."""

    reached = 0

    async def submit(self, envelope: bytes) -> None:
        self.reached += 1
        await super().submit(envelope)


class World:
    def __init__(self, ledger: Counting, clock: ManualClock) -> None:
        self.ledger, self.clock, self.time_s = ledger, clock, 0.0
        gate = Gate(ledger, OPERATOR.node_id, RATES, lambda: self.time_s)
        service = LedgerService(ledger, OPERATOR, gate)
        self.market = Market(RemoteLedger(lambda _, message, s: service.handle(message), "x", clock=clock), clock)

    async def flood(self, raws: list[bytes]) -> list[str]:
        """What became of each."""
        told = []
        for raw in raws:
            try:
                await self.market.ledger.submit(raw)
                told.append("")
            except AntiphonError as e:
                told.append(type(e).__name__)
        return told


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = ManualClock()
    ledger = await Counting.open(tmp_path / "ledger.db", operator=OPERATOR, clock=clock)
    assert isinstance(ledger, Counting)
    made = World(ledger, clock)
    await made.market.found()
    yield made
    await ledger.close()


def strangers_registration(who: Identity) -> Register:
    offer = ServiceOffer(service="speech", price_nano=1, voices=tuple(f"{who.node_id[:8]}-{n}" for n in range(500)))
    return Register(role=Role.PROCESSOR, offers=(offer,), seal_key=who.seal_public, endpoint="http://x.example:1")


def strangers_order(market: Market, number: int) -> Operation:
    fields: dict[str, object] = {}
    if "tips" in OpenTask.__struct_fields__:
        fields["tips"] = (bytes(32),)
    return OpenTask(
        task=task_id(1_000 + number),
        selector=SPEECH,
        parts=(Part(index=0, units=100),),
        mode=Mode.VERIFIED,
        request_hash=bytes(32),
        max_total_nano=NANO,
        **fields,  # type: ignore[arg-type]
    )


async def test_a_flood_of_strangers_reaches_the_ledger_at_one_small_rate(world: World) -> None:
    market = world.market
    people = [party(f"stranger {n}") for n in range(300)]
    raws = []
    for number, who in enumerate(people):
        operation = strangers_registration(who) if number % 2 else strangers_order(market, number)
        raws.append(market.sign(who, operation))
    world.ledger.reached = 0
    told = await world.flood(raws)
    assert world.ledger.reached <= RATES.strangers_burst
    assert told.count("BusyError") >= 280
    assert "" not in told
    before = await world.ledger.account(CLIENT.node_id)
    honest = [market.sign(CLIENT, Stake(amount_nano=1)) for _ in range(50)]
    assert await world.flood(honest) == [""] * 50, "nobody with money feels it"
    newcomer = party("comes with money")
    await market.fund(newcomer)
    assert await world.flood([market.sign(newcomer, Stake(amount_nano=1))]) == [""], "nor does who is new"
    assert (await world.ledger.account(CLIENT.node_id)).stake_nano == before.stake_nano + 50


async def test_replays_and_forgeries_use_up_nobodys_rate(world: World) -> None:
    market = world.market
    mine = [market.sign(CLIENT, Stake(amount_nano=1)) for _ in range(10)]
    assert await world.flood(mine) == [""] * 10
    world.ledger.reached = 0
    told = await world.flood(mine * 30)
    assert world.ledger.reached <= RATES.strangers_burst
    assert told.count("BusyError") >= 280
    forged = [
        raw[:-1] + bytes([raw[-1] ^ 1]) for raw in (market.sign(CLIENT, Stake(amount_nano=1)) for _ in range(300))
    ]
    assert set(await world.flood(forged)) == {"ProtocolError"}
    honest = [market.sign(CLIENT, Stake(amount_nano=1)) for _ in range(80)]
    assert await world.flood(honest) == [""] * 80


async def test_who_has_money_and_sends_nonsense_uses_up_its_own_rate_only(world: World) -> None:
    market, rich = world.market, party("rich")
    await market.fund(rich)
    nonsense = [market.sign(rich, Stake(amount_nano=10**15)) for _ in range(50)]
    told = await world.flood(nonsense)
    assert told.count("FundsError") == 10
    assert told.count("BusyError") == 40
    assert await world.flood([market.sign(CLIENT, Stake(amount_nano=1)) for _ in range(20)]) == [""] * 20
    world.time_s += 10
    with pytest.raises(FundsError):
        await market.do(rich, Stake(amount_nano=10**15))


async def test_a_stranger_may_still_take_back_a_consent(world: World) -> None:
    await world.market.do(party("somebody"), Revoke(grant="0" * 32))


async def test_time_brings_the_rate_back_and_the_answer_says_when(world: World) -> None:
    market = world.market
    people = [party(f"stranger {n}") for n in range(30)]
    await world.flood([market.sign(who, strangers_registration(who)) for who in people])
    with pytest.raises(BusyError) as busy:
        await market.do(people[0], strangers_registration(people[0]))
    assert 0 < busy.value.retry_after_s < 1_000
    world.time_s += busy.value.retry_after_s + 0.001
    with pytest.raises(FundsError):
        await market.do(people[0], strangers_registration(people[0]))


async def test_noise_is_refused_before_anything_is_asked(world: World) -> None:
    world.ledger.reached = 0
    with pytest.raises(ProtocolError):
        await world.market.ledger.submit(b"noise")
    assert world.ledger.reached == 0


async def test_calls_to_let_deadlines_pass_are_answered_but_not_all_acted_upon(world: World) -> None:
    assert [await world.market.ledger.expire() for _ in range(100)] == [0] * 100


async def test_dust_on_a_thousand_keys_buys_no_thousand_rates(world: World) -> None:
    """What may be asked of the ledger grows with what one has here, however many keys it lies on."""
    market, rich = world.market, party("rich")
    await market.fund(rich)
    sybils = [party(f"sybil {n}") for n in range(60)]
    for number, who in enumerate(sybils):
        world.time_s += 0.1
        await market.do(rich, Pay(account=who.node_id, amount_nano=NANO // 1_000 if number % 2 else 1))
    world.ledger.reached = 0
    await world.flood([market.sign(who, Stake(amount_nano=10**15)) for who in sybils for _ in range(5)])
    assert world.ledger.reached <= RATES.strangers_burst
    small, large = party("has an ANT"), party("has ten")
    await market.fund(small, RATES.full_nano // 10)
    await market.fund(large, RATES.full_nano)
    for who, ops in ((small, 10), (large, 100)):
        told = await world.flood([market.sign(who, Stake(amount_nano=1)) for _ in range(120)])
        assert told.count("") == ops


async def test_a_task_of_a_thousand_parts_is_no_single_operation(world: World) -> None:
    """Opened and cancelled it cost its client 60,000 nano, and the ledger as much time as a thousand operations."""
    market = world.market
    before = world.time_s
    for number in range(2):
        with contextlib.suppress(BusyError):
            await market.open(task_id(number), units=(1,) * 1_000)
    assert len(await world.ledger.tasks(CLIENT.node_id)) == 1
    world.time_s = before + RATES.identity_burst / RATES.identity_per_s
    await market.open(task_id(2), units=(1,) * 16)
    assert await world.flood([market.sign(CLIENT, Stake(amount_nano=1)) for _ in range(90)]) == [""] * 90
