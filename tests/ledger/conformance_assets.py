"""What every ledger that keeps a registry of assets must do. Subclass `AssetConformance` beside the other suite."""

from __future__ import annotations

import hashlib

import pytest
from ledger_market import ADA, CLIENT, CLONE, INVALID, OPERATOR, SPEECH, Market, consent, party, task_id

from antiphon.economy import royalty
from antiphon.economy.types import PPM, Role
from antiphon.errors import ConflictError, InputError, UnavailableError
from antiphon.ledger.assets import commitment, published
from antiphon.ledger.operations import (
    ClaimRoyalty,
    CommitAsset,
    Contributor,
    MarkCopy,
    PublishAsset,
    Register,
    Selector,
    ServiceOffer,
)
from antiphon.ledger.receipts import audit, build
from antiphon.ledger.records import PartState
from antiphon.protocol.identity import Identity

WEEK_S = 7 * 86_400
SALT = b"salt" * 4
ONE, TWO, THREE = party("one"), party("two"), party("three")


def content(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def shares(*ppm: tuple[Identity, int]) -> tuple[Contributor, ...]:
    return tuple(Contributor(node=who.node_id, ppm=part) for who, part in ppm)


async def commit(market: Market, who: Identity, name: str) -> None:
    said = commitment(OPERATOR.node_id, who.node_id, content(name), SALT)
    await market.do(who, CommitAsset(commitment=said))


async def publish(market: Market, who: Identity, name: str, *parents: str, **more: object) -> None:
    fields = {"asked_ppm": 100_000, "contributors": shares((who, PPM))} | more
    named = tuple(map(content, parents))
    await market.do(who, PublishAsset(asset=content(name), salt=SALT, parents=named, **fields))  # type: ignore[arg-type]


async def make(market: Market, who: Identity, name: str, *parents: str, **more: object) -> None:
    await commit(market, who, name)
    await publish(market, who, name, *parents, **more)


async def hold(market: Market, name: str, *producers: int) -> None:
    """These producers say that they use the asset."""
    for number in producers:
        who = party(f"producer {number}")
        offers = tuple(
            ServiceOffer(service=service, price_nano=1_000, languages=("en",), asset=content(name))
            for service in ("speech", "clone")
        )
        await market.do(
            who,
            Register(role=Role.PROCESSOR, offers=offers, seal_key=who.seal_public, endpoint=f"test:{who.node_id[:8]}"),
        )


async def use(market: Market, number: int, name: str, *, units: int = 100) -> None:
    """One task that names the asset, done and judged."""
    selector = Selector(service="speech", language="en-us", asset=content(name))
    await market.open(task_id(number), selector=selector, units=(units,))
    await market.deliver(task_id(number))
    assert (await market.judge(task_id(number))).state is PartState.VALID


async def find_copy(market: Market, copy: str, original: str) -> None:
    """Validators with most of the stake say so."""
    for number in range(4):
        mark = MarkCopy(asset=content(copy), original=content(original))
        await market.do(party(f"validator {number}"), mark)


async def balance(market: Market, who: Identity) -> int:
    return (await market.ledger.account(who.node_id)).balance_nano


class AssetConformance:
    """The suite."""

    async def test_an_asset_is_published_by_who_committed_to_it_and_stays_as_it_is(self, market: Market) -> None:
        await commit(market, ONE, "asset")
        for who in (TWO, OPERATOR):
            with pytest.raises(ConflictError, match="Nobody with this key has committed"):
                await publish(market, who, "asset")
        with pytest.raises(InputError, match="Nobody has published"):
            await market.ledger.asset(content("asset"))
        await publish(market, ONE, "asset", contributors=shares((ONE, 600_000), (TWO, 400_000)))
        record = await market.ledger.asset(content("asset"))
        assert (record.owner, record.asked_ppm, record.parents) == (ONE.node_id, 100_000, ())
        assert record.lineage == ((content("asset"), 0, PPM),)
        assert published(record).contributors == record.contributors
        assert await market.ledger.assets() == (record,)
        assert await market.ledger.assets(after=record.number) == ()
        with pytest.raises(ConflictError, match="committed to this asset earlier"):
            await publish(market, ONE, "asset", asked_ppm=0)
        await commit(market, TWO, "asset")
        with pytest.raises(ConflictError, match="committed to this asset earlier"):
            await publish(market, TWO, "asset")
        assert await market.ledger.asset(content("asset")) == record

    async def test_an_older_commitment_takes_over_with_all_that_was_earned(self, market: Market) -> None:
        await commit(market, ONE, "asset")
        market.clock.advance(5)  # type: ignore[attr-defined]
        await make(market, TWO, "asset")
        await hold(market, "asset", 0, 1, 2)
        await use(market, 1, "asset")
        with pytest.raises(ConflictError, match=r"too young.*Claim in 168 hours"):
            await market.do(TWO, ClaimRoyalty(asset=content("asset")))
        await publish(market, ONE, "asset")
        record = await market.ledger.asset(content("asset"))
        assert (record.owner, record.earned_nano) == (ONE.node_id, 10_000)

    async def test_a_commitment_is_good_for_a_week_and_can_be_made_again(self, market: Market) -> None:
        await commit(market, ONE, "asset")
        market.clock.advance(WEEK_S + 1)  # type: ignore[attr-defined]
        with pytest.raises(ConflictError, match="too old"):
            await publish(market, ONE, "asset")
        await make(market, ONE, "asset")

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"asked_ppm": royalty.MAX_ASKED_PPM + 1}, "asks for at most"),
            ({"contributors": ()}, "1 to 32 contributors"),
            ({"contributors": shares((ONE, PPM - 1))}, "sum to"),
            ({"contributors": shares((ONE, PPM), (TWO, 1))}, "sum to"),
            ({"contributors": shares((ONE, 500_000), (ONE, 500_000))}, "named twice"),
            ({"contributors": (Contributor(node="nobody", ppm=PPM),)}, "node"),
        ],
    )
    async def test_terms_of_a_publication_are_bounded(
        self, market: Market, change: dict[str, object], words: str
    ) -> None:
        await commit(market, ONE, "asset")
        with pytest.raises(InputError, match=words):
            await publish(market, ONE, "asset", **change)

    async def test_parents_are_published_named_once_and_ask_for_no_more_than_all_may(self, market: Market) -> None:
        for number in range(3):
            await make(market, ONE, f"greedy {number}", asked_ppm=300_000)
        await commit(market, TWO, "child")
        for parents, words in (
            (("unknown",), "Nobody has published"),
            (("greedy 0", "greedy 0"), "named twice"),
            (("greedy 0", "greedy 1", "greedy 2"), "at most"),
        ):
            with pytest.raises(InputError, match=words):
                await publish(market, TWO, "child", *parents)
        await publish(market, TWO, "child", "greedy 0", "greedy 1")

    async def test_a_use_pays_the_whole_lineage_out_of_the_producers_reward(self, market: Market) -> None:
        await make(market, ONE, "root")
        await make(market, TWO, "child", "root")
        await make(market, THREE, "grandchild", "child", contributors=shares((THREE, 700_000), (ONE, 300_000)))
        await hold(market, "grandchild", 0, 1, 2)
        before = await balance(market, CLIENT)
        await use(market, 1, "grandchild", units=333)
        made = (await market.ledger.part(task_id(1), 0)).rulings[0]
        paid = {move.target: move.amount_nano for move in made.settlement.transfers}
        whole = 333_000 // 10
        parts = royalty.divided(whole, "c", royalty.division([("b", 100_000, royalty.division([("a", 100_000, ())]))]))
        assert parts == {"b": 2_997, "a": 666, "c": 29_637}
        for name, key in (("root", "a"), ("child", "b"), ("grandchild", "c")):
            assert paid[f"royalty:{content(name)}"] == parts[key]
            assert (await market.ledger.asset(content(name))).earned_nano == parts[key]
            (earning,) = await market.ledger.earnings(content(name))
            assert (earning.task, earning.used, earning.amount_nano) == (
                task_id(1),
                content("grandchild"),
                parts[key],
            )
        assert paid[f"balance:{made.producer.node}"] == 333_000 - whole
        fees = sum(333 * 100 for _ in made.outcome.majority)
        assert before - await balance(market, CLIENT) == 333_000 + fees, "the client pays no more for it"
        receipt = await build(market.ledger, task_id(1))
        report = audit(receipt, ledger=OPERATOR.node_id)
        assert report.net_nano[f"royalty:{content('root')}"] == 666
        assert made.producer.asset == content("grandchild")

    async def test_contributors_take_their_parts_out_once_nobody_can_take_the_asset_over(self, market: Market) -> None:
        await make(market, ONE, "asset", contributors=shares((ONE, 333_333), (TWO, 333_333), (THREE, 333_334)))
        await hold(market, "asset", 0, 1, 2)
        await use(market, 1, "asset", units=101)
        market.clock.advance(WEEK_S)  # type: ignore[attr-defined]
        with pytest.raises(ConflictError, match="too young"):
            await market.do(ONE, ClaimRoyalty(asset=content("asset")))
        market.clock.advance(1)  # type: ignore[attr-defined]
        await market.ledger.expire()
        for who, place, nano in ((ONE, 0, 3_368), (THREE, 2, 3_366)):
            await market.do(TWO, ClaimRoyalty(asset=content("asset"), place=place))
            assert await balance(market, who) == nano
            with pytest.raises(ConflictError, match="nothing to claim"):
                await market.do(who, ClaimRoyalty(asset=content("asset"), place=place))
        record = await market.ledger.asset(content("asset"))
        assert (record.earned_nano, record.taken_nano) == (10_100, (3_368, 0, 3_366))
        assert record.due_nano(1) == 3_366
        with pytest.raises(InputError, match="3 contributors"):
            await market.do(ONE, ClaimRoyalty(asset=content("asset"), place=3))

    async def test_only_holders_are_drawn_for_an_asset_and_one_that_nobody_published_pays_nobody(
        self, market: Market
    ) -> None:
        with pytest.raises(UnavailableError):
            await use(market, 1, "asset")
        await hold(market, "asset", 1)
        await use(market, 1, "asset")
        made = (await market.ledger.part(task_id(1), 0)).rulings[0]
        assert (made.producer.node, made.producer.asset) == (party("producer 1").node_id, content("asset"))
        assert not [move for move in made.settlement.transfers if move.target.startswith("royalty:")]

    async def test_invalid_work_brings_no_royalty(self, market: Market) -> None:
        await make(market, ONE, "asset")
        await hold(market, "asset", 0, 1, 2)
        selector = Selector(service="speech", language="en-us", asset=content("asset"))
        await market.open(task_id(1), selector=selector)
        await market.deliver(task_id(1))
        await market.judge(task_id(1), 0, (INVALID, INVALID, INVALID))
        assert (await market.ledger.asset(content("asset"))).earned_nano == 0

    async def test_a_copy_earns_nothing_once_most_of_the_validators_stake_says_so(self, market: Market) -> None:
        await make(market, ONE, "original")
        await make(market, TWO, "copy")
        await hold(market, "copy", 0, 1, 2)
        await use(market, 1, "copy")
        with pytest.raises(InputError, match="Only a registered validator"):
            await market.do(ONE, MarkCopy(asset=content("copy"), original=content("original")))
        with pytest.raises(ConflictError, match="committed to earlier"):
            await market.do(party("validator 0"), MarkCopy(asset=content("original"), original=content("copy")))
        for number in range(4):
            assert not (await market.ledger.asset(content("copy"))).copy_of
            mark = MarkCopy(asset=content("copy"), original=content("original"))
            await market.do(party(f"validator {number}"), mark)
        copy, original = [await market.ledger.asset(content(name)) for name in ("copy", "original")]
        assert (copy.copy_of, copy.earned_nano, original.earned_nano) == (content("original"), 0, 10_000)
        await use(market, 2, "copy")
        assert (await market.ledger.asset(content("original"))).earned_nano == 20_000
        audit(await build(market.ledger, task_id(2)), ledger=OPERATOR.node_id)
        await commit(market, THREE, "child")
        with pytest.raises(InputError, match="Name the original"):
            await publish(market, THREE, "child", "copy")
        market.clock.advance(WEEK_S + 1)  # type: ignore[attr-defined]
        with pytest.raises(ConflictError, match="earned nothing"):
            await market.do(TWO, ClaimRoyalty(asset=content("copy")))

    async def test_a_copy_of_a_copy_pays_the_original(self, market: Market) -> None:
        for who, name in ((ONE, "original"), (TWO, "copy"), (THREE, "copy of the copy")):
            await make(market, who, name)
        await find_copy(market, "copy of the copy", "copy")
        await find_copy(market, "copy", "original")
        await hold(market, "copy of the copy", 0, 1, 2)
        await use(market, 1, "copy of the copy")
        earned = [(await market.ledger.asset(content(name))).earned_nano for name in ("original", "copy")]
        assert earned == [10_000, 0]
        assert (await market.ledger.asset(content("copy of the copy"))).copy_of == content("original")

    async def test_who_committed_before_the_original_has_no_copy(self, market: Market) -> None:
        """A thief commits to a near copy, then to the stolen content itself, and has that found to be a copy."""
        await commit(market, ONE, "asset")
        await make(market, TWO, "near copy")
        await make(market, TWO, "asset")
        await find_copy(market, "asset", "near copy")
        await publish(market, ONE, "asset")
        assert not (await market.ledger.asset(content("asset"))).copy_of
        await find_copy(market, "near copy", "asset")
        await hold(market, "near copy", 0, 1, 2)
        await use(market, 1, "near copy")
        assert (await market.ledger.asset(content("asset"))).earned_nano == 10_000

    async def test_a_copy_that_is_taken_over_stays_one_where_the_original_was_earlier(self, market: Market) -> None:
        await make(market, THREE, "original")
        await commit(market, ONE, "copy")
        await make(market, TWO, "copy")
        await find_copy(market, "copy", "original")
        await publish(market, ONE, "copy")
        assert (await market.ledger.asset(content("copy"))).copy_of == content("original")

    async def test_the_owner_of_a_voice_gets_what_its_consent_asks(self, market: Market) -> None:
        await make(market, ONE, "asset")
        await hold(market, "asset", 0, 1, 2)
        raw = consent(market.clock, royalty_ppm=50_000)
        await market.open(task_id(1), selector=CLONE, grants=(raw,))
        await market.deliver(task_id(1))
        made = (await market.judge(task_id(1))).rulings[0]
        paid = {move.target: move.amount_nano for move in made.settlement.transfers}
        assert paid[f"balance:{ADA.node_id}"] == 5_000
        assert paid[f"royalty:{content('asset')}"] == 10_000
        assert paid[f"balance:{made.producer.node}"] == 85_000
        receipt = await build(market.ledger, task_id(1))
        assert receipt.statement["consents"][0]["royalty_ppm"] == 50_000
        audit(receipt, ledger=OPERATOR.node_id)

    async def test_consents_that_ask_for_more_than_the_rules_pay_open_nothing(self, market: Market) -> None:
        both = tuple(consent(market.clock, grantor=who, royalty_ppm=200_000) for who in (ADA, ONE))
        with pytest.raises(InputError, match="400000 ppm"):
            await market.open(task_id(1), selector=SPEECH, grants=both)
