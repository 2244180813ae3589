"""The same random history on the embedded ledger and on the contracts: equal balances, states and refusals.

What may differ is written where it is allowed for, and only there (decision record 25): on the chain nobody is held
before delivering, the draw is the chain's, work that finds no judge is not paid, what a fine waits for is locked in
other amounts, and a penalty's share for the client is a claim that it collects. Nobody appeals here; fines wait for it.
A deadline's own second is in time on the chain and late on the ledger; no history acts in it.
"""

from __future__ import annotations

import pytest

boa = pytest.importorskip("boa", reason="titanoboa is not installed here: scripts/check runs this in .venv-contracts")

from collections.abc import Callable
from dataclasses import dataclass

import test_contracts_quorum as by_quorum
from contracts_appeals import Dispute
from contracts_deployed import ANT, APPEAL_TERMS, MIN_STAKE, UNBOND_S, ZERO
from contracts_economy import cast
from contracts_ledger import EmbeddedLedger, name
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from test_contracts_market import BAD, BARE, GOOD, NEAR, RULES, SALT, UNSHOWN, UNSURE, WORK, World

from antiphon.economy import accounts
from antiphon.economy.selection import judging_cost
from antiphon.economy.settlement import exposure
from antiphon.economy.types import PPM, Reading, Role, Rules, Terms, Verdict, Vote
from antiphon.errors import AntiphonError
from antiphon.ledger import panel
from antiphon.ledger.records import PartRecord, PartState

OPEN, DELIVERED, COMMIT, REVEAL, ENDED = 1, 2, 3, 4, 5
STATES = {
    PartState.ASSIGNED: OPEN,
    PartState.DRAWING: DELIVERED,
    PartState.DELIVERED: COMMIT,
    PartState.REVEALING: REVEAL,
}
VERDICTS = {PartState.VALID: 1, PartState.INVALID: 2, PartState.REFUNDED: 0, PartState.CANCELLED: 0}
ALONE = {
    "failovers": 0,
    "hold_ppm": 0,
    "appeal_s": APPEAL_TERMS[0],
    "audit_ppm": 0,
    "min_stake_nano": MIN_STAKE,
    "unbond_s": UNBOND_S,
}
"""Without what the chain has not."""
TIMES = {"deliver_s": RULES.deliver_s, "draw_s": RULES.draw_s, "commit_s": RULES.commit_s, "reveal_s": RULES.reveal_s}
HUGE = Vote(verdict=Verdict.VALID, score_ppm=5, readings=(Reading(key="words", value=10**12 + 1),))
"""A vote that both refuse once it is revealed."""
VOTES = [GOOD, GOOD, GOOD, NEAR, BARE, BAD, BAD, UNSURE, UNSHOWN, HUGE]


def purse(session: int) -> str:
    """The ledger's account for a session's money."""
    return accounts.balance(f"session {session}")


@dataclass
class Job:
    client: str
    producer: str
    reward: int
    fee_max: int
    votes: dict[str, Vote]
    """What each seat of the round has committed to."""
    dispute: Dispute | None = None
    """The fines that wait."""


