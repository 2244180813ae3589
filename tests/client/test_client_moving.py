"""A job goes on at another ledger when its own is lost, at whatever moment: each part is heard once, and none twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from network_of import World, say, world

from antiphon.client.budget import Budget
from antiphon.client.client import Client, Job
from antiphon.client.events import Audio, Closed, Event
from antiphon.client.job_policy import JobPolicy
from antiphon.economy.types import NANO, Mode
from antiphon.errors import LedgerLostError
from antiphon.ledger.base import Ledger
from antiphon.ledger.operations import Cancel, Deposit, DrawSeats, OpenTask, Selector
from antiphon.ledger.queries import ListParts, Query, ReadEvidence, ReadPart
from antiphon.ledger.receipts import audit
from antiphon.ledger.records import PartState
from antiphon.parties.actor import Context
from antiphon.protocol import canonical
from antiphon.protocol.envelope import Envelope

SPEECH = Selector(service="speech", language="en-us", voice="tone")
TEXTS = tuple(f"This is sentence number {number}." for number in range(20))  # two tasks
Sinks = Callable[[object, object], bool]


class Sinking(Ledger):
    """Lost for good at the first question (or its answer) of which `sinks` says so."""

    def __init__(self, ledger: Ledger, sinks: Sinks, *, after: bool) -> None:
        self.ledger, self.sinks, self.after, self.lost = ledger, sinks, after, False

    async def identity(self) -> str:
        return await self.ledger.identity()

    async def submit(self, envelope: bytes) -> None:
        operation = canonical.parse(OpenTask | DrawSeats | Cancel, canonical.parse(Envelope, envelope).body)
        self._afloat(operation, None, now=not self.after)
        await self.ledger.submit(envelope)
        self._afloat(operation, None, now=self.after)

    async def read(self, query: Query):  # type: ignore[no-untyped-def, type-arg]
        self._afloat(query, None, now=False)
        answer = await self.ledger.read(query)
        self._afloat(query, answer, now=True)
        return answer

    async def expire(self) -> int:
        self._afloat(None, None, now=False)
        return await self.ledger.expire()

    async def close(self) -> None:
        await self.ledger.close()

    def _afloat(self, asked: object, answer: object, *, now: bool) -> None:
        self.lost = self.lost or (now and self.sinks(asked, answer))
        if self.lost:
            raise LedgerLostError("The relay is gone", "Use another.")


def in_state(state: PartState) -> Sinks:
    return lambda _, answer: getattr(answer, "state", None) is state


def at(kind: type, count: int = 1) -> Sinks:
    seen = Counter[type]()

    def sinks(asked: object, _: object) -> bool:
        seen[type(asked)] += 1
        return isinstance(asked, kind) and seen[kind] >= count

    return sinks


MOMENTS: dict[str, Callable[[], Sinks]] = {
    "open": lambda: at(OpenTask),
    "open-2": lambda: at(OpenTask, 2),
    "draw": lambda: at(DrawSeats, 5),
    "part": lambda: at(ReadPart, 30),
    "close": lambda: at(ListParts, 2),
    "receipt": lambda: at(ReadEvidence),
    **{state.name.lower(): partial(in_state, state) for state in PartState if state in {
        PartState.ASSIGNED, PartState.DRAWING, PartState.DELIVERED, PartState.REVEALING, PartState.VALID
    }},
}  # fmt: skip

CASES = [*((moment, True) for moment in MOMENTS), *((moment, False) for moment in ("open", "open-2", "draw"))]
"""An operation can be lost before the relay has it, or its answer after."""


async def same_client(first: World, second: World, lost: Sinks, *, after: bool) -> Client:
    """The client of the first, whose ledger sinks; the second network knows it too."""
    identity = first.client.context.identity
    await second.bank.submit(Deposit(account=identity.node_id, amount_nano=100 * NANO))

    async def elsewhere(_: LedgerLostError) -> Context:
        return second.context(identity)

    context = first.context(identity)
    sinking = Sinking(first.ledger, lost, after=after)
    return Client(Context(identity, sinking, context.transport, context.clock), elsewhere)


def heard(events: list[Event]) -> list[int]:
    return [event.number for event in events if isinstance(event, Audio) and event.audio is not None]


@pytest.mark.parametrize(("moment", "after"), CASES)
async def test_each_part_is_heard_once_whenever_the_ledger_is_lost(tmp_path: Path, moment: str, after: bool) -> None:
    async with world(_folder(tmp_path, "a")) as first, world(_folder(tmp_path, "b")) as second:
        client = await same_client(first, second, MOMENTS[moment](), after=after)
        events = [event async for event in client.run(Job(say(*TEXTS), SPEECH, policy=JobPolicy(Budget(NANO))))]
        assert heard(events) == list(range(len(TEXTS)))
        ledgers = {await first.ledger.identity(), await second.ledger.identity()}
        bought = [event for event in events if isinstance(event, Closed)]
        assert {audit(one.receipt).ledger for one in bought} <= ledgers
        valid = [part for one in bought for part in one.parts if part.state is PartState.VALID]
        assert len(valid) <= len(TEXTS), "nothing twice"
        assert client.context.ledger is second.ledger, "it was lost"
        assert (await second.ledger.account(client.node_id)).escrow_nano == 0


async def test_a_stream_goes_on_where_it_was(tmp_path: Path) -> None:
    async with world(_folder(tmp_path, "a")) as first, world(_folder(tmp_path, "b")) as second:
        client = await same_client(first, second, in_state(PartState.DELIVERED), after=True)
        job = Job(say(*TEXTS[:4]), SPEECH, mode=Mode.STREAM, seed=7, policy=JobPolicy(Budget(NANO)))
        sounds = Counter[int]()
        async for event in client.run(job):
            if isinstance(event, Audio) and event.audio is not None:
                sounds[event.number] += event.audio.samples.shape[-1]
        assert sounds == {number: 1_200 * len(text) for number, text in enumerate(TEXTS[:4])}


async def test_without_another_ledger_the_job_ends_and_says_why(tmp_path: Path) -> None:
    async with world(tmp_path) as net:
        context = net.client.context
        sinking = Sinking(net.ledger, at(ReadPart, 9), after=True)
        client = Client(Context(context.identity, sinking, context.transport, context.clock))
        with pytest.raises(LedgerLostError, match="The relay is gone"):
            _ = [event async for event in client.run(Job(say(*TEXTS), SPEECH))]


def _folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name
