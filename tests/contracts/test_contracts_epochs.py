"""Epochs: weights are committed and revealed, a wrong consensus is struck by one column, each payment is claimed once.
The sums are those of `antiphon.economy.consensus` and `.epochs`, to the unit."""

from __future__ import annotations

import pytest

boa = pytest.importorskip("boa", reason="titanoboa is not installed here: scripts/check runs this in .venv-contracts")

from collections import Counter

import numpy as np
from contracts_deployed import (
    ANT,
    ARTEFACTS,
    DELAY_S,
    PROCESSOR,
    VALIDATOR,
    ZERO,
    deploy,
    deploy_registry,
    deploy_token,
    people,
    register,
)
from contracts_epochs import Tree, content, packed_rows
from eth.exceptions import Revert
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from antiphon.economy import epochs as economy
from antiphon.economy.consensus import ONE, Options, Outcome, reach
from antiphon.economy.types import PPM

KAPPA = 499_992
OPTIONS = Options(kappa_ppm=KAPPA, alpha_ppm=PPM)
OPEN_S, REVEAL_S, POST_S, CHALLENGE_S = 600, 300, 300, 600
EPOCH_S = OPEN_S + REVEAL_S + POST_S + CHALLENGE_S
EMISSION, BURN_PPM, BOND = 100 * ANT + 7, 100_000, ANT
TERMS = (OPEN_S, REVEAL_S, POST_S, CHALLENGE_S, KAPPA, EMISSION, 410_000, 410_000, BOND)
TREASURY = "0x" + "7e" * 20
SEATS_AT, TREASURY_AT = 1_024, 1_088
SALT = b"s" * 32
UNIT = 1_000_000


def deploy_epochs(registry: str, terms: tuple[int, ...] = TERMS):
    return deploy("epochs", ["address", "address", f"({','.join(['uint256'] * 9)})"], [registry, TREASURY, terms])


