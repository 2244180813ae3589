"""The registry: stake, locks, keys, relays' bonds, and the tree that draws seats, beside models in Python."""

from __future__ import annotations

import pytest

boa = pytest.importorskip("boa", reason="titanoboa is not installed here: scripts/check runs this in .venv-contracts")

from collections import Counter
from itertools import pairwise

from contracts_deployed import (
    ANT,
    DELAY_S,
    EPOCH_S,
    MIN_STAKE,
    PROCESSOR,
    RELAY,
    REPORT_PPM,
    UNBOND_S,
    VALIDATOR,
    ZERO,
    deploy_fee_token,
    deploy_registry,
    deploy_silent_token,
    deploy_token,
    people,
    register,
)
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from eth_abi import encode
from eth_account import Account
from eth_utils import keccak
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from antiphon.economy.settlement import withdrawable
from antiphon.economy.types import Rules

PPM = 1_000_000
UNIT = 1_000_000
SEED = bytes(range(32))


@pytest.fixture
def token():
    with boa.env.anchor():
        yield deploy_token()


@pytest.fixture
def registry(token):
    return deploy_registry(token.address)


def drawn(leaves: list[tuple[str, int]], seed: bytes, count: int) -> list[str]:
    """The model of a draw: a flat list of (owner, weight) in the order of their leaves."""
    left, found = list(leaves), []
    for number in range(count):
        total = sum(weight for _, weight in left)
        if not total:
            break
        ticket = int.from_bytes(keccak(encode(["bytes32", "uint256"], [seed, number])), "big") % total
        for place, (owner, weight) in enumerate(left):
            if ticket < weight:
                found.append(owner)
                left[place] = (owner, 0)
                break
            ticket -= weight
    return found


def sampled(leaves: list[tuple[str, int]], seed: bytes, size: int) -> list[str]:
    """The model of a sample: a ticket in each of so many equal stretches of the same list."""
    row, total = [], 0
    for owner, weight in leaves:
        total += weight
        row.append((total, owner))
    found = []
    for number in range(size):
        first, end = total * number // size, total * (number + 1) // size
        if end > first:
            chance = int.from_bytes(keccak(encode(["bytes32", "uint256"], [seed, number])), "big")
            found.append(next(owner for above, owner in row if first + chance % (end - first) < above))
    return found


# Keys


def bind(registry, key: Ed25519PrivateKey, node: str) -> tuple[bytes, list[bytes]]:
    public = key.public_key().public_bytes_raw()
    proof = key.sign(registry.binding_message(node, public))
    return public, [proof[:32], proof[32:]]


def check_binding(registry, node: str) -> None:
    """What every reader of a node does before it believes the node's Ed25519 key."""
    found = registry.nodes(node)
    Ed25519PublicKey.from_public_bytes(found.key).verify(
        b"".join(found.proof), registry.binding_message(node, found.key)
    )


def test_two_keys_vouch_for_each_other(token, registry) -> None:
    (node,) = people(token, 1, 100 * ANT, registry.address)
    public, proof = bind(registry, Ed25519PrivateKey.generate(), node)
    registry.register(VALIDATOR, public, proof, ZERO, 5, "https://a.example", MIN_STAKE, sender=node)
    check_binding(registry, node)


def test_mallory_claims_a_key_and_nobody_believes_it(token, registry) -> None:
    honest, mallory = people(token, 2, 100 * ANT, registry.address)
    key = Ed25519PrivateKey.generate()
    public, proof = bind(registry, key, honest)
    # First come: copies key and proof out of the pool of pending transactions, and gets in before.
    registry.register(VALIDATOR, public, proof, ZERO, 5, "https://m.example", MIN_STAKE, sender=mallory)
    registry.register(VALIDATOR, public, proof, ZERO, 5, "https://h.example", MIN_STAKE, sender=honest)
    check_binding(registry, honest)
    with pytest.raises(InvalidSignature):
        check_binding(registry, mallory)
    # Nor does a proof for another registry count here.
    elsewhere = deploy_registry(token.address)
    _, foreign = bind(elsewhere, key, honest)
    registry.replace_key(public, foreign, sender=honest)
    with pytest.raises(InvalidSignature):
        check_binding(registry, honest)


