"""Netting: what all have signed moves money between them, to the unit, once; what one has not signed moves nothing."""

from __future__ import annotations

import dataclasses

import pytest

boa = pytest.importorskip("boa", reason="titanoboa is not installed here: scripts/check runs this in .venv-contracts")

from contracts_deployed import ANT, ARTEFACTS
from contracts_gas import Meter
from contracts_signed import Domain, Net, account
from hypothesis import given, settings
from hypothesis import strategies as st
from test_contracts_quorum import FEES, GOOD, PART_MAX, REWARD, World

SOURCES = ARTEFACTS.parent
COST = REWARD + sum(FEES)


def paid(world: World, session: int, parts: int = 0b11, **changes: object) -> Net:
    """Two parts of valid work."""
    moved = dict(zip((key.address for key in world.keys), (0, 2 * REWARD, *(2 * fee for fee in FEES)), strict=True))
    spends = ((session, 0, parts, 2 * COST),)
    made = Net(boa.env.timestamp + 600, spends, moved, (world.client.address,))
    return dataclasses.replace(made, **changes)


def balances(world: World) -> list[int]:
    return [world.quorum.balances(key.address) for key in world.keys]


def refused(world: World, reason: str | None, net: Net, keys=None, domain: Domain | None = None) -> None:
    before = balances(world)
    signed = net.signed(keys or world.keys, domain or world.domain)
    with boa.reverts() if reason is None else boa.reverts(reason):
        world.quorum.settle_net(*signed)
    assert balances(world) == before


def test_a_batch_that_all_have_signed_is_settled_once_by_a_strangers_hand(world) -> None:
    session = world.session()
    net = paid(world, session)
    world.quorum.settle_net(*net.signed(world.keys, world.domain), sender=boa.env.generate_address())
    assert balances(world) == [46 * ANT, 2 * REWARD, *(2 * fee for fee in FEES)]
    assert world.quorum.sessions(session).left == 4 * PART_MAX - 2 * COST
    refused(world, "netting: part settled already", net)
    refused(world, "netting: part settled already", dataclasses.replace(net, evidence=bytes(32)))
    with boa.reverts("quorum: settled already"):
        world.quorum.settle(world.case(world.assignment(session, 1), [GOOD] * 3))
    world.quorum.settle(world.case(world.assignment(session, 2), [GOOD] * 3))
    refused(world, "netting: part settled already", paid(world, session, 0b1100))


def test_whoever_has_not_signed_stops_it(world) -> None:
    net = paid(world, world.session())
    for missing in world.keys:
        refused(world, "signed: wrong signature", net, [key for key in world.keys if key is not missing])
    unlisted = {party: change for party, change in net.changes.items() if party != world.client.address}
    evidence, expires, burnt, spends, changes, places, signatures = dataclasses.replace(
        net, changes=unlisted, clients=(world.producer.address,)
    ).signed(world.keys, world.domain)
    with boa.reverts("netting: not its client"):
        world.quorum.settle_net(evidence, expires, burnt, spends, changes, places, signatures)


@pytest.mark.parametrize("field", ["evidence", "expires", "burnt", "spends", "changes"])
def test_it_is_settled_as_it_was_signed(world, field) -> None:
    session = world.session()
    net = paid(world, session)
    other = {
        "evidence": bytes(32),
        "expires": net.expires + 1,
        "burnt": 1,
        "spends": ((session, 0, 0b101, 2 * COST),),
        "changes": net.changes | {world.producer.address: 2 * REWARD + 1},
    }
    altered = dataclasses.replace(net, **{field: other[field]})
    arguments = altered.signed(world.keys, world.domain)
    signatures = net.signed(world.keys, world.domain)[-1]
    with boa.reverts("signed: wrong signature"):
        world.quorum.settle_net(*arguments[:-1], signatures)
    refused(world, "signed: wrong signature", net, domain=Domain(world.quorum.address, chain=2))


def test_what_does_not_add_up_is_refused(world) -> None:
    session = world.session()
    net = paid(world, session)
    more = net.changes | {world.producer.address: 2 * REWARD + 1}
    for wrong in ({"changes": more}, {"burnt": 1}, {"spends": ((session, 0, 3, 2 * COST - 1),)}):
        refused(world, "netting: changes do not add up", dataclasses.replace(net, **wrong))
    # A part of its own is what makes a batch settle once.
    refused(world, "netting: no parts", dataclasses.replace(net, spends=(), clients=()))
    refused(world, "netting: no parts", dataclasses.replace(net, spends=((session, 0, 0, 2 * COST),)))
    refused(world, "netting: batch expired", dataclasses.replace(net, expires=boa.env.timestamp))
    # Sums that come round at 2**256 are no sums.
    huge = net.changes | {world.producer.address: 2**255 - 1, world.validators[0].address: 2**255 - 1}
    refused(world, None, dataclasses.replace(net, changes=huge))
    refused(world, None, dataclasses.replace(net, burnt=2**255))
    low = net.changes | {world.producer.address: -(2**255)}
    refused(world, None, dataclasses.replace(net, changes=low))


