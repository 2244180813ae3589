"""A job is carried through: what fails is named, what is paid for is kept and never paid twice, the limit holds."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest
from network_of import ScriptedEvaluator, ToneRunner, World, say, world

from antiphon.client.budget import Budget, paid_nano
from antiphon.client.client import RETRIES, Job
from antiphon.client.events import Audio, Closed, Event, Missing, Opened
from antiphon.client.job_policy import JobPolicy, Result
from antiphon.client.job_store import JobStore
from antiphon.client.recovery import Recovered, recover
from antiphon.client.runs import TaskRun
from antiphon.economy.types import NANO, Rules, Verdict
from antiphon.errors import FundsError, InputError, OutputError, RejectedError, StateError
from antiphon.ledger.operations import Cancel, DrawSeats, Operation, Selector
from antiphon.ledger.records import PartState
from antiphon.nodes.evaluation import Submission
from antiphon.nodes.producer import Producer
from antiphon.parties.messages import DATA
from antiphon.services import SpeechRequest

SPEECH = Selector(service="speech", language="en-us", voice="tone")
TEXTS = tuple(f"This is sentence number {number}." for number in range(20))


def never(text: str) -> Callable[[object], Verdict]:
    return lambda work: Verdict.INVALID if work.request.text == text else Verdict.VALID  # type: ignore[attr-defined]


async def run(
    net: World, policy: JobPolicy, *texts: str, stop: Callable[[Event], bool] = lambda _: False
) -> list[Event]:
    events: list[Event] = []
    async with aclosing(net.client.run(Job(say(*texts), SPEECH, policy=policy))) as job:
        async for event in job:
            events.append(event)
            if stop(event):
                break
    return events


def sounding(events: list[Event]) -> list[int]:
    return sorted({event.number for event in events if isinstance(event, Audio) and event.audio is not None})


async def paid_parts(net: World) -> list[str]:
    """The tasks of every part that the client paid for, one entry a part."""
    tasks = await net.ledger.tasks(net.client.node_id, 1_000)
    parts = [part for task in tasks for part in await net.ledger.parts(task.task)]
    return [part.task for part in parts if part.state is PartState.VALID]


async def spent(net: World) -> int:
    account = await net.ledger.account(net.client.node_id)
    return 1_000 * NANO - account.balance_nano - account.escrow_nano


async def test_one_sentence_that_nobody_can_speak_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    async with world(tmp_path, evaluator=ScriptedEvaluator(say=never(TEXTS[3]))) as net:
        events = await run(net, JobPolicy(keep_going=True), *TEXTS)
        (missing,) = (event for event in events if isinstance(event, Missing))
        assert missing.number == 3
        assert isinstance(missing.error, RejectedError)
        assert sounding(events) == [number for number in range(20) if number != 3]
        ends = [event.number for event in events if isinstance(event, Audio) and event.audio is None]
        assert ends == list(range(20))
        assert sum(isinstance(event, Opened) for event in events) == 2 + RETRIES
        assert len(await paid_parts(net)) == 19
        assert (await net.ledger.account(net.client.node_id)).escrow_nano == 0


async def test_a_job_of_which_nothing_can_be_made_fails(tmp_path: Path) -> None:
    async with world(tmp_path, evaluator=ScriptedEvaluator(say=lambda _: Verdict.INVALID)) as net:
        with pytest.raises(RejectedError):
            await run(net, JobPolicy(keep_going=True), *TEXTS[:3])
        assert await spent(net) == 0


async def test_what_is_paid_for_is_kept_and_only_what_is_missing_is_bought(tmp_path: Path) -> None:
    evaluator = ScriptedEvaluator(say=never(TEXTS[3]))
    async with world(tmp_path, evaluator=evaluator) as net:
        store = JobStore(tmp_path, tmp_path / "a.wav")
        first = await run(net, JobPolicy(keeper=store, keep_going=True), *TEXTS)
        store.close()
        assert sounding(first) == [number for number in range(20) if number != 3]
        evaluator.say = lambda _: Verdict.VALID
        store = JobStore(tmp_path, tmp_path / "a.wav")
        found = await recover(net.client, store, patience_s=0.0)
        second = await run(net, JobPolicy(keeper=store), *TEXTS)
        assert found.paid_nano + paid_last(second, net) == await spent(net)
        assert [event.parts for event in second if isinstance(event, Opened)] == [1]
        assert sounding(second) == list(range(20))
        assert len(await paid_parts(net)) == 20


def paid_last(events: list[Event], net: World) -> int:
    return sum(paid_nano(net.client.node_id, event.parts) for event in events if isinstance(event, Closed))


async def test_a_changed_sentence_costs_one_sentence_and_equal_ones_are_told_apart(tmp_path: Path) -> None:
    async with world(tmp_path) as net:
        store = JobStore(tmp_path, tmp_path / "a.wav")
        whole = await run(net, JobPolicy(keeper=store), "Yes.", "No.", "Yes.", "Perhaps not.")
        store.close()
        store = JobStore(tmp_path, tmp_path / "a.wav")
        assert store.kept == 4
        again = await run(net, JobPolicy(keeper=store), "Well.", "Yes.", "No.", "Yes.", "Perhaps not.")
        assert [event.parts for event in again if isinstance(event, Opened)] == [1]
        assert len(await paid_parts(net)) == 5
        sounds = [e.audio.to_pcm16() for e in whole if isinstance(e, Audio) and e.audio]
        assert b"".join(sounds) == b"".join(
            e.audio.to_pcm16() for e in again if isinstance(e, Audio) and e.audio and e.number
        )


async def test_a_sentence_of_a_complete_job_is_made_anew_with_another_seed(tmp_path: Path) -> None:
    texts = ("Yes.", "No.", "Yes.", "Perhaps not.")
    requests = say(*texts)
    async with world(tmp_path) as net:
        store = JobStore(tmp_path, tmp_path / "a.wav")
        await run(net, JobPolicy(keeper=store), *texts)
        store.keep_complete()
        for made, tries in ((5, 1), (6, 2)):
            store = JobStore(tmp_path, tmp_path / "a.wav")
            assert store.header.complete
            store.remake(requests, [2])
            assert (store.kept, store.header.complete) == (3, False)
            assert [store.tries(store.slot(one)) for one in requests] == [0, 0, tries, 0]
            store.close()
            store = JobStore(tmp_path, tmp_path / "a.wav")
            assert await recover(net.client, store, patience_s=0.0) == Recovered()  # nothing is fetched again
            again = await run(net, JobPolicy(keeper=store), *texts)
            assert sounding(again) == list(range(4))
            assert len(await paid_parts(net)) == made
            store.keep_complete()


@pytest.mark.parametrize("seed", range(6))
async def test_a_client_that_dies_anywhere_pays_each_sentence_once(tmp_path: Path, seed: int) -> None:
    """Dies: nothing of it runs on, nothing is cancelled. What was delivered is judged and paid for behind its back."""
    rng = random.Random(seed)
    async with world(tmp_path, rules=Rules(commit_s=20, reveal_s=20)) as net:
        for _ in range(3):
            store = JobStore(tmp_path, tmp_path / "a.wav")
            dying = asyncio.create_task(run(net, JobPolicy(keeper=store), *TEXTS))
            await asyncio.sleep(rng.uniform(0.0, 0.4))
            net.client._abandon = forget  # type: ignore[method-assign]
            dying.cancel()
            await asyncio.gather(dying, return_exceptions=True)
            store.close()
            del net.client._abandon
            store = JobStore(tmp_path, tmp_path / "a.wav")
            found = await recover(net.client, store, patience_s=600.0)
            assert (found.lost, found.open) == (0, set())
            assert store.kept == len(await paid_parts(net))
            store.close()
        store = JobStore(tmp_path, tmp_path / "a.wav")
        found = await recover(net.client, store, patience_s=600.0)
        assert found.paid_nano == await spent(net)
        events = await run(net, JobPolicy(keeper=store), *TEXTS)
        assert sounding(events) == list(range(20))
        assert len(await paid_parts(net)) == 20
        assert (await net.ledger.account(net.client.node_id)).escrow_nano == 0


async def test_rounds_that_wait_for_the_clients_link_are_drawn_side_by_side(tmp_path: Path) -> None:
    """Nobody could say anything about any part at first. No part's second verdict may be needed for another's draw."""
    texts, dead, drawn = TEXTS[:4], threading.Event(), set[int]()
    all_drawn, heard = threading.Event(), Counter[str]()

    def listen(work: Submission) -> Verdict:
        heard[work.request.text] += 1  # type: ignore[attr-defined]
        if heard[work.request.text] <= 3:  # type: ignore[attr-defined]  # the first round's three seats
            return Verdict.INCONCLUSIVE if dead.wait(20) else Verdict.INVALID
        return Verdict.VALID if all_drawn.wait(20) else Verdict.INVALID

    async with world(tmp_path, evaluator=ScriptedEvaluator(say=listen)) as net:
        store = JobStore(tmp_path, tmp_path / "a.wav")
        dying = asyncio.create_task(run(net, JobPolicy(keeper=store), *texts))
        async with asyncio.timeout(300):
            while await seated(net) < len(texts):  # noqa: ASYNC110 - the ledger tells a node, not a test
                await asyncio.sleep(0.01)
        net.client._abandon = forget  # type: ignore[method-assign]
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        store.close()
        submit = net.client.submit

        async def noted(operation: Operation, task: str = "", *, nonce: bytes = b"") -> None:
            if isinstance(operation, DrawSeats) and operation.round == 1:
                drawn.add(operation.index)
                if len(drawn) == len(texts):
                    all_drawn.set()
            await submit(operation, task, nonce=nonce)
            if isinstance(operation, Cancel):
                dead.set()

        net.client.submit = noted  # type: ignore[method-assign]
        store = JobStore(tmp_path, tmp_path / "a.wav")
        found = await recover(net.client, store, patience_s=60.0)
        assert (found.lost, found.open, found.fetched) == (0, set(), len(texts))
        store.close()


async def seated(net: World) -> int:
    """Parts whose judges are drawn."""
    tasks = await net.ledger.tasks(net.client.node_id, 1_000)
    parts = [part for task in tasks for part in await net.ledger.parts(task.task)]
    return sum(bool(part.seatings) for part in parts)


async def forget(run: TaskRun) -> None:
    """What a killed process does about its tasks: nothing of it runs on, and nothing is cancelled."""
    for worker in run.workers:
        worker.cancel()
    await asyncio.gather(*run.workers, return_exceptions=True)


async def test_a_budget_holds_with_everything_that_is_bought_again(tmp_path: Path) -> None:
    """A third of all votes call for a rejection; at no moment can more than the limit be spent."""
    rng = random.Random(5)
    evaluator = ScriptedEvaluator(say=lambda _: Verdict.INVALID if rng.random() < 0.3 else Verdict.VALID)
    async with world(tmp_path, evaluator=evaluator) as net:
        limit = (await net.client.quote(SPEECH, say(*TEXTS[:17]))).total_nano
        budget = Budget(limit)
        seen: list[Event] = []
        with pytest.raises(FundsError, match="--max-cost"):
            await run(net, JobPolicy(budget, keep_going=True), *TEXTS * 3, stop=lambda event: bool(seen.append(event)))
        closed = [event for event in seen if isinstance(event, Closed)]
        tasks = await net.ledger.tasks(net.client.node_id, 1_000)
        paid = [paid_nano(net.client.node_id, await net.ledger.parts(task.task)) for task in tasks]
        assert sum(paid) <= limit
        assert closed
        assert budget.spent_nano <= limit


async def test_a_limit_below_the_first_task_buys_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as net:
        quote = await net.client.quote(SPEECH, say("Hello."))
        with pytest.raises(FundsError, match="max-cost"):
            await run(net, JobPolicy(Budget(quote.total_nano - 1)), "Hello.")
        assert await net.ledger.tasks(net.client.node_id) == ()
        assert sounding(await run(net, JobPolicy(Budget(quote.total_nano)), "Hello.")) == [0]


async def test_a_producer_that_gets_dearer_while_the_job_runs_cannot_pass_the_limit(tmp_path: Path) -> None:
    """The attack: cheap at first, then ten times the price, when the client is in the middle of its book."""
    async with world(tmp_path, processors=0) as net:
        cheap = ToneRunner()
        node = await net.add("tone-1", Producer(net.context(), cheap))
        one = (await net.client.quote(SPEECH, say(*TEXTS[:16]))).total_nano
        budget = Budget(int(2.5 * one))
        job = run_until_dearer(net, budget, node, cheap)
        with pytest.raises(FundsError, match="more than the limit"):
            await job
        assert await spent(net) <= budget.limit_nano  # type: ignore[operator]


async def run_until_dearer(net: World, budget: Budget, node: Producer, work: ToneRunner) -> None:  # type: ignore[type-arg]
    async with aclosing(net.client.run(Job(say(*TEXTS * 3), SPEECH, policy=JobPolicy(budget)))) as events:
        async for event in events:
            if isinstance(event, Opened):
                work._price_nano = 200_000
                await node._register()


async def test_a_keeper_that_has_no_room_ends_the_job_at_once(tmp_path: Path) -> None:
    class Full(JobStore):
        def finished(self, slot: str, result: Result) -> None:
            raise OutputError("The disk is full", "Free some space.")

    async with world(tmp_path) as net:
        with pytest.raises(OutputError):
            await run(net, JobPolicy(keeper=Full(tmp_path, tmp_path / "a.wav"), keep_going=True), *TEXTS * 3)
        assert len(await net.ledger.tasks(net.client.node_id, 100)) <= 2
        await net.settle()


def test_what_is_kept_is_sealed_private_and_bound_to_its_place(tmp_path: Path) -> None:
    store = JobStore(tmp_path, tmp_path / "a.wav")
    slot = store.slot(SpeechRequest(text="A secret sentence.", voice="tone"))
    store.note(ledger="x")
    store.finished(slot, Result(DATA, b"a secret result"))
    (folder,) = (tmp_path / "jobs").iterdir()
    (part,) = folder.glob("*.part")
    assert folder.stat().st_mode & 0o077 == part.stat().st_mode & 0o077 == 0
    assert not any(b"secret" in file.read_bytes() for file in folder.iterdir() if file.is_file())
    assert store.load(slot).data == b"a secret result"
    with pytest.raises(InputError, match="Another command is making"):
        JobStore(tmp_path, tmp_path / "a.wav")
    part.rename(folder / "0-1.part")
    with pytest.raises(StateError, match="damaged"):
        store.load("0-1")
    assert not store.has("0-1")
    store.discard()
    assert not JobStore(tmp_path, tmp_path / "a.wav").begun


def test_a_job_that_has_ended_takes_its_place_no_more(tmp_path) -> None:
    store = JobStore(tmp_path, tmp_path / "a.wav")
    store.note(limit_nano=1)
    store.close()
    with pytest.raises(OutputError, match="has ended"):  # a writer's thread that was at work when the job was cancelled
        store.note(limit_nano=2)
    assert JobStore(tmp_path, tmp_path / "a.wav").header.limit_nano == 1
