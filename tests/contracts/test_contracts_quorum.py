"""Quorum: what was signed settles a part once, to the unit of the pure economy; what mallory signs settles nothing."""

from __future__ import annotations

import pytest

boa = pytest.importorskip("boa", reason="titanoboa is not installed here: scripts/check runs this in .venv-contracts")

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence

from contracts_appeals import Dispute, lapse
from contracts_deployed import (
    ANT,
    PROCESSOR,
    VALIDATOR,
    deploy_appeal,
    deploy_fee_token,
    deploy_quorum,
    deploy_registry,
    deploy_token,
    register,
)
from contracts_economy import Due, due, packed
from contracts_gas import Meter
from contracts_signed import NOTHING, ORDER, Assignment, Batch, Domain, Net, account, seat_word
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from antiphon.economy.types import Reading, Rules, Verdict, Vote

RULES = Rules(audit_ppm=0, deliver_s=120, draw_s=120, commit_s=60, reveal_s=60)
WEEK_S = 7 * 86_400
GOOD = Vote(verdict=Verdict.VALID, score_ppm=800_000, readings=(Reading(key="words", value=12),))
NEAR = Vote(verdict=Verdict.VALID, score_ppm=785_000, readings=(Reading(key="words", value=9_000),))
BARE = Vote(verdict=Verdict.VALID, score_ppm=800_000)
BAD = Vote(verdict=Verdict.INVALID, score_ppm=90_000)
UNSURE = Vote(verdict=Verdict.INCONCLUSIVE, score_ppm=None)
UNSHOWN = Vote(verdict=Verdict.ABSENT, score_ppm=None)
PART_MAX = ANT
REWARD = 500_000_000
FEES = (40_000_000, 50_000_001, 60_000_002)


class World:
    """A token, a registry, a quorum; a client, a producer and seats with keys of their own."""

    def __init__(self, seats: int = 3) -> None:
        self.token = deploy_token()
        self.registry = deploy_registry(self.token.address)
        self.appeal = deploy_appeal(self.registry.address)
        self.quorum = deploy_quorum(self.registry.address, self.appeal.address, packed(RULES))
        self.domain = Domain(self.quorum.address)
        self.client, self.producer, self.mallory = account("client"), account("producer"), account("mallory")
        self.validators = sorted((account(f"validator {n}") for n in range(seats)), key=lambda v: int(v.address, 16))
        self.keys = (self.client, self.producer, *self.validators)
        for key in self.keys:
            self.token.transfer(key.address, 100 * ANT)
            for door in (self.registry.address, self.quorum.address):
                self.token.approve(door, 2**255, sender=key.address)
        for key in (self.producer, *self.validators):
            register(self.registry, key.address, PROCESSOR if key is self.producer else VALIDATOR, stake=50 * ANT)
            self.registry.trust(self.quorum.address, True, sender=key.address)
        self.quorum.deposit(50 * ANT, sender=self.client.address)

    def bond(self, amount: int = 20 * ANT) -> None:
        for key in (self.producer, *self.validators):
            self.quorum.bond(amount, sender=key.address)

    def session(self, parts: int = 4, seconds: int = 3_600) -> int:
        sender = self.client.address
        return self.quorum.open_session(parts, PART_MAX, boa.env.timestamp + seconds, sender=sender)

    def assignment(self, session: int, part: int = 0, fees: Sequence[int] = FEES) -> Assignment:
        seats = tuple(seat_word(key.address, fee) for key, fee in zip(self.validators, fees, strict=True))
        return Assignment(session, part, self.producer.address, REWARD, boa.env.timestamp + 600, seats)

    def case(self, given: Assignment, votes: Sequence[Vote | None], domain: Domain | None = None) -> tuple:
        domain = domain or self.domain
        ballots = self.ballots(given, votes, domain)
        fined = any(vote and vote.verdict is not Verdict.VALID for vote in votes)
        consent = given.signed(self.producer, domain) if fined else NOTHING
        return given.case(given.signed(self.client, domain), consent, ballots)

    def ballots(self, given: Assignment, votes: Sequence[Vote | None], domain: Domain | None = None) -> list[tuple]:
        keys = zip(self.validators, votes, strict=True)
        return [given.ballot(n, key, vote, domain or self.domain) for n, (key, vote) in enumerate(keys)]

    def batch(self, given: Sequence[tuple[Assignment, Sequence[Vote]]]) -> Batch:
        return Batch.of(given, {part.session: self.client.address for part, _ in given})

    def settle_batch(self, given: Sequence[tuple[Assignment, Sequence[Vote]]], **kwargs: str) -> None:
        self.quorum.settle_batch(*self.batch(given).signed(self.keys, self.domain), **kwargs)

    def balances(self) -> list[int]:
        return [self.quorum.balances(key.address) for key in (self.producer, *self.validators)]

    def refused(self, reason: str, case: tuple) -> None:
        before = self.balances()
        with boa.reverts(reason):
            self.quorum.settle(case)
        assert self.balances() == before


