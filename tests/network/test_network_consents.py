"""Without a consent nobody works; a refusal costs nothing; after a revocation nothing is made or handed out."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from network_of import ScriptedEvaluator, World, world
from test_network_services import ALL, RATE_HZ, REFERENCE, Parrot, Trainer, profile_of

from antiphon.cli.tasks import _explained
from antiphon.client.client import Client, Job
from antiphon.client.cloning import Enrolled, Enrolment, enrol
from antiphon.client.events import Audio, Closed, Event, Opened
from antiphon.clock import SystemClock
from antiphon.economy.settlement import hold_fee
from antiphon.economy.types import NANO, Mode, Role, Rules, Verdict
from antiphon.errors import AntiphonError, InputError, ProtocolError
from antiphon.ledger.operations import Deposit, OpenTask, Revoke, Selector
from antiphon.ledger.receipts import audit
from antiphon.ledger.records import PartState, TaskState
from antiphon.nodes.evaluation.base import Submission
from antiphon.nodes.producer import Producer
from antiphon.parties import orders
from antiphon.parties.actor import Actor, Context
from antiphon.parties.messages import FETCH, Fetch
from antiphon.protocol import Identity, canonical
from antiphon.protocol.consent import ANYBODY, Grant, Use, grant_id, moment, open_grant, sign_grant
from antiphon.services import Clip, CloneRequest, EnrolRequest, Origin, Request

ANN = Identity.from_seed(b"n" * 32)
CLONE = Selector(service="clone", language="en-us", engine="parrot")
PROFILE = msgspec.structs.replace(profile_of(EnrolRequest(reference=REFERENCE)), data=REFERENCE.sha256)
ORIGINS: dict[str, Origin] = {}
"""Where Ann's voice comes from in the network of the test that runs."""
HOUR_MS = 3_600_000
WITHIN_S = 30.0


class Attentive(Trainer):
    """What it learns differs from voice to voice."""

    def produce(self, request: Request, seed: int) -> Iterator[bytes]:
        assert isinstance(request, EnrolRequest)
        yield canonical.encode(msgspec.structs.replace(profile_of(request), data=request.reference.sha256))


