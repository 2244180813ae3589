"""The market, path "alone": random histories beside a model whose sums are the pure economy's; what mallory tries."""

from __future__ import annotations

import pytest

boa = pytest.importorskip("boa", reason="titanoboa is not installed here: scripts/check runs this in .venv-contracts")

from collections import Counter
from dataclasses import dataclass, field

from contracts_appeals import Dispute, lapse
from contracts_deployed import (
    ANT,
    DELAY_S,
    EPOCH_S,
    PROCESSOR,
    VALIDATOR,
    ZERO,
    deploy_appeal,
    deploy_fee_token,
    deploy_market,
    deploy_registry,
    deploy_token,
    pass_time,
    people,
    register,
)
from contracts_economy import Due, cast, due, packed
from eth_abi import encode
from eth_utils import keccak
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from antiphon.economy.settlement import exposure
from antiphon.economy.types import PPM, Reading, Role, Rules, Terms, Verdict, Vote

RULES = Rules(audit_ppm=0, deliver_s=120, draw_s=120, commit_s=60, reveal_s=60)
OPEN, DELIVERED, COMMIT, REVEAL, ENDED = 1, 2, 3, 4, 5
SALT = keccak(b"salt")
WORK = keccak(b"work")
GOOD = Vote(verdict=Verdict.VALID, score_ppm=800_000, readings=(Reading(key="words", value=12),))
NEAR = Vote(verdict=Verdict.VALID, score_ppm=785_000, readings=(Reading(key="words", value=900),))
BARE = Vote(verdict=Verdict.VALID, score_ppm=800_000)
BAD = Vote(verdict=Verdict.INVALID, score_ppm=90_000)
UNSURE = Vote(verdict=Verdict.INCONCLUSIVE, score_ppm=None)
UNSHOWN = Vote(verdict=Verdict.ABSENT, score_ppm=None)


def terms_of(reward: int) -> Terms:
    return Terms(node="node", price_nano=reward, quality_ppm=PPM)