def stranger() -> str:
    return boa.env.generate_address()


# Worked numbers


def test_valid_work_is_paid_by_a_strangers_hand(world) -> None:
    session = world.session()
    world.quorum.settle(world.case(world.assignment(session), [GOOD, GOOD, GOOD]), sender=stranger())
    assert world.balances() == [REWARD, *FEES]
    assert world.quorum.sessions(session).left == 4 * PART_MAX - REWARD - sum(FEES)
    boa.env.time_travel(seconds=3_600)
    world.quorum.close(session, sender=stranger())
    assert world.quorum.balances(world.client.address) == 50 * ANT - REWARD - sum(FEES)


def test_invalid_work_costs_its_producer_and_the_client_nothing(world) -> None:
    world.bond()
    world.quorum.settle(world.case(world.assignment(world.session()), [BAD, BAD, BAD]))
    assert world.registry.nodes(world.producer.address).stake == 50 * ANT, "the penalty waits for an appeal"
    lapse(world.appeal, world.quorum)
    assert world.balances() == [0, *FEES]
    assert world.registry.claims(world.client.address) == sum(FEES)
    assert world.registry.burnt() == 2 * REWARD - sum(FEES)
    assert world.quorum.bonds(world.producer.address) == 20 * ANT - 2 * REWARD
    assert world.registry.nodes(world.producer.address).stake == 50 * ANT - 2 * REWARD


def test_dissent_is_fined_out_of_the_bond_and_no_further(world) -> None:
    world.quorum.bond(7, sender=world.validators[2].address)
    world.quorum.settle(world.case(world.assignment(world.session()), [GOOD, GOOD, BAD]))
    lapse(world.appeal, world.quorum)
    assert world.balances() == [REWARD, FEES[0], FEES[1], 0]
    assert world.registry.burnt() == 7
    assert world.registry.nodes(world.validators[2].address).stake == 50 * ANT - 7


# Once only, as signed, by whom it concerns


def test_a_part_is_settled_once(world) -> None:
    session = world.session()
    first, second = (world.case(world.assignment(session, part), [GOOD] * 3) for part in (0, 1))
    world.quorum.settle(first)
    with boa.reverts("quorum: settled already"):
        world.quorum.settle(first)
    again = world.case(world.assignment(session).but(attempt=1), [GOOD] * 3)
    with boa.reverts("quorum: settled already"):
        world.quorum.settle(again)
    world.quorum.settle(second)
    with boa.reverts("quorum: settled already"):
        world.quorum.settle(second)
    assert world.balances() == [2 * REWARD, *(2 * fee for fee in FEES)]
    assert world.quorum.is_settled(session, 1)
    assert not world.quorum.is_settled(session, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"part": 1},
        {"attempt": 1},
        {"round": 1},
        {"reward": REWARD + 1},
        {"due": 1},
        {"task": bytes(32)},
        {"result": bytes(32)},
        {"producer": "0x" + "11" * 20},
    ],
)
def test_votes_on_another_assignment_count_for_nothing(world, change) -> None:
    """A wrong round, attempt, part or work: the client signs it, the votes are of the other one."""
    given = world.assignment(world.session())
    other = given.but(**change)
    ballots = world.ballots(given, [GOOD] * 3)
    world.refused(
        "signed: wrong signature",
        other.case(other.signed(world.client, world.domain), other.signed(world.producer, world.domain), ballots),
    )
    unsigned = given.case(other.signed(world.client, world.domain), NOTHING, ballots)
    world.refused("signed: wrong signature", unsigned)


