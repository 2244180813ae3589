"""Who tries to cheat whom, and what comes of it: real ledger, protocol and transport; one dishonest node among honest
ones. In every case money is conserved, honest parties are unharmed, and the client hears what was judged or pays
nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from adversaries import (
    Answers,
    Careless,
    Copies,
    Declares,
    HalfAStream,
    NeverEnds,
    OtherCopy,
    Replays,
    RevealsOther,
    ShowsNobody,
    ShowsNoise,
    ShowsOne,
    ShowsOther,
    ShowsWrongKey,
    TwoFaced,
    VotesTwice,
    Withholds,
    absurd_rate,
    accepts_and_sleeps,
    accepts_twice,
    busy_for_ever,
    claims_a_user_error,
    done_without_audio,
    empty_frames,
    garbage,
    huge_frame,
    loud,
    raises,
    sleeps,
    unknown_frames,
    vote,
)
from network_of import RATE_HZ, ScriptedEvaluator, ToneRunner, World, collect, say, world

from antiphon.client.client import Client, Job
from antiphon.client.events import Audio, Closed, Event
from antiphon.economy.beacon import Chain
from antiphon.economy.types import NANO, PPM, Mode, Rules, Verdict
from antiphon.errors import AntiphonError, ConflictError, InputError, ProtocolError
from antiphon.ledger import panel
from antiphon.ledger.base import Ledger
from antiphon.ledger.operations import Deliver, DrawSeats, Operation, Selector
from antiphon.ledger.records import PartRecord, PartState, TaskState
from antiphon.nodes.evaluation import Submission
from antiphon.nodes.node import Node
from antiphon.nodes.producer import Producer
from antiphon.nodes.validator import Validator
from antiphon.parties.actor import Actor
from antiphon.parties.messages import ORDER, WORK, PartBrief, Work
from antiphon.parties.orders import make_order, wrap_for
from antiphon.protocol import Envelope, Identity, TaskKey, canonical
from antiphon.services import SpeechRequest

SPEECH = Selector(service="speech", language="en-us", voice="tone")
SHORT = Rules(deliver_s=1, draw_s=1, commit_s=1, reveal_s=1)
BOND_NANO = 100 * NANO
TEXT = "A sentence that somebody pays for."
CHEAP_NANO = 10_000
PRICE_NANO = 15_000


def picky(evidence: Submission) -> Verdict:
    """Evaluators that notice what the integrity judge notices: no audio, or other figures than declared."""
    audio = evidence.audio
    if audio is None or audio.samples.shape[1] != evidence.declared_samples or audio.rate_hz != RATE_HZ:
        return Verdict.INVALID
    return Verdict.VALID if np.abs(audio.samples).max() < 0.35 else Verdict.INVALID


async def run(
    net: World, *, mode: Mode = Mode.VERIFIED, texts: tuple[str, ...] = (TEXT,)
) -> tuple[list[Event], Closed]:
    """A job that must succeed; afterwards nothing is locked and no money was made or lost."""
    before = await net.money()
    balance = (await net.ledger.account(net.client.node_id)).balance_nano
    events, (closed,) = await collect(net.client, Job(say(*texts), SPEECH, mode=mode))
    await net.settle()
    account = await net.ledger.account(net.client.node_id)
    assert account.escrow_nano == 0
    assert balance - account.balance_nano <= closed.task.quote.total_nano
    burnt = before - await net.money()
    assert 0 <= burnt <= BOND_NANO
    return events, closed


def pcm(events: list[Event]) -> bytes:
    return b"".join(event.audio.to_pcm16() for event in events if isinstance(event, Audio) and event.audio)


async def judged(net: World, evaluator: ScriptedEvaluator) -> bytes:
    heard = [evidence.audio.to_pcm16() for evidence in evaluator.heard if evidence.audio is not None]
    return heard[-1]


async def stake(net: World, name: str) -> int:
    return (await net.ledger.account(net.nodes[name].node_id)).stake_nano


async def gain(net: World, name: str) -> int:
    account = await net.ledger.account(net.nodes[name].node_id)
    return account.balance_nano + account.stake_nano - BOND_NANO


async def with_evil(net: World, make: Callable[..., Node], **more: Any) -> Node:
    """A cheap dishonest producer, which is asked first, beside a dear honest one."""
    await net.add("honest", Producer(net.context(), ToneRunner()))
    return await net.add("evil", make(net.context(), ToneRunner(CHEAP_NANO), **more))


async def with_evil_runner(net: World, runner: ToneRunner) -> None:
    """A producer that runs this engine cheaply, beside a dear honest one."""
    await net.add("honest", Producer(net.context(), ToneRunner()))
    await net.add("evil", Producer(net.context(), runner))


async def test_a_client_that_is_sent_other_audio_than_was_judged_gets_the_judged_from_a_validator(
    tmp_path: Path,
) -> None:
    evaluator = ScriptedEvaluator(say=picky)
    async with world(tmp_path, processors=0, evaluator=evaluator) as net:
        await with_evil(net, OtherCopy)
        events, _ = await run(net)
        assert pcm(events) == await judged(net, evaluator)


async def test_a_listener_who_heard_other_audio_than_was_judged_is_told(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0, evaluator=ScriptedEvaluator(say=picky)) as net:
        await with_evil(net, OtherCopy)
        with pytest.raises(ProtocolError, match="heard other than it was judged"):
            await run(net, mode=Mode.STREAM)


async def test_a_paid_producer_that_keeps_the_copy_back_gains_nothing_by_it(tmp_path: Path) -> None:
    evaluator = ScriptedEvaluator(say=picky)
    for mode in (Mode.VERIFIED, Mode.STREAM):
        async with world(tmp_path / mode, processors=0, evaluator=evaluator) as net:
            await with_evil(net, Withholds)
            events, closed = await run(net, mode=mode)
            assert pcm(events)
            if mode == Mode.VERIFIED:
                assert pcm(events) == await judged(net, evaluator)
            assert closed.task.state is TaskState.COMPLETED


@pytest.mark.parametrize("evil", [ShowsNobody, ShowsOne, ShowsWrongKey, ShowsOther, ShowsNoise])
async def test_work_that_most_seats_were_not_shown_is_invalid_and_the_next_producer_takes_over(
    tmp_path: Path, evil: type[Producer]
) -> None:
    """What does not fit the producer's own signature is not shown either."""
    async with world(tmp_path, processors=0, rules=SHORT, evaluator=ScriptedEvaluator(say=picky)) as net:
        await with_evil(net, evil)
        events, closed = await run(net)
        assert pcm(events)
        assert await stake(net, "evil") < BOND_NANO
        assert await gain(net, "honest") > 0
        assert closed.parts[0].attempt == 1
        for number in range(3):
            assert await gain(net, f"validator-{number}") > 0


