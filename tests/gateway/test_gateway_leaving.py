"""Who hangs up, at whatever door, has stopped the work, and has the rest of the money."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

import antiphon
from antiphon import AsyncNetwork, Clone, Compose, Say
from antiphon.bench.clips import REFERENCES
from antiphon.engines.auditing import Trace
from antiphon.gateway.app import application
from antiphon.gateway.guard import Access
from antiphon.gateway.serving import serving
from antiphon.nodes.engine_runner import GenerationRunner
from antiphon.services import Request, SpeechRequest

pytestmark = pytest.mark.slow

STOP_S = 0.3
HANG_S = 120.0
LONG = " ".join(f"This is sentence number {number} of a text that nobody hears to its end." for number in range(1, 100))


@dataclass
class EngineClock:
    """Every step of the network's engines: when it began, and the CPU time that its thread took. So a machine that is
    busy with something else changes nothing."""

    steps: list[tuple[float, float]] = field(default_factory=list)

    def watching(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        with closing(chunks):  # type: ignore[type-var]
            while True:
                began_s, cpu_s = time.monotonic(), time.thread_time()
                try:
                    chunk = next(chunks)
                except StopIteration:
                    return
                finally:
                    self.steps.append((began_s, time.thread_time() - cpu_s))
                yield chunk

    def after_s(self, moment_s: float) -> float:
        return sum(took_s for began_s, took_s in self.steps if began_s > moment_s)


@pytest.fixture
def engine_clock(monkeypatch: pytest.MonkeyPatch) -> EngineClock:
    clock, traced = EngineClock(), GenerationRunner.traced

    def watched(runner: GenerationRunner, request: Request, seed: int) -> tuple[Iterator[bytes], Trace | None]:
        chunks, trace = traced(runner, request, seed)
        return clock.watching(chunks), trace

    monkeypatch.setattr(GenerationRunner, "traced", watched)
    return clock


@dataclass
class HeldEngine:
    """Engines make their first step; all others wait until they may. So the order of what happens is known whatever
    the machine's pace."""

    may: threading.Event = field(default_factory=threading.Event)
    begun: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)

    def holding(self, text: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        self.begun.append(text)
        try:
            with closing(chunks):  # type: ignore[type-var]
                while True:
                    self.steps.append(text)
                    if len(self.steps) > 1:
                        assert self.may.wait(HANG_S)
                    try:
                        chunk = next(chunks)
                    except StopIteration:
                        return
                    yield chunk
        finally:
            self.ended.append(text)


@pytest.fixture
def held_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldEngine]:
    held, traced = HeldEngine(), GenerationRunner.traced

    def watched(runner: GenerationRunner, request: Request, seed: int) -> tuple[Iterator[bytes], Trace | None]:
        chunks, trace = traced(runner, request, seed)
        assert isinstance(request, SpeechRequest)
        return held.holding(request.text, chunks), trace

    monkeypatch.setattr(GenerationRunner, "traced", watched)
    yield held
    held.may.set()


@contextlib.asynccontextmanager
async def served(home: Path) -> AsyncIterator[tuple[AsyncNetwork, str]]:
    async with (
        antiphon.AsyncNetwork(home) as network,
        application(network, Access.of()) as app,
        serving(app) as url,
    ):
        yield network, url


async def leave(url: str, path: str, **sent: Any) -> float:
    """Ask, hear the first piece, and hang up: the moment of that."""
    async with httpx.AsyncClient(base_url=url, timeout=300) as client, client.stream("POST", path, **sent) as answer:
        assert answer.status_code == 200, await answer.aread()
        await anext(answer.aiter_raw())
        return time.monotonic()


async def leave_conversation(url: str) -> float:
    async with connect(f"{url.replace('http', 'ws', 1)}/v1/realtime?model=hibari") as socket:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": LONG}]}
        for event in ({"type": "conversation.item.create", "item": item}, {"type": "response.create"}):
            await socket.send(json.dumps(event))
        while json.loads(await socket.recv())["type"] != "response.output_audio.delta":
            pass
        return time.monotonic()


