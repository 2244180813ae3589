"""A node that leaves in order, and the small things a node's owner relies on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from network_of import RATE_HZ, ScriptedEvaluator, ToneRunner, collect, say, world

from antiphon.audio import Waveform
from antiphon.client.blocking import in_daemon
from antiphon.client.client import Job
from antiphon.client.events import Audio, Event, Sound
from antiphon.client.speech import OUTPUT_RATE_HZ, Speech, speak
from antiphon.economy.types import NANO, Mode, Role
from antiphon.engines.base import Capabilities, Engine
from antiphon.errors import InputError, UnavailableError
from antiphon.ledger.operations import Retire, Selector
from antiphon.ledger.records import TaskState
from antiphon.nodes import node as nodes
from antiphon.nodes.earnings import earned, earned_nano
from antiphon.nodes.engine_runner import GenerationRunner
from antiphon.nodes.producer import Producer
from antiphon.services import Request, Service

SPEECH = Selector(service="speech", language="en-us", voice="tone")


class SlowTone(ToneRunner):
    def produce(self, request: Request, seed: int) -> Iterator[bytes]:
        time.sleep(0.3)
        yield from super().produce(request, seed)


async def test_a_node_that_leaves_takes_no_more_work_and_finishes_what_it_has(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0) as net:
        node = await net.add("slow", Producer(net.context(), SlowTone()))
        job = asyncio.create_task(collect(net.client, Job(say("Finish this sentence."), SPEECH)))
        async with asyncio.timeout(15):
            while not node._background:  # noqa: ASYNC110 - a peek inside
                await asyncio.sleep(0.01)
        await node.stop(finish_s=10)
        _, (closed,) = await job
        assert closed.task.state is TaskState.COMPLETED
        assert not any(one.live for one in await net.ledger.nodes(Role.PROCESSOR))
        with pytest.raises(UnavailableError):
            await collect(net.client, Job(say("And another."), SPEECH))


async def test_a_validator_that_leaves_reveals_what_it_has_committed(tmp_path: Path) -> None:
    async with world(
        tmp_path, processors=1, evaluator=ScriptedEvaluator(say=lambda e: time.sleep(0.1) or _valid())
    ) as net:
        job = asyncio.create_task(collect(net.client, Job(say("Judge this sentence."), SPEECH)))
        leaving = net.nodes["validator-0"]
        async with asyncio.timeout(15):
            while not leaving._background:  # noqa: ASYNC110 - a peek inside
                await asyncio.sleep(0.01)
        await leaving.stop(finish_s=10)
        _, (closed,) = await job
        assert leaving.node_id in closed.parts[0].rulings[0].votes
        assert earned_nano(closed.parts[0], leaving.node_id) > 0


def _valid() -> Any:
    from antiphon.economy.types import Verdict

    return Verdict.VALID


async def test_what_a_part_earned_is_told_to_the_last_digit(tmp_path: Path) -> None:
    async with world(tmp_path, processors=1) as net:
        producer = net.nodes["processor-0"]
        _, (closed,) = await collect(net.client, Job(say("Ten chars."), SPEECH))
        assert earned_nano(closed.parts[0], producer.node_id) == 10 * 20_000
        assert earned(closed.parts[0], producer.node_id) == "valid, earned 0.0002 ANT"
        account = await net.ledger.account(producer.node_id)
        assert account.balance_nano + account.stake_nano == 100 * NANO + 200_000


async def test_a_ledger_that_forgot_a_node_is_told_of_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "HEARTBEAT_S", 0.05)
    async with world(tmp_path, processors=1) as net:
        await net.nodes["processor-0"].submit(Retire(role=Role.PROCESSOR))
        async with asyncio.timeout(15):
            while not any(one.live for one in await net.ledger.nodes(Role.PROCESSOR)):  # noqa: ASYNC110
                await asyncio.sleep(0.02)


async def test_an_engine_that_crashes_costs_its_node_the_part_and_nobody_else(tmp_path: Path) -> None:
    class Crashes(ToneRunner):
        def produce(self, request: Request, seed: int) -> Iterator[bytes]:
            yield from list(super().produce(request, seed))[:1]
            raise RuntimeError("out of memory")

    for mode in (Mode.VERIFIED, Mode.STREAM):
        async with world(tmp_path / mode, processors=1) as net:
            await net.add("crashes", Producer(net.context(), Crashes(10_000)))
            _, (closed,) = await collect(net.client, Job(say("Somebody will say it."), SPEECH, mode=mode))
            assert closed.parts[0].attempt == 1


def test_an_engine_that_makes_audio_of_another_form_than_it_announced_is_stopped() -> None:
    class OtherForm:
        name = "other"
        capabilities = Capabilities(
            service=Service.SPEECH, languages=("en",), voices=(), rate_hz=RATE_HZ, rtf=0.1, streams=True, seeded=True
        )

        def __init__(self, chunk: Waveform) -> None:
            self._chunk = chunk

        def generate(self, request: Request, seed: int) -> Iterator[Waveform]:
            yield self._chunk

    for chunk in (Waveform(np.zeros((1, 9), np.float32), 8_000), Waveform(np.zeros((2, 9), np.float32), RATE_HZ)):
        runner = GenerationRunner(OtherForm(chunk), 1)  # type: ignore[arg-type]
        with pytest.raises(UnavailableError, match="not 1 at 24000"):
            list(runner.produce(say("x")[0], 0))


async def test_an_engine_that_makes_nothing_delivers_nothing(tmp_path: Path) -> None:
    class Empty(ToneRunner):
        def produce(self, request: Request, seed: int) -> Iterator[bytes]:
            return iter(())

    async with world(tmp_path, processors=1) as net:
        await net.add("bad", Producer(net.context(), Empty(10_000)))
        _, (closed,) = await collect(net.client, Job(say("Somebody will say it."), SPEECH))
        assert closed.parts[0].attempt == 1


async def test_a_blocking_call_brings_its_result_or_its_error() -> None:
    assert await in_daemon(lambda: 7) == 7

    def fails() -> int:
        raise InputError("no")

    with pytest.raises(InputError):
        await in_daemon(fails)


async def test_a_sentence_whose_second_half_has_another_rate_is_still_one_sound() -> None:
    """After a broken stream another engine may take over."""

    class TwoRates:
        async def run(self, job: Job) -> AsyncGenerator[Event, None]:
            list(job.requests)
            yield Audio(0, Waveform(np.full((1, 8_000), 0.1, np.float32), 8_000))
            yield Audio(0, Waveform(np.full((1, 48_000), 0.1, np.float32), 48_000))
            yield Audio(0, None)

    speech = Speech(text=["One sentence of two rates."], voice="tone", language="en-us")
    sounds = [event.audio async for event in speak(TwoRates(), speech) if isinstance(event, Sound)]  # type: ignore[arg-type]
    assert {sound.rate_hz for sound in sounds} == {OUTPUT_RATE_HZ}
    assert sum(sound.duration_s for sound in sounds) == pytest.approx(2.0, abs=0.6)


def test_a_runner_offers_what_its_engine_can() -> None:
    from antiphon.engines import registry

    engine: Engine = registry.load("espeak")
    (offer,) = GenerationRunner(engine, 8_000).offers
    assert (offer.engine, offer.price_nano, offer.mixes_voices) == ("espeak", 8_000, engine.capabilities.mixes_voices)
    assert set(offer.languages) == set(engine.capabilities.languages)


def test_an_engine_that_also_clones_is_offered_for_both_services() -> None:
    from antiphon.engines import registry

    speech, clone = GenerationRunner(registry.load("soundstorm"), 8_000).offers
    assert (speech.service, clone.service) == ("speech", "clone")
    assert speech.engine == clone.engine == "soundstorm"
    assert "aspen" in speech.voices
    assert clone.voices == ()