# Stake


def test_registering_takes_the_minimum_stake_and_open_entry(token, registry) -> None:
    (node,) = people(token, 1, 100 * ANT, registry.address)
    with boa.reverts("registry: stake below the minimum"):
        register(registry, node, VALIDATOR, stake=MIN_STAKE - 1)
    with boa.reverts("registry: no such role"):
        register(registry, node, 5)
    registry.pause_entry(True)
    with boa.reverts("governed: entry is paused"):
        register(registry, node, VALIDATOR)
    registry.pause_entry(False)
    register(registry, node, VALIDATOR)
    with boa.reverts("registry: registered already"):
        register(registry, node, RELAY)


def test_who_leaves_gets_everything_while_entry_is_paused(token, registry) -> None:
    (node,) = people(token, 1, 100 * ANT, registry.address)
    register(registry, node, VALIDATOR, stake=30 * ANT)
    registry.pause_entry(True)
    registry.unstake(30 * ANT, sender=node)
    with boa.reverts("registry: withdraw first"):
        registry.leave(sender=node)
    with boa.reverts("registry: still unbonding"):
        registry.withdraw(sender=node)
    boa.env.time_travel(seconds=UNBOND_S)
    registry.withdraw(sender=node)
    registry.leave(sender=node)
    assert token.balanceOf(node) == 100 * ANT
    assert token.balanceOf(registry.address) == 0


def test_only_a_trusted_market_locks_and_takes_no_more_than_it_locked(token, registry) -> None:
    (node,) = people(token, 1, 100 * ANT, registry.address)
    market, other = boa.env.generate_address(), boa.env.generate_address()
    register(registry, node, PROCESSOR, stake=20 * ANT)
    for caller in (market, boa.env.eoa):
        with boa.reverts("registry: market not trusted"):
            registry.lock(node, 1, sender=caller)
    registry.trust(market, True, sender=node)
    registry.lock(node, 15 * ANT, sender=market)
    with boa.reverts("registry: insufficient free stake"):
        registry.lock(node, 5 * ANT + 1, sender=market)
    for caller, amount in ((market, 15 * ANT + 1), (other, 1), (boa.env.eoa, 1)):
        with boa.reverts("registry: more than the market has locked"):
            registry.take(node, amount, other, 0, sender=caller)
        with boa.reverts("registry: more than the market has locked"):
            registry.unlock(node, amount, sender=caller)
    with boa.reverts("registry: more than the penalty"):
        registry.take(node, 1, other, 2, sender=market)
    # Trust withdrawn stops new locks, not the penalty that is due.
    registry.trust(market, False, sender=node)
    registry.take(node, 15 * ANT, other, 5 * ANT, sender=market)
    registry.claim(sender=other)
    registry.sweep()
    assert token.balanceOf(other) == 5 * ANT
    assert token.balanceOf("0x" + "00" * 18 + "dEaD") == 10 * ANT
    assert token.balanceOf(registry.address) == registry.nodes(node).stake == 5 * ANT


def test_while_anything_is_locked_the_minimum_stays(token, registry) -> None:
    (node,) = people(token, 1, 100 * ANT, registry.address)
    register(registry, node, PROCESSOR, stake=30 * ANT)
    registry.trust(boa.env.eoa, True, sender=node)
    registry.lock(node, 1)
    with boa.reverts("registry: stake is locked"):
        registry.unstake(20 * ANT + 1, sender=node)
    registry.unstake(20 * ANT, sender=node)
    registry.unlock(node, 1)
    registry.unstake(10 * ANT, sender=node)


