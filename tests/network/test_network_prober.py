"""Synthetic tasks: every processor is scored in turn, at the tester's own price limit."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from network_of import RATE_HZ, ScriptedEvaluator, ToneRunner, World, world

from antiphon.client.client import Client
from antiphon.economy.types import NANO, Role
from antiphon.ledger.operations import Deposit, ServiceOffer
from antiphon.network.prober import Prober
from antiphon.network.prompts import GrammarPrompts
from antiphon.nodes.memory import ScoreMemory
from antiphon.nodes.producer import Producer
from antiphon.services import MusicRequest, Request


async def prober_in(
    net: World, *, every_s: float = 0.01, purse_nano: int = 10 * NANO, memory: ScoreMemory | None = None
) -> Prober:
    """Validator 0 probes, with money of its own."""
    context = net.nodes["validator-0"].context
    if purse_nano:
        await net.bank.submit(Deposit(account=context.identity.node_id, amount_nano=purse_nano))
    return Prober(Client(context), GrammarPrompts("seed"), every_s=every_s, rng=random.Random(7), memory=memory)


async def test_a_probe_scores_a_node_that_no_client_has_asked(tmp_path: Path) -> None:
    async with world(tmp_path, validators=4) as net:
        prober = await prober_in(net)
        probed = [await prober.probe() for _ in range(2)]
        assert {probe.node for probe in probed if probe} == {net.nodes[f"processor-{n}"].node_id for n in range(2)}
        assert {probe.state for probe in probed if probe} == {"completed"}
        for node in await net.ledger.nodes(Role.PROCESSOR):
            assert node.settled == {"speech": 1}
        tasks = await net.ledger.tasks()
        assert all(task.synthetic for task in tasks)


async def test_whom_a_prompt_has_judged_is_named_in_the_weights(tmp_path: Path) -> None:
    """Also by a validator that did not sit. Without that its prompts would be paid for nothing."""
    async with world(tmp_path, validators=4) as net:
        memory = ScoreMemory()
        prober = await prober_in(net, memory=memory)
        for _ in range(8):
            await prober.probe()
        sat = 0
        for task in await net.ledger.tasks():
            (part,) = await net.ledger.parts(task.task)
            sat += net.nodes["validator-0"].node_id in part.rulings[0].votes
        assert sat < 8
        assert sum(one.judged for one in memory.opinions["speech"].values()) == 8 - sat
        pending = memory.prepare(await net.ledger.epoch(), await net.ledger.members())
        assert len(pending.weights.rows["speech"].uids) == len(memory.opinions["speech"])


async def test_neither_its_pool_nor_its_clients_purse_tells_a_probe(tmp_path: Path) -> None:
    async with world(tmp_path, validators=4) as net:
        await (await prober_in(net)).probe()
        (task,) = await net.ledger.tasks()
        (part,) = await net.ledger.parts(task.task)
        everybody = {net.nodes[f"validator-{n}"].node_id for n in range(4)}
        assert {judge.node for judge in part.assignment.validators} == everybody
        me = net.nodes["validator-0"].node_id
        with sqlite3.connect(tmp_path / "ledger.db") as db:
            query = "SELECT nano FROM transfers WHERE source = ? AND target = ?"
            ((purse_nano,),) = db.execute(query, (f"balance:{me}", f"balance:{task.client}")).fetchall()
        db.close()
        assert purse_nano > 3 * task.quote.total_nano
        assert (await net.ledger.account(task.client)).balance_nano == 0


async def test_a_node_cannot_drain_its_testers_with_its_own_price(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0) as net:
        await net.add("greedy", Producer(net.context(), ToneRunner(price_nano=5_000_000)))
        assert await (await prober_in(net)).probe() is None


async def test_only_voices_that_speak_english_are_asked_for_english(tmp_path: Path) -> None:
    class Polyglot(ToneRunner):
        @property
        def offers(self) -> tuple[ServiceOffer, ...]:
            voices = ("espeak-de", "espeak-en-us", "espeak-fr-fr", "nobody-knows")
            return (
                ServiceOffer(
                    service="speech", price_nano=8_000, languages=("de", "en", "fr"), engine="espeak", voices=voices
                ),
            )

    async with world(tmp_path, processors=0) as net:
        await net.add("polyglot", Producer(net.context(), Polyglot()))
        prober = await prober_in(net)
        for _ in range(5):
            probe = await prober.probe()
            assert probe is not None
            assert probe.what == "espeak-en-us"


async def test_nobody_to_ask_is_no_error(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0) as net:
        assert await (await prober_in(net)).probe() is None


async def test_an_empty_purse_does_not_end_the_probing(tmp_path: Path) -> None:
    async with world(tmp_path) as net:
        prober = await prober_in(net, purse_nano=0)
        running = asyncio.create_task(prober.run())
        await asyncio.sleep(0.1)
        assert not running.done()
        validator = net.nodes["validator-0"].node_id
        await net.bank.submit(Deposit(account=validator, amount_nano=NANO))
        async with asyncio.timeout(60):
            while not await net.ledger.tasks():  # noqa: ASYNC110 - the ledger has no event for new tasks
                await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await net.settle()
        assert (await net.ledger.account(validator)).escrow_nano == 0


async def test_composers_are_asked_for_music_and_cloners_for_nothing(tmp_path: Path) -> None:
    class Composer(ToneRunner):
        @property
        def offers(self) -> tuple[ServiceOffer, ...]:
            return (ServiceOffer(service="music", price_nano=8_000, languages=("en",), engine="tones"),)

        def produce(self, request: Request, seed: int) -> Iterator[bytes]:
            assert isinstance(request, MusicRequest)
            yield bytes(2 * RATE_HZ)

    class Cloner(ToneRunner):
        @property
        def offers(self) -> tuple[ServiceOffer, ...]:
            return (ServiceOffer(service="clone", price_nano=8_000, languages=("en",), engine="parrot"),)

    evaluator = ScriptedEvaluator(abilities={"speech": ("en",), "music": (), "clone": ("en",)})
    async with world(tmp_path, processors=0, evaluator=evaluator) as net:
        await net.add("composer", Producer(net.context(), Composer()))
        await net.add("cloner", Producer(net.context(), Cloner()))
        prober = await prober_in(net)
        for _ in range(3):
            probe = await prober.probe()
            assert probe is not None
            assert probe.state == "completed"
        assert {type(work.request) for work in evaluator.heard} == {MusicRequest}