async def test_who_shows_one_validator_something_else_is_convicted_by_its_own_signature(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0, evaluator=ScriptedEvaluator(say=picky)) as net:
        await with_evil(net, TwoFaced, honestly=True)
        _, closed = await run(net)
        assert closed.parts[0].attempt == 1
        first = closed.parts[0].rulings[0]
        assert (first.outcome.verdict, first.outcome.majority) == (Verdict.INVALID, (net.nodes["evil"].victim,))  # type: ignore[attr-defined]
        assert await stake(net, "evil") < BOND_NANO
        for number in range(3):
            assert await stake(net, f"validator-{number}") == BOND_NANO


async def test_a_validator_that_is_shown_what_nobody_signed_for_is_not_fined(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0, rules=SHORT, evaluator=ScriptedEvaluator(say=picky)) as net:
        await with_evil(net, TwoFaced, honestly=False)
        _, closed = await run(net)
        assert closed.parts[0].rulings[0].votes[net.nodes["evil"].victim].verdict is Verdict.ABSENT  # type: ignore[attr-defined]
        for number in range(3):
            assert await stake(net, f"validator-{number}") == BOND_NANO


@pytest.mark.parametrize("change", [{"size": 14}, {"rate_hz": 48_000}, {"channels": 2}, {"result_hash": bytes(32)}])
async def test_wrong_figures_in_a_delivery_cost_stake(tmp_path: Path, change: dict[str, Any]) -> None:
    async with world(tmp_path, processors=0, evaluator=ScriptedEvaluator(say=picky)) as net:
        await with_evil(net, Declares, change=change)
        await run(net)
        assert await stake(net, "evil") < BOND_NANO
        assert await gain(net, "honest") > 0


