"""A task from quote to receipt, with real ledger, protocol, transport and nodes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from network_of import ScriptedEvaluator, ToneRunner, collect, say, world

from antiphon.client.client import Job
from antiphon.client.events import Audio, Stage
from antiphon.economy.measurement import Measurement
from antiphon.economy.settlement import hold_fee
from antiphon.economy.types import Mode, Role, Rules, Verdict, Vote
from antiphon.errors import ConflictError, FundsError, RejectedError, UnavailableError
from antiphon.ledger import receipts
from antiphon.ledger.operations import Selector
from antiphon.ledger.records import PartState, TaskState
from antiphon.nodes.evaluation import Submission
from antiphon.nodes.producer import Producer
from antiphon.parties.messages import FETCH, Fetch

SPEECH = Selector(service="speech", language="en-us", voice="tone")


class Slow(ToneRunner):
    def produce(self, request, seed):  # type: ignore[no-untyped-def]
        import time

        for chunk in super().produce(request, seed):
            time.sleep(1.0)
            yield chunk


async def test_a_job_yields_all_audio_in_order_and_a_receipt_that_verifies_offline(tmp_path: Path) -> None:
    async with world(tmp_path) as net:
        events, closed = await collect(net.client, Job(say("One.", "Two, longer.", "Three."), SPEECH))
        numbers = [event.number for event in events if isinstance(event, Audio)]
        assert numbers == sorted(numbers)
        assert {event.number for event in events if isinstance(event, Audio) and event.audio} == {0, 1, 2}
        assert [one.task.state for one in closed] == [TaskState.COMPLETED]
        receipts.audit(closed[0].receipt)


@pytest.mark.parametrize("mode", list(Mode))
async def test_validators_heard_exactly_what_the_client_got(tmp_path: Path, mode: Mode) -> None:
    evaluator = ScriptedEvaluator()
    async with world(tmp_path, evaluator=evaluator) as net:
        events, _ = await collect(net.client, Job(say("The very same samples."), SPEECH, mode=mode))
    got = np.concatenate([e.audio.samples for e in events if isinstance(e, Audio) and e.audio], axis=1)
    assert len(evaluator.heard) == 3
    for heard in evaluator.heard:
        assert heard.audio is not None
        np.testing.assert_array_equal(heard.audio.samples, got)


async def test_stream_mode_releases_audio_before_the_vote_and_verified_mode_after_it(tmp_path: Path) -> None:
    async with world(tmp_path) as net:
        for mode, early in ((Mode.STREAM, True), (Mode.VERIFIED, False)):
            states = []
            async for event in net.client.run(Job(say("What comes first?"), SPEECH, mode=mode)):
                if isinstance(event, Audio) and event.audio:
                    task = (await net.ledger.tasks())[0].task
                    states.append((await net.ledger.part(task, 0)).state)
            assert (PartState.VALID not in states[:1]) is early


async def test_parts_are_spread_over_several_processors(tmp_path: Path) -> None:
    async with world(tmp_path) as net:
        _, closed = await collect(net.client, Job(say(*(f"Sentence {n}." for n in range(6))), SPEECH))
        makers = {part.assignment.producers[part.attempt].node for part in closed[0].parts}
        assert len(makers) == 2


async def test_a_long_job_runs_as_several_tasks_and_locks_little(tmp_path: Path) -> None:
    async with world(tmp_path) as net:
        _, closed = await collect(net.client, Job(say(*(f"Number {n}." for n in range(40))), SPEECH))
        assert [len(one.parts) for one in closed] == [16, 16, 8]
        assert (await net.ledger.account(net.client.node_id)).escrow_nano == 0


async def test_money_is_conserved_and_the_client_never_pays_more_than_the_quote(tmp_path: Path) -> None:
    async with world(tmp_path) as net:
        before = await net.money()
        balance = (await net.ledger.account(net.client.node_id)).balance_nano
        _, closed = await collect(net.client, Job(say("One.", "Two."), SPEECH))
        await net.settle()
        assert await net.money() == before
        paid = balance - (await net.ledger.account(net.client.node_id)).balance_nano
        assert 0 < paid <= closed[0].task.quote.total_nano


async def test_the_same_seed_gives_the_same_audio_and_another_seed_another(tmp_path: Path) -> None:
    async def make(seed: int) -> bytes:
        events, _ = await collect(net.client, Job(say("Seeded."), SPEECH, seed=seed))
        return b"".join(e.audio.to_pcm16() for e in events if isinstance(e, Audio) and e.audio)

    async with world(tmp_path) as net:
        assert await make(1) == await make(1)
        assert await make(1) != await make(2)


async def test_rejected_work_is_refunded_and_costs_the_producer_its_stake(tmp_path: Path) -> None:
    evaluator = ScriptedEvaluator(say=lambda _: Verdict.INVALID, score_ppm=50_000)
    async with world(tmp_path, processors=1, evaluator=evaluator) as net:
        before = await net.ledger.account(net.client.node_id)
        with pytest.raises(RejectedError):
            await collect(net.client, Job(say("Bad work."), SPEECH))
        await net.settle()
        after = await net.ledger.account(net.client.node_id)
        producer = await net.ledger.account(net.nodes["processor-0"].node_id)
        assert after.escrow_nano == 0
        assert after.balance_nano >= before.balance_nano
        assert producer.stake_nano < 100_000_000_000


async def test_inconclusive_votes_refund_and_punish_nobody(tmp_path: Path) -> None:
    evaluator = ScriptedEvaluator(say=lambda _: Verdict.INCONCLUSIVE)
    async with world(tmp_path, evaluator=evaluator, validators=6) as net:
        before = await net.money()
        with pytest.raises(UnavailableError):
            await collect(net.client, Job(say("Nobody can tell."), SPEECH))
        await net.settle()
        assert await net.money() == before
        for node in net.nodes.values():
            assert (await net.ledger.account(node.node_id)).stake_nano == 100_000_000_000


async def test_a_busy_or_dead_producer_is_passed_over(tmp_path: Path) -> None:
    async with world(tmp_path) as net:
        net.transport.unregister("processor-0")
        _, closed = await collect(net.client, Job(say(*(f"Part {n}." for n in range(4))), SPEECH))
        assert closed[0].task.state is TaskState.COMPLETED
        alive = net.nodes["processor-1"].node_id
        assert {part.assignment.producers[part.attempt].node for part in closed[0].parts} == {alive}


async def test_closing_the_stream_cancels_and_refunds(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0) as net:
        await net.add("slow", Producer(net.context(), Slow()))
        before = (await net.ledger.account(net.client.node_id)).balance_nano
        events = net.client.run(Job(say("Wait for me.", "And me.", "Me too."), SPEECH))
        async for event in events:
            if isinstance(event, Stage):
                break
        await events.aclose()
        after = await net.ledger.account(net.client.node_id)
        parts = [part for task in await net.ledger.tasks() for part in await net.ledger.parts(task.task)]
        stood_by = sum(hold_fee(terms, Rules()) for part in parts for terms in part.assignment.producers)
        assert (before - after.balance_nano, after.escrow_nano) == (stood_by, 0)
        states = {part.state for part in parts}
        assert states == {PartState.CANCELLED}


async def test_no_money_no_task(tmp_path: Path) -> None:
    async with world(tmp_path, balance_nano=0) as net:
        with pytest.raises(FundsError):
            await collect(net.client, Job(say("For free?"), SPEECH))


async def test_no_node_for_a_voice_says_so(tmp_path: Path) -> None:
    async with world(tmp_path) as net:
        with pytest.raises(UnavailableError, match="processor"):
            await collect(net.client, Job(say("Hi."), Selector(service="speech", voice="nobody")))


async def test_a_trainer_is_a_producer_in_an_earlier_phase(tmp_path: Path) -> None:
    async with world(tmp_path) as net:
        trainer = Producer(net.context(), ToneRunner(), role=Role.TRAINER)
        await net.add("trainer", trainer)
        assert {node.role for node in await net.ledger.nodes()} == {Role.PROCESSOR, Role.VALIDATOR, Role.TRAINER}


async def test_a_silent_validator_does_not_hold_the_task_up_for_ever(tmp_path: Path) -> None:
    rules = Rules(commit_s=1, reveal_s=1)
    async with world(tmp_path, rules=rules) as net:
        net.transport.unregister("validator-0")
        async with asyncio.timeout(300):
            _, closed = await collect(net.client, Job(say("Two of three are enough."), SPEECH))
        assert closed[0].task.state is TaskState.COMPLETED


async def test_keys_are_gone_when_the_task_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from antiphon.protocol import TaskKey

    made: list[TaskKey] = []
    original = TaskKey.__init__

    def remember(self: TaskKey, key: bytes) -> None:
        original(self, key)
        made.append(self)

    monkeypatch.setattr(TaskKey, "__init__", remember)
    async with world(tmp_path) as net:
        for mode in (Mode.VERIFIED, Mode.STREAM):
            await collect(net.client, Job(say("Secret."), SPEECH, mode=mode))
        await net.settle()
        assert len(made) >= 2 * (1 + 1 + 3)
        assert all(key.destroyed for key in made)


async def test_a_rejected_sentence_is_bought_again_with_another_seed_and_keeps_its_place(tmp_path: Path) -> None:
    heard: list[bytes] = []

    def fussy(evidence: Submission) -> Verdict:
        assert evidence.audio is not None
        if evidence.request.text != "Two.":
            return Verdict.VALID
        heard.append(evidence.audio.to_pcm16())
        return Verdict.VALID if len(set(heard)) > 1 else Verdict.INVALID

    async with world(tmp_path, processors=1, evaluator=ScriptedEvaluator(say=fussy)) as net:
        events, closed = await collect(net.client, Job(say("One.", "Two.", "Three."), SPEECH, seed=5))
        await net.settle()
        order = [event.number for event in events if isinstance(event, Audio) and event.audio]
        assert order == sorted(order)
        assert set(order) == {0, 1, 2}
        assert {one.task.state for one in closed} == {TaskState.PARTIAL, TaskState.COMPLETED}
        assert (await net.ledger.account(net.client.node_id)).escrow_nano == 0


async def test_a_vote_too_long_to_reveal_becomes_inconclusive_and_costs_its_validator_nothing(tmp_path: Path) -> None:
    class Chatty(ScriptedEvaluator):
        def vote(self, submission: Submission) -> Vote:
            words = Measurement(judge="words", name="wer", unit="ratio", reason="because " * 10_000)
            return Vote(verdict=Verdict.VALID, score_ppm=900_000, measurements=(words,))

    async with world(tmp_path, evaluator=Chatty()) as net:
        with pytest.raises(UnavailableError):
            await collect(net.client, Job(say("Say less."), SPEECH, synthetic=False, mode=Mode.STREAM))
        await net.settle()
        for node in net.nodes.values():
            assert (await net.ledger.account(node.node_id)).stake_nano == 100_000_000_000


async def test_a_validator_hands_out_no_audio_before_it_was_found_valid(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0, validators=1) as net:
        await net.add("slow", Producer(net.context(), Slow()))
        events = net.client.run(Job(say("Not yet."), SPEECH))
        async for event in events:
            if isinstance(event, Stage):
                break
        task = (await net.ledger.tasks())[0].task
        message = net.client.sign(FETCH, net.nodes["validator-0"].node_id, task, Fetch(index=0, attempt=0))
        with pytest.raises(ConflictError, match="once it was found valid"):
            async for _ in net.transport.request("inproc://validator-0", message, deadline_s=5):
                pass
        await events.aclose()
