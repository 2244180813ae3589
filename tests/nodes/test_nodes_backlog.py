"""A producer makes no more than its validators judge in time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from network_of import ScriptedEvaluator, ToneRunner, say, world

from antiphon.client.client import Job
from antiphon.client.events import Event
from antiphon.clock import ManualClock
from antiphon.economy.types import Mode, Rules, Verdict
from antiphon.ledger.operations import Selector
from antiphon.nodes.backlog import Backlog
from antiphon.nodes.evaluation import Submission
from antiphon.nodes.producer import Producer


def test_as_much_waits_for_verdicts_as_comes_back_in_half_the_time_to_commit() -> None:
    clock = ManualClock(0)
    backlog = Backlog(clock)
    assert backlog.fits(0.001), "one alone is let in however slow they are"
    waiting = 0
    while backlog.fits(30):
        backlog.delivered()
        waiting += 1
    assert waiting == 15, "a second each, as nothing is known"
    for _ in range(10):
        clock.advance(3.0)
        backlog.judged()
    assert not backlog.fits(30), "5 wait, and each takes almost 3 s"
    assert backlog.fits(60)
    for _ in range(5):
        clock.advance(3.0)
        backlog.judged()
    clock.advance(1_000.0)
    backlog.delivered()
    clock.advance(0.1)
    backlog.judged()
    for _ in range(4):
        backlog.delivered()
    assert backlog.fits(30), "time in which nothing waited tells nothing"


async def test_making_waits_for_slow_judges_and_everything_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("antiphon.nodes.backlog.FIRST_S", 4.0)
    may = threading.Event()
    runner = ToneRunner()

    def slow(_: Submission) -> Verdict:
        assert may.wait(120)
        return Verdict.VALID

    texts = [f"Sentence {number}." for number in range(16)]
    async with (
        asyncio.timeout(120),
        world(tmp_path, processors=0, evaluator=ScriptedEvaluator(say=slow)) as net,
    ):
        node = await net.add("only", Producer(net.context(), runner, queue=32))
        assert isinstance(node, Producer)
        job = asyncio.create_task(_all(net.client.run(Job(say(*texts), SPEECH, mode=Mode.VERIFIED))))
        try:
            while node._backlog.fits(Rules().commit_s):  # noqa: ASYNC110 - it has no event for it
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            assert runner.made <= 5, "three wait, one more was begun before, and none after"
        finally:
            may.set()
        await job
        assert runner.made == len(texts)


SPEECH = Selector(service="speech", language="en-us", voice="tone")


async def _all(events: AsyncIterator[Event]) -> None:
    async for _ in events:
        pass