@pytest.mark.parametrize(
    "frames",
    [
        raises,
        sleeps,
        accepts_and_sleeps,
        garbage,
        unknown_frames,
        empty_frames,
        absurd_rate,
        accepts_twice,
        huge_frame,
        done_without_audio,
        claims_a_user_error,
        busy_for_ever,
    ],
)
@pytest.mark.parametrize("mode", list(Mode))
async def test_a_producer_that_answers_nonsense_or_nothing_is_passed_over_unpaid(
    tmp_path: Path, frames: Any, mode: Mode
) -> None:
    async with world(tmp_path, processors=0, rules=SHORT) as net:
        await with_evil(net, Answers, frames=frames)
        events, closed = await run(net, mode=mode)
        assert pcm(events)
        assert closed.parts[0].notes
        assert await gain(net, "evil") == 0
        assert await gain(net, "honest") > 0


@pytest.mark.parametrize("evil", [HalfAStream, NeverEnds])
@pytest.mark.parametrize("mode", list(Mode))
async def test_a_stream_that_breaks_off_is_taken_over_where_it_stopped(
    tmp_path: Path, evil: type[Producer], mode: Mode
) -> None:
    evaluator = ScriptedEvaluator()
    async with world(tmp_path, processors=0, evaluator=evaluator) as net:
        await with_evil(net, evil)
        events, closed = await run(net, mode=mode)
        assert closed.parts[0].attempt == 1
        if evil is HalfAStream:
            # Nothing twice, nothing missing.
            assert len(pcm(events)) == len(await judged(net, evaluator))
        assert await gain(net, "evil") == 0


async def test_an_old_answer_does_not_pass_for_a_new_one(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0) as net:
        await with_evil(net, Replays)
        await run(net)
        earned = await gain(net, "evil")
        assert earned > 0  # its first answer was honest
        _, closed = await run(net)
        assert closed.parts[0].attempt == 1
        assert await gain(net, "evil") == earned


async def test_a_second_delivery_and_one_for_anothers_part_are_refused(tmp_path: Path) -> None:
    refused: list[str] = []

    class DeliversTwice(Producer):
        async def submit(self, operation: Any, task: str = "") -> None:
            await super().submit(operation, task)
            if isinstance(operation, Deliver):
                for sender in (self, net.nodes["honest"]):
                    with pytest.raises(ConflictError) as found:
                        await Producer.submit(sender, operation, task)  # type: ignore[arg-type]
                    refused.append(str(found.value))

    async with world(tmp_path, processors=0) as net:
        await with_evil(net, DeliversTwice)
        await run(net)
        assert len(refused) == 2


# Validators


async def with_validators(net: World, make: Callable[..., Node], evaluator: ScriptedEvaluator) -> None:
    for number in range(2):
        await net.add(f"good-{number}", Validator(net.context(), evaluator, PRICE_NANO))
    await net.add("bad", make(net.context(), evaluator, PRICE_NANO))


@pytest.mark.parametrize(
    ("verdict", "score_ppm", "loses"), [(Verdict.INVALID, 900_000, True), (Verdict.VALID, 500_000, False)]
)
async def test_a_vote_without_listening_earns_nothing_and_a_wrong_one_costs_stake(
    tmp_path: Path, verdict: Verdict, score_ppm: int, loses: bool
) -> None:
    async with world(tmp_path, processors=1, validators=0) as net:

        def careless(*args: Any) -> Careless:
            return Careless(*args, vote=vote(verdict, score_ppm))

        await with_validators(net, careless, ScriptedEvaluator())
        await run(net)
        assert (await stake(net, "bad") < BOND_NANO) is loses
        assert await gain(net, "bad") <= 0
        assert await gain(net, "good-0") > 0