class Histories(RuleBasedStateMachine):
    """Clients, nodes, strangers and time in any order. `both` does a step on both, which agree whether it is done."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.world = World()
        self.market, self.registry = self.world.market, self.world.registry
        self.ledger = EmbeddedLedger(Rules(**ALONE, **TIMES))
        self.nodes = [*self.world.producers, *self.world.validators]
        for node in self.nodes:
            self.ledger.move(accounts.ISSUED, accounts.stake(node), self.registry.nodes(node).stake)
        self.sessions: list[int] = []
        self.jobs: dict[int, Job] = {}

    def teardown(self) -> None:
        """Everybody has gone, and a stranger brings every task to its end: on both all money is free."""
        try:
            for _ in range(2 + RULES.redraws):
                self._pass(seconds=121)
                for task in self.jobs:
                    self._settle(task)
            assert all(self.ledger.part(task).state.final for task in self.jobs)
            self.same()
            self._pass(seconds=APPEAL_TERMS[0] + 1)
            for task in self.jobs:
                self._settle(task)
            assert all(self.ledger.part(task).settled for task in self.jobs)
            self.same()
            assert not any(self.ledger.locked(node) or self.registry.nodes(node).locked for node in self.nodes)
        finally:
            self.ledger.close()
            self.anchor.__exit__(None, None, None)

    @property
    def now_ms(self) -> int:
        return boa.env.timestamp * 1000

    def both(self, on_chain: Callable[[], object], on_ledger: Callable[[], object]) -> bool:
        """Whether the step was done."""
        try:
            on_ledger()
            refused = ""
        except AntiphonError as e:
            refused = str(e)
        try:
            on_chain()
            reverted = ""
        except boa.BoaError as e:
            reverted = str(e).strip().splitlines()[0]
        assert bool(refused) == bool(reverted), f"ledger: {refused or 'done'}; chain: {reverted or 'done'}"
        return not refused

    def _pass(self, *, seconds: int, blocks: int = 1) -> None:
        boa.env.evm.patch.timestamp += seconds
        boa.env.evm.patch.block_number += blocks
        while self.now_ms in {moment for task in self.jobs for moment in self._deadlines(task)}:
            boa.env.evm.patch.timestamp += 1

    def _deadlines(self, task: int) -> list[int]:
        record = self.ledger.part(task)
        return [record.deadline_ms, *(dispute.deadline_ms for dispute in record.disputes)]

    def _record(self, task: int) -> PartRecord:
        """The time to commit ends by itself on both: on the chain when somebody next looks."""
        record = self.ledger.part(task)
        if record.state is PartState.DELIVERED and record.commits and self.now_ms > record.deadline_ms:
            self.ledger.tick(task, record.deadline_ms)
        return self.ledger.part(task)

    def _task(self, states: tuple[PartState, ...], n: int) -> int:
        """One of the tasks in these states, else any."""
        fitting = [task for task in self.jobs if self._record(task).state in states] or list(self.jobs)
        return fitting[n % len(fitting)]

    person = st.integers(0, 1)
    choice = st.integers(0, 20)
    amount = st.sampled_from([1, 40_000_000, ANT // 2, 3 * ANT, 40 * ANT])
    often = st.sampled_from([True] * 5 + [False])
    rounds = st.one_of(
        *(st.lists(st.sampled_from(side), min_size=3, max_size=3) for side in ([GOOD, NEAR, BARE], [BAD], VOTES)),
        st.permutations([BAD, BAD, GOOD]),
        st.permutations([UNSHOWN, UNSHOWN, None]),
    )

    @initialize(
        orders=st.lists(st.tuples(person, st.integers(1, 200), st.integers(0, ANT // 10)), min_size=3, max_size=3)
    )
    def begin(self, orders) -> None:
        for owner in self.world.clients:
            self._deposit(owner, 60 * ANT)
            self._open_session(owner, 10, 3_000)
        for p, units, fee_max in orders:
            self.open(0, p, units, fee_max)

    @rule(kind=st.sampled_from(["deposit", "withdraw", "unstake"]), n=choice, amount=amount)
    def money(self, kind, n, amount) -> None:
        owners = [*self.world.clients, *self.nodes]
        owner = owners[n % len(owners)]
        if kind == "deposit":
            self._deposit(owner, amount)
        elif kind == "unstake" and owner in self.nodes:
            self._unstake(owner, amount)
        else:
            self.both(
                lambda: self.market.withdraw(amount, sender=owner),
                lambda: self.ledger.move(accounts.balance(owner), accounts.ISSUED, amount),
            )

    @rule(n=choice, share=st.sampled_from([3, 10, 11]), seconds=st.sampled_from([100, 3_000]), close=st.booleans())
    def session(self, n, share, seconds, close) -> None:
        if close:
            self._close_session(self.sessions[n % len(self.sessions)])
        else:
            self._open_session(self.world.clients[n % 2], share, seconds)

    @rule(n=choice, p=person, units=st.integers(1, 200), fee_max=st.integers(0, ANT // 10))
    def open(self, n, p, units, fee_max) -> None:
        number = self.sessions[-1 - n % len(self.sessions)]
        session, producer = self.market.sessions(number), self.world.producers[p]
        if boa.env.timestamp >= session.expires:
            return
        reward = units * 5_000_000
        prices = {node: 400_000 + 100_000 * k for k, node in enumerate(self.world.validators)}
        fees = {node: min(price * units, fee_max) for node, price in prices.items()}
        terms = Terms(node=producer, price_nano=reward, quality_ppm=PPM)
        task = len(self.jobs) + 1
        order = (number, producer, units, reward, fee_max, ZERO)
        reserve = reward + RULES.seats * fee_max
        done = self.both(
            lambda: self.market.open(*order, sender=session.client),
            lambda: self.ledger.open(task, session.client, purse(number), terms, fees, reserve, self.now_ms),
        )
        if done:
            self.jobs[task] = Job(session.client, producer, reward, fee_max, {})

    @precondition(lambda self: self.jobs)
    @rule(state=st.sampled_from([*STATES, None]), n=choice, s=choice, vote=st.sampled_from(VOTES), right=often)
    def step(self, state, n, s, vote, right) -> None:
        """One step that fits a state (None: a stranger's look), of a task in it, or else of any."""
        task = self._task((state,), n)
        if state is PartState.ASSIGNED:
            self._deliver(task, self.jobs[task].producer if right else self.world.clients[0])
        elif state is PartState.DRAWING:
            self._draw(task)
        elif state is PartState.DELIVERED:
            self._commit(task, s, vote, right=right)
        elif state is PartState.REVEALING:
            self._reveal(task, s, right=right)
        else:
            self._settle(task)

    @rule(seconds=st.sampled_from([1, 30, 61, 121, 601]))
    def wait(self, seconds) -> None:
        self._pass(seconds=seconds, blocks=1 + seconds // 12)

    @precondition(lambda self: self.jobs)
    @rule(n=choice, votes=rounds, shown=st.sampled_from([3, 3, 3, 2, 0]))
    def judge(self, n, votes, shown) -> None:
        """A whole round, from wherever a task is: None commits to nothing, and only so many show their votes."""
        task = self._task((PartState.ASSIGNED, PartState.DRAWING), n)
        self._deliver(task, self.jobs[task].producer)
        self._draw(task)
        for seat, vote in enumerate(votes):
            if vote is not None:
                self._commit(task, seat, vote)
        if None in votes:
            self._pass(seconds=61)
        for seat in range(shown):
            self._reveal(task, seat)
        if self._record(task).state in {PartState.DELIVERED, PartState.REVEALING}:
            self._pass(seconds=61)
            self._settle(task)

    def _deliver(self, task: int, who: str) -> None:
        self.both(
            lambda: self.market.deliver(task, WORK, sender=who),
            lambda: self.ledger.deliver(task, who, self.now_ms),
        )

    def _draw(self, task: int) -> None:
        """The ledger seats whom the chain has drawn."""
        self._pass(seconds=4, blocks=4)
        with boa.env.anchor():
            try:
                self.market.draw(task)
                seats = self._seats(task)
            except boa.BoaError:
                seats = []
        job = self.jobs[task]
        done = self.both(
            lambda: self.market.draw(task),
            lambda: self.ledger.draw(task, job.client, seats, self.now_ms),
        )
        if done:
            job.votes = {}
            drawn = self.market.seats_of(task, self.market.tasks(task).round)
            terms = panel.seats(self.ledger.part(task))
            assert {seat.node: seat.fee for seat in drawn} == {seat.node: seat.reward_nano for seat in terms}

    def _seats(self, task: int) -> list[str]:
        return [seat.node for seat in self.market.seats_of(task, self.market.tasks(task).round)]

    def _seat(self, task: int, n: int) -> tuple[int, str]:
        """A seat of the last round, or one that nobody has."""
        seats = self._seats(task)
        return (n % len(seats), seats[n % len(seats)]) if seats else (0, self.world.validators[0])

    def _commit(self, task: int, n: int, vote: Vote, *, right: bool = True) -> None:
        seat, node = self._seat(task, n)
        who = node if right else self.world.clients[1]
        done = self.both(
            lambda: self.world.commit(task, seat, who, vote),
            lambda: self.ledger.commit(task, who, vote, self.now_ms),
        )
        if done:
            self.jobs[task].votes[node] = vote

    def _reveal(self, task: int, n: int, *, right: bool = True) -> None:
        seat, node = self._seat(task, n)
        vote = self.jobs[task].votes.get(node, GOOD) if right else UNSURE
        before = self._record(task)
        self.both(
            lambda: self.market.reveal(task, seat, cast(vote), SALT, sender=node),
            lambda: self.ledger.reveal(task, node, vote, self.now_ms),
        )
        if len(self.ledger.part(task).rulings) > len(before.rulings):
            self.market.settle(task, sender=boa.env.generate_address())  # the ledger counts by itself
            self._note_dispute(task)

    def _deposit(self, owner: str, amount: int) -> None:
        if amount <= self.world.token.balanceOf(owner):
            self.market.deposit(amount, sender=owner)
            self.ledger.move(accounts.ISSUED, accounts.balance(owner), amount)

    def _unstake(self, node: str, amount: int) -> None:
        """While they hold different amounts of it they may differ here."""
        if self.ledger.locked(node) != self.registry.nodes(node).locked:
            return
        amount = 1 + amount % ANT if amount % 3 else amount * 1_000  # a little, or more than there is
        self.both(lambda: self.registry.unstake(amount, sender=node), lambda: self.ledger.unstake(node, amount))

    def _open_session(self, owner: str, share: int, seconds: int) -> None:
        limit, expires = self.market.balances(owner) * share // 10, boa.env.timestamp + seconds
        number = len(self.sessions) + 1
        done = self.both(
            lambda: self.market.open_session(owner, limit, expires, sender=owner),
            lambda: self.ledger.move(accounts.balance(owner), purse(number), limit),
        )
        if done:
            self.sessions.append(number)

    def _close_session(self, number: int) -> None:
        """Its expiry is the chain's alone; the ledger's account gives all it has."""
        session = self.market.sessions(number)
        if boa.env.timestamp < session.expires or not session.left:
            with boa.reverts():
                self.market.close_session(number)
            return
        self.market.close_session(number)
        self.ledger.move(purse(number), accounts.balance(session.client), session.left)

    def _settle(self, task: int) -> None:
        """A stranger looks after the task; the ledger does so by itself, at the same time."""
        before = self._record(task)
        if before.disputes:
            self._lapse(task)
            return
        job = self.jobs[task]
        paid = [accounts.balance(job.producer), accounts.BURNT]
        held = [self.ledger.holds(account) for account in paid]
        done = self.both(
            lambda: self.market.settle(task, sender=boa.env.generate_address()),
            lambda: self.ledger.tick(task, self.now_ms),
        )
        if before.state is PartState.DRAWING and self.ledger.part(task).state is PartState.CANCELLED:
            # The client has not drawn: on the ledger that costs it the reward and the judging, on the chain nothing.
            gains = [self.ledger.holds(account) - nano for account, nano in zip(paid, held, strict=True)]
            assert sum(gains) == job.reward + judging_cost(before.assignment, RULES)
            for account, gain in zip(paid, gains, strict=True):
                self.ledger.move(account, accounts.balance(job.client), gain)
        if done:
            self._note_dispute(task)

    def _note_dispute(self, task: int) -> None:
        """The same fines wait on both."""
        job = self.jobs[task]
        job.dispute = Dispute.last(self.world.appeal, self.market)
        assert bool(job.dispute) == bool(self.ledger.part(task).disputes)
        self._collect(task)

    def _lapse(self, task: int) -> None:
        """Nobody has appealed in time: the fines are carried out."""
        dispute = self.jobs[task].dispute
        assert dispute is not None
        with boa.reverts():
            self.market.settle(task)
        self.both(
            lambda: self.world.appeal.settle(*dispute.what, [], sender=boa.env.generate_address()),
            lambda: self.ledger.tick(task, self.now_ms),
        )
        self._collect(task)

    def _collect(self, task: int) -> None:
        """A client's share of a penalty is a claim on the chain, and at once its balance on the ledger."""
        client = self.jobs[task].client
        if claim := self.registry.claims(client):
            self.registry.claim(sender=client)
            self.market.deposit(claim, sender=client)

    @invariant()
    def same(self) -> None:
        for owner in (*self.world.clients, *self.nodes):
            assert self.market.balances(owner) == self.ledger.holds(accounts.balance(owner))
        for number in self.sessions:
            assert self.market.sessions(number).left == self.ledger.holds(purse(number))
        assert self.registry.burnt() == self.ledger.holds(accounts.BURNT)
        held = dict.fromkeys(self.nodes, 0)
        for task in self.jobs:
            self._same_task(task, held)
        for node in self.nodes:
            found = self.registry.nodes(node)
            assert found.stake == self.ledger.holds(accounts.stake(node))
            assert found.unbonding == self.ledger.holds(accounts.unbonding(node))
            assert found.locked == held[node]

    def _same_task(self, task: int, held: dict[str, int]) -> None:
        found, record, job = self.market.tasks(task), self._record(task), self.jobs[task]
        if record.state.final:
            assert (found.state, found.verdict) == (ENDED, VERDICTS[record.state])
            assert found.reserve == self.ledger.holds(accounts.escrow(name(task))) == 0
            self._hold_for_appeal(record, job, held)
            return
        lapsed = found.state == COMMIT and boa.env.timestamp > found.deadline and record.commits
        state, deadline = (REVEAL, found.deadline + RULES.reveal_s) if lapsed else (found.state, found.deadline)
        assert (state, deadline * 1000, found.round) == (STATES[record.state], record.deadline_ms, record.round)
        assert (found.committed, found.revealed) == (len(record.commits), len(record.reveals)) or state == DELIVERED
        assert found.reserve == self.ledger.holds(accounts.escrow(name(task)))
        if state != OPEN:
            held[job.producer] += exposure(panel.producer(record), RULES, Role.PROCESSOR, RULES.seats * job.fee_max)
        for seat in panel.sitting(record):
            held[seat.node] += exposure(seat, RULES, Role.VALIDATOR)

    def _hold_for_appeal(self, record: PartRecord, job: Job, held: dict[str, int]) -> None:
        """What the chain keeps locked while fines wait: the producer's stake, and of all who voted for a side."""
        for ruling in record.rulings[-len(record.disputes) :] if record.disputes else ():
            held[job.producer] += exposure(ruling.producer, RULES, Role.PROCESSOR, RULES.seats * job.fee_max)
            for seat in panel.seats(record):
                if seat.node in ruling.votes and ruling.votes[seat.node].verdict.conclusive:
                    held[seat.node] += exposure(seat, RULES, Role.VALIDATOR)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=8, stateful_step_count=30, deadline=None)


# By quorum: one step on the chain for what the ledger does in eight


@pytest.fixture(scope="module")
def quorum():
    with boa.env.anchor():
        world = by_quorum.World()
        world.bond()
        yield world


ballots = st.lists(st.sampled_from([GOOD, GOOD, NEAR, BARE, BAD, UNSURE, UNSHOWN, None]), min_size=3, max_size=3)


@settings(max_examples=12, deadline=None)
@given(history=st.lists(ballots, min_size=1, max_size=4))
def test_what_was_signed_settles_by_quorum_as_the_ledger_does_it(quorum, history) -> None:
    """An empty seat costs nothing there (its fine is 0 here, too), and what has no verdict waits for its session."""
    with boa.env.anchor():
        ledger = EmbeddedLedger(Rules(**(ALONE | TIMES), absent_ppm=0))
        try:
            _by_quorum(quorum, ledger, history)
        finally:
            ledger.close()


def _by_quorum(world: by_quorum.World, ledger: EmbeddedLedger, history: list[list[Vote | None]]) -> None:
    client, nodes = world.client.address, [key.address for key in (world.producer, *world.validators)]
    session = world.session(parts=4)
    ledger.move(accounts.ISSUED, accounts.balance(client), world.quorum.balances(client))
    ledger.move(accounts.ISSUED, purse(session), world.quorum.sessions(session).left)
    for node in nodes:
        ledger.move(accounts.ISSUED, accounts.stake(node), world.registry.nodes(node).stake)
    for part, votes in enumerate(history):
        verdict = _on_ledger(world, ledger, part, session, votes)
        given = world.assignment(session, part).but(due=boa.env.timestamp)
        case = world.case(given, votes)
        if verdict is PartState.REFUNDED:
            with boa.reverts("quorum: no verdict"):
                world.quorum.settle(case)
        else:
            world.quorum.settle(case)
            if dispute := Dispute.last(world.appeal, world.quorum):
                dispute.lapse()  # the ledger has none: who sat are all that there are
            with boa.reverts("quorum: settled already"):
                world.quorum.settle(case)
        for node in nodes:
            assert world.quorum.balances(node) == ledger.holds(accounts.balance(node))
            assert world.registry.nodes(node).stake == ledger.holds(accounts.stake(node))
        assert world.registry.burnt() == ledger.holds(accounts.BURNT)
        # What a part leaves of its money returns at once on the ledger, and with its session on the chain.
        owned = world.quorum.balances(client) + world.quorum.sessions(session).left + world.registry.claims(client)
        assert owned == ledger.holds(accounts.balance(client)) + ledger.holds(purse(session))


def _on_ledger(
    world: by_quorum.World, ledger: EmbeddedLedger, part: int, session: int, votes: list[Vote | None]
) -> PartState:
    """The part from its order to its end; without a majority nobody sits in its second round."""
    now_ms, client, producer = boa.env.timestamp * 1000, world.client.address, world.producer.address
    fees = {key.address: fee for key, fee in zip(world.validators, by_quorum.FEES, strict=True)}
    terms = Terms(node=producer, price_nano=by_quorum.REWARD, quality_ppm=PPM)
    ledger.open(part, client, purse(session), terms, fees, by_quorum.PART_MAX, now_ms)
    ledger.deliver(part, producer, now_ms)
    ledger.draw(part, client, list(fees), now_ms)
    cast_votes = {node: vote for node, vote in zip(fees, votes, strict=True) if vote is not None}
    for node, vote in cast_votes.items():
        ledger.commit(part, node, vote, now_ms)
    if len(cast_votes) < len(votes):
        now_ms = ledger.part(part).deadline_ms
        ledger.tick(part, now_ms)
    for node, vote in cast_votes.items():
        ledger.reveal(part, node, vote, now_ms)
    if ledger.part(part).state is PartState.DRAWING:
        ledger.draw(part, client, list(fees), now_ms)
        ledger.tick(part, ledger.part(part).deadline_ms)
    return ledger.part(part).state
