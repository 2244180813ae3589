"""Data is bought and paid through the ledger: the key of what was offered, or the money back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from network_of import World, world

from antiphon.audio import AudioWriter, Waveform, format_named
from antiphon.client.attempt import Copy
from antiphon.client.buying import buy, selector_of
from antiphon.client.client import Job
from antiphon.client.events import Artefact, Closed
from antiphon.clock import SystemClock
from antiphon.economy.types import NANO, PPM, Mode, Rules
from antiphon.errors import AntiphonError, UnavailableError
from antiphon.genki.data import Collection, add
from antiphon.genki.sharing import Purchase, SignedOffer, share, sold_here
from antiphon.genki.sharing.judge import DataJudge, order_of
from antiphon.nodes.evaluation.evaluator import JudgingEvaluator
from antiphon.nodes.producer import Producer
from antiphon.nodes.selling import SaleRunner
from antiphon.nodes.validator import Validator
from antiphon.objects import Folder
from antiphon.protocol import Identity, TaskKey
from antiphon.transport import InProcessTransport


@dataclass
class Shop:
    made: World
    seller: Identity
    home: Path
    store: Folder
    offers: dict[str, SignedOffer]

    async def buy(self, offer: SignedOffer, folder: Path) -> tuple[Purchase, list[Closed]]:
        purchase = Purchase(offer, folder)
        purchase.fetch(self.store)
        closed = []
        async for event in buy(self.made.client, offer, purchase.nonce):
            if isinstance(event, bytes):
                purchase.keep_sale(event)
            elif isinstance(event, Closed):
                closed.append(event)
        return purchase, closed

    async def balance(self) -> int:
        return (await self.made.ledger.account(self.made.client.node_id)).balance_nano

    async def sell(self, runner: SaleRunner | None = None) -> None:
        context = self.made.context(self.seller)
        made = runner or SaleRunner(sold_here(self.home), self.seller, SystemClock())
        await self.made.add("seller", Producer(context, made))


def offered(folder: Path, home: Path, store: Folder, seller: Identity, name: str, price_nano: int) -> SignedOffer:
    recordings = folder / name
    recordings.mkdir(parents=True)
    tone = 0.2 * np.sin(2 * np.pi * (300 + 10 * len(name)) * np.arange(16_000) / 16_000)
    with AudioWriter(recordings / f"{name}.wav", format_named("wav"), 16_000, 1) as writer:
        writer.write(Waveform(tone.astype(np.float32)[None], 16_000))
    collection = Collection(home, name)
    list(add(collection, recordings, {"licence": "CC0-1.0", "consent": "mine"}, kind="music"))
    return share(collection, home, store, seller, price_nano, SystemClock())


@asynccontextmanager
async def shop(folder: Path, rules: Rules | None = None, *, judged: bool = True) -> AsyncIterator[Shop]:
    """`judged`: its validators have the store."""
    home, store, seller = folder / "home", Folder(folder / "store"), Identity.generate()
    offers = {
        name: offered(folder, home, store, seller, name, price_nano)
        for name, price_nano in (("cheap", NANO // 10), ("dear", 5 * NANO))
    }
    evaluator = JudgingEvaluator({"data": DataJudge(DataJudge.Options(store=store.url if judged else ""), tools=None)})
    async with world(folder, processors=0, validators=0, rules=rules) as made:
        for number in range(3):
            await made.add(f"judge-{number}", Validator(made.context(), evaluator, 15_000))
        yield Shop(made, seller, home, store, offers)


async def test_a_collection_is_bought_judged_paid_and_opened(tmp_path):
    async with shop(tmp_path) as market:
        await market.sell()
        before, issued = await market.balance(), await market.made.issued()
        purchase, (closed,) = await market.buy(market.offers["dear"], tmp_path / "bought")
        (part,) = closed.parts
        assert (part.state, len(part.rulings[-1].outcome.majority)) == ("valid", 3)
        (file,) = purchase.open()
        assert file.read_bytes() == (tmp_path / "dear" / "dear.wav").read_bytes()
        await market.made.settle()
        assert (await market.made.ledger.account(market.seller.node_id)).balance_nano == 5 * NANO
        assert before - await market.balance() >= 5 * NANO
        assert await market.made.issued() == issued


async def test_where_nobody_sells_nothing_is_spent(tmp_path):
    async with shop(tmp_path) as market:
        before = await market.balance()
        with pytest.raises(UnavailableError):
            await market.buy(market.offers["cheap"], tmp_path / "bought")
        assert await market.balance() == before


async def test_with_the_seller_gone_after_the_order_the_money_comes_back(tmp_path):
    async with shop(tmp_path) as market:
        await market.sell()
        before = await market.balance()
        market.made.transport.unregister("seller")
        with pytest.raises(UnavailableError):
            await market.buy(market.offers["cheap"], tmp_path / "bought")
        held_nano = Rules().hold_ppm * market.offers["cheap"].offer.price_nano // PPM
        assert before - await market.balance() == held_nano  # 2%: whoever passes a node over pays for having held it
        assert not Purchase(market.offers["cheap"], tmp_path / "bought").paid


class Lying(SaleRunner):
    """Sells keys that open nothing."""

    def produce(self, request, seed: int) -> Iterator[bytes]:
        for id_, (offer, _) in self._sold.items():
            self._sold[id_] = (offer, TaskKey.generate())
        yield from super().produce(request, seed)


async def test_a_key_that_opens_nothing_costs_the_seller_and_not_the_buyer(tmp_path):
    async with shop(tmp_path, Rules(appeal_s=0)) as market:
        await market.sell(Lying(sold_here(market.home), market.seller, SystemClock()))
        before = await market.balance()
        with pytest.raises(AntiphonError):
            await market.buy(market.offers["cheap"], tmp_path / "bought")
        await market.made.settle()
        assert await market.balance() >= before  # what the judges cost is made good by the penalty
        assert (await market.made.ledger.account(market.seller.node_id)).stake_nano < 100 * NANO


async def test_the_dear_collection_is_not_sold_for_the_cheap_ones_price(tmp_path):
    async with shop(tmp_path) as market:
        await market.sell()
        order = order_of(market.offers["dear"], "1" * 32)
        job = Job([order], selector_of(market.offers["cheap"]), once=True)

        async def ordered() -> None:
            async for event in market.made.client.run(job):
                assert not isinstance(event, Artefact)

        with pytest.raises(UnavailableError, match="no producer delivered"):
            await ordered()
        assert (await market.made.ledger.account(market.seller.node_id)).balance_nano < NANO // 10


async def test_neither_the_clips_nor_their_key_are_on_the_wire(tmp_path, monkeypatch):
    wire: list[bytes] = []
    asked = InProcessTransport.request

    async def watched(self, endpoint, message, *, deadline_s):
        wire.append(message)
        async for frame in asked(self, endpoint, message, deadline_s=deadline_s):
            wire.append(frame)
            yield frame

    monkeypatch.setattr(InProcessTransport, "request", watched)
    async with shop(tmp_path) as market:
        await market.sell()
        purchase, _ = await market.buy(market.offers["dear"], tmp_path / "bought")
        purchase.open()
        key = sold_here(market.home)[market.offers["dear"].id][1].reveal()
        await market.made.settle()
    sound = (tmp_path / "dear" / "dear.wav").read_bytes()
    heard = b"".join(wire)
    assert len(heard) > 5_000
    assert key not in heard
    assert not any(sound[start : start + 24] in heard for start in range(2_000, len(sound) - 24, 499))


async def test_a_sale_is_not_streamed_whoever_orders_it_so(tmp_path, monkeypatch):
    """Who streams hears before the verdict; the key of a sale would be had for an order that is not paid."""
    came: list[bytes] = []
    took = Copy.take

    def watched(self, sealed: bytes) -> bytes:
        came.append(plain := took(self, sealed))
        return plain

    monkeypatch.setattr(Copy, "take", watched)
    async with shop(tmp_path, judged=False) as market:  # whose validators can judge nothing: the money comes back
        await market.sell()
        before = await market.balance()
        order = order_of(market.offers["cheap"], "1" * 32)
        job = Job([order], selector_of(market.offers["cheap"]), mode=Mode.STREAM, once=True)
        with pytest.raises(UnavailableError, match="could not judge"):
            [_ async for _ in market.made.client.run(job)]
        await market.made.settle()
        assert await market.balance() <= before
        assert not any(came)
