"""Small networks for tests: real ledger, protocol, transport and nodes; instant work and scripted evaluators."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from antiphon.audio import Waveform
from antiphon.client.client import Client, Job
from antiphon.client.events import Closed, Event
from antiphon.clock import SystemClock
from antiphon.economy.types import NANO, Role, Rules, Verdict, Vote
from antiphon.ledger.base import Ledger
from antiphon.ledger.operations import Deposit, ServiceOffer
from antiphon.ledger.sql import SqlLedger
from antiphon.network.funding import fund
from antiphon.nodes.evaluation import Submission
from antiphon.nodes.node import Node
from antiphon.nodes.producer import Producer
from antiphon.nodes.validator import Validator
from antiphon.parties.actor import Actor, Context
from antiphon.parties.messages import Form
from antiphon.protocol import Identity
from antiphon.services import EnrolRequest, Request, SpeechRequest
from antiphon.transport import InProcessTransport

RATE_HZ = 24_000


class ToneRunner:
    """Instant work: a tone whose length follows the text and whose pitch follows the seed."""

    def __init__(self, price_nano: int = 20_000, voices: tuple[str, ...] = ("tone",), chunks: int = 3) -> None:
        self._price_nano, self._voices, self._chunks = price_nano, voices, chunks
        self.made = 0

    @property
    def offers(self) -> tuple[ServiceOffer, ...]:
        return (
            ServiceOffer(
                service="speech", price_nano=self._price_nano, languages=("en",), engine="tone", voices=self._voices
            ),
        )

    @property
    def form(self) -> Form:
        return Form(rate_hz=RATE_HZ, channels=1)

    def check(self, request: Request) -> None:
        return None

    def produce(self, request: Request, seed: int) -> Iterator[bytes]:
        self.made += 1
        time_s = np.arange(len(request.text) * 1_200) / RATE_HZ
        tone = (0.3 * np.sin(2 * np.pi * (200 + seed % 200) * time_s)).astype(np.float32)
        for piece in np.array_split(tone, self._chunks):
            yield Waveform(piece[None, :], RATE_HZ).to_pcm16()


@dataclass
class ScriptedEvaluator:
    """An evaluator that says what the test wants, and remembers what it heard."""

    say: Callable[[Submission], Verdict] = lambda work: Verdict.VALID if _something(work) else Verdict.INVALID
    score_ppm: int = 900_000
    heard: list[Submission] = field(default_factory=list)
    abilities: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"speech": ("en",)})

    def vote(self, submission: Submission) -> Vote:
        self.heard.append(submission)
        verdict = self.say(submission)
        return Vote(verdict=verdict, score_ppm=None if verdict is Verdict.INCONCLUSIVE else self.score_ppm)


def _something(work: Submission) -> bool:
    return bool(work.result) if isinstance(work.request, EnrolRequest) else work.audio is not None


@dataclass
class World:
    """A running network of test nodes."""

    ledger: Ledger
    transport: InProcessTransport
    bank: Actor
    client: Client
    nodes: dict[str, Node] = field(default_factory=dict)

    def context(self, identity: Identity | None = None) -> Context:
        return Context(identity or Identity.generate(), self.ledger, self.transport, SystemClock())

    async def add(self, name: str, node: Node) -> Node:
        await fund(self.bank, node, 100 * NANO)
        await node.start(self.transport.register(name, node.handle))
        self.nodes[name] = node
        return node

    async def money(self) -> int:
        """All money that anybody has: constant in a closed world."""
        owners = {self.client.node_id, *(node.node_id for node in self.nodes.values())}
        accounts = [await self.ledger.account(owner) for owner in owners]
        return sum(account.balance_nano + account.stake_nano + account.escrow_nano for account in accounts)

    async def issued(self) -> int:
        """The same with what was burnt: constant whoever is fined or cancels late."""
        return await self.money() + (await self.ledger.supply()).burnt_nano

    async def settle(self) -> None:
        for node in self.nodes.values():
            await node.drain()


@asynccontextmanager
async def world(
    folder: Path,
    *,
    processors: int = 2,
    validators: int = 3,
    evaluator: ScriptedEvaluator | None = None,
    rules: Rules | None = None,
    balance_nano: int = 1_000 * NANO,
) -> AsyncIterator[World]:
    operator = Identity.generate()
    ledger = await SqlLedger.open(folder / "ledger.db", operator=operator, clock=SystemClock(), rules=rules or Rules())
    transport = InProcessTransport()
    bank = Actor(Context(operator, ledger, transport, SystemClock()))
    made = World(ledger, transport, bank, Client(Context(Identity.generate(), ledger, transport, SystemClock())))
    try:
        if balance_nano:
            await bank.submit(Deposit(account=made.client.node_id, amount_nano=balance_nano))
        for number in range(processors):
            await made.add(f"processor-{number}", Producer(made.context(), ToneRunner()))
        shared = evaluator or ScriptedEvaluator()
        for number in range(validators):
            await made.add(f"validator-{number}", Validator(made.context(), shared, 15_000))
        yield made
    finally:
        for node in made.nodes.values():
            await node.stop()
        await transport.close()
        await ledger.close()


def say(*texts: str) -> list[Request]:
    return [SpeechRequest(text=text, voice="tone") for text in texts]


async def collect(client: Client, job: Job) -> tuple[list[Event], list[Closed]]:
    events = [event async for event in client.run(job)]
    return events, [event for event in events if isinstance(event, Closed)]


__all__ = ["RATE_HZ", "Role", "ScriptedEvaluator", "ToneRunner", "World", "collect", "say", "world"]