class Endless(Parrot):
    """Hums until it is stopped."""

    def __init__(self) -> None:
        self.began, self.closed = threading.Event(), threading.Event()

    def produce(self, request: Request, seed: int) -> Iterator[bytes]:
        self.began.set()
        try:
            while True:
                time.sleep(0.01)
                yield bytes(2 * RATE_HZ // 100)
        finally:
            self.closed.set()


def granted(
    uses: tuple[Use, ...] = tuple(Use),
    clip: Clip = REFERENCE,
    grantee: str = ANYBODY,
    start_ms: int = -1_000,
    end_ms: int = HOUR_MS,
) -> bytes:
    clock = SystemClock()
    grant = Grant(
        subject="Ann",
        references=(clip.sha256,),
        uses=uses,
        grantee=grantee,
        not_before_ms=clock.now_ms() + start_ms,
        until_ms=clock.now_ms() + end_ms,
    )
    return sign_grant(ANN, grant, clock)


def speaking(consent: bytes, *texts: str) -> Job:
    origin = ORIGINS["Ann"]
    lines = texts or ("My own words.",)
    return Job([CloneRequest(profile=PROFILE, consent=consent, origin=origin, text=text) for text in lines], CLONE)


@asynccontextmanager
async def choir(
    folder: Path,
    runner: Parrot | None = None,
    evaluator: ScriptedEvaluator | None = None,
    rules: Rules | None = None,
    punished: bool = False,
) -> AsyncIterator[World]:
    """Cloners and validators; at the end all money is there again, but for what was burnt."""
    evaluator = evaluator or ScriptedEvaluator(abilities=ALL)
    async with world(folder, processors=0, evaluator=evaluator, rules=rules) as net:
        for number in range(2):
            await net.add(f"parrot-{number}", Producer(net.context(), runner or Parrot()))
        await enrolled(net, evaluator)
        money = await net.money()
        yield net
        await net.settle()
        assert 0 <= money - await net.money() <= 100 * NANO
        assert (await net.ledger.account(net.client.node_id)).escrow_nano == 0
        for node in () if punished else net.nodes.values():
            account = await net.ledger.account(node.node_id)
            assert account.locked_nano == 0
            assert account.stake_nano == 100 * 10**9, "nobody is punished for a consent"


async def enrolled(net: World, evaluator: ScriptedEvaluator) -> None:
    """Ann has had her voice enrolled here, as another client."""
    await net.add("trainer", Producer(net.context(), Attentive(), role=Role.TRAINER))
    ann = Client(net.context(ANN))
    await net.bank.submit(Deposit(account=ann.node_id, amount_nano=10 * NANO))
    order = Enrolment(reference=REFERENCE, consent=granted(uses=(Use.ENROL, Use.SPEAK)), engine="parrot")
    before, evaluator.say = evaluator.say, lambda _: Verdict.VALID
    (made,) = [event async for event in enrol(ann, order) if isinstance(event, Enrolled)]
    assert made.profile == PROFILE
    ORIGINS["Ann"] = made.origin
    await net.settle()
    evaluator.say = before
    evaluator.heard.clear()


Then = Callable[[Event], Awaitable[None]]


async def outcome(client: Client, job: Job, then: Then | None = None) -> tuple[list[Event], AntiphonError | None]:
    """Events until the end, and the error it ended with. `then` hears each event."""
    events: list[Event] = []
    try:
        async for event in client.run(job):
            events.append(event)
            if then is not None:
                await then(event)
    except AntiphonError as error:
        return events, error
    return events, None


def heard(events: list[Event]) -> list[Audio]:
    return [event for event in events if isinstance(event, Audio) and event.audio is not None]


async def revoke(net: World, consent: bytes) -> None:
    await Actor(net.context(ANN)).submit(Revoke(grant=grant_id(consent)))


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "absent": (lambda: b"", "needs a consent"),
    "expired": (lambda: granted(start_ms=-HOUR_MS, end_ms=-1), "expired"),
    "of another recording": (lambda: granted(clip=Clip(pcm=bytes(4_000), rate_hz=RATE_HZ)), "does not cover"),
    "for another use": (lambda: granted(uses=(Use.ENROL, Use.CONVERT)), "does not allow to speak"),
    "for somebody else": (lambda: granted(grantee=ANN.node_id), "was given to"),
    "forged": (lambda: (raw := granted())[:-1] + bytes([raw[-1] ^ 1]), "Bad signature"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_consent_is_refused_and_costs_its_client_no_more_than_who_stood_by(
    tmp_path: Path, name: str
) -> None:
    made, said = BAD[name]
    evaluator = ScriptedEvaluator(abilities=ALL)
    async with choir(tmp_path, evaluator=evaluator) as net:
        before = await net.ledger.account(net.client.node_id)
        events, error = await outcome(net.client, speaking(made()))
        assert isinstance(error, InputError | ProtocolError)
        assert said in str(error)
        after = await net.ledger.account(net.client.node_id)
        assert before.balance_nano - after.balance_nano <= await held_fees(net)
        assert (after.escrow_nano, after.stake_nano) == (0, 0)
        assert heard(events) == []
        assert evaluator.heard == []


async def held_fees(net: World) -> int:
    """What the client owes all producers that its tasks held."""
    parts = [part for task in await net.ledger.tasks(net.client.node_id) for part in await net.ledger.parts(task.task)]
    return sum(hold_fee(terms, Rules()) for part in parts for terms in part.assignment.producers)


class Sly(Client):
    """Carries one consent and names another, which nobody will revoke."""

    named: bytes = b""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._place.actor = self  # it opens its tasks itself

    async def submit(self, operation: object, task: str = "") -> None:
        if isinstance(operation, OpenTask):
            operation = msgspec.structs.replace(operation, grants=(self.named,))
        await super().submit(operation, task)  # type: ignore[arg-type]


async def test_a_consent_that_the_task_did_not_name_is_none(tmp_path: Path) -> None:
    async with choir(tmp_path) as net:
        sly = Sly(net.client.context)
        sly.named = granted()
        _, error = await outcome(sly, speaking(granted()))
        assert error is not None
        for task in await net.ledger.tasks(sly.node_id):
            (part,) = await net.ledger.parts(task.task)
            assert part.state is PartState.REFUNDED


async def test_validators_judge_nothing_that_was_made_without_consent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client and a producer that agree to do without: the producer works for nothing."""
    real = orders.require_named
    evaluator = ScriptedEvaluator(abilities=ALL)

    def only_judges_ask(request: Request, task: object, *, at_ms: int) -> None:
        if at_ms == task.opened_ms:  # type: ignore[attr-defined]
            real(request, task, at_ms=at_ms)  # type: ignore[arg-type]

    monkeypatch.setattr(orders, "require_named", only_judges_ask)
    async with choir(tmp_path, evaluator=evaluator, rules=Rules(commit_s=1)) as net:
        _, error = await outcome(net.client, in_mode(speaking(granted(uses=(Use.ENROL,))), Mode.STREAM))
        assert error is not None
        (task,) = await net.ledger.tasks(net.client.node_id)
        (part,) = await net.ledger.parts(task.task)
        assert part.state is PartState.REFUNDED
        assert {vote.verdict for ruling in part.rulings for vote in ruling.votes.values()} == {Verdict.INCONCLUSIVE}
        assert evaluator.heard == []


@pytest.mark.parametrize("mode", list(Mode))
async def test_a_revocation_stops_the_making_and_tells_the_client(tmp_path: Path, mode: Mode) -> None:
    runner, consent = Endless(), granted()
    async with choir(tmp_path, runner) as net:
        before = await net.ledger.account(net.client.node_id)
        job = asyncio.create_task(outcome(net.client, in_mode(speaking(consent), mode)))
        assert await asyncio.to_thread(runner.began.wait, WITHIN_S)
        began_s = time.monotonic()
        await revoke(net, consent)
        events, error = await asyncio.wait_for(job, WITHIN_S)
        assert await asyncio.to_thread(runner.closed.wait, WITHIN_S), "the engine was told to stop"
        assert time.monotonic() - began_s < WITHIN_S
        assert isinstance(error, InputError)
        assert "revoked" in str(error)
        assert len([event for event in events if isinstance(event, Opened)]) == 1, "nothing is bought again"
        await net.settle()
        after = await net.ledger.account(net.client.node_id)
        assert (before.balance_nano - after.balance_nano, after.escrow_nano) == (await held_fees(net), 0)
        (task,) = await net.ledger.tasks(net.client.node_id)
        assert task.state is TaskState.CANCELLED
        assert all(not node._taken for node in net.nodes.values() if isinstance(node, Producer))


def in_mode(job: Job, mode: Mode) -> Job:
    return Job(job.requests, job.selector, mode=mode)


async def test_what_was_delivered_is_paid_and_yet_nobody_hands_it_out(tmp_path: Path) -> None:
    heard_it, revoked = threading.Event(), threading.Event()

    def say(work: Submission) -> Verdict:
        heard_it.set()
        revoked.wait(WITHIN_S)
        return Verdict.VALID

    consent = granted()
    async with choir(tmp_path, evaluator=ScriptedEvaluator(abilities=ALL, say=say)) as net:
        job = asyncio.create_task(outcome(net.client, speaking(consent)))
        assert await asyncio.to_thread(heard_it.wait, WITHIN_S)
        await revoke(net, consent)
        revoked.set()
        events, error = await asyncio.wait_for(job, 2 * WITHIN_S)
        assert "revoked" in str(error)
        assert heard(events) == []
        (task,) = await net.ledger.tasks(net.client.node_id)
        (part,) = await net.ledger.parts(task.task)
        assert (part.state, part.notes) == (PartState.VALID, ("consent revoked",))
        for seat in part.rulings[-1].votes:
            (name,) = (name for name, node in net.nodes.items() if node.node_id == seat)
            message = net.client.sign(FETCH, seat, task.task, Fetch(index=0, attempt=0))
            with pytest.raises(InputError, match="revoked"):
                async for _ in net.transport.request(f"inproc://{name}", message, deadline_s=WITHIN_S):
                    pass


async def test_a_revocation_ends_a_long_job_between_its_tasks(tmp_path: Path) -> None:
    """What was handed out before stays; nothing follows, and nothing more is bought."""
    consent = granted()
    async with choir(tmp_path) as net:
        texts = [f"Sentence number {number} of a long text." for number in range(40)]

        async def after_three(event: Event) -> None:
            if isinstance(event, Audio) and event.number == 2 and event.audio is None:
                await revoke(net, consent)

        events, error = await outcome(net.client, speaking(consent, *texts), after_three)
        assert "revoked" in str(error)
        assert 3 <= len(heard(events)) < 40
        tasks = await net.ledger.tasks(net.client.node_id)
        assert len(tasks) < 3
        assert all(task.state is not TaskState.OPEN for task in tasks)


async def test_somebody_elses_revocation_disturbs_nobody(tmp_path: Path) -> None:
    consent = granted()
    async with choir(tmp_path) as net:
        await Actor(net.context()).submit(Revoke(grant=grant_id(consent)))
        events, error = await outcome(net.client, speaking(consent))
        assert error is None
        assert len(heard(events)) == 1


async def test_the_receipt_tells_whose_voice_was_used_by_whose_leave(tmp_path: Path) -> None:
    async with choir(tmp_path) as net:
        consent = granted(uses=(Use.SPEAK,), grantee=net.client.node_id)
        events, error = await outcome(net.client, speaking(consent))
        assert error is None
        (closed,) = (event for event in events if isinstance(event, Closed))
        audit(closed.receipt)
        shown = "\n".join(_explained(closed.receipt))
        assert f"the voice of Ann, granted by {ANN.node_id[:8]} to the client" in shown
        assert f"to speak; {moment(open_grant(consent).grant.not_before_ms)} to" in shown
        assert grant_id(consent) in shown