async def expect_stopped(network: AsyncNetwork, clock: EngineClock, left_s: float, before_nano: int, most: int) -> None:
    """`most`: what the whole order could have cost, in nano."""
    account = network._open().ledger.account
    client = network._open().client.node_id
    async with asyncio.timeout(120):
        while network._streams or (await account(client)).escrow_nano:  # noqa: ASYNC110 - it has no event for it
            await asyncio.sleep(0.02)
    assert clock.after_s(left_s) <= STOP_S
    made = len(clock.steps)
    await asyncio.sleep(STOP_S)
    assert len(clock.steps) == made, "it has ended, and is not only waiting"
    assert 0 <= before_nano - await network.balance_nano() < most / 2


async def test_who_leaves_speech_music_and_a_conversation(tmp_path: Path, engine_clock: EngineClock) -> None:
    async with served(tmp_path / "home") as (network, url):
        say, music = Say(text=LONG, voice="hibari"), Compose(prompt="calm shop theme", seconds=300)
        asked = {"voice": "hibari", "input": LONG, "response_format": "pcm"}
        for door, order in (
            (lambda: leave(url, "/v1/audio/speech", json=asked), say),
            (lambda: leave(url, "/v1/audio/music", json={"prompt": "calm shop theme", "seconds": 300}), music),
            (lambda: leave_conversation(url), say),
        ):
            before_nano, most_nano = await network.balance_nano(), await network.price_nano(order)
            await expect_stopped(network, engine_clock, await door(), before_nano, most_nano)


async def test_who_leaves_has_the_money_before_the_engine_has_ended_its_step_and_it_makes_no_other(
    tmp_path: Path, held_engine: HeldEngine
) -> None:
    async with served(tmp_path / "home") as (network, url), asyncio.timeout(HANG_S):
        before_nano = await network.balance_nano()
        most_nano = await network.price_nano(Say(text=LONG, voice="hibari"))
        await leave(url, "/v1/audio/speech", json={"voice": "hibari", "input": LONG, "response_format": "pcm"})
        account, client = network._open().ledger.account, network._open().client.node_id
        while network._streams or (await account(client)).escrow_nano:  # noqa: ASYNC110 - it has no event for it
            await asyncio.sleep(0.02)
        assert len(held_engine.ended) < len(held_engine.begun), "the engine is in its step still"
        assert before_nano - await network.balance_nano() < most_nano / 20, "nothing was delivered"
        steps = len(held_engine.steps)
        held_engine.may.set()
        while len(held_engine.ended) < len(held_engine.begun):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)
        assert len(held_engine.steps) == steps, "it was told before"


async def test_who_leaves_a_clone_in_its_learning_and_in_its_speech(tmp_path: Path, engine_clock: EngineClock) -> None:
    home, recording = tmp_path / "home", REFERENCES / "librivox.opus"
    async with served(home) as (network, url):
        form = {"input": LONG, "response_format": "pcm", "model": "mimic"}
        wanted = Clone(text=LONG, reference=recording, own_voice=True, engine="mimic")
        before_nano, most_nano = await network.balance_nano(), await network.price_nano(wanted)
        files = {"file": recording.read_bytes()}
        async with httpx.AsyncClient(base_url=url, timeout=httpx.Timeout(60, read=1.0)) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.post("/v1/audio/clone", data=form | {"own_voice": "true"}, files=files)
        left_s = time.monotonic()
        await expect_stopped(network, engine_clock, left_s, before_nano, most_nano)
        assert not list((home / "api-uploads").iterdir())
        await network.add_voice("reader", recording, own_voice=True, engine="mimic")
        before_nano = await network.balance_nano()
        most_nano = await network.price_nano(Clone(text=LONG, voice="reader"))
        left_s = await leave(url, "/v1/audio/clone", data=form | {"voice": "reader"}, files={"": b""})
        await expect_stopped(network, engine_clock, left_s, before_nano, most_nano)