@pytest.mark.parametrize(
    "domain",
    [{"chain": 2}, {"contract": "0x" + "22" * 20}, {"version": "2"}, {"name": "Antiphon"}],
)
def test_signatures_for_elsewhere_are_refused(world, domain) -> None:
    elsewhere = Domain(**({"contract": world.quorum.address} | domain))
    given = world.assignment(world.session())
    world.refused("signed: wrong signature", world.case(given, [GOOD] * 3, elsewhere))
    client, consent = (given.signed(key, world.domain) for key in (world.client, world.producer))
    ballots = world.ballots(given, [GOOD] * 3, elsewhere)
    world.refused("signed: wrong signature", given.case(client, consent, ballots))


def test_a_chains_fork_takes_no_signature_of_the_other(world) -> None:
    case = world.case(world.assignment(world.session()), [GOOD] * 3)
    boa.env.evm.patch.chain_id += 1
    try:
        world.refused("signed: wrong signature", case)
    finally:
        boa.env.evm.patch.chain_id -= 1
    world.quorum.settle(case)


def test_a_vote_is_its_seats_own(world) -> None:
    given = world.assignment(world.session())
    client, consent = (given.signed(key, world.domain) for key in (world.client, world.producer))
    good = list(world.ballots(given, [GOOD] * 3))
    forged = given.ballot(0, world.mallory, GOOD, world.domain)
    world.refused("signed: wrong signature", given.case(client, consent, [forged, *good[1:]]))
    copied = (good[0][0], *good[1][1:])
    world.refused("signed: wrong signature", given.case(client, consent, [copied, *good[1:]]))
    altered = (good[0][0], 1 << 8 | 1 << 16 | 700_000 << 32, *good[0][2:])
    world.refused("signed: wrong signature", given.case(client, consent, [altered, *good[1:]]))
    world.refused("quorum: seats not in order", given.case(client, consent, [good[0], good[0], good[2]]))
    world.refused("quorum: seats not in order", given.case(client, consent, good[::-1]))
    world.refused("signed: wrong signature", given.case(client, consent, good[:2]))
    world.refused("quorum: seats out of bounds", given.case(client, consent, []))
    world.refused("signed: wrong signature", given.case(given.signed(world.mallory, world.domain), consent, good))


def test_a_signature_has_one_form(world) -> None:
    given = world.assignment(world.session())
    case = world.case(given, [GOOD] * 3)
    r, vs = case[6]
    twin = (ORDER - (vs & 2**255 - 1)) | ((vs >> 255 ^ 1) << 255)
    # s above half the order does not fit beside v, or is refused.
    assert ORDER - (vs & 2**255 - 1) >= 2**254
    with boa.reverts():
        world.quorum.settle((*case[:6], (r, twin), *case[7:]))
    high = (2**255 - 1) | (vs >> 255 << 255)
    world.refused("signed: malleable signature", (*case[:6], (r, high), *case[7:]))