class World:
    """A token, a registry, a market, and who is there: 2 clients, 2 processors, 7 validators."""

    def __init__(self) -> None:
        self.token = deploy_token()
        self.registry = deploy_registry(self.token.address)
        self.appeal = deploy_appeal(self.registry.address)
        self.market = deploy_market(self.registry.address, self.appeal.address, packed(RULES))
        doors = (self.registry.address, self.market.address)
        self.clients = people(self.token, 2, 100 * ANT, *doors)
        self.producers = people(self.token, 2, 100 * ANT, *doors)
        self.validators = people(self.token, 7, 100 * ANT, *doors)
        for node in self.producers:
            register(self.registry, node, PROCESSOR, stake=60 * ANT, price=5_000_000)
        for number, node in enumerate(self.validators):
            register(self.registry, node, VALIDATOR, stake=(20 + number) * ANT, price=400_000 + 100_000 * number)
        for node in (*self.producers, *self.validators):
            self.registry.trust(self.market.address, True, sender=node)
        boa.env.time_travel(seconds=EPOCH_S)

    def opened(self, units: int = 100, fee_max: int = ANT // 10, seconds: int = 3_600) -> int:
        client = self.clients[0]
        self.market.deposit(10 * ANT, sender=client)
        session = self.market.open_session(client, 10 * ANT, boa.env.timestamp + seconds, sender=client)
        return self.market.open(session, self.producers[0], units, 10 * ANT, fee_max, ZERO, sender=client)

    def drawn(self, task: int) -> list[str]:
        pass_time(blocks=4, seconds=4)
        assert self.market.draw(task)
        return [seat.node for seat in self.market.seats_of(task, self.market.tasks(task).round)]

    def commit(self, task: int, seat: int, node: str, vote: Vote, salt: bytes = SALT) -> None:
        bound = self.market.commitment_of(task, self.market.tasks(task).round, node, cast(vote), salt)
        self.market.commit(task, seat, bound, sender=node)

    def judged(self, task: int, *votes: Vote) -> None:
        """A whole round: delivered, drawn, committed, revealed, settled."""
        if self.market.tasks(task).state == OPEN:
            self.market.deliver(task, WORK, sender=self.producers[0])
        seats = self.drawn(task)
        for number, (node, vote) in enumerate(zip(seats, votes, strict=True)):
            self.commit(task, number, node, vote)
        for number, (node, vote) in enumerate(zip(seats, votes, strict=True)):
            self.market.reveal(task, number, cast(vote), SALT, sender=node)
        self.market.settle(task, sender=boa.env.generate_address())

    def held(self) -> bool:
        return self.market.held() == self.token.balanceOf(self.market.address)


# Worked numbers


def test_valid_work_is_paid_and_the_rest_comes_home(world) -> None:
    task = world.opened()
    reserve = world.market.tasks(task).reserve
    assert reserve == 100 * 5_000_000 + 3 * ANT // 10
    world.judged(task, GOOD, GOOD, GOOD)
    fees = [seat.fee for seat in world.market.seats_of(task, 0)]
    nodes = [seat.node for seat in world.market.seats_of(task, 0)]
    assert [world.market.balances(node) for node in nodes] == fees
    assert world.market.balances(world.producers[0]) == 500_000_000
    assert world.market.balances(world.clients[0]) == reserve - 500_000_000 - sum(fees)
    assert world.market.tasks(task).state == ENDED


def test_invalid_work_costs_its_producer_and_the_client_nothing(world) -> None:
    task = world.opened()
    world.judged(task, BAD, BAD, BAD)
    assert world.registry.nodes(world.producers[0]).stake == 60 * ANT, "the penalty waits for an appeal"
    lapse(world.appeal, world.market)
    fees = sum(seat.fee for seat in world.market.seats_of(task, 0))
    assert world.registry.nodes(world.producers[0]).stake == 60 * ANT - 2 * 500_000_000
    assert world.registry.claims(world.clients[0]) == fees
    assert world.market.balances(world.clients[0]) + fees == world.market.tasks(task).reserve + 800_000_000
    assert world.registry.burnt() == 2 * 500_000_000 - fees
    assert world.registry.nodes(world.producers[0]).locked == 0


def test_shown_to_nobody_takes_two_rounds_of_fresh_validators(world) -> None:
    task = world.opened()
    world.judged(task, UNSHOWN, UNSHOWN, UNSHOWN)
    assert world.market.tasks(task).state == DELIVERED
    assert world.registry.nodes(world.producers[0]).stake == 60 * ANT
    world.judged(task, UNSHOWN, UNSHOWN, UNSHOWN)
    first, second = ({seat.node for seat in world.market.seats_of(task, n)} for n in (0, 1))
    assert not first & second
    assert world.market.tasks(task).verdict == 2
    assert world.registry.nodes(world.producers[0]).stake == 59 * ANT


# Nothing stays stuck: every state ends by its deadline, by a stranger's hand


@pytest.mark.parametrize(
    "reached", ["open", "delivered", "drawn", "one committed", "all committed", "one revealed", "redrawn"]
)
def test_every_state_ends_by_its_deadline(world, reached: str) -> None:
    stranger = boa.env.generate_address()
    task = world.opened()
    steps = ["open", "delivered", "drawn", "one committed", "all committed", "one revealed"]
    at = steps.index(reached) if reached in steps else 0
    if reached == "redrawn":
        world.judged(task, UNSURE, UNSURE, UNSURE)
    if at >= 1:
        world.market.deliver(task, WORK, sender=world.producers[0])
    if at >= 2:
        seats = world.drawn(task)
        for number in range((0, 1, 3, 3)[at - 2]):
            world.commit(task, number, seats[number], GOOD)
        if at == 5:
            world.market.reveal(task, 0, cast(GOOD), SALT, sender=seats[0])
    # Client, producer and validators are gone; so is the owner, who has paused entry and changes nothing.
    world.market.pause_entry(True)
    world.registry.pause_entry(True)
    rounds = 0
    while world.market.tasks(task).state != ENDED:
        with boa.reverts("market: too early"):
            world.market.settle(task, sender=stranger)
        boa.env.time_travel(seconds=121)
        world.market.settle(task, sender=stranger)
        rounds += 1
    assert rounds <= 2
    for node in (*world.producers, *world.validators):
        assert world.registry.nodes(node).locked == 0
    assert world.market.tasks(task).reserve == 0
    assert world.held()


def test_a_closed_session_comes_home(world) -> None:
    world.opened(seconds=100)
    with boa.reverts("market: session is running"):
        world.market.close_session(1)
    boa.env.time_travel(seconds=200)
    world.market.close_session(1, sender=boa.env.generate_address())
    world.market.settle(1)
    with boa.reverts("market: session is empty"):
        world.market.close_session(1)
    world.market.pause_entry(True)
    world.market.withdraw(10 * ANT, sender=world.clients[0])
    assert world.token.balanceOf(world.clients[0]) == 100 * ANT


# Mallory


def test_mallory_cannot_vote_with_anothers_commitment(world) -> None:
    task = world.opened()
    world.market.deliver(task, WORK, sender=world.producers[0])
    seats = world.drawn(task)
    world.commit(task, 0, seats[0], GOOD)
    copied = world.market.seats_of(task, 0)[0].commitment
    world.market.commit(task, 1, copied, sender=seats[1])
    world.commit(task, 2, seats[2], BAD)
    with boa.reverts("market: too late"):
        boa.env.time_travel(seconds=3_600)
        world.market.reveal(task, 0, cast(GOOD), SALT, sender=seats[0])
    world.market.settle(task)  # all three hid their votes
    assert world.market.tasks(task).state == DELIVERED
    assert {world.registry.nodes(node).locked for node in seats} == {0}


def test_mallory_reveals_only_what_was_committed_and_by_whom(world) -> None:
    task = world.opened()
    world.market.deliver(task, WORK, sender=world.producers[0])
    seats = world.drawn(task)
    world.commit(task, 0, seats[0], GOOD)
    with boa.reverts("market: wrong state"):
        world.market.reveal(task, 0, cast(GOOD), SALT, sender=seats[0])
    with boa.reverts("market: committed already"):
        world.commit(task, 0, seats[0], BAD)
    with boa.reverts("market: not your seat"):
        world.market.commit(task, 1, SALT, sender=world.clients[1])
    with boa.reverts("market: no such seat"):
        world.market.commit(task, 3, SALT, sender=seats[0])
    copied = world.market.seats_of(task, 0)[0].commitment
    world.market.commit(task, 1, copied, sender=seats[1])
    world.commit(task, 2, seats[2], BAD)
    with boa.reverts("market: not the committed vote"):
        world.market.reveal(task, 1, cast(GOOD), SALT, sender=seats[1])
    with boa.reverts("market: not the committed vote"):
        world.market.reveal(task, 2, cast(GOOD), SALT, sender=seats[2])
    world.market.reveal(task, 2, cast(BAD), SALT, sender=seats[2])
    with boa.reverts("market: revealed already"):
        world.market.reveal(task, 2, cast(BAD), SALT, sender=seats[2])


def test_mallory_knows_no_seats_when_delivering(world) -> None:
    task = world.opened()
    world.market.deliver(task, WORK, sender=world.producers[0])
    for blocks in (0, 1, 1):
        pass_time(blocks=blocks, seconds=0)
        with boa.reverts("market: the block is not there yet"):
            world.market.draw(task)
    # So long later that the chain has forgotten the block: a new one is waited for, and nothing is drawn from zeros.
    pass_time(blocks=300, seconds=10)
    assert not world.market.draw(task)
    assert world.market.tasks(task).state == DELIVERED
    assert len(world.drawn(task)) == 3


def test_mallory_leaves_and_stops_no_draw(world) -> None:
    for node in world.validators[:2]:
        world.registry.unstake(world.registry.nodes(node).stake, sender=node)
    world.registry.trust(world.market.address, False, sender=world.validators[2])
    task = world.opened()
    world.market.deliver(task, WORK, sender=world.producers[0])
    assert set(world.drawn(task)) <= set(world.validators[3:])


def test_a_validator_whose_stake_is_held_elsewhere_is_passed_over(world) -> None:
    """Its seat would otherwise stop the draw, or be one that no fine reaches."""
    elsewhere = boa.env.generate_address()
    for node in world.validators[:4]:
        world.registry.trust(elsewhere, True, sender=node)
        world.registry.lock(node, world.registry.nodes(node).stake - 1, sender=elsewhere)
    task = world.opened()
    world.market.deliver(task, WORK, sender=world.producers[0])
    assert set(world.drawn(task)) == set(world.validators[4:])


def test_mallory_spends_no_session_of_others(world) -> None:
    world.opened(seconds=100)
    order = (1, world.producers[0], 1, 10 * ANT, 0, ZERO)
    with boa.reverts("market: not yours to spend"):
        world.market.open(*order, sender=world.clients[1])
    with boa.reverts("market: dearer than allowed"):
        world.market.open(1, world.producers[0], 2, 5_000_000, 0, ZERO, sender=world.clients[0])
    with boa.reverts("market: session spent"):
        world.market.open(1, world.producers[0], 1, 10 * ANT, 4 * ANT, ZERO, sender=world.clients[0])
    with boa.reverts("market: producer takes no work here"):
        world.market.open(1, world.validators[0], 1, 10 * ANT, 0, ZERO, sender=world.clients[0])
    boa.env.time_travel(seconds=100)
    with boa.reverts("market: session expired"):
        world.market.open(*order, sender=world.clients[0])
    with boa.reverts("market: not the producer"):
        world.market.deliver(1, WORK, sender=world.producers[1])


def test_new_rules_do_not_touch_what_was_opened_under_the_old(world) -> None:
    harsher = packed(Rules(audit_ppm=0, deliver_s=120, draw_s=120, commit_s=60, reveal_s=60, penalty_ppm=9 * PPM))
    world.market.propose_rules(harsher)
    boa.env.time_travel(seconds=DELAY_S)
    task = world.opened()
    world.market.adopt_rules(harsher)
    world.judged(task, BAD, BAD, BAD)
    lapse(world.appeal, world.market)
    assert world.registry.nodes(world.producers[0]).stake == 60 * ANT - 2 * 500_000_000
    assert world.market.version() == 1


def test_a_token_that_takes_fees_is_refused() -> None:
    with boa.env.anchor():
        token = deploy_fee_token()
        market = deploy_market(deploy_registry(token.address).address, token.address, packed(RULES))
        with boa.reverts("market: token takes a fee"):
            market.deposit(1_000)


@pytest.mark.parametrize("shared", [True, False])
def test_the_largest_judgement_fits_into_a_block(world, shared: bool) -> None:
    """7 seats with 32 readings each, the same or all different: no judgement is too large to settle."""
    readings = [tuple(Reading(key=f"{n} {0 if shared else seat}", value=n) for n in range(32)) for seat in range(7)]
    cast_votes = [cast(Vote(verdict=Verdict.VALID, score_ppm=5, readings=given)) for given in readings]
    most = (7, *packed(RULES)[1:])
    world.market.preview(1, [1] * 7, cast_votes, [True] * 7, False, most, gas=5_000_000)


# Random histories


@dataclass
class Job:
    """One task in the model."""

    client: str
    producer: str
    reward: int
    fee_max: int
    reserve: int
    deadline: int
    state: int = OPEN
    round: int = 0
    anchor: int = 0
    all_absent: bool = True
    seats: list[tuple[str, int]] = field(default_factory=list)
    sat: set[str] = field(default_factory=set)
    committed: dict[int, tuple[Vote, bytes]] = field(default_factory=dict)
    revealed: dict[int, Vote] = field(default_factory=dict)


class MarketMachine(RuleBasedStateMachine):
    """Clients, producers, validators, strangers and time, in any order; the model's sums are `economy.settlement`'s."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.world = World()
        self.market, self.registry, self.token = self.world.market, self.world.registry, self.world.token
        self.balances: Counter[str] = Counter()
        self.sessions: dict[int, list] = {}
        self.jobs: dict[int, Job] = {}
        self.stake = {node: self.registry.nodes(node).stake for node in (*self.world.producers, *self.world.validators)}
        self.locked: Counter[str] = Counter()
        self.claims: Counter[str] = Counter()
        self.burnt = 0
        self.salts = 0
        self.waiting: list[tuple[Dispute, Job, Due]] = []

    def teardown(self) -> None:
        """Everybody has gone. A stranger brings every task to its end, and all money comes home."""
        for _ in range(2 + RULES.redraws):
            boa.env.time_travel(seconds=121)
            for task in [number for number, job in self.jobs.items() if job.state != ENDED]:
                self._settle(task)
        assert all(job.state == ENDED for job in self.jobs.values())
        self.lapse()
        self.same()
        boa.env.time_travel(seconds=4_000)
        for number, (client, left, _) in self.sessions.items():
            if left:
                self.market.close_session(number)
                self.balances[client] += left
        for owner, amount in self.balances.items():
            if amount:
                self.market.withdraw(amount, sender=owner)
        assert self.token.balanceOf(self.market.address) == self.market.held() == 0, "no money is stuck"
        assert not any(self.registry.nodes(node).locked for node in self.stake)
        self.anchor.__exit__(None, None, None)

    def _refused(self, call, *arguments, sender: str) -> None:
        with boa.reverts():
            call(*arguments, sender=sender)

    def _pick(self, states: tuple[int, ...], n: int) -> int:
        found = [number for number, job in self.jobs.items() if job.state in states]
        return found[n % len(found)] if found else 0

    client = st.integers(0, 1)
    amount = st.integers(1, 40).map(lambda n: n * ANT // 2 + n)
    choice = st.integers(0, 20)

    @rule(c=client, amount=amount)
    def deposit(self, c, amount) -> None:
        owner = self.world.clients[c]
        if amount > self.token.balanceOf(owner):
            return self._refused(self.market.deposit, amount, sender=owner)
        self.market.deposit(amount, sender=owner)
        self.balances[owner] += amount

    @rule(c=client, amount=amount)
    def withdraw(self, c, amount) -> None:
        owner = self.world.clients[c]
        if amount > self.balances[owner]:
            return self._refused(self.market.withdraw, amount, sender=owner)
        self.market.withdraw(amount, sender=owner)
        self.balances[owner] -= amount

    @rule(c=client, share=st.sampled_from([3, 10, 11]), seconds=st.sampled_from([100, 3_000]))
    def open_session(self, c, share, seconds) -> None:
        owner = self.world.clients[c]
        if not self.balances[owner]:
            self.deposit(c, 5 * ANT)
        limit, expires = self.balances[owner] * share // 10, boa.env.timestamp + seconds
        if not 0 < limit <= self.balances[owner]:
            return self._refused(self.market.open_session, owner, limit, expires, sender=owner)
        number = self.market.open_session(owner, limit, expires, sender=owner)
        self.sessions[number] = [owner, limit, expires]
        self.balances[owner] -= limit

    @precondition(lambda self: self.sessions)
    @rule(n=choice)
    def close_session(self, n) -> None:
        number = sorted(self.sessions)[n % len(self.sessions)]
        owner, left, expires = self.sessions[number]
        if not left or boa.env.timestamp < expires:
            return self._refused(self.market.close_session, number, sender=owner)
        self.market.close_session(number)
        self.balances[owner] += left
        self.sessions[number][1] = 0

    @precondition(lambda self: self.sessions)
    @rule(n=choice, p=client, units=st.integers(1, 200), fee_max=st.integers(0, ANT // 10))
    def open(self, n, p, units, fee_max) -> None:
        number = sorted(self.sessions, reverse=True)[n % len(self.sessions)]
        owner, left, expires = self.sessions[number]
        reward = units * 5_000_000
        reserve = reward + RULES.seats * fee_max
        order = (number, self.world.producers[p], units, reward, fee_max, ZERO)
        if reserve > left or boa.env.timestamp >= expires:
            return self._refused(self.market.open, *order, sender=owner)
        task = self.market.open(*order, sender=owner)
        self.sessions[number][1] -= reserve
        deadline = boa.env.timestamp + RULES.deliver_s
        self.jobs[task] = Job(owner, self.world.producers[p], reward, fee_max, reserve, deadline)

    @precondition(lambda self: self._pick((OPEN,), 0))
    @rule(n=choice)
    def deliver(self, n) -> None:
        task = self._pick((OPEN,), n)
        job = self.jobs[task]
        held = exposure(terms_of(job.reward), RULES, Role.PROCESSOR, RULES.seats * job.fee_max)
        if boa.env.timestamp > job.deadline or held > self.stake[job.producer] - self.locked[job.producer]:
            return self._refused(self.market.deliver, task, WORK, sender=job.producer)
        self.market.deliver(task, WORK, sender=job.producer)
        self.locked[job.producer] += held
        job.state, job.deadline, job.anchor = (
            DELIVERED,
            boa.env.timestamp + RULES.draw_s,
            boa.env.evm.patch.block_number,
        )

    @precondition(lambda self: self._pick((DELIVERED,), 0))
    @rule(n=choice)
    def draw(self, n) -> None:
        task = self._pick((DELIVERED,), n)
        job = self.jobs[task]
        pass_time(blocks=4, seconds=4)
        if boa.env.timestamp > job.deadline:
            return self._refused(self.market.draw, task, sender=job.producer)
        number = boa.env.evm.patch.block_number
        if number - job.anchor - 2 > 256:
            assert not self.market.draw(task)
            job.anchor = number
            return None
        place = self.market.address, task, job.round
        block_hash = BLOCKS.hash_of(job.anchor + 2)
        seed = keccak(encode(["bytes32", "address", "uint256", "uint8"], [block_hash, *place]))
        able = []
        for node in self.registry.draw(seed, 24):
            fee = min((400_000 + 100_000 * self.world.validators.index(node)) * (job.reward // 5_000_000), job.fee_max)
            need = exposure(terms_of(fee), RULES, Role.VALIDATOR)
            if node not in job.sat and need <= self.stake[node] - self.locked[node]:
                able.append((node, fee))
        able = able[: RULES.seats]
        able = able[: len(able) - 1 + len(able) % 2]
        if not able:
            return self._refused(self.market.draw, task, sender=job.producer)
        assert self.market.draw(task, sender=boa.env.generate_address())
        job.seats, job.state, job.deadline = able, COMMIT, boa.env.timestamp + RULES.commit_s
        job.committed, job.revealed = {}, {}
        for node, fee in able:
            job.sat.add(node)
            self.locked[node] += exposure(terms_of(fee), RULES, Role.VALIDATOR)
        return None

    @precondition(lambda self: self._pick((COMMIT,), 0))
    @rule(n=choice, s=st.integers(0, 2), vote=st.sampled_from([GOOD, GOOD, NEAR, BARE, BAD, UNSURE, UNSHOWN]))
    def commit(self, n, s, vote) -> None:
        task = self._pick((COMMIT,), n)
        job = self.jobs[task]
        s %= len(job.seats)
        node = job.seats[s][0]
        if s in job.committed or boa.env.timestamp > job.deadline:
            return self._refused(self.market.commit, task, s, SALT, sender=node)
        self.salts += 1
        salt = keccak(self.salts.to_bytes(8, "big"))
        self.world.commit(task, s, node, vote, salt)
        job.committed[s] = (vote, salt)
        if len(job.committed) == len(job.seats):
            job.state, job.deadline = REVEAL, boa.env.timestamp + RULES.reveal_s
        return None

    def _lapse(self, job: Job) -> None:
        if job.state == COMMIT and boa.env.timestamp > job.deadline:
            job.state, job.deadline = REVEAL, job.deadline + RULES.reveal_s

    @precondition(lambda self: self._pick((COMMIT, REVEAL), 0))
    @rule(n=choice, s=st.integers(0, 2))
    def reveal(self, n, s) -> None:
        task = self._pick((REVEAL, COMMIT), n)
        job = self.jobs[task]
        s %= len(job.seats)
        vote, salt = job.committed.get(s, (GOOD, SALT))
        before = job.state, job.deadline
        self._lapse(job)
        open_ = job.state == REVEAL and boa.env.timestamp <= job.deadline
        if not open_ or s not in job.committed or s in job.revealed:
            job.state, job.deadline = before
            return self._refused(self.market.reveal, task, s, cast(vote), salt, sender=job.seats[s][0])
        self.market.reveal(task, s, cast(vote), salt, sender=job.seats[s][0])
        job.revealed[s] = vote
        return None

    @precondition(lambda self: self.jobs)
    @rule(n=choice)
    def settle(self, n) -> None:
        self._settle(self._pick((OPEN, DELIVERED, COMMIT, REVEAL, ENDED), n))

    @rule(seconds=st.sampled_from([1, 30, 61]))
    def wait(self, seconds) -> None:
        boa.env.time_travel(seconds=seconds)

    def _settle(self, task: int) -> None:
        job = self.jobs[task]
        before = job.state, job.deadline
        self._lapse(job)
        ripe = boa.env.timestamp > job.deadline
        if job.state == REVEAL:
            ripe = ripe or len(job.revealed) == len(job.committed)
        if job.state == ENDED or not ripe:
            job.state, job.deadline = before
            return self._refused(self.market.settle, task, sender=job.client)
        self.market.settle(task, sender=boa.env.generate_address())
        waits = False
        if job.state == REVEAL:
            spent, over, waits = self._judge(job)
            if not over:
                return None
        else:
            spent = 0
        self.balances[job.client] += job.reserve - spent
        if job.state != OPEN and not waits:
            self.locked[job.producer] -= self._exposed(job)
        job.state = ENDED
        return None

    def _exposed(self, job: Job) -> int:
        return exposure(terms_of(job.reward), RULES, Role.PROCESSOR, RULES.seats * job.fee_max)

    def _judge(self, job: Job) -> tuple[int, bool, bool]:
        places = range(len(job.seats))
        last = job.round >= RULES.redraws
        done = due(
            job.reward,
            [fee for _, fee in job.seats],
            [job.revealed.get(s) for s in places],
            [s in job.committed for s in places],
            last and job.all_absent,
            RULES,
        )
        for (node, _), paid in zip(job.seats, done.fees, strict=True):
            self.balances[node] += paid
        self.balances[job.producer] += done.reward
        # What nobody can dispute, and all where nobody is fined for a vote or its work, is taken at once.
        sides = [s for s in places if s in job.revealed and job.revealed[s].verdict.conclusive]
        judged = bool(done.verdict) and not done.absent
        waits = judged and (done.penalty > 0 or any(done.fines[s] for s in sides))
        dispute = Dispute.last(self.world.appeal, self.market)
        assert bool(dispute) is waits
        if dispute:
            self.waiting.append((dispute, job, done))
        self._take(job, done, [s for s in places if not (waits and s in sides)], penalty=not waits)
        if not done.verdict and not last:
            job.all_absent = job.all_absent and done.absent
            job.state, job.round, job.deadline = DELIVERED, job.round + 1, boa.env.timestamp + RULES.draw_s
            job.anchor = boa.env.evm.patch.block_number
            return 0, False, False
        return done.reward + sum(done.fees), True, waits

    def _take(self, job: Job, done: Due, seats: list[int], *, penalty: bool) -> None:
        for s in seats:
            node, fee = job.seats[s]
            self.locked[node] -= exposure(terms_of(fee), RULES, Role.VALIDATOR)
            self.stake[node] -= done.fines[s]
            self.burnt += done.fines[s]
        if penalty:
            self.stake[job.producer] -= done.penalty
            self.claims[job.client] += done.to_client
            self.burnt += done.penalty - done.to_client

    @rule()
    def lapse(self) -> None:
        """Nobody has appealed: what waits is carried out."""
        for dispute, job, done in self.waiting:
            dispute.lapse()
            sides = [s for s, vote in job.revealed.items() if vote.verdict.conclusive]
            self._take(job, done, sides, penalty=True)
            self.locked[job.producer] -= self._exposed(job)
        self.waiting = []

    @invariant()
    def same(self) -> None:
        for owner in (*self.world.clients, *self.stake):
            assert self.market.balances(owner) == self.balances[owner]
            assert self.registry.claims(owner) == self.claims[owner]
        for node, stake in self.stake.items():
            found = self.registry.nodes(node)
            assert (found.stake, found.locked) == (stake, self.locked[node])
        for task, job in self.jobs.items():
            assert self.market.tasks(task).state == job.state
        assert self.registry.burnt() == self.burnt

    @invariant()
    def conserved(self) -> None:
        escrow = sum(job.reserve for job in self.jobs.values() if job.state != ENDED)
        owed = sum(self.balances.values()) + sum(left for _, left, _ in self.sessions.values()) + escrow
        assert self.token.balanceOf(self.market.address) == self.market.held() == owed
        bonded = sum(self.stake.values()) + sum(self.claims.values()) + self.burnt
        assert self.token.balanceOf(self.registry.address) == bonded


BLOCKS = boa.loads("""
# pragma version 0.4.3
@external
@view
def hash_of(n: uint256) -> bytes32:
    return blockhash(n)
""")
TestMarketMachine = MarketMachine.TestCase
TestMarketMachine.settings = settings(max_examples=5, stateful_step_count=30)
