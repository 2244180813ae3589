"""A client that leaves, at any moment: it is over at once, and nothing stays behind."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from network_of import ScriptedEvaluator, ToneRunner, World, say, world

from antiphon.client.client import Job
from antiphon.client.events import Event
from antiphon.economy.types import Mode, Rules, Verdict
from antiphon.ledger.operations import Selector
from antiphon.nodes.evaluation import Submission
from antiphon.protocol import TaskKey
from antiphon.services import Request

SPEECH = Selector(service="speech", language="en-us", voice="tone")
WITHIN_S = 10.0
SENTENCES = ("The first sentence.", "The second one.", "And the third of them.")


class SlowTone(ToneRunner):
    def produce(self, request: Request, seed: int) -> Iterator[bytes]:
        for chunk in super().produce(request, seed):
            time.sleep(0.02)
            yield chunk


def slowly(evidence: Submission) -> Verdict:
    time.sleep(0.03)
    return Verdict.VALID


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> list[TaskKey]:
    """Every task key that anybody makes or unwraps."""
    made: list[TaskKey] = []
    original = TaskKey.__init__

    def remember(self: TaskKey, key: bytes) -> None:
        original(self, key)
        made.append(self)

    monkeypatch.setattr(TaskKey, "__init__", remember)
    return made


@asynccontextmanager
async def watched(folder: Path, keys: list[TaskKey], caplog: pytest.LogCaptureFixture) -> AsyncIterator[World]:
    """A slow world that is checked when the client has gone: money, keys, tasks, the loop's complaints."""
    complaints: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    before = asyncio.all_tasks()
    with caplog.at_level(logging.ERROR):
        evaluator = ScriptedEvaluator(say=slowly)
        async with world(folder, processors=0, evaluator=evaluator, rules=Rules(commit_s=3, reveal_s=3)) as net:
            from antiphon.nodes.producer import Producer

            for number in range(2):
                await net.add(f"slow-{number}", Producer(net.context(), SlowTone()))
            money = await net.issued()
            yield net
            async with asyncio.timeout(WITHIN_S):
                await net.settle()
            assert (await net.ledger.account(net.client.node_id)).escrow_nano == 0
            assert await net.issued() == money
            gc.collect()
            await asyncio.sleep(0)
            assert [key for key in keys if not key.destroyed] == []
            for node in net.nodes.values():
                assert not getattr(node, "_taken", None)
                assert not getattr(node, "_judging", None)
        left = {task for task in asyncio.all_tasks() - before if not task.done()}
        assert left == set()
    assert complaints == []
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def leave_after(net: World, job: Job, events: int) -> int:
    """Close the stream of events after so many; how many there were."""
    seen = 0
    async with asyncio.timeout(WITHIN_S), aclosing(net.client.run(job)) as stream:
        async for _ in stream:
            seen += 1
            if seen >= events:
                break
    return seen


@pytest.mark.parametrize("mode", list(Mode))
async def test_leaving_after_any_event_ends_at_once_and_leaves_nothing(
    tmp_path: Path, keys: list[TaskKey], caplog: pytest.LogCaptureFixture, mode: Mode
) -> None:
    async with watched(tmp_path, keys, caplog) as net:
        events = 0
        while True:
            events += 1
            if await leave_after(net, Job(say(*SENTENCES), SPEECH, mode=mode), events) < events:
                break
        assert events > 10


async def consume(net: World, job: Job) -> list[Event]:
    return [event async for event in net.client.run(job)]


@pytest.mark.parametrize("mode", list(Mode))
async def test_a_cancel_at_any_time_ends_at_once_and_leaves_nothing(
    tmp_path: Path, keys: list[TaskKey], caplog: pytest.LogCaptureFixture, mode: Mode
) -> None:
    async with watched(tmp_path, keys, caplog) as net:
        delays_s = [0.0, *(0.0005 * 1.35**step for step in range(20))]
        for delay_s in delays_s:
            work = asyncio.create_task(consume(net, Job(say(*SENTENCES), SPEECH, mode=mode)))
            await asyncio.sleep(delay_s)
            work.cancel()
            async with asyncio.timeout(WITHIN_S):
                await asyncio.gather(work, return_exceptions=True)


async def test_a_second_cancel_during_the_clean_up_does_not_leave_escrow_or_keys(
    tmp_path: Path, keys: list[TaskKey], caplog: pytest.LogCaptureFixture
) -> None:
    async with watched(tmp_path, keys, caplog) as net:
        for wait_s in (0.0, 0.001, 0.01, 0.05):
            for pause_s in (0.0, 0.001, 0.005):
                work = asyncio.create_task(consume(net, Job(say(*SENTENCES), SPEECH)))
                await asyncio.sleep(wait_s)
                work.cancel()
                await asyncio.sleep(pause_s)
                work.cancel()
                async with asyncio.timeout(WITHIN_S):
                    await asyncio.gather(work, return_exceptions=True)


async def test_a_timeout_around_a_job_whose_parts_are_judged_for_ever_is_kept(tmp_path: Path) -> None:
    """The case that once hung: parts wait for votes that do not come while the job is cancelled."""
    async with world(tmp_path, evaluator=ScriptedEvaluator(say=lambda _: time.sleep(1) or Verdict.VALID)) as net:
        started_s = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await consume(net, Job(say(*SENTENCES * 4), SPEECH))
        assert time.monotonic() - started_s < WITHIN_S


async def test_a_job_whose_text_never_comes_can_be_left(tmp_path: Path) -> None:
    """Text is read outside the event loop: a silent terminal stops neither heartbeats nor Ctrl-C."""

    def silent() -> Iterator[Request]:
        time.sleep(3)
        yield from say("Too late.")

    async with world(tmp_path) as net:
        started_s = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await consume(net, Job(silent(), SPEECH))
        assert time.monotonic() - started_s < 2.5