class World:
    """A token whose issuer is the epochs contract, a registry, validators with stakes, nodes with columns."""

    def __init__(self, stakes: tuple[int, ...] = (50, 30, 20), nodes: int = 5) -> None:
        self.token = deploy_token()
        self.registry = deploy_registry(self.token.address, unit=UNIT)
        self.epochs = deploy_epochs(self.registry.address)
        emission = (self.epochs.address, 1_000 * ANT, BURN_PPM)
        self.token.propose_emission(emission)
        boa.env.time_travel(seconds=DELAY_S)
        self.token.adopt_emission(emission)
        found = people(self.token, len(stakes) + nodes + 2, 200 * ANT, self.registry.address, self.epochs.address)
        self.validators, self.nodes = found[: len(stakes)], found[len(stakes) : -2]
        self.poster, self.watcher = found[-2:]
        for node, stake in zip(self.validators, stakes, strict=True):
            register(self.registry, node, VALIDATOR, stake=stake * ANT)
        for node in self.nodes:
            register(self.registry, node, PROCESSOR)
        self.stakes = stakes
        self.to("open", later=True)
        for seat, node in enumerate(self.validators):
            self.epochs.take_seat(seat, sender=node)
        for node in self.nodes:
            self.epochs.take_column(sender=node)

    def to(self, phase: str, *, later: bool = False) -> None:
        """On to a phase of this epoch; `later`: of the next one."""
        begins = {"open": 0, "reveal": OPEN_S, "post": OPEN_S + REVEAL_S, "challenge": EPOCH_S - CHALLENGE_S}[phase]
        at = (boa.env.timestamp - self.epochs.first_s()) % EPOCH_S
        boa.env.time_travel(seconds=begins + (EPOCH_S if later else 0) - at)

    def commit(self, seat: int, weights: list[int], salt: bytes = SALT) -> None:
        node = self.validators[seat]
        bound = self.epochs.commitment_of(self.epochs.epoch(), node, packed_rows(weights), salt)
        self.epochs.commit(bound, sender=node)

    def reveal(self, seat: int, weights: list[int], salt: bytes = SALT) -> None:
        self.epochs.reveal(packed_rows(weights), salt, sender=self.validators[seat])

    def weigh(self, rows: list[list[int]]) -> Outcome:
        """All validators commit and reveal; then it is time to post."""
        for seat, row in enumerate(rows):
            self.commit(seat, row)
        self.to("reveal")
        for seat, row in enumerate(rows):
            self.reveal(seat, row)
        self.to("post")
        return self.expected(rows)

    def expected(self, rows: list[list[int]]) -> Outcome:
        return reach(np.array(rows), [stake * ANT // UNIT for stake in self.stakes], options=OPTIONS)

    def payments(self, rows: list[list[int] | None], emission: int) -> dict[int, int]:
        """By place, as the pure economy pays an epoch of one service; None = not revealed."""
        count = len(self.nodes)
        judges = [
            economy.Judge(
                uid=count + seat,
                stake_nano=self.stakes[seat] * ANT // UNIT,
                rows={} if row is None else {"speech": economy.Row(**sparse(row))},
            )
            for seat, row in enumerate(rows)
        ]
        rules = economy.EpochRules(kappa_ppm=KAPPA, alpha_ppm=PPM, cutoff_epochs=0, evidence_epochs=0)
        done = economy.compute(rules, emission, judges, range(count + len(rows)), {})
        amounts = dict.fromkeys([*range(count + count % 2), *(SEATS_AT + seat for seat in range(len(rows)))], 0)
        for one in done.payments:
            place = TREASURY_AT if one.uid == economy.OWNER else one.uid if one.uid < count else None
            amounts[place if place is not None else SEATS_AT + one.uid - count] = one.amount_nano
        return amounts


def sparse(row: list[int]) -> dict:
    kept = {uid: weight for uid, weight in enumerate(row) if weight}
    return {"uids": tuple(kept), "values": tuple(kept.values())}


ROWS = [[65_535, 30_000, 0, 1, 500], [65_535, 20_000, 7, 0, 900], [0, 65_535, 65_535, 65_535, 0]]
PAID = EMISSION - EMISSION * BURN_PPM // PPM


# Arithmetic


@pytest.fixture(scope="module")
def sums():
    boa.interpret.set_search_paths([str(ARTEFACTS.parent)])
    with boa.env.anchor():
        yield boa.loads("""
# pragma version 0.4.3
import consensus
@external
@pure
def column(seats: DynArray[consensus.Seat, 64], kappa_ppm: uint256) -> uint256:
    return consensus._packed(consensus._column(seats, kappa_ppm))
@external
@pure
def dividend(seats: DynArray[consensus.Seat, 64], seat: uint256, word: uint256, ranks: uint256) -> uint256:
    return consensus._dividend(seats[seat], consensus._stakes(seats), consensus._unpacked(word), ranks)
""")


@given(st.data(), st.integers(1, 6), st.integers(1, 5), st.sampled_from([1, KAPPA, 500_000, PPM]))
@settings(max_examples=30, deadline=None)
def test_columns_and_dividends_are_the_economys(sums, data, seats, nodes, kappa) -> None:
    cell = st.one_of(st.sampled_from([0, 1, 65_535]), st.integers(0, 65_535))
    rows = data.draw(st.lists(st.lists(cell, min_size=nodes, max_size=nodes), min_size=seats, max_size=seats))
    stake = st.one_of(st.sampled_from([0, 1]), st.integers(0, 2**48 - 1))
    stakes = data.draw(st.lists(stake, min_size=seats, max_size=seats))
    found = reach(np.array(rows), stakes, options=Options(kappa_ppm=kappa, alpha_ppm=PPM))
    words, _ = content(found)
    posted = [word >> 128 * n & 2**128 - 1 for word in words for n in range(2)][:nodes]
    at = [[(stakes[i], sum(rows[i]), rows[i][j]) for i in range(seats)] for j in range(nodes)]
    assert [sums.column(column, kappa) for column in at] == posted
    ranks = int(found.rank.sum())
    dividends = [sum(sums.dividend(at[j], i, posted[j], ranks) for j in range(nodes)) for i in range(seats)]
    assert dividends == list(found.dividends) or (ranks == 0 and not any(dividends))


# An epoch


def test_an_epoch_pays_what_the_economy_pays_each_once(world) -> None:
    found = world.weigh(ROWS)
    posted = content(found)
    world.epochs.post(*posted, sender=world.poster)
    epoch = world.epochs.epoch()
    with boa.reverts("epochs: still running"):
        world.epochs.finish(epoch, *posted)
    world.to("open", later=True)
    world.epochs.finish(epoch, *posted, sender=world.watcher)
    amounts = world.payments(ROWS, PAID)
    assert sum(amounts.values()) == PAID
    tree = Tree(epoch, amounts)
    receivers = {**dict(enumerate(world.nodes)), TREASURY_AT: TREASURY}
    receivers |= {SEATS_AT + seat: node for seat, node in enumerate(world.validators)}
    for place, receiver in receivers.items():
        before = world.token.balanceOf(receiver)
        world.epochs.claim(epoch, place, 0, amounts[place], tree.proof(place), sender=world.watcher)
        assert world.token.balanceOf(receiver) - before == amounts[place]
        with boa.reverts("epochs: claimed already"):
            world.epochs.claim(epoch, place, 0, amounts[place], tree.proof(place))
    with boa.reverts("epochs: finished already"):
        world.epochs.finish(epoch, *posted)
    world.epochs.withdraw_bond(sender=world.poster)
    assert world.epochs.held() == world.token.balanceOf(world.epochs.address) == 0


def test_a_wrong_proof_claims_nothing(world) -> None:
    posted = content(world.weigh(ROWS))
    world.epochs.post(*posted, sender=world.poster)
    epoch = world.epochs.epoch()
    amounts = world.payments(ROWS, PAID)
    tree = Tree(epoch, amounts)
    with boa.reverts("epochs: wrong proof"):
        world.epochs.claim(epoch, 0, 0, amounts[0], tree.proof(0))
    world.to("open", later=True)
    world.epochs.finish(epoch, *posted)
    for place, number, amount, proof in (
        (0, 0, amounts[0] + 1, tree.proof(0)),
        (1, 0, amounts[0], tree.proof(0)),
        (0, 0, amounts[0], tree.proof(0)[:-1]),
        (0, 0, amounts[0], tree.proof(1)),
    ):
        with boa.reverts("epochs: wrong proof"):
            world.epochs.claim(epoch, place, number, amount, proof)
    with boa.reverts("epochs: not the holder then"):
        world.epochs.claim(epoch, 0, 1, amounts[0], tree.proof(0))
    with boa.reverts("epochs: no such place"):
        world.epochs.claim(epoch, 2_048, 0, amounts[0], tree.proof(0))


# Commit and reveal


def test_a_reveal_can_be_given_again_and_a_failed_one_erases_nothing(world) -> None:
    world.commit(0, ROWS[0])
    with boa.reverts("epochs: wrong phase"):
        world.reveal(0, ROWS[0])
    world.to("reveal")
    with boa.reverts("epochs: not what was committed to"):
        world.reveal(0, ROWS[1])
    with boa.reverts("epochs: not what was committed to"):
        world.reveal(0, ROWS[0], b"o" * 32)
    with boa.reverts("epochs: not what was committed to"):
        world.reveal(1, ROWS[0])
    world.reveal(0, ROWS[0])
    with boa.reverts("epochs: revealed already"):
        world.reveal(0, ROWS[0])
    assert world.epochs.compute_column(0).consensus == 65_535 * ONE // sum(ROWS[0])


def test_the_last_commitment_counts_and_none_is_made_late(world) -> None:
    world.commit(0, ROWS[1])
    world.commit(0, ROWS[0])
    world.to("reveal")
    with boa.reverts("epochs: wrong phase"):
        world.commit(0, ROWS[1])
    world.reveal(0, ROWS[0])
    world.to("post")
    with boa.reverts("epochs: wrong phase"):
        world.reveal(1, ROWS[1])


def test_weights_of_another_epoch_count_no_more(world) -> None:
    world.weigh(ROWS)
    assert world.epochs.compute_column(0).rank > 0
    world.to("open", later=True)
    assert world.epochs.compute_column(0).rank == 0
    world.to("reveal")
    with boa.reverts("epochs: not what was committed to"):
        world.reveal(0, ROWS[0])
    world.to("post")
    with boa.reverts("epochs: no consensus"):
        world.epochs.post([0] * 3, [0] * 3, sender=world.poster)


def test_weights_are_for_others_who_have_columns(world) -> None:
    world.epochs.take_column(sender=world.validators[0])
    world.commit(0, [0, 0, 0, 0, 0, 9])
    world.commit(1, [0] * 6 + [9])
    world.to("reveal")
    with boa.reverts("epochs: weighs itself"):
        world.reveal(0, [0, 0, 0, 0, 0, 9])
    with boa.reverts("epochs: a weight for nobody"):
        world.reveal(1, [0] * 6 + [9])


# Places


def test_places_are_taken_by_nodes_and_kept(world) -> None:
    stranger = boa.env.generate_address()
    with boa.reverts("epochs: not registered"):
        world.epochs.take_column(sender=stranger)
    with boa.reverts("epochs: has a column"):
        world.epochs.take_column(sender=world.nodes[0])
    with boa.reverts("epochs: no stake"):
        world.epochs.take_seat(3, sender=world.nodes[0])
    with boa.reverts("epochs: has a seat"):
        world.epochs.take_seat(3, sender=world.validators[0])
    with boa.reverts("epochs: column is taken"):
        world.epochs.replace_column(0, sender=world.validators[0])
    rich, poor = people(world.token, 2, 100 * ANT, world.registry.address)
    register(world.registry, rich, VALIDATOR, stake=40 * ANT)
    register(world.registry, poor, VALIDATOR, stake=10 * ANT)
    with boa.reverts("epochs: seat is taken"):
        world.epochs.take_seat(2, sender=poor)
    with boa.reverts("epochs: no such seat"):
        world.epochs.take_seat(4, sender=rich)
    world.epochs.take_seat(2, sender=rich)
    with boa.reverts("epochs: no seat"):
        world.epochs.commit(ZERO, sender=world.validators[2])


def test_who_held_a_place_is_paid_for_its_time(world) -> None:
    """A node leaves after its epoch, another takes its column: each claims its own."""
    posted = content(world.weigh(ROWS))
    world.epochs.post(*posted, sender=world.poster)
    epoch, leaver = world.epochs.epoch(), world.nodes[0]
    world.registry.unstake(world.registry.nodes(leaver).stake, sender=leaver)
    boa.env.time_travel(seconds=7_200)
    world.registry.withdraw(sender=leaver)
    world.registry.leave(sender=leaver)
    world.to("open", later=True)
    heir = people(world.token, 1, 100 * ANT, world.registry.address)[0]
    register(world.registry, heir, PROCESSOR)
    world.epochs.replace_column(0, sender=heir)
    assert world.epochs.holder(0, 1) == (heir, world.epochs.epoch())
    world.epochs.finish(epoch, *posted)
    amounts = world.payments(ROWS, PAID)
    proof = Tree(epoch, amounts).proof(0)
    with boa.reverts("epochs: not the holder then"):
        world.epochs.claim(epoch, 0, 1, amounts[0], proof)
    before = world.token.balanceOf(leaver)
    world.epochs.claim(epoch, 0, 0, amounts[0], proof)
    assert world.token.balanceOf(leaver) - before == amounts[0]


# Challenges


@pytest.mark.parametrize("bit", [5, 64, 128 + 100])
def test_a_wrong_column_is_struck_and_costs_the_bond(world, bit) -> None:
    words, dividends = content(world.weigh(ROWS))
    wrong = [words[0] ^ 1 << bit, *words[1:]]
    world.epochs.post(wrong, dividends, sender=world.poster)
    with boa.reverts("epochs: posted already"):
        world.epochs.post(words, dividends, sender=world.watcher)
    column = bit // 128
    with boa.reverts("epochs: the column is right"):
        world.epochs.challenge_column(1 - column, wrong, dividends, sender=world.watcher)
    with boa.reverts("epochs: not what was posted"):
        world.epochs.challenge_column(column, words, dividends, sender=world.watcher)
    world.epochs.challenge_column(column, wrong, dividends, sender=world.watcher)
    assert world.epochs.bonds(world.watcher) == BOND // 2
    with boa.reverts("epochs: nothing is posted"):
        world.epochs.challenge_column(column, wrong, dividends)
    world.epochs.post(words, dividends, sender=world.watcher)
    epoch = world.epochs.epoch()
    world.to("open", later=True)
    with boa.reverts("epochs: not what was posted"):
        world.epochs.finish(epoch, wrong, dividends)
    world.epochs.finish(epoch, words, dividends)
    world.epochs.sweep()
    world.epochs.withdraw_bond(sender=world.watcher)
    with boa.reverts("epochs: no bond"):
        world.epochs.withdraw_bond(sender=world.poster)


@pytest.mark.parametrize("seat", [0, 2])
def test_wrong_dividends_are_struck(world, seat) -> None:
    words, dividends = content(world.weigh(ROWS))
    wrong = [dividend + (n == seat) for n, dividend in enumerate(dividends)]
    world.epochs.post(words, wrong, sender=world.poster)
    with boa.reverts("epochs: the dividends are right"):
        world.epochs.challenge_dividend(1, words, wrong)
    world.epochs.challenge_dividend(seat, words, wrong, sender=world.watcher)
    assert world.epochs.bonds(world.watcher) == BOND // 2


def test_who_has_not_revealed_gets_no_dividends(world) -> None:
    for seat in (0, 1):
        world.commit(seat, ROWS[seat])
    world.to("reveal")
    for seat in (0, 1):
        world.reveal(seat, ROWS[seat])
    world.to("post")
    words, dividends = content(reach(np.array(ROWS[:2]), [50_000, 30_000], options=OPTIONS))
    world.epochs.post(words, [*dividends, 1], sender=world.poster)
    world.epochs.challenge_dividend(2, words, [*dividends, 1])
    world.epochs.post(words, [*dividends, 0], sender=world.poster)
    for seat in range(3):
        with boa.reverts("epochs: the dividends are right"):
            world.epochs.challenge_dividend(seat, words, [*dividends, 0])


def test_posts_are_of_the_right_size_and_in_time(world) -> None:
    words, dividends = content(world.weigh(ROWS))
    for bad in ((words[:-1], dividends), ([*words, 0], dividends), (words, dividends[:-1])):
        with boa.reverts("epochs: post of another size"):
            world.epochs.post(*bad, sender=world.poster)
    with boa.reverts("epochs: dividend out of bounds"):
        world.epochs.post(words, [2**64, *dividends[1:]], sender=world.poster)
    with boa.reverts():
        world.epochs.post(words, dividends, sender=boa.env.generate_address())
    world.to("challenge")
    with boa.reverts("epochs: wrong phase"):
        world.epochs.post(words, dividends, sender=world.poster)
    epoch = world.epochs.epoch()
    world.to("open", later=True)
    with boa.reverts("epochs: nothing is posted"):
        world.epochs.finish(epoch, words, dividends)


def test_no_more_is_issued_than_the_token_allows_and_nothing_is_lost(world) -> None:
    less = (world.epochs.address, EMISSION - 1, BURN_PPM)
    world.token.propose_emission(less)
    boa.env.time_travel(seconds=DELAY_S)
    world.to("open", later=True)
    posted = content(world.weigh(ROWS))
    world.epochs.post(*posted, sender=world.poster)
    epoch = world.epochs.epoch()
    world.to("open", later=True)
    world.token.adopt_emission(less)
    with boa.reverts("token: above the cap of the epoch"):
        world.epochs.finish(epoch, *posted)
    enough = (world.epochs.address, EMISSION, BURN_PPM)
    world.token.propose_emission(enough)
    boa.env.time_travel(seconds=DELAY_S)
    world.token.adopt_emission(enough)
    world.epochs.finish(epoch, *posted)
    assert world.epochs.held() == PAID + BOND


@pytest.mark.parametrize(
    ("place", "value", "refusal"),
    [
        (0, 59, "epochs: phase out of bounds"),
        (3, 8 * 86_400, "epochs: phase out of bounds"),
        (4, 0, "epochs: kappa out of bounds"),
        (5, 2**96, "epochs: money out of bounds"),
        (7, 590_001, "epochs: parts out of bounds"),
        (8, 1, "epochs: no bond"),
    ],
)
def test_terms_out_of_bounds_are_refused(world, place, value, refusal) -> None:
    terms = [*TERMS[:place], value, *TERMS[place + 1 :]]
    with pytest.raises(Revert, match=refusal):
        deploy_epochs(world.registry.address, tuple(terms))


# Random histories


class EpochsMachine(RuleBasedStateMachine):
    """Epochs in which validators reveal or not, posters are honest or not, and somebody watches: what is paid is what
    the economy pays, and all money comes out."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.world = World()
        self.epochs = self.world.epochs
        self.owed: Counter[str] = Counter()
        self.kept = 0

    def teardown(self) -> None:
        for owner in [owner for owner, amount in self.owed.items() if amount]:
            self.epochs.withdraw_bond(sender=owner)
        if self.kept:
            self.epochs.sweep()
        assert self.world.token.balanceOf(self.epochs.address) == 0 == self.epochs.held(), "all money has come out"
        self.anchor.__exit__(None, None, None)

    @rule(
        data=st.data(),
        present=st.lists(st.booleans(), min_size=3, max_size=3),
        fault=st.one_of(st.none(), st.integers(0, 127 + 3 * 64)),
    )
    def epoch(self, data, present, fault) -> None:
        world = self.world
        world.to("open", later=True)
        cell = st.one_of(st.just(0), st.integers(0, 65_535))
        rows = [data.draw(st.lists(cell, min_size=5, max_size=5)) if here else [0] * 5 for here in present]
        shown = [seat for seat in range(3) if present[seat]]
        for seat in shown:
            world.commit(seat, rows[seat])
        world.to("reveal")
        for seat in shown:
            world.reveal(seat, rows[seat])
        world.to("post")
        found = reach(
            np.array([rows[seat] for seat in shown] or [[0] * 5]),
            [world.stakes[seat] * ANT // UNIT for seat in shown] or [0],
            options=OPTIONS,
        )
        if not found.rank.any():
            with boa.reverts("epochs: no consensus"):
                self.epochs.post([0] * 3, [0] * 3, sender=world.poster)
            return
        words, some = content(found)
        dividends = [some[shown.index(seat)] if seat in shown else 0 for seat in range(3)]
        if fault is not None and not self.faulty(words, dividends, fault):
            return
        self.epochs.post(words, dividends, sender=world.poster)
        for column in range(6):
            with boa.reverts("epochs: the column is right"):
                self.epochs.challenge_column(column, words, dividends)
        self.finish(rows, shown, words, dividends)

    def faulty(self, words, dividends, fault) -> bool:
        """Somebody posts a bit otherwise: who watches strikes it."""
        world, words, dividends = self.world, list(words), list(dividends)
        if fault < 127:
            words[0] ^= 1 << fault
        else:
            dividends[(fault - 127) // 64 % 3] ^= 1 << (fault - 127) % 62
        if sum((word & 2**63 - 1) + (word >> 128 & 2**63 - 1) for word in words) - 1 not in range(2**62):
            with boa.reverts("epochs: no consensus"):
                self.epochs.post(words, dividends, sender=world.poster)
            return True
        self.epochs.post(words, dividends, sender=world.poster)
        if fault < 127:
            self.epochs.challenge_column(0, words, dividends, sender=world.watcher)
        else:
            self.epochs.challenge_dividend((fault - 127) // 64 % 3, words, dividends, sender=world.watcher)
        self.owed[world.watcher] += BOND // 2
        self.kept += BOND - BOND // 2
        return True

    def finish(self, rows, shown, words, dividends) -> None:
        world, epoch = self.world, self.epochs.epoch()
        world.to("open", later=True)
        self.epochs.finish(epoch, words, dividends)
        self.owed[world.poster] += BOND
        amounts = world.payments([rows[seat] if seat in shown else None for seat in range(3)], PAID)
        tree = Tree(epoch, amounts)
        for place in amounts:
            if place != 5:
                self.epochs.claim(epoch, place, 0, amounts[place], tree.proof(place))

    @invariant()
    def conserved(self) -> None:
        owed = sum(self.owed.values()) + self.kept
        assert self.world.token.balanceOf(self.epochs.address) == owed == self.epochs.held()
        assert self.epochs.bonds(self.world.watcher) == self.owed[self.world.watcher]


TestEpochsMachine = EpochsMachine.TestCase
TestEpochsMachine.settings = settings(max_examples=3, stateful_step_count=4, deadline=None)