def test_nobody_signs_for_no_session_and_no_producer(world) -> None:
    given = world.assignment(world.session())
    world.refused("quorum: session expired", world.case(given.but(session=9), [GOOD] * 3))
    world.refused("quorum: no such part", world.case(given.but(part=4), [GOOD] * 3))
    world.refused("signed: signed by nobody", world.case(given.but(producer="0x" + "00" * 20), [BAD] * 3))


def test_a_penalty_needs_the_producers_signature(world) -> None:
    world.bond()
    case = world.case(world.assignment(world.session()), [BAD] * 3)
    world.refused("signed: wrong signature", (*case[:7], NOTHING, *case[8:]))
    world.refused("signed: wrong signature", (*case[:7], case[6], *case[8:]))
    valid = world.case(world.assignment(1), [GOOD] * 3)
    world.quorum.settle((*valid[:7], NOTHING, *valid[8:]))
    assert world.balances()[0] == REWARD


def test_a_producer_judges_not_itself_and_no_part_takes_anothers_money(world) -> None:
    given = world.assignment(world.session())
    own = given.but(producer=world.validators[1].address)
    world.refused("quorum: a producer judges itself", world.case(own, [GOOD] * 3))
    dear = given.but(reward=PART_MAX - sum(FEES) + 1)
    world.refused("quorum: dearer than allowed", world.case(dear, [GOOD] * 3))
    world.quorum.settle(world.case(given.but(reward=PART_MAX - sum(FEES)), [GOOD] * 3))


# Many parts, signed once


def test_a_batch_pays_what_its_parts_alone_would_pay(world) -> None:
    world.bond()
    session, other = world.session(), world.session()
    votes = ([GOOD, NEAR, BARE], [BAD] * 3, [GOOD, GOOD, BAD], [UNSURE, GOOD, GOOD])
    parts = [(world.assignment(session if n else other, n), cast) for n, cast in enumerate(votes)]
    with boa.env.anchor():
        waiting = []
        for part, cast in parts:
            world.quorum.settle(world.case(part, cast))
            waiting.append(Dispute.last(world.appeal, world.quorum))
        assert [bool(dispute) for dispute in waiting] == [False, True, True, False]
        for dispute in filter(None, waiting):
            dispute.lapse()
        alone = state(world, session, other)
    world.settle_batch(parts, sender=stranger())
    assert state(world, session, other) == alone
    world.settle_batch(parts)
    assert state(world, session, other) == alone, "what is settled is passed over"


def state(world, *sessions: int) -> list:
    keys = (world.client, world.producer, *world.validators)
    left = [world.quorum.sessions(session).left for session in sessions]
    bonds = [(world.quorum.balances(key.address), world.quorum.bonds(key.address)) for key in keys]
    return [left, bonds, world.registry.burnt(), world.registry.claims(world.client.address)]


@pytest.mark.parametrize("absent", range(5))
def test_a_batch_needs_the_signatures_of_those_whom_it_can_cost(world, absent) -> None:
    """Client, seats, and the producer of invalid work: any of them missing, forged or for elsewhere stops it."""
    world.bond()
    keys = [world.client, world.producer, *world.validators]
    given = world.batch([(world.assignment(world.session()), [BAD] * 3)])
    kept = [key for key in keys if key is not keys[absent]]
    with boa.reverts("quorum: not signed by all"):
        world.quorum.settle_batch(*given.signed(kept, world.domain))
    evidence, sessions, parties, signatures, rows = given.signed(keys, world.domain)
    place = parties.index(keys[absent].address)
    signatures[place] = signatures[(place + 1) % 5]
    with boa.reverts("signed: wrong signature"):
        world.quorum.settle_batch(evidence, sessions, parties, signatures, rows)
    elsewhere = given.signed(keys, Domain(world.quorum.address, chain=2))
    with boa.reverts("signed: wrong signature"):
        world.quorum.settle_batch(*elsewhere)


def test_valid_work_is_paid_to_a_producer_that_has_not_signed(world) -> None:
    given = world.batch([(world.assignment(world.session()), [GOOD] * 3)])
    world.quorum.settle_batch(*given.signed([world.client, *world.validators], world.domain))
    assert world.balances() == [REWARD, *FEES]