def test_a_token_that_takes_fees_is_refused_and_one_that_returns_nothing_works() -> None:
    with boa.env.anchor():
        greedy, silent = deploy_fee_token(), deploy_silent_token()
        with boa.reverts("registry: token takes a fee"):
            register(deploy_registry(greedy.address), boa.env.eoa, VALIDATOR)
        registry = deploy_registry(silent.address)
        register(registry, boa.env.eoa, VALIDATOR)
        registry.unstake(MIN_STAKE)
        boa.env.time_travel(seconds=UNBOND_S)
        registry.withdraw()
        assert silent.balanceOf(boa.env.eoa) == 10**30


def test_terms_are_bounded(registry) -> None:
    for terms in ((0, UNBOND_S, 0), (2**96, UNBOND_S, 0), (1, 3_599, 0), (1, 30 * 86_400 + 1, 0), (1, 3_600, 200_001)):
        with boa.reverts():
            registry.propose_terms(terms)
    registry.propose_terms((2 * MIN_STAKE, UNBOND_S, 0))
    boa.env.time_travel(seconds=DELAY_S)
    registry.adopt_terms((2 * MIN_STAKE, UNBOND_S, 0), sender=boa.env.generate_address())
    assert registry.terms().min_stake == 2 * MIN_STAKE


# Relays


def head(registry, relay: Account, sequence: int, digest: bytes):
    domain = {
        "name": "Antiphon relay",
        "version": "1",
        "chainId": boa.env.evm.patch.chain_id,
        "verifyingContract": registry.address,
    }
    names = [("book", "bytes32"), ("sequence", "uint64"), ("digest", "bytes32")]
    types = {"Head": [{"name": name, "type": kind} for name, kind in names]}
    done = Account.sign_typed_data(relay.key, domain, types, {"book": SEED, "sequence": sequence, "digest": digest})
    return done.v, done.r.to_bytes(32, "big"), done.s.to_bytes(32, "big")


def test_a_relay_that_contradicts_itself_loses_its_bond(token, registry) -> None:
    relay, reporter = Account.create(), boa.env.generate_address()
    token.transfer(relay.address, 100 * ANT)
    token.approve(registry.address, 2**255, sender=relay.address)
    register(registry, relay.address, RELAY, stake=50 * ANT)
    registry.unstake(20 * ANT, sender=relay.address)  # too late to run
    one, two = keccak(b"one"), keccak(b"two")
    signed = {(n, digest): head(registry, relay, n, digest) for n in (7, 8) for digest in (one, two)}

    def proof(a, b):
        return [list(part) for part in zip(signed[a], signed[b], strict=True)]

    with boa.reverts("registry: no contradiction"):
        registry.contradict(relay.address, SEED, 7, [one, one], *proof((7, one), (7, one)), sender=reporter)
    # Two places of a book may differ; that is no contradiction.
    with boa.reverts("registry: wrong signature"):
        registry.contradict(relay.address, SEED, 7, [one, two], *proof((7, one), (8, two)), sender=reporter)
    registry.contradict(relay.address, SEED, 7, [one, two], *proof((7, one), (7, two)), sender=reporter)
    assert registry.claims(reporter) == 50 * ANT * REPORT_PPM // PPM
    assert registry.burnt() == 50 * ANT - registry.claims(reporter)
    assert registry.nodes(relay.address).stake == registry.nodes(relay.address).unbonding == 0
    with boa.reverts("registry: no bond left"):
        registry.contradict(relay.address, SEED, 7, [one, two], *proof((7, one), (7, two)), sender=reporter)


# The tree


def test_each_validator_is_drawn_as_often_as_its_stake_says(token, registry) -> None:
    nodes = people(token, 6, 1_000 * ANT, registry.address)
    stakes = [10, 20, 30, 40, 60, 90]
    for node, stake in zip(nodes, stakes, strict=True):
        register(registry, node, VALIDATOR, stake=stake * ANT)
    boa.env.time_travel(seconds=EPOCH_S)
    counts = Counter(registry.draw(keccak(n.to_bytes(4, "big")), 1)[0] for n in range(600))
    for node, stake in zip(nodes, stakes, strict=True):
        expected = 600 * stake / 250
        assert abs(counts[node] - expected) < 5 * expected**0.5


