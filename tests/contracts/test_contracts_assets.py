"""Assets: the first who committed owns a content; what it earns is divided as `antiphon.economy.royalty` divides it."""

from __future__ import annotations

import pytest

boa = pytest.importorskip("boa", reason="titanoboa is not installed here: scripts/check runs this in .venv-contracts")

from collections import Counter

from contracts_deployed import ANT, deploy, deploy_fee_token, deploy_token, people
from eth.exceptions import Revert
from eth_utils import keccak
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from antiphon.economy import royalty
from antiphon.economy.types import PPM

FLOOR_PPM = 20_000
SETTLE_S, PUBLISH_S = 60, 7 * 86_400
SALT = b"s" * 32


def deploy_assets(token: str, floor_ppm: int = FLOOR_PPM):
    return deploy("assets", ["address", "uint256"], [token, floor_ppm])


class World:
    """A token, the assets, and people who have money."""

    def __init__(self) -> None:
        self.token = deploy_token()
        self.assets = deploy_assets(self.token.address)
        self.people = people(self.token, 6, 1_000 * ANT, self.assets.address)
        self.client, self.owner, self.thief, self.one, self.two, self.three = self.people

    def commit(self, owner: str, content: bytes, salt: bytes = SALT) -> None:
        self.assets.commit(self.assets.commitment_of(owner, content, salt), sender=owner)

    def publish(self, owner: str, content: bytes, parents=(), asked_ppm=100_000, shares=None, salt=SALT) -> int:
        shares = shares or {owner: PPM}
        return self.assets.publish(
            content, salt, list(parents), asked_ppm, list(shares), list(shares.values()), sender=owner
        )

    def make(self, owner: str, name: str, **terms: object) -> int:
        self.commit(owner, keccak(name.encode()))
        boa.env.time_travel(seconds=SETTLE_S)
        return self.publish(owner, keccak(name.encode()), **terms)


CONTENT = keccak(b"weights, configuration, card")


def lineage(assets, number: int) -> royalty.Division[int]:
    words = assets.lineage_of(number)
    return tuple((word & 2**64 - 1, word >> 64 & 255, word >> 72) for word in words)


# First committer


def test_who_sees_a_publication_cannot_be_first(world) -> None:
    world.commit(world.owner, CONTENT)
    with boa.reverts("assets: not committed"):
        world.publish(world.thief, CONTENT)
    world.commit(world.thief, CONTENT)
    boa.env.time_travel(seconds=SETTLE_S - 1)
    with boa.reverts("assets: too early"):
        world.publish(world.owner, CONTENT)
    boa.env.time_travel(seconds=2)
    number = world.publish(world.owner, CONTENT)
    assert world.assets.assets(number).owner == world.owner
    with boa.reverts("assets: content is taken"):
        world.publish(world.thief, CONTENT)


def test_an_older_commitment_takes_over_with_all_that_was_earned(world) -> None:
    world.commit(world.owner, CONTENT)
    boa.env.time_travel(seconds=1)
    world.commit(world.thief, CONTENT)
    boa.env.time_travel(seconds=SETTLE_S)
    stolen = world.publish(world.thief, CONTENT)
    child = world.make(world.one, "child", parents=[stolen])
    world.assets.pay(stolen, ANT, sender=world.client)
    with boa.reverts("assets: too early"):
        world.assets.claim(stolen, 0)
    own = world.publish(world.owner, CONTENT)
    assert world.assets.number_of(CONTENT) == own
    with boa.reverts("assets: parent was taken over"):
        world.make(world.two, "late child", parents=[stolen])
    world.assets.pay(child, ANT, sender=world.client)
    world.assets.pay(stolen, ANT, sender=world.client)
    boa.env.time_travel(seconds=PUBLISH_S + 1)
    with boa.reverts("assets: taken over"):
        world.assets.claim(stolen, 0, sender=world.thief)
    before = world.token.balanceOf(world.owner)
    world.assets.claim(own, 0, sender=world.thief)
    assert world.token.balanceOf(world.owner) - before == 2 * ANT + ANT // 10