class Noise(ToneRunner):
    """Loud nonsense instead of what was ordered."""

    def produce(self, request: Any, seed: int) -> Iterator[bytes]:
        for piece in super().produce(request, seed):
            yield loud(piece)


async def test_a_cartel_of_producer_and_two_in_five_validators_loses_by_appeal_what_it_won_by_vote(
    tmp_path: Path,
) -> None:
    """It cheats always, since it can't know when it sits. Whoever is outvoted appeals by itself and loses nothing."""
    rules = Rules(commit_s=3, reveal_s=3, appeal_s=2)
    async with world(tmp_path, processors=0, validators=0, rules=rules) as net:
        await with_evil_runner(net, Noise(CHEAP_NANO))
        for number in range(2):
            cartel = Careless(net.context(), ScriptedEvaluator(), PRICE_NANO, vote=vote(Verdict.VALID, 900_000))
            await net.add(f"cartel-{number}", cartel)
        evaluator = ScriptedEvaluator(say=picky, score_ppm=50_000)
        for number in range(3):
            await net.add(f"good-{number}", Validator(net.context(), evaluator, PRICE_NANO))
        overturned = 0
        for _ in range(3):  # it captures 3 of 10 rounds; about ten of these parts are its own
            _, closed = await run(net, texts=tuple(f"{TEXT} {number}" for number in range(16)))
            notes = [note for part in closed.parts for note in part.notes]
            overturned += sum("overturned on appeal" in note for note in notes)
            assert await gain(net, "evil") < 0
            if overturned:
                break
        assert overturned
        await net.settle()
        for number in range(3):
            assert await gain(net, f"good-{number}") > 0
            assert await stake(net, f"good-{number}") >= BOND_NANO
        lost = sum([await stake(net, f"cartel-{number}") for number in range(2)])
        assert lost < 2 * BOND_NANO
        account = await net.ledger.account(net.client.node_id)
        assert account.escrow_nano == 0


async def test_anothers_commitment_cannot_be_opened_by_who_copied_it(tmp_path: Path) -> None:
    async with world(tmp_path, processors=1, validators=0, rules=SHORT) as net:
        await with_validators(net, Copies, ScriptedEvaluator())
        _, closed = await run(net)
        assert closed.task.state is TaskState.COMPLETED
        assert await stake(net, "bad") < BOND_NANO  # committed, and could not reveal
        assert await gain(net, "good-0") > 0


@pytest.mark.parametrize("other", [None, vote(Verdict.INVALID, 0)])
async def test_a_hidden_or_exchanged_vote_costs_stake_and_holds_nobody_up(tmp_path: Path, other: Any) -> None:
    async with world(tmp_path, processors=1, validators=0, rules=SHORT) as net:

        def hides(*args: Any) -> RevealsOther:
            return RevealsOther(*args, other=other)

        await with_validators(net, hides, ScriptedEvaluator())
        _, closed = await run(net)
        assert closed.task.state is TaskState.COMPLETED
        assert await stake(net, "bad") < BOND_NANO
        assert await gain(net, "good-0") > 0


async def test_voting_twice_counts_once(tmp_path: Path) -> None:
    async with world(tmp_path, processors=1, validators=0, rules=SHORT) as net:
        await with_validators(net, VotesTwice, ScriptedEvaluator())
        _, closed = await run(net)
        assert len(closed.parts[0].rulings[0].votes) == 2  # its second commitment was refused, and ended its turn
        assert await gain(net, "bad") <= 0


async def test_a_validators_key_opens_its_own_part_only(tmp_path: Path) -> None:
    from antiphon.parties.orders import open_order

    async with world(tmp_path) as net:
        _, closed = await run(net, texts=("One part.", "Another part."))
        stranger = net.nodes["validator-0"].context.identity
        keys = [TaskKey.generate() for _ in range(2)]
        orders = [
            net.client.sign(
                ORDER,
                net.client.node_id,
                closed.task.task,
                make_order(PartBrief(request=r, seed=1), k, task=closed.task.task, index=i),
            )
            for i, (k, r) in enumerate(zip(keys, say("One part.", "Another part."), strict=True))
        ]
        mine = wrap_for(keys[0], stranger.seal_public, task=closed.task.task, index=0, receiver=stranger.node_id)
        opened = open_order(orders[0], mine, task=closed.task, record=closed.parts[0], identity=stranger, at_ms=0)
        assert opened.brief.request.text == "One part."
        with pytest.raises(ProtocolError):
            open_order(orders[1], mine, task=closed.task, record=closed.parts[1], identity=stranger, at_ms=0)


