"""Rounds over many miners: everybody is reached, nobody is blamed for another's fault, and little is held."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from miners import EchoRunner, TextEvaluator, graph, mining, neuron

from antiphon.clock import SystemClock
from antiphon.economy.types import Verdict, Vote
from antiphon.errors import UnreachableError
from antiphon.network.prompts import GrammarPrompts
from antiphon.protocol import Identity
from antiphon.services import Service
from antiphon.subnet.asking import Asker
from antiphon.subnet.chain import Metagraph, Neuron
from antiphon.subnet.hotkeys import Hotkey
from antiphon.subnet.memory import ScoreMemory
from antiphon.subnet.orders import SyntheticOrders
from antiphon.subnet.rounds import Rounds
from antiphon.subnet.trials import Ending, Outcome, Trials
from antiphon.transport import HttpTransport

ME = "the validator"
SEEDS = itertools.count()
GOOD = Vote(verdict=Verdict.VALID, score_ppm=900_000)


class ScriptedTrials:
    """Trials whose endings are told beforehand, by hotkey."""

    def __init__(self, endings: dict[str, Ending] | None = None) -> None:
        self.endings = endings or {}
        self.asked: list[tuple[str, str]] = []
        self.at_once = self.most_at_once = 0

    async def run(self, one: Neuron, service: str) -> Outcome:
        self.asked.append((one.hotkey, service))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        ending = self.endings.get(one.hotkey, Ending.JUDGED)
        return Outcome(one, service, ending, vote=GOOD if ending is Ending.JUDGED else None)


def of(count: int, *, endpoint: str = "127.0.0.1:9") -> Metagraph:
    return graph(*(neuron(uid, f"miner {uid}", endpoint) for uid in range(count)))


def rounds_of(trials: object, folder: Path, **given: object) -> tuple[Rounds, ScoreMemory]:
    memory = ScoreMemory(folder / "scores.json")
    services = given.pop("services", [Service.SPEECH])
    made = Rounds(
        trials,
        memory,
        folder / "cycle.json",
        services=services,
        rng=random.Random(next(SEEDS)),
        **given,  # type: ignore[arg-type]
    )
    return made, memory


async def test_each_cycle_reaches_every_miner_in_every_service_once_in_another_order(tmp_path: Path) -> None:
    trials, services = ScriptedTrials(), [Service.SPEECH, Service.MUSIC]
    rounds, _ = rounds_of(trials, tmp_path, services=services)
    miners, cycles = of(33), []
    for number in range(2):
        trials.asked = []
        for part in range(7):
            if part == 3:  # the validator was restarted in the middle
                rounds, _ = rounds_of(trials, tmp_path, services=services)
            await rounds.run(lambda: miners, ME)
        cycles.append(trials.asked[: 33 * 2])
        assert rounds.cycles == number
        assert set(cycles[-1]) == {(one.hotkey, service) for one in miners.neurons for service in services}
    assert cycles[0] != cycles[1]
    assert trials.most_at_once <= 10


async def test_validators_by_stake_who_serve_nothing_and_oneself_are_not_asked(tmp_path: Path) -> None:
    trials = ScriptedTrials()
    rounds, _ = rounds_of(trials, tmp_path, max_stake_rao=100)
    members = graph(
        neuron(0, ME, "127.0.0.1:9"),
        neuron(1, "silent"),
        neuron(2, "great", "127.0.0.1:9", stake_rao=101),
        neuron(3, "small", "127.0.0.1:9", stake_rao=100),
    )
    await rounds.run(lambda: members, ME)
    assert trials.asked == [("small", Service.SPEECH)]


async def test_a_newcomer_is_reached_within_the_cycle(tmp_path: Path) -> None:
    trials = ScriptedTrials()
    rounds, _ = rounds_of(trials, tmp_path, fan_out=2)
    await rounds.run(lambda: of(4), ME)
    await rounds.run(lambda: of(5), ME)
    await rounds.run(lambda: of(5), ME)
    assert Counter(hotkey for hotkey, _ in trials.asked) == Counter(one.hotkey for one in of(5).neurons)


async def test_misses_count_but_not_when_nobody_at_all_could_be_reached(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    members = of(4)
    all_away = ScriptedTrials({one.hotkey: Ending.UNREACHABLE for one in members.neurons})
    rounds, memory = rounds_of(ScriptedTrials(), tmp_path)
    await rounds.run(lambda: members, ME)
    before = memory.weights_ppm(members)
    assert set(before) == {0, 1, 2, 3}
    rounds, memory = rounds_of(all_away, tmp_path)
    await rounds.run(lambda: members, ME)
    assert memory.weights_ppm(members) == before
    assert "nobody is blamed" in caplog.text
    endings = {"miner 0": Ending.UNREACHABLE, "miner 1": Ending.MISSED, "miner 2": Ending.UNTESTED}
    rounds, memory = rounds_of(ScriptedTrials({**endings, "miner 3": Ending.NOT_OFFERED}), tmp_path)
    await rounds.run(lambda: members, ME)
    after = memory.weights_ppm(members)
    assert {uid for uid in after if after[uid] < before[uid]} == {0, 1, 3}
    assert after[2] == before[2]


async def test_what_was_asked_of_one_does_not_count_for_who_took_its_place(tmp_path: Path) -> None:
    before = of(3)
    after = graph(neuron(0, "newcomer", "127.0.0.1:9", registered=99), *before.neurons[1:])
    views = iter([before, after])
    rounds, memory = rounds_of(ScriptedTrials(), tmp_path)
    await rounds.run(lambda: next(views), ME)
    assert set(memory.weights_ppm(after)) == {1, 2}
    assert memory.quality_ppm("newcomer", Service.SPEECH) == 0


@pytest.fixture
async def http() -> AsyncIterator[HttpTransport]:
    async with HttpTransport(allow_private=True) as transport:
        yield transport


async def test_good_lazy_late_broken_and_absent_miners_over_http(http: HttpTransport, tmp_path: Path) -> None:
    class OldAnswers(EchoRunner):
        """Answers with the sound of another order."""

        def produce(self, request, seed):  # type: ignore[no-untyped-def]
            yield b"what was said to another" * 9

    key = Hotkey.of("//Alice")
    validators = graph(neuron(0, key.ss58, stake_rao=10))
    runners = [EchoRunner(), EchoRunner(), OldAnswers(), EchoRunner(wait_s=30.0), EchoRunner(broken=True)]
    async with AsyncExitStack() as stack:
        keys = [Hotkey.of(f"//Miner{number}") for number in range(6)]
        places = [
            await stack.enter_async_context(mining(keys[number], runner, validators))
            for number, runner in enumerate(runners)
        ]
        places.append("127.0.0.1:1")
        members = graph(
            neuron(0, key.ss58, stake_rao=10),
            *(neuron(number + 1, keys[number].ss58, place) for number, place in enumerate(places)),
        )
        judging = stack.enter_context(ThreadPoolExecutor(1))
        clock = SystemClock()
        orders = SyntheticOrders(GrammarPrompts("test"), Identity.generate(), clock, random.Random(1))
        asker = Asker(key, http, clock, netuid=1)
        trials = Trials(asker, orders, TextEvaluator(), judging, deadlines_s={Service.SPEECH: 1.5})
        rounds, memory = rounds_of(trials, tmp_path)
        outcomes = {one.neuron.uid: one for one in await rounds.run(lambda: members, key.ss58)}
        runners[3].wait_s = 0.0
    endings = {uid: one.ending for uid, one in outcomes.items()}
    judged, missed = Ending.JUDGED, Ending.MISSED
    assert endings == {1: judged, 2: judged, 3: judged, 4: missed, 5: missed, 6: Ending.UNREACHABLE}
    assert outcomes[3].vote is not None
    assert outcomes[3].vote.verdict is Verdict.INVALID
    assert set(memory.weights_ppm(members)) == {1, 2}
    assert len({request.text for runner in runners[:2] for request in runner.asked}) == 2  # an order of its own each
    with pytest.raises(UnreachableError):
        await asker.card(members.neurons[6])