def test_no_commitment_takes_over_once_money_may_be_gone(world) -> None:
    world.commit(world.owner, CONTENT)
    boa.env.time_travel(seconds=1)
    world.commit(world.thief, CONTENT)
    boa.env.time_travel(seconds=SETTLE_S)
    stolen = world.publish(world.thief, CONTENT)
    world.assets.pay(stolen, ANT, sender=world.client)
    boa.env.time_travel(seconds=PUBLISH_S - SETTLE_S)
    with boa.reverts("assets: commitment expired"):
        world.publish(world.owner, CONTENT)
    with boa.reverts("assets: too early"):
        world.assets.claim(stolen, 0)
    boa.env.time_travel(seconds=SETTLE_S + 1)
    assert world.assets.claim(stolen, 0) == ANT


def test_a_commitment_is_its_owners_and_made_once(world) -> None:
    world.commit(world.owner, CONTENT)
    with boa.reverts("assets: committed already"):
        world.commit(world.owner, CONTENT)
    boa.env.time_travel(seconds=SETTLE_S)
    for owner, content, salt in (
        (world.thief, CONTENT, SALT),
        (world.owner, bytes(32), SALT),
        (world.owner, CONTENT, bytes(32)),
    ):
        with boa.reverts("assets: not committed"):
            world.publish(owner, content, salt=salt)
    # A commitment that a stranger sends in an owner's name only helps its owner.
    world.assets.commit(world.assets.commitment_of(world.one, CONTENT, SALT), sender=world.thief)
    boa.env.time_travel(seconds=SETTLE_S)
    assert world.assets.assets(world.publish(world.one, CONTENT)).owner == world.one


# Terms


def test_terms_of_a_publication_are_bounded(world) -> None:
    world.commit(world.owner, CONTENT)
    greedy = [world.make(world.one, f"greedy {n}", asked_ppm=300_000) for n in range(3)]
    zero = "0x" + "00" * 20
    for reason, terms in (
        ("assets: share out of bounds", {"asked_ppm": 300_001}),
        ("assets: shares do not sum to a million", {"shares": {world.owner: PPM - 1}}),
        ("assets: shares do not sum to a million", {"shares": {world.owner: PPM, world.one: 1}}),
        ("assets: shares do not sum to a million", {"shares": {world.owner: 2**256 - PPM, world.one: 2 * PPM}}),
        ("assets: no contributor", {"shares": {zero: PPM}}),
        ("assets: no such parent", {"parents": [9]}),
        ("assets: no such parent", {"parents": [0]}),
        ("assets: parent named twice", {"parents": [greedy[0], greedy[0]]}),
        ("assets: parents ask too much", {"parents": greedy}),
    ):
        with boa.reverts(reason):
            world.publish(world.owner, CONTENT, **terms)
    with boa.reverts("assets: contributors without shares"):
        world.assets.publish(CONTENT, SALT, [], 0, [world.owner], [], sender=world.owner)
    world.publish(world.owner, CONTENT, parents=greedy[:2])


def test_only_money_that_arrives_is_divided(world) -> None:
    number = world.make(world.owner, "asset")
    for reason, asset, amount in (
        ("assets: amount out of bounds", number, 0),
        ("assets: amount out of bounds", number, 2**128),
        ("assets: no such asset", 9, 1),
    ):
        with boa.reverts(reason):
            world.assets.pay(asset, amount, sender=world.client)
    with boa.reverts("assets: no such contributor"):
        boa.env.time_travel(seconds=PUBLISH_S + 1)
        world.assets.claim(number, 1)
    with boa.reverts("assets: nothing to claim"):
        world.assets.claim(number, 0)
    fees = World.__new__(World)
    fees.assets, fees.owner = deploy_assets(deploy_fee_token().address), boa.env.eoa
    with boa.reverts("assets: token takes a fee"):
        fees.assets.pay(fees.make(fees.owner, "asset"), 1_000)
    with pytest.raises(Revert, match="assets: floor out of bounds"):
        deploy_assets(world.token.address, 50_001)