@pytest.mark.parametrize("field", range(4))
def test_a_batch_is_settled_as_it_was_signed(world, field) -> None:
    keys = [world.client, world.producer, *world.validators]
    good = list(world.batch([(world.assignment(world.session()), [GOOD] * 3)]).signed(keys, world.domain))
    altered = [bytes(32), [good[1][0] + 256], [*good[2][:-1], "0x" + "ff" * 20], None, [*good[4], *good[4]]]
    place = field if field < 3 else 4
    world.session()
    with boa.reverts():
        world.quorum.settle_batch(*good[:place], altered[place], *good[place + 1 :])
    assert world.balances() == [0] * 4


def test_rows_of_a_batch_are_bounded(world) -> None:
    keys = [world.client, world.producer, *world.validators]
    session = world.session()
    given = world.assignment(session)

    def refused(reason: str | None, part: Assignment, rows=lambda rows: rows, **changes) -> None:
        batch = world.batch([(part, [GOOD] * 3)])
        batch = dataclasses.replace(batch, rows=tuple(rows(list(batch.rows))), **changes)
        with boa.reverts() if reason is None else boa.reverts(reason):
            world.quorum.settle_batch(*batch.signed(keys, world.domain))

    refused("quorum: no such part", given.but(part=4))
    refused("quorum: dearer than allowed", given.but(reward=PART_MAX - sum(FEES) + 1))
    refused("quorum: no seat for it", given.but(producer=world.validators[1].address))
    refused("quorum: seats out of bounds", given, lambda rows: [rows[0] - (3 << 32), *rows[1:]])
    twice = "quorum: no seat for it"
    refused(twice, given, lambda rows: [rows[0], rows[1], rows[2], rows[1], rows[2], *rows[5:]])
    refused("quorum: too many readings", given, lambda rows: [rows[0], rows[1] | 9 << 16, *rows[2:]])
    refused("settlement: no such verdict", given, lambda rows: [rows[0], rows[1] & ~(255 << 8), *rows[2:]])
    refused(None, given, lambda rows: rows[:-1])
    refused(None, given, lambda rows: [rows[0] | 9 << 16, *rows[1:]])
    refused("quorum: not its client", given, sessions=((session, world.producer.address),))
    batch = world.batch([(given, [GOOD] * 3)])
    backwards = dataclasses.replace(batch, parties=batch.parties[::-1])
    with boa.reverts("quorum: parties not in order"):
        world.quorum.settle_batch(*backwards.signed(keys, world.domain))
    boa.env.time_travel(seconds=3_600)
    refused("quorum: session expired", given)


def test_gas_stays_within_its_targets() -> None:
    """A part alone: 100,000. One of a batch of a hundred: 30,000. Both with a reading from each seat."""
    with boa.swap_env(boa.Env()):
        world, meter = World(), Meter()
        session = world.session(2)
        world.quorum.settle(world.case(world.assignment(session), [GOOD] * 3))
        world.quorum.settle(world.case(world.assignment(session, 1), [GOOD] * 3))
        assert 70_000 < meter.gas < 100_000
        world.token.transfer(world.client.address, 150 * ANT)
        world.quorum.deposit(150 * ANT, sender=world.client.address)
        session = world.session(100)
        world.settle_batch([(world.assignment(session, part), [GOOD] * 3) for part in range(100)])
        assert 100 * 15_000 < meter.gas < 100 * 30_000


# No verdict, missing votes, deadlines


@pytest.mark.parametrize("votes", [[GOOD, BAD, UNSURE], [UNSURE] * 3, [UNSHOWN] * 3, [GOOD, UNSURE, UNSURE]])
def test_what_has_no_verdict_is_not_settled_and_comes_home(world, votes) -> None:
    session = world.session()
    world.refused("quorum: no verdict", world.case(world.assignment(session), votes))
    boa.env.time_travel(seconds=3_600)
    world.quorum.close(session, sender=stranger())
    assert world.quorum.balances(world.client.address) == 50 * ANT


