"""A validator's two loops: trouble is told once and ends, state is kept, and findings can be kept with their sounds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from chains import LocalChain
from miners import graph, neuron

from antiphon.audio import Waveform
from antiphon.economy.types import Verdict, Vote
from antiphon.errors import UnavailableError, UnreachableError
from antiphon.services import Service
from antiphon.subnet.chain import Metagraph, Refusal, RefusedError
from antiphon.subnet.diary import TrackedDiary
from antiphon.subnet.gate import Gate
from antiphon.subnet.hotkeys import Hotkey
from antiphon.subnet.memory import ScoreMemory
from antiphon.subnet.offline import Rules
from antiphon.subnet.offline_service import OfflineClient
from antiphon.subnet.publishing import publish
from antiphon.subnet.trials import Ending, Outcome
from antiphon.subnet.validator import SubnetValidator
from antiphon.subnet.weighing import WeightSetter
from antiphon.trackers import TensorBoard, WeightsAndBiases

RULES = Rules(tempo=20, rate_limit=5, serving_rate=3)
GOOD = Vote(verdict=Verdict.VALID, score_ppm=900_000)


class Moody(OfflineClient):
    """A chain that is away while `away` says so."""

    away: Exception | None = None

    async def metagraph(self) -> Metagraph:
        if self.away:
            raise self.away
        return await super().metagraph()

    async def block_s(self) -> float:
        return 0.002


class NoRounds:
    async def run(self, *_: object) -> list[Outcome]:
        return []


async def moody(chain: LocalChain) -> Moody:
    plain = await chain.joined("//Validator", 10**12)
    await chain.joined("//Miner")
    chain.pass_blocks(RULES.tempo)
    return Moody(chain.url, plain._key, plain._transport)


async def taken(chain: LocalChain, count: int) -> None:
    """Until the chain has taken so many weights."""
    async with asyncio.timeout(300):
        while chain.rules.state.taken < count:  # noqa: ASYNC110 - it says nothing when it has
            await asyncio.sleep(0.01)


def validating(client: Moody, folder: Path) -> tuple[SubnetValidator, ScoreMemory]:
    memory = ScoreMemory(folder / "scores.json")
    setter = WeightSetter(client, folder / "weights.json")
    return SubnetValidator(client, NoRounds(), memory, setter, pause_s=0.01), memory  # type: ignore[arg-type]


async def test_a_chain_that_is_away_is_told_once_and_so_is_its_return(
    chain_of: Callable[[Rules], LocalChain], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "antiphon.subnet")
    chain = chain_of(RULES)
    client = await moody(chain)
    validator, memory = validating(client, tmp_path)
    miner = (await client.metagraph()).neurons[1]
    memory.judged(miner, Service.SPEECH, GOOD)
    running = asyncio.create_task(validator.run())
    await taken(chain, 1)
    client.away = UnreachableError("nobody answers", "It is tried again.")
    await asyncio.sleep(0.1)
    client.away = UnavailableError("a form that cannot be read")
    await asyncio.sleep(0.1)
    client.away = None
    chain.pass_blocks(RULES.tempo)
    await taken(chain, 2)
    await asyncio.sleep(0.05)
    chain.rules.state.neurons[0] = neuron(0, "another")  # the place went to somebody else
    with pytest.raises(ExceptionGroup) as ended:
        await running
    (error,) = ended.value.exceptions
    assert isinstance(error, RefusedError)
    assert error.refusal is Refusal.NOT_REGISTERED
    told = caplog.text
    assert told.count("WARNING") == 2
    assert told.count("that is over: a form that cannot be read") == 1
    assert memory.quality_ppm(miner.hotkey, Service.SPEECH) > 0


async def test_nothing_is_sent_while_nobody_was_judged(chain_of: Callable[[Rules], LocalChain], tmp_path: Path) -> None:
    chain = chain_of(RULES)
    validator, _ = validating(await moody(chain), tmp_path)
    assert not await validator.weigh()
    assert chain.rules.state.taken == 0


async def test_an_endpoint_is_published_once_and_again_when_its_time_has_come(
    chain_of: Callable[[Rules], LocalChain], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "antiphon.subnet")
    chain = chain_of(RULES)
    client = await moody(chain)
    gate = Gate(client)
    await gate.refresh()
    assert await publish(client, gate, "127.0.0.1", 9)
    await gate.refresh()
    assert not await publish(client, gate, "127.0.0.1", 9)
    assert not await publish(client, gate, "127.0.0.1", 10)
    assert "not published yet" in caplog.text
    chain.pass_blocks(RULES.serving_rate)
    assert await publish(client, gate, "::1", 10)
    await gate.refresh()
    assert gate.metagraph is not None
    assert gate.metagraph.by_hotkey[client.hotkey].endpoint == "[::1]:10"
    client.away = UnreachableError("nobody answers")
    assert not await gate.refresh()
    gate.check(client.hotkey)  # whoever was known is known
    with pytest.raises(RefusedError):
        gate.check(Hotkey.of("//Eve").ss58)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tensorboard", "wandb"])
def test_scores_weights_and_sounds_are_kept_offline(kind: str, tmp_path: Path) -> None:
    tracker = TensorBoard(tmp_path) if kind == "tensorboard" else WeightsAndBiases(tmp_path, "antiphon-subnet", {})
    memory, members = ScoreMemory(tmp_path / "scores.json"), graph(neuron(0, "a"), neuron(1, "b"))
    memory.judged(members.neurons[0], Service.SPEECH, GOOD)
    sound = Waveform(np.full((1, 24_000 * 12), 0.1, dtype=np.float32), 24_000)
    outcomes = [
        Outcome(members.neurons[0], Service.SPEECH, Ending.JUDGED, vote=GOOD, took_s=1.5, audio=sound),
        Outcome(members.neurons[1], Service.SPEECH, Ending.MISSED),
    ]
    diary = TrackedDiary(tracker)
    diary.round(1, outcomes, memory)
    diary.weights(5, memory.weights_ppm(members))
    diary.close()
    files = [one for one in tmp_path.rglob("*") if one.is_file() and one.name != "scores.json"]
    logs = [one for one in files if "tfevents" in one.name or one.suffix == ".wandb"]
    words = (b"score/speech/0", b"memory/speech/0", b"weight/0", b"endings/speech/missed")
    end_s = time.monotonic() + 300
    # Another process of wandb writes its log, and may still be at it.
    while not all(word in (kept := b"".join(one.read_bytes() for one in logs)) for word in words):
        assert time.monotonic() < end_s, kept
        time.sleep(0.1)
    if kind == "wandb":
        (wav,) = (one for one in files if one.suffix == ".wav")
        assert 10 * 24_000 * 2 <= wav.stat().st_size < 11 * 24_000 * 2
    else:
        assert b"sound/speech" in kept
