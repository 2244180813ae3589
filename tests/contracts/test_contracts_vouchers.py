"""Vouchers: a part pays its producer what was heard, to the unit and once; a verdict that comes in time goes before."""

from __future__ import annotations

import pytest

boa = pytest.importorskip("boa", reason="titanoboa is not installed here: scripts/check runs this in .venv-contracts")

from dataclasses import dataclass, replace

from contracts_deployed import ANT
from contracts_gas import Meter
from contracts_signed import Domain, account
from eth_utils import keccak
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from test_contracts_quorum import BARE, FEES, PART_MAX, REWARD, World

VOUCHER = [
    ("session", "uint256"),
    ("part", "uint256"),
    ("producer", "address"),
    ("amount", "uint256"),
    ("position", "uint256"),
    ("stream", "bytes32"),
    ("due", "uint256"),
]
DUE_S = 600
LASTS_S = 3_600


@dataclass(frozen=True)
class Voucher:
    """What a client owes for one part, as far as it heard it."""

    session: int
    part: int
    producer: str
    amount: int
    due: int
    position: int = 96_000
    stream: bytes = keccak(b"sound")

    def signed(self, key, domain: Domain) -> tuple:
        """As the contract takes it."""
        signature = domain.sign(key, "Voucher", VOUCHER, {name: getattr(self, name) for name, _ in VOUCHER})
        return self.session, self.part, self.amount, self.position, self.stream, self.due, signature