def test_stake_moved_within_an_epoch_moves_no_draw(token, registry) -> None:
    nodes = people(token, 8, 1_000 * ANT, registry.address)
    for node in nodes[:5]:
        register(registry, node, VALIDATOR, stake=20 * ANT)
    assert registry.draw(SEED, 5) == []
    boa.env.time_travel(seconds=EPOCH_S)
    before = registry.draw(SEED, 5)
    assert sorted(before) == sorted(nodes[:5])
    for node in nodes[5:]:
        register(registry, node, VALIDATOR, stake=900 * ANT)
    registry.stake(900 * ANT, sender=nodes[0])
    registry.unstake(20 * ANT, sender=nodes[1])
    assert registry.draw(SEED, 5) == before
    boa.env.time_travel(seconds=EPOCH_S)
    after = registry.draw(SEED, 24)
    assert nodes[1] not in after
    assert len(after) == 7


def test_a_tree_of_many_levels_draws_as_a_flat_list_does(token, registry) -> None:
    nodes = people(token, 70, 1_000 * ANT, registry.address)
    for number, node in enumerate(nodes):
        register(registry, node, VALIDATOR, stake=(10 + number % 7) * ANT)
    boa.env.time_travel(seconds=EPOCH_S)
    leaves = [(node, (10 + number % 7) * ANT // UNIT) for number, node in enumerate(nodes)]
    assert registry.drawable() == sum(weight for _, weight in leaves)
    for n in range(8):
        seed = keccak(n.to_bytes(4, "big"))
        assert registry.draw(seed, 24) == drawn(leaves, seed, 24)


def test_a_list_that_was_not_drawn_is_shown_to_be_none(token, registry) -> None:
    """What a relay, or anybody, says that a seed draws can be held against the chain by anybody."""
    nodes = people(token, 9, 1_000 * ANT, registry.address)
    for node in nodes:
        register(registry, node, VALIDATOR, stake=20 * ANT)
    boa.env.time_travel(seconds=EPOCH_S)
    seats = registry.draw(SEED, 3)
    assert registry.is_draw(SEED, seats)
    other = next(node for node in nodes if node not in seats)
    for wrong in ([other, *seats[1:]], seats[::-1], [*seats[:2], other], [seats[0]] * 3):
        assert not registry.is_draw(SEED, wrong)
    assert not registry.is_draw(keccak(b"another block"), seats)
    assert registry.is_draw(SEED, seats[:2]), "a draw of more begins with the draw of fewer"


def test_a_sample_gives_each_node_its_part_of_the_tickets(token, registry) -> None:
    stakes = [10, 20, 30, 40, 60, 90, 11]
    nodes = people(token, len(stakes), 1_000 * ANT, registry.address)
    for node, stake in zip(nodes, stakes, strict=True):
        register(registry, node, VALIDATOR, stake=stake * ANT)
    assert registry.sample(SEED, 48) == []
    boa.env.time_travel(seconds=EPOCH_S)
    leaves = [(node, stake * ANT // UNIT) for node, stake in zip(nodes, stakes, strict=True)]
    for number in range(20):
        seed = keccak(number.to_bytes(4, "big"))
        found = registry.sample(seed, 48)
        assert found == sampled(leaves, seed, 48)
        for node, stake in zip(nodes, stakes, strict=True):
            assert abs(found.count(node) - 48 * stake / sum(stakes)) < 2, "give or take the stretches at its ends"
        changes = sum(one != other for one, other in pairwise(found))
        assert changes == len(set(found)) - 1, "equal owners are neighbours"


def test_who_comes_within_the_epoch_sits_in_nobodys_leaf(token) -> None:
    """Unbonding may be shorter than an epoch: a leaf given back still has its weight in this epoch's draws."""
    epoch_s = 86_400
    registry = deploy_registry(token.address, epoch_s=epoch_s, unbond_s=3_600)
    gone, stays, comes = people(token, 3, 100 * ANT, registry.address)
    for node in (gone, stays):
        register(registry, node, VALIDATOR)
    boa.env.time_travel(seconds=epoch_s - boa.env.timestamp % epoch_s)
    registry.unstake(MIN_STAKE, sender=gone)
    boa.env.time_travel(seconds=3_600)
    registry.withdraw(sender=gone)
    registry.leave(sender=gone)
    register(registry, comes, VALIDATOR)
    assert set(registry.draw(SEED, 3)) == {gone, stays}
    boa.env.time_travel(seconds=epoch_s)
    assert set(registry.draw(SEED, 3)) == {stays, comes}


def test_more_weight_than_the_tree_holds_is_refused(token) -> None:
    registry = deploy_registry(token.address, unit=1)
    token.approve(registry.address, 2**255)
    with boa.reverts("stake_tree: weight out of bounds"):
        register(registry, boa.env.eoa, VALIDATOR, stake=2**48)
    register(registry, boa.env.eoa, VALIDATOR, stake=2**48 - 1)


class RegistryMachine(RuleBasedStateMachine):
    """Five validators, two markets, time: the contract beside a model; draws by a flat list of the epoch's stakes."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.token = deploy_token()
        self.registry = deploy_registry(self.token.address)
        self.nodes = people(self.token, 5, 200 * ANT, self.registry.address)
        self.markets = [boa.env.generate_address() for _ in range(2)]
        self.stake: Counter[str] = Counter()
        self.unbonding: dict[str, tuple[int, int]] = {}
        self.locked: Counter[tuple[str, str]] = Counter()
        self.wallet = Counter(dict.fromkeys(self.nodes, 200 * ANT))
        self.claims, self.burnt = 0, 0
        self.registered: set[str] = set()
        self.leaves: list[str] = []
        self.freed: list[tuple[int, int]] = []
        self.epoch = self.now // EPOCH_S
        self.at_start: list[tuple[str, int]] = []

    def teardown(self) -> None:
        for node in self.nodes:
            for market in self.markets:
                if self.locked[market, node]:
                    self.registry.unlock(node, self.locked[market, node], sender=market)
            if self.stake[node]:
                self.registry.unstake(self.stake[node], sender=node)
        boa.env.time_travel(seconds=UNBOND_S)
        for node in self.nodes:
            if self.registry.nodes(node).unbonding:
                self.registry.withdraw(sender=node)
        if self.claims:
            self.registry.claim(sender=self.markets[0])
        if self.burnt:
            self.registry.sweep()
        assert self.token.balanceOf(self.registry.address) == 0, "all money has come out"
        self.anchor.__exit__(None, None, None)

    @property
    def now(self) -> int:
        return boa.env.timestamp

    def of(self, node: str) -> int:
        return sum(self.locked[market, node] for market in self.markets)

    def weight(self, node: str) -> int:
        return self.stake[node] // UNIT if self.stake[node] >= MIN_STAKE else 0

    node = st.integers(0, 4)
    market = st.integers(0, 1)
    amount = st.integers(1, 60).map(lambda ant: ant * ANT + ant)

    @rule(n=node, amount=amount)
    def enter(self, n, amount) -> None:
        node = self.nodes[n]
        if node in self.registered or amount < MIN_STAKE or amount > self.wallet[node]:
            with boa.reverts():
                register(self.registry, node, VALIDATOR, stake=amount)
            return
        register(self.registry, node, VALIDATOR, stake=amount)
        for market in self.markets:
            self.registry.trust(market, True, sender=node)
        self.registered.add(node)
        self.stake[node] += amount
        self.wallet[node] -= amount
        if self.freed and self.freed[0][1] < self.epoch:
            self.leaves[self.freed.pop(0)[0]] = node
        else:
            self.leaves.append(node)

    @rule(n=node, amount=amount)
    def add(self, n, amount) -> None:
        node = self.nodes[n]
        if node not in self.registered or amount > self.wallet[node]:
            with boa.reverts():
                self.registry.stake(amount, sender=node)
            return
        self.registry.stake(amount, sender=node)
        self.stake[node] += amount
        self.wallet[node] -= amount

    @rule(n=node, share=st.sampled_from([2, 5, 10]))
    def unstake(self, n, share) -> None:
        node = self.nodes[n]
        amount = self.stake[node] * share // 10
        if amount == 0 or amount > withdrawable(self.stake[node], self.of(node), Rules(min_stake_nano=MIN_STAKE)):
            with boa.reverts():
                self.registry.unstake(amount, sender=node)
            return
        self.registry.unstake(amount, sender=node)
        self.stake[node] -= amount
        self.unbonding[node] = (self.unbonding.get(node, (0, 0))[0] + amount, self.now + UNBOND_S)

    @rule(n=node)
    def withdraw(self, n) -> None:
        node = self.nodes[n]
        amount, ready = self.unbonding.get(node, (0, 0))
        if amount == 0 or self.now < ready:
            with boa.reverts():
                self.registry.withdraw(sender=node)
            return
        self.registry.withdraw(sender=node)
        self.wallet[node] += self.unbonding.pop(node)[0]

    @rule(n=node)
    def leave(self, n) -> None:
        node = self.nodes[n]
        if node not in self.registered or self.stake[node] or node in self.unbonding:
            with boa.reverts():
                self.registry.leave(sender=node)
            return
        self.registry.leave(sender=node)
        self.registered.discard(node)
        place = len(self.leaves) - 1 - self.leaves[::-1].index(node)
        self.freed.append((place, self.epoch))

    @rule(n=node, m=market, amount=amount)
    def lock(self, n, m, amount) -> None:
        node, market = self.nodes[n], self.markets[m]
        if self.stake[node] < MIN_STAKE or amount > self.stake[node] - self.of(node):
            with boa.reverts():
                self.registry.lock(node, amount, sender=market)
            return
        self.registry.lock(node, amount, sender=market)
        self.locked[market, node] += amount

    @precondition(lambda self: any(self.locked.values()))
    @rule(n=node, m=market, share=st.sampled_from([3, 10, 11]), to_share=st.integers(0, 10), take=st.booleans())
    def free(self, n, m, share, to_share, take) -> None:
        node, market = self.nodes[n], self.markets[m]
        amount = self.locked[market, node] * share // 10
        if amount > self.locked[market, node]:
            with boa.reverts("registry: more than the market has locked"):
                self.registry.take(node, amount, market, 0, sender=market)
            return
        if take:
            to = amount * to_share // 10
            self.registry.take(node, amount, self.markets[0], to, sender=market)
            self.stake[node] -= amount
            self.claims += to
            self.burnt += amount - to
        else:
            self.registry.unlock(node, amount, sender=market)
        self.locked[market, node] -= amount

    @rule(seconds=st.sampled_from([60, EPOCH_S, UNBOND_S]))
    def wait(self, seconds) -> None:
        boa.env.time_travel(seconds=seconds)
        if self.now // EPOCH_S != self.epoch:
            self.epoch = self.now // EPOCH_S
            gone = {place for place, _ in self.freed}
            self.at_start = [
                (node, 0 if place in gone else self.weight(node)) for place, node in enumerate(self.leaves)
            ]

    @invariant()
    def same(self) -> None:
        for node in self.nodes:
            found = self.registry.nodes(node)
            assert found.stake == self.stake[node]
            assert found.locked == self.of(node) <= found.stake
            assert found.unbonding == self.unbonding.get(node, (0, 0))[0]
            assert self.registry.weight(node) == self.weight(node)
        assert self.registry.burnt() == self.burnt
        assert self.registry.drawable() == sum(weight for _, weight in self.at_start)
        assert self.registry.draw(SEED, 4) == drawn(self.at_start, SEED, 4)

    @invariant()
    def conserved(self) -> None:
        owed = sum(self.stake.values()) + sum(amount for amount, _ in self.unbonding.values())
        assert self.token.balanceOf(self.registry.address) == owed + self.claims + self.burnt


TestRegistryMachine = RegistryMachine.TestCase
TestRegistryMachine.settings = settings(max_examples=8, stateful_step_count=25)