# Clients


async def ask(net: World, client: Client, task: str, order: bytes, key: TaskKey, node: Node) -> bytes:
    """One Work message, as a client would send it; the first frame of the answer."""
    wrapped = wrap_for(key, node.context.identity.seal_public, task=task, index=0, receiver=node.node_id)
    message = client.sign(WORK, node.node_id, task, Work(index=0, attempt=0, order=order, wrapped_key=wrapped))
    async for frame in net.transport.request("inproc://evil", message, deadline_s=3):
        return frame
    raise AssertionError("no answer")


CHAIN = Chain(b"hostile client's secret, 32 bytes")


async def opens_its_link(net: World, client: Client, task: str) -> None:
    """What a client that follows its part would do by itself."""
    rules = (await net.ledger.task(task)).rules
    record = await net.ledger.part(task, 0)
    while record.state in {PartState.ASSIGNED, PartState.DRAWING}:
        if record.state is PartState.DRAWING:
            link, seen = CHAIN.link(record.round), panel.pool_hash(record, rules)
            place = {"task": task, "index": 0, "attempt": record.attempt, "round": record.round}
            await client.submit(DrawSeats(link=link, pool_hash=seen, **place), task)  # type: ignore[arg-type]
        record = await client.changed(record)


async def open_only(net: World, client: Client, text: str) -> str:
    """A task whose parts nobody follows: the hostile client does that itself."""
    from antiphon.economy.types import Part
    from antiphon.ledger.operations import OpenTask

    parts = (Part(index=0, units=len(text)),)
    quote = await net.ledger.quote(SPEECH, parts)
    task = TaskKey.generate().reveal()[:16].hex()
    await client.submit(
        OpenTask(
            task=task,
            selector=SPEECH,
            parts=parts,
            mode=Mode.STREAM,
            request_hash=bytes(32),
            tips=(CHAIN.tip,),
            max_total_nano=quote.total_nano,
        ),
        task,
    )
    return task


def order_of(client: Client, task: str, text: str, key: TaskKey) -> bytes:
    brief = PartBrief(request=SpeechRequest(text=text, voice="tone"), seed=1)
    return client.sign(ORDER, client.node_id, task, make_order(brief, key, task=task, index=0))


async def test_work_without_escrow_more_than_was_paid_for_or_on_anothers_task_is_refused(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0) as net:
        node = await net.add("evil", Producer(net.context(), ToneRunner()))
        me, key = net.client, TaskKey.generate()
        invented = "ab" * 16
        with pytest.raises(InputError):
            await ask(net, me, invented, order_of(me, invented, TEXT, key), key, node)
        task = await open_only(net, me, "Short.")
        with pytest.raises(ProtocolError, match="are paid for"):
            await ask(net, me, task, order_of(me, task, TEXT * 10, key), key, node)
        other = Client(net.context())
        with pytest.raises(ProtocolError, match="client"):
            await ask(net, other, task, order_of(other, task, "Short.", key), key, node)
        # None of these attempts keeps the real client from its work.
        assert (await ask(net, me, task, order_of(me, task, "Short.", key), key, node))[:1] == b"A"