def heard(world: World, session: int, part: int = 0, amount: int = REWARD // 3) -> Voucher:
    return Voucher(session, part, world.producer.address, amount, boa.env.timestamp + DUE_S)


def redeem(world: World, *vouchers: Voucher, key=None, sender=None) -> None:
    given = [one.signed(key or world.client, world.domain) for one in vouchers]
    world.quorum.redeem(given, sender=(sender or world.producer).address)


def test_the_last_voucher_pays_what_was_heard_and_the_rest_comes_back(world) -> None:
    session = world.session()
    vouchers = [heard(world, session, part, 100_000_001 + part) for part in range(3)]
    with boa.reverts("vouchers: not due, or expired"):
        redeem(world, *vouchers)
    boa.env.time_travel(seconds=DUE_S)
    redeem(world, *vouchers)
    paid = 300_000_006
    assert world.quorum.balances(world.producer.address) == paid
    redeem(world, *vouchers)  # once
    assert world.quorum.balances(world.producer.address) == paid
    boa.env.time_travel(seconds=LASTS_S)
    world.quorum.close(session)
    assert world.quorum.balances(world.client.address) == 50 * ANT - paid
    assert world.quorum.held() == 50 * ANT
    world.quorum.withdraw(paid, sender=world.producer.address)


def test_only_what_the_client_signed_for_this_producer_counts(world) -> None:
    session = world.session()
    voucher = heard(world, session)
    signed = voucher.signed(world.client, world.domain)
    boa.env.time_travel(seconds=DUE_S)
    other = {0: world.session(), 1: 1, 2: voucher.amount + 1, 3: 0, 4: bytes(32), 5: voucher.due - 1}
    for field, value in other.items():
        altered = (*signed[:field], value, *signed[field + 1 :])
        with boa.reverts("signed: wrong signature"):
            world.quorum.redeem([altered], sender=world.producer.address)
    for thief in (world.mallory, world.client, world.validators[0]):
        with boa.reverts("signed: wrong signature"):
            world.quorum.redeem([signed], sender=thief.address)
    with boa.reverts("signed: wrong signature"):
        redeem(world, voucher, key=world.mallory)
    for domain in (Domain(world.quorum.address, chain=2), Domain(world.registry.address)):
        with boa.reverts("signed: wrong signature"):
            world.quorum.redeem([voucher.signed(world.client, domain)], sender=world.producer.address)
    assert world.quorum.balances(world.producer.address) == 0


def test_no_part_gives_more_than_it_has_and_none_after_its_session(world) -> None:
    session = world.session(parts=2)
    for wrong in (heard(world, session, 2), heard(world, session, 0, PART_MAX + 1), heard(world, session, 2**200)):
        with boa.reverts("vouchers: part out of bounds"):
            redeem(world, replace(wrong, due=0))
    with boa.reverts("vouchers: not due, or expired"):
        redeem(world, replace(heard(world, 99), due=0))
    redeem(world, replace(heard(world, session, 1, PART_MAX), due=0))
    boa.env.time_travel(seconds=LASTS_S)
    with boa.reverts("vouchers: not due, or expired"):
        redeem(world, heard(world, session))


def test_a_verdict_in_time_goes_before_what_was_heard(world) -> None:
    session = world.session()
    voucher = heard(world, session)
    world.quorum.settle(world.case(world.assignment(session), [BARE] * 3))
    boa.env.time_travel(seconds=DUE_S)
    redeem(world, voucher, replace(voucher, part=1))
    assert world.quorum.balances(world.producer.address) == REWARD + voucher.amount
    with boa.reverts("quorum: settled already"):
        world.quorum.settle(world.case(world.assignment(session, 1), [BARE] * 3))


class Histories(RuleBasedStateMachine):
    """Vouchers, verdicts and time in any order, beside a model."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.world = World()
        self.started = boa.env.timestamp
        self.number = self.world.session(parts=4)
        self.left, self.earned, self.client = 4 * PART_MAX, 0, 46 * ANT
        self.ended: set[int] = set()

    @property
    def passed(self) -> int:
        return boa.env.timestamp - self.started

    @rule(
        given=st.lists(
            st.tuples(
                st.integers(0, 4), st.sampled_from([1, REWARD, PART_MAX, PART_MAX + 1]), st.sampled_from([0, 900])
            ),
            min_size=1,
            max_size=4,
        )
    )
    def redeem(self, given) -> None:
        made = [
            Voucher(self.number, part, self.world.producer.address, amount, self.started + due)
            for part, amount, due in given
        ]
        allowed = all(part < 4 and amount <= PART_MAX and due <= self.passed for part, amount, due in given)
        if not allowed or self.passed >= LASTS_S:
            with boa.reverts():
                redeem(self.world, *made)
            return
        redeem(self.world, *made)
        for part, amount, _ in given:
            if part not in self.ended:
                self.ended.add(part)
                self.left, self.earned = self.left - amount, self.earned + amount

    @rule(part=st.integers(0, 3))
    def judge(self, part) -> None:
        case = self.world.case(self.world.assignment(self.number, part), [BARE] * 3)
        if part in self.ended or self.passed >= LASTS_S:
            with boa.reverts():
                self.world.quorum.settle(case)
            return
        self.world.quorum.settle(case)
        self.ended.add(part)
        self.left, self.earned = self.left - REWARD - sum(FEES), self.earned + REWARD

    @rule(seconds=st.sampled_from([60, 900, 3_000]))
    def wait(self, seconds) -> None:
        boa.env.time_travel(seconds=seconds)

    @rule()
    def close(self) -> None:
        if self.passed < LASTS_S or not self.left:
            with boa.reverts():
                self.world.quorum.close(self.number)
            return
        self.world.quorum.close(self.number)
        self.client, self.left = self.client + self.left, 0

    @invariant()
    def everybody_has_what_the_model_says(self) -> None:
        quorum = self.world.quorum
        assert quorum.balances(self.world.producer.address) == self.earned
        assert quorum.balances(self.world.client.address) == self.client
        assert quorum.sessions(self.number).left == self.left
        assert [quorum.is_settled(self.number, part) for part in range(4)] == [n in self.ended for n in range(4)]
        assert quorum.held() == 50 * ANT

    def teardown(self) -> None:
        self.anchor.__exit__(None, None, None)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=8, stateful_step_count=12, deadline=None)


def test_vouchers_in_one_transaction_cost_less_than_15_000_gas_each() -> None:
    with boa.swap_env(boa.Env()):
        world, meter = World(), Meter()
        session = world.session(parts=40)
        first = [replace(heard(world, session, part), due=0) for part in range(8)]
        redeem(world, *first)
        made = [replace(heard(world, session, part), due=0) for part in range(8, 40)]
        given = [one.signed(world.client, world.domain) for one in made]
        world.quorum.redeem(given, sender=world.producer.address)
        assert 32 * 8_000 < meter.gas < 32 * 15_000


def test_a_stranger_pays_nobody(world) -> None:
    with boa.reverts("signed: wrong signature"):
        redeem(world, replace(heard(world, world.session()), due=0), key=account("nobody"))