def test_a_vote_may_be_missing_once_the_assignment_is_due(world) -> None:
    world.bond()
    case = world.case(world.assignment(world.session()), [GOOD, None, GOOD])
    world.refused("quorum: a vote is missing", case)
    boa.env.time_travel(seconds=600)
    one = world.case(world.assignment(1).but(due=1), [GOOD, None, None])
    world.refused("quorum: no verdict", one)
    world.quorum.settle(case)
    assert world.balances() == [REWARD, FEES[0], 0, FEES[2]]
    assert world.registry.burnt() == 0


def test_a_session_ends(world) -> None:
    session = world.session()
    case = world.case(world.assignment(session), [GOOD] * 3)
    with boa.reverts("purse: session is running"):
        world.quorum.close(session)
    boa.env.time_travel(seconds=3_600)
    world.refused("quorum: session expired", case)
    world.quorum.close(session)
    with boa.reverts("purse: session is empty"):
        world.quorum.close(session)
    world.refused("quorum: session expired", case)


def test_sessions_are_bounded_and_paid_for(world) -> None:
    client, now = world.client.address, boa.env.timestamp
    for reason, args in {
        "purse: expiry out of bounds": (1, 1, now + WEEK_S + 60),
        "purse: parts out of bounds": (65_537, 1, now + 60),
        "purse: money out of bounds": (1, 2**96, now + 60),
        "purse: insufficient balance": (51, ANT, now + 60),
    }.items():
        with boa.reverts(reason):
            world.quorum.open_session(*args, sender=client)
    world.quorum.open_session(50, ANT, now + 60, sender=client)
    with boa.reverts("purse: insufficient balance"):
        world.quorum.withdraw(1, sender=client)


def test_a_bond_stays_until_all_that_was_signed_is_over(world) -> None:
    world.bond()
    node = world.validators[0].address
    with boa.reverts("quorum: not leaving"):
        world.quorum.release(node)
    world.quorum.leave(sender=node)
    with boa.reverts("quorum: leaving already"):
        world.quorum.leave(sender=node)
    boa.env.time_travel(seconds=WEEK_S - 1)
    with boa.reverts("quorum: too early"):
        world.quorum.release(node)
    boa.env.time_travel(seconds=1)
    world.quorum.release(node, sender=stranger())
    assert world.registry.nodes(node).locked == 0
    assert world.quorum.bonds(node) == 0
    with boa.reverts("registry: insufficient free stake"):
        world.quorum.bond(51 * ANT, sender=node)
    with boa.reverts("registry: market not trusted"):
        world.quorum.bond(1, sender=world.mallory.address)


def test_a_token_that_takes_fees_is_refused() -> None:
    with boa.env.anchor():
        token = deploy_fee_token()
        quorum = deploy_quorum(deploy_registry(token.address).address, token.address, packed(RULES))
        with boa.reverts("purse: token takes a fee"):
            quorum.deposit(1_000)


# Random histories beside the pure economy

SIGNED = [GOOD, NEAR, BARE, BAD, UNSURE, UNSHOWN, None]


def net_of(world: World, session: int, parts: Iterable[int], found: Sequence[Due]) -> Net:
    """What those parts change for everybody, summed up from the pure economy's transfers."""
    changes = Counter({world.client.address: 0})
    burnt = 0
    for one in found:
        for key, paid in zip(world.keys, (one.to_client, one.reward - one.penalty, *one.fees), strict=True):
            changes[key.address] += paid
        for key, fine in zip(world.validators, one.fines, strict=True):
            changes[key.address] -= fine
        burnt += one.penalty - one.to_client + sum(one.fines)
    spent = sum(one.reward + sum(one.fees) for one in found)
    spend = (session, 0, sum(1 << part for part in parts), spent)
    return Net(boa.env.timestamp + 600, (spend,), dict(changes), (world.client.address,), burnt)