async def test_the_same_work_is_made_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0) as net:
        runner = ToneRunner()
        node = await net.add("evil", Producer(net.context(), runner))
        key = TaskKey.generate()
        task = await open_only(net, net.client, TEXT)
        order = order_of(net.client, task, TEXT, key)
        wrapped = wrap_for(key, node.context.identity.seal_public, task=task, index=0, receiver=node.node_id)
        message = net.client.sign(WORK, node.node_id, task, Work(index=0, attempt=0, order=order, wrapped_key=wrapped))
        follows = asyncio.create_task(opens_its_link(net, net.client, task))
        assert [frame async for frame in net.transport.request("inproc://evil", message, deadline_s=5)]
        await follows
        with pytest.raises(ProtocolError, match="replayed"):
            [frame async for frame in net.transport.request("inproc://evil", message, deadline_s=5)]
        with pytest.raises(ConflictError):
            await ask(net, net.client, task, order, key, node)
        await net.settle()
        assert runner.made == 1


async def test_ten_thousand_strangers_take_no_place_in_a_nodes_memory(tmp_path: Path) -> None:
    """Fresh, well-signed messages of identities that have no task here: refused, forgotten, and friends are served."""
    async with world(tmp_path, processors=0) as net:
        node = await net.add("friend", Producer(net.context(), ToneRunner()))
        work = Work(index=0, attempt=0, order=b"", wrapped_key=b"")
        for n in range(10_000):
            stranger = Actor(replace(net.client.context, identity=Identity.from_seed(n.to_bytes(32, "big"))))
            with pytest.raises(InputError, match="There is no task"):
                await anext(node.handle(stranger.sign(WORK, node.node_id, f"{n:032x}", work)))
        assert len(node._guard) == 0
        _, (closed,) = await collect(net.client, Job(say(TEXT), SPEECH))
        assert str(closed.task.state) == "completed"


async def test_a_client_that_streams_everything_and_then_cancels_pays(tmp_path: Path) -> None:
    """The last chunk leaves after delivery, and a delivered part is judged and paid."""
    async with world(tmp_path, processors=0) as net:
        await net.add("evil", Producer(net.context(), ToneRunner()))
        async for event in net.client.run(Job(say(TEXT), SPEECH, mode=Mode.STREAM)):
            if isinstance(event, Audio) and event.audio is not None:
                heard = event.audio.duration_s
                if heard:
                    continue
            if isinstance(event, Audio):
                break
        await net.settle()
        assert await gain(net, "evil") > 0


async def test_a_client_that_hangs_up_once_all_is_made_pays_although_it_never_took_the_end(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0, rules=SHORT) as net:
        node = await net.add("evil", Producer(net.context(), ToneRunner()))
        assert isinstance(node, Producer)
        key = TaskKey.generate()
        task = await open_only(net, net.client, TEXT)
        frame = await ask(net, net.client, task, order_of(net.client, task, TEXT, key), key, node)
        assert frame[:1] == b"A"
        await net.settle()
        record = await net.ledger.part(task, 0)
        # It left right after the first frame: either nothing was made (and nothing is owed), or it was paid, unjudged.
        assert record.state in {PartState.CANCELLED, PartState.REFUNDED}
        paid = record.notes[-1] == "the client kept its link back"
        assert paid is (await gain(net, "evil") > 0)


async def test_a_client_that_keeps_its_link_back_pays_for_the_work_and_learns_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0, rules=SHORT) as net:
        node = await net.add("evil", Producer(net.context(), ToneRunner()))
        key = TaskKey.generate()
        task = await open_only(net, net.client, TEXT)
        wrapped = wrap_for(key, node.context.identity.seal_public, task=task, index=0, receiver=node.node_id)
        work = Work(index=0, attempt=0, order=order_of(net.client, task, TEXT, key), wrapped_key=wrapped)
        before = await net.issued()
        async for _ in net.transport.request(
            "inproc://evil", net.client.sign(WORK, node.node_id, task, work), deadline_s=5
        ):
            pass
        await net.settle()
        record = await net.ledger.part(task, 0)
        assert (record.state, record.seatings) == (PartState.CANCELLED, ())
        reward_nano = record.assignment.producers[0].reward_nano
        assert await gain(net, "evil") == reward_nano * SHORT.unjudged_ppm // PPM
        assert await net.issued() == before


async def test_validators_judge_the_order_the_producer_got_not_another(tmp_path: Path) -> None:
    evaluator = ScriptedEvaluator()
    async with world(tmp_path, evaluator=evaluator) as net:
        await run(net)
        assert {evidence.request.text for evidence in evaluator.heard} == {TEXT}