def test_sessions_and_balances_give_no_more_than_they_have(world) -> None:
    session = world.session()
    everything = {world.client.address: 0, world.producer.address: 2 * PART_MAX}
    full = Net(boa.env.timestamp + 600, ((session, 0, 3, 2 * PART_MAX),), everything, (world.client.address,))
    dear = everything | {world.producer.address: 2 * PART_MAX + 1}
    refused(
        world,
        "netting: dearer than allowed",
        dataclasses.replace(full, changes=dear, spends=((session, 0, 3, 2 * PART_MAX + 1),)),
    )
    for word, parts in ((0, 1 << 4), (0, 1 << 255), (1, 1), (256, 1), (2**255, 1)):
        refused(world, None, dataclasses.replace(full, spends=((session, word, 3 | parts, 2 * PART_MAX),)))
    world.quorum.settle_net(*full.signed(world.keys, world.domain))
    owing = {world.client.address: 0, world.producer.address: -2 * PART_MAX - 1}
    debt = Net(full.expires, ((session, 0, 4, 0),), owing, full.clients, burnt=2 * PART_MAX + 1)
    refused(world, "netting: insufficient balance", debt)
    boa.env.time_travel(seconds=3_600)
    late = dataclasses.replace(full, expires=boa.env.timestamp + 1, spends=((session, 0, 4, 2 * PART_MAX),))
    refused(world, "netting: session expired", late)


def test_penalties_are_burnt_by_anybodys_sweep(world) -> None:
    owner, spend = world.client.address, (world.session(1), 0, 1, 0)
    fined = Net(boa.env.timestamp + 600, (spend,), {owner: -5 * ANT}, (owner,), burnt=5 * ANT)
    world.quorum.settle_net(*fined.signed(world.keys, world.domain))
    assert world.quorum.burnt() == 5 * ANT
    world.quorum.sweep()
    assert world.token.balanceOf("0x000000000000000000000000000000000000dEaD") == 5 * ANT
    assert world.quorum.held() == world.token.balanceOf(world.quorum.address) == 45 * ANT
    with boa.reverts("netting: nothing is burnt"):
        world.quorum.sweep()


@pytest.fixture(scope="module")
def bits():
    boa.interpret.set_search_paths([str(SOURCES)])
    with boa.env.anchor():
        yield boa.loads("""
# pragma version 0.4.3
import netting
import purse
initializes: purse
initializes: netting[purse := purse]
@deploy
def __init__():
    purse.__init__(self)
@external
@pure
def measured(word: uint256) -> (uint256, uint256):
    return netting._count(word), netting._length(word)
""")


@given(st.one_of(st.integers(0, 2**256 - 1), st.integers(0, 256).map(lambda n: 2**n - 1)))
@settings(max_examples=40, deadline=None)
def test_parts_are_counted_bit_by_bit(bits, word) -> None:
    assert tuple(bits.measured(word)) == (word.bit_count(), word.bit_length())


def a_thousand_tasks(world: World) -> tuple[list, Net]:
    """1,000 parts of 3 clients, 2 producers and 5 validators: their keys, and what they all sign."""
    clients = [world.client, *(account(f"client {n}") for n in (1, 2))]
    for key in clients:
        world.token.transfer(key.address, 400 * ANT)
        world.token.approve(world.quorum.address, 2**255, sender=key.address)
        world.quorum.deposit(400 * ANT, sender=key.address)
    keys = [*clients, world.producer, account("second producer"), *world.validators]
    spends, changes = [], dict.fromkeys((key.address for key in keys), 0)
    for key, count in zip(clients, (334, 333, 333), strict=True):
        session = world.quorum.open_session(count, PART_MAX, boa.env.timestamp + 3_600, sender=key.address)
        spends += [(session, word, 2**held - 1, held * COST) for word, held in ((0, 256), (1, count - 256))]
    for n in range(1_000):
        changes[keys[3 + n % 2].address] += REWARD
        for seat, fee in enumerate(FEES):
            changes[keys[5 + (n + seat) % 5].address] += fee
    owners = tuple(key.address for key in clients for _ in range(2))
    return keys, Net(boa.env.timestamp + 600, tuple(spends), changes, owners)


def test_a_thousand_tasks_of_ten_parties_cost_less_than_400_each() -> None:
    """But for the first batch, which makes the accounts."""
    with boa.swap_env(boa.Env()):
        world, meter = World(seats=5), Meter()
        for most in (450, 400):
            keys, net = a_thousand_tasks(world)
            assert len(keys) == 10
            world.quorum.settle_net(*net.signed(keys, world.domain))
            assert 100 * 1_000 < meter.gas < most * 1_000
        assert sum(world.quorum.balances(key.address) for key in keys[3:]) == 2_000 * COST