class QuorumMachine(RuleBasedStateMachine):
    """Sessions, bonds, parts in any order and number: every sum is the pure economy's, and all money comes out."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.world = World()
        self.quorum = self.world.quorum
        self.nodes = [key.address for key in (self.world.producer, *self.world.validators)]
        self.balance = Counter({self.world.client.address: 50 * ANT})
        self.bonds: Counter[str] = Counter()
        self.left: dict[int, int] = {}
        self.expires: dict[int, int] = {}
        self.settled: set[tuple[int, int]] = set()
        self.claims, self.burnt, self.netted_burnt = 0, 0, 0
        self.waiting: list[tuple[Dispute, Due]] = []

    def teardown(self) -> None:
        boa.env.time_travel(seconds=WEEK_S)
        for session in [number for number, left in self.left.items() if left]:
            self.quorum.close(session)
        for person in (self.world.client.address, *self.nodes):
            if self.quorum.balances(person):
                self.quorum.withdraw(self.quorum.balances(person), sender=person)
        if self.netted_burnt:
            self.quorum.sweep()
        assert self.world.token.balanceOf(self.quorum.address) == 0 == self.quorum.held(), "all money has come out"
        self.anchor.__exit__(None, None, None)

    @rule(parts=st.integers(1, 3), seconds=st.sampled_from([600, 3_600]))
    def open(self, parts, seconds) -> None:
        client = self.world.client.address
        if parts * PART_MAX > self.balance[client]:
            return
        session = self.world.session(parts, seconds)
        self.left[session], self.expires[session] = parts * PART_MAX, boa.env.timestamp + seconds
        self.balance[client] -= parts * PART_MAX

    @rule(n=st.integers(0, 3), amount=st.sampled_from([1, FEES[0], ANT, 2 * ANT]))
    def bond(self, n, amount) -> None:
        found = self.world.registry.nodes(self.nodes[n])
        free = found.stake - found.locked
        if amount > free:
            return
        self.quorum.bond(amount, sender=self.nodes[n])
        self.bonds[self.nodes[n]] += amount

    @rule(seconds=st.sampled_from([60, 900]))
    def wait(self, seconds) -> None:
        boa.env.time_travel(seconds=seconds)

    @rule(data=st.data(), part=st.integers(0, 2), is_due=st.booleans(), batch=st.booleans())
    def settle(self, data, part, is_due, batch) -> None:
        if not self.left:
            return
        session = data.draw(st.sampled_from(sorted(self.left)))
        votes = data.draw(st.lists(st.sampled_from(SIGNED), min_size=3, max_size=3))
        given = self.world.assignment(session, part)
        given = given.but(due=boa.env.timestamp - 1 if is_due else boa.env.timestamp + 600)
        case = self.world.case(given, votes)
        found = self.expected(votes)
        known = (session, part) in self.settled
        parts = self.quorum.sessions(session).parts
        over = part >= parts or boa.env.timestamp >= self.expires[session]
        batch = batch and None not in votes
        if batch and known and not over:
            self.world.settle_batch([(given, votes)])
        elif batch and (over or found.verdict == 0):
            with boa.reverts():
                self.world.settle_batch([(given, votes)])
        elif known or over or (None in votes and not is_due) or found.verdict == 0:
            with boa.reverts():
                self.quorum.settle(case)
        else:
            self.world.settle_batch([(given, votes), (given, votes)]) if batch else self.quorum.settle(case)
            self.settled.add((session, part))
            self.book(session, found, waits=not batch)

    def expected(self, votes):
        # Who has brought no vote abstains: nobody is fined for what it has not signed.
        abstaining = [UNSURE if vote is None else vote for vote in votes]
        stakes = [self.bonds[node] for node in self.nodes[1:]]
        return due(REWARD, FEES, abstaining, [True] * 3, False, RULES, stakes=stakes, bond=self.bonds[self.nodes[0]])

    def book(self, session, found, *, waits) -> None:
        for node, amount in zip(self.nodes, [found.reward, *found.fees], strict=True):
            self.balance[node] += amount
            self.left[session] -= amount
        dispute = Dispute.last(self.world.appeal, self.quorum)
        assert bool(dispute) is (waits and bool(found.penalty or any(found.fines)))
        if dispute:
            self.waiting.append((dispute, found))
            for node, locked in self.locked(dispute):
                self.bonds[node] -= locked
        else:
            self.take(found)

    def locked(self, dispute):
        held = dispute.held
        return [(held.producer, held.locked), *((seat.node, seat.locked) for seat in held.seats)]

    def take(self, found) -> None:
        for node, amount in zip(self.nodes, [found.penalty, *found.fines], strict=True):
            self.bonds[node] -= amount
            self.burnt += amount
        self.claims += found.to_client
        self.burnt -= found.to_client

    @rule()
    def lapse(self) -> None:
        """Nobody has appealed: what waits is carried out, and the rest is a bond again."""
        for dispute, found in self.waiting:
            dispute.lapse()
            for node, locked in self.locked(dispute):
                self.bonds[node] += locked
            self.take(found)
        self.waiting = []

    @rule(data=st.data(), votes=st.lists(st.lists(st.sampled_from(SIGNED[:4]), min_size=3, max_size=3), max_size=3))
    def net(self, data, votes) -> None:
        """Parts of one session, netted: everybody's balance moves by what the pure economy says, penalties included."""
        if not self.left:
            return
        session = data.draw(st.sampled_from(sorted(self.left)))
        found = [due(REWARD, FEES, cast, [True] * 3, False, RULES) for cast in votes]
        given = net_of(self.world, session, range(len(votes)), found)
        parts = self.quorum.sessions(session).parts
        refused = (
            len(votes) > parts
            or not votes
            or boa.env.timestamp >= self.expires[session]
            or any((session, part) in self.settled for part in range(len(votes)))
            or any(self.balance[party] + change < 0 for party, change in given.changes.items())
        )
        signed = given.signed(self.world.keys, self.world.domain)
        if refused:
            with boa.reverts():
                self.quorum.settle_net(*signed)
            return
        self.quorum.settle_net(*signed)
        with boa.reverts("netting: part settled already"):
            self.quorum.settle_net(*signed)
        self.settled |= {(session, part) for part in range(len(votes))}
        self.netted_burnt += given.burnt
        self.left[session] -= sum(spend[3] for spend in given.spends)
        for party, change in given.changes.items():
            self.balance[party] += change

    @rule()
    def close(self) -> None:
        for session, left in self.left.items():
            if boa.env.timestamp < self.expires[session] or left == 0:
                with boa.reverts():
                    self.quorum.close(session)
                continue
            self.quorum.close(session)
            self.balance[self.world.client.address] += left
            self.left[session] = 0

    @invariant()
    def same(self) -> None:
        for person in (self.world.client.address, *self.nodes):
            assert self.quorum.balances(person) == self.balance[person]
            assert self.quorum.bonds(person) == self.bonds[person]
        for session, left in self.left.items():
            assert self.quorum.sessions(session).left == left
        assert self.world.registry.claims(self.world.client.address) == self.claims
        assert self.world.registry.burnt() == self.burnt

    @invariant()
    def conserved(self) -> None:
        owed = sum(self.balance.values()) + sum(self.left.values()) + self.netted_burnt
        assert self.world.token.balanceOf(self.quorum.address) == owed == self.quorum.held()


TestQuorumMachine = QuorumMachine.TestCase
TestQuorumMachine.settings = settings(max_examples=8, stateful_step_count=20, deadline=None)