async def test_a_stranger_cannot_block_a_part_by_asking_for_it_first(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0) as net:
        node = await net.add("evil", Producer(net.context(), ToneRunner()))
        stranger, key = Client(net.context()), TaskKey.generate()
        task = await open_only(net, net.client, TEXT)
        for _ in range(30):
            with pytest.raises(AntiphonError):
                await ask(net, stranger, task, order_of(stranger, task, TEXT, key), key, node)
        assert (await ask(net, net.client, task, order_of(net.client, task, TEXT, key), key, node))[:1] == b"A"


@pytest.mark.parametrize("mode", list(Mode))
async def test_a_client_that_stops_reading_delays_nobody(tmp_path: Path, mode: Mode) -> None:
    async with world(tmp_path, processors=0) as net:
        node = await net.add("evil", Producer(net.context(), ToneRunner(chunks=30), slots=1))
        key = TaskKey.generate()
        task = await open_only(net, net.client, TEXT)
        order = order_of(net.client, task, TEXT, key)
        wrapped = wrap_for(key, node.context.identity.seal_public, task=task, index=0, receiver=node.node_id)
        message = net.client.sign(WORK, node.node_id, task, Work(index=0, attempt=0, order=order, wrapped_key=wrapped))
        stalled = net.transport.request("inproc://evil", message, deadline_s=60)
        assert await anext(stalled)
        await opens_its_link(net, net.client, task)
        async with asyncio.timeout(15):
            events, _ = await collect(net.client, Job(say(TEXT), SPEECH, mode=mode))
            assert pcm(events)
            await net.settle()
        assert (await net.ledger.part(task, 0)).state is PartState.VALID
        await stalled.aclose()
        assert not key.destroyed


class TwoStories:
    """A ledger whose operator has validators: it refuses the links that it sees, and tells another story."""

    def __init__(self, ledger: Ledger, tell: Callable[[PartRecord], PartRecord], *, at_once: bool) -> None:
        self._ledger, self._tell, self._at_once = ledger, tell, at_once
        self.seen: list[DrawSeats] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def submit(self, raw: bytes) -> None:
        operation: Operation = canonical.decode(Operation, canonical.parse(Envelope, raw).body)
        if isinstance(operation, DrawSeats):
            self.seen.append(operation)
            raise ConflictError("The client saw another pool", "Read the part again.")
        await self._ledger.submit(raw)

    async def part(self, task: str, index: int, *, newer_than: int = -1, wait_s: float = 0.0) -> PartRecord:
        wait_s = min(wait_s, 0.1)
        record = await self._ledger.part(task, index, newer_than=newer_than, wait_s=wait_s)
        drawing = record.state is PartState.DRAWING
        return self._tell(record) if drawing and (self.seen or self._at_once) else record


def one_less(record: PartRecord) -> PartRecord:
    """The pool without one that the operator would rather not see drawn."""
    return msgspec.structs.replace(record, left_out=(record.assignment.validators[0].node,))


def ahead(record: PartRecord) -> PartRecord:
    """The third round: from its link those of the first two follow."""
    return msgspec.structs.replace(record, round=2)


@pytest.mark.parametrize(("tell", "at_once"), [(one_less, False), (ahead, True)])
async def test_a_ledger_that_has_seen_a_link_cannot_have_it_signed_for_another_pool(
    tmp_path: Path, tell: Callable[[PartRecord], PartRecord], at_once: bool
) -> None:
    async with world(tmp_path, rules=Rules(draw_s=2, seats=1), validators=4) as net:
        liar = TwoStories(net.ledger, tell, at_once=at_once)
        client = Client(replace(net.client.context, ledger=liar))  # type: ignore[arg-type]
        with pytest.raises(ProtocolError, match="two stories"):
            await collect(client, Job(say(TEXT), SPEECH))
        assert {one.round for one in liar.seen} <= {0}
        assert len({(one.link, one.pool_hash) for one in liar.seen}) == (0 if at_once else 1)