def test_grandparents_do_not_vanish(world) -> None:
    """Each asks for a tenth: without a floor the fourth generation would get a ten-thousandth."""
    numbers = [world.make(world.owner, "generation 0")]
    for n in range(1, 11):
        numbers.append(world.make(world.owner, f"generation {n}", parents=[numbers[-1]]))
    found = lineage(world.assets, numbers[4])
    assert found == ((4, 1, 87_100), (3, 2, 20_000), (2, 3, 20_000), (1, 4, 20_000))
    world.assets.pay(numbers[4], 1_000_001, sender=world.client)
    assert [world.assets.earned(number) for number in numbers[:5]] == [20_000, 20_000, 20_000, 87_100, 852_901]
    assert {level for _, level, _ in lineage(world.assets, numbers[10])} == set(range(1, 8)), (
        "the oldest share the last"
    )
    assert len(lineage(world.assets, numbers[10])) == 10


# Random histories


class AssetsMachine(RuleBasedStateMachine):
    """Lineages, payments, claims at random: every unit is where the pure economy puts it, and all of it comes out."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.world = World()
        self.assets = self.world.assets
        self.asked: list[int] = []
        self.lines: list[royalty.Division] = []
        self.shares: list[dict[str, int]] = []
        self.earned: Counter[int] = Counter()
        self.taken: Counter[tuple[int, str]] = Counter()

    def teardown(self) -> None:
        boa.env.time_travel(seconds=PUBLISH_S + 1)
        for number in range(1, len(self.lines) + 1):
            self.claim_all(number)
        assert self.world.token.balanceOf(self.assets.address) == 0 == self.assets.held(), "all money has come out"
        self.anchor.__exit__(None, None, None)

    @rule(data=st.data(), asked=st.integers(0, royalty.MAX_ASKED_PPM), first=st.integers(0, PPM))
    def publish(self, data, asked, first) -> None:
        known = range(1, len(self.lines) + 1)
        parents = data.draw(st.lists(st.sampled_from(known), max_size=3, unique=True)) if known else []
        if sum(self.asked[parent - 1] for parent in parents) > royalty.MAX_PARENTS_PPM:
            return
        shares = {self.world.one: first, self.world.two: (PPM - first) // 2}
        shares[self.world.three] = PPM - sum(shares.values())
        terms = {"parents": parents, "asked_ppm": asked, "shares": shares}
        line = royalty.division([(parent, self.asked[parent - 1], self.lines[parent - 1]) for parent in parents])
        number = self.world.make(self.world.owner, f"asset {len(self.lines)}", **terms)
        assert number == len(self.lines) + 1
        assert lineage(self.assets, number) == line
        self.asked.append(asked)
        self.lines.append(line)
        self.shares.append(shares)

    @rule(data=st.data(), amount=st.one_of(st.integers(1, 50), st.integers(1, 20 * ANT)))
    def pay(self, data, amount) -> None:
        if not self.lines:
            return
        number = data.draw(st.integers(1, len(self.lines)))
        self.assets.pay(number, amount, sender=self.world.client)
        for asset, part in royalty.divided(amount, number, self.lines[number - 1]).items():
            self.earned[asset] += part

    @rule(data=st.data())
    def claim(self, data) -> None:
        if self.lines:
            boa.env.time_travel(seconds=PUBLISH_S + 1)
            self.claim_all(data.draw(st.integers(1, len(self.lines))))

    def claim_all(self, number: int) -> None:
        for place, (who, part) in enumerate(royalty.earned(self.earned[number], self.shares[number - 1]).items()):
            amount = part - self.taken[number, who]
            if amount:
                assert self.assets.claim(number, place) == amount
            else:
                with boa.reverts("assets: nothing to claim"):
                    self.assets.claim(number, place)
            self.taken[number, who] = part

    @invariant()
    def conserved(self) -> None:
        for number in range(1, len(self.lines) + 1):
            assert self.assets.earned(number) == self.earned[number]
        owed = sum(self.earned.values()) - sum(self.taken.values())
        assert self.world.token.balanceOf(self.assets.address) == owed == self.assets.held()


TestAssetsMachine = AssetsMachine.TestCase
TestAssetsMachine.settings = settings(max_examples=6, stateful_step_count=15, deadline=None)
