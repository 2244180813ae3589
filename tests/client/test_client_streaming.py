"""A listener of a stream does not wait for verdicts: the next sentence is heard while the last one is judged."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from network_of import ScriptedEvaluator, World, say, world

from antiphon.client.client import Job
from antiphon.client.events import Audio, Closed, Event, Missing, Stage
from antiphon.client.job import STREAM_PARTS
from antiphon.client.job_policy import JobPolicy
from antiphon.economy.types import Mode, Verdict
from antiphon.errors import RejectedError
from antiphon.ledger.operations import Selector
from antiphon.ledger.records import PartState
from antiphon.nodes.evaluation import Submission

SPEECH = Selector(service="speech", language="en-us", voice="tone")
TEXTS = tuple(f"This is sentence number {number}." for number in range(STREAM_PARTS))
HANG_S = 120.0


@asynccontextmanager
async def slow_judges(folder: Path, verdict: Verdict) -> AsyncIterator[tuple[World, threading.Event]]:
    """No verdict before the event."""
    listened = threading.Event()

    def judge(_: Submission) -> Verdict:
        assert listened.wait(HANG_S)
        return verdict

    async with world(folder, evaluator=ScriptedEvaluator(say=judge)) as net:
        try:
            yield net, listened
        finally:
            listened.set()


async def heard(
    net: World, listened: threading.Event, events: list[Event], policy: JobPolicy | None = None
) -> list[Event]:
    """All events of a stream; the judges may speak once the end of its last sentence was heard."""
    async with asyncio.timeout(HANG_S):
        async for event in net.client.run(Job(say(*TEXTS), SPEECH, mode=Mode.STREAM, policy=policy)):
            events.append(event)
            if isinstance(event, Audio) and (event.number, event.audio) == (STREAM_PARTS - 1, None):
                task = (await net.ledger.tasks())[0].task
                assert not any(part.state.final for part in await net.ledger.parts(task))
                listened.set()
    return events


async def test_all_of_a_task_is_heard_before_the_first_verdict(tmp_path: Path) -> None:
    async with slow_judges(tmp_path, Verdict.VALID) as (net, listened):
        events = await heard(net, listened, [])
        sounds = [event.number for event in events if isinstance(event, Audio) and event.audio is not None]
        assert sounds == sorted(sounds)
        assert set(sounds) == set(range(STREAM_PARTS))
        valid = [event.number for event in events if isinstance(event, Stage) and event.what == "valid"]
        assert sorted(valid) == list(range(STREAM_PARTS)), "each is told, though late"
        (closed,) = [event for event in events if isinstance(event, Closed)]
        assert {part.state for part in closed.parts} == {PartState.VALID}


async def test_what_was_heard_and_is_then_rejected_ends_the_job_and_costs_nothing(tmp_path: Path) -> None:
    async with slow_judges(tmp_path, Verdict.INVALID) as (net, listened):
        before_nano = (await net.ledger.account(net.client.node_id)).balance_nano
        with pytest.raises(RejectedError, match="rejected part 1"):
            await heard(net, listened, [])
        account = await net.ledger.account(net.client.node_id)
        assert account.balance_nano >= before_nano
        assert account.escrow_nano == 0


async def test_a_job_that_goes_on_names_what_was_heard_and_rejected(tmp_path: Path) -> None:
    async with slow_judges(tmp_path, Verdict.INVALID) as (net, listened):
        events: list[Event] = []
        with pytest.raises(RejectedError):  # nothing of it was good
            await heard(net, listened, events, JobPolicy(keep_going=True))
        assert [event.number for event in events if isinstance(event, Missing)] == list(range(STREAM_PARTS))
