"""What the network itself costs: the same nodes, ledger, seals and votes, with work and judgement that take no time."""

from __future__ import annotations

import asyncio
import gc
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from statistics import median
from typing import ClassVar

import numpy as np

from antiphon.audio import Waveform
from antiphon.bench.figure import Figure, figure
from antiphon.client.client import Client, Job
from antiphon.clock import SystemClock
from antiphon.economy.types import NANO, Mode, Verdict, Vote
from antiphon.ledger.operations import Deposit, Selector, ServiceOffer
from antiphon.ledger.sql import SqlLedger
from antiphon.network.embedded import VALIDATOR_PRICE_NANO
from antiphon.network.funding import fund
from antiphon.nodes.evaluation import Submission
from antiphon.nodes.node import Node
from antiphon.nodes.producer import Producer
from antiphon.nodes.validator import Validator
from antiphon.parties.actor import Actor, Context
from antiphon.parties.messages import Form
from antiphon.protocol import Identity
from antiphon.services import Request, SpeechRequest
from antiphon.transport import InProcessTransport

RATE_HZ = 24_000
SECONDS = 3.0
ONE_BY_ONE, AT_ONCE, MANY = 50, 100, 1_000
SELECTOR = Selector(service="speech", voice="instant")


class InstantRunner:
    """Three seconds of prepared audio, at once."""

    offers = (
        ServiceOffer(service="speech", price_nano=20_000, languages=("en",), engine="instant", voices=("instant",)),
    )
    form = Form(rate_hz=RATE_HZ, channels=1)

    def __init__(self) -> None:
        noise = np.random.default_rng(0).standard_normal((1, int(SECONDS * RATE_HZ)))
        self._audio = Waveform((0.1 * np.clip(noise, -3, 3)).astype(np.float32), RATE_HZ).to_pcm16()

    def check(self, request: Request) -> None:
        """Anything goes."""

    def produce(self, request: Request, seed: int) -> Iterator[bytes]:  # noqa: ARG002 - an EngineRunner's signature
        yield self._audio


class InstantEvaluator:
    """A favourable vote, at once."""

    abilities: ClassVar[dict[str, tuple[str, ...]]] = {"speech": ("en",)}

    def vote(self, submission: Submission) -> Vote:
        assert submission.audio is not None
        return Vote(verdict=Verdict.VALID, score_ppm=900_000)


async def overhead_figures() -> AsyncIterator[Figure]:
    """Time per task alone, many tasks at once, and memory over a thousand."""
    with tempfile.TemporaryDirectory() as folder:
        async for found in measured(Path(folder) / "ledger.db"):
            yield found


async def measured(place: Path | str, many: int = MANY) -> AsyncIterator[Figure]:
    """The same with a new ledger in a file or at a `postgresql://` URL; memory over `many` tasks."""
    operator = Identity.generate()
    ledger = await SqlLedger.open(place, operator=operator, clock=SystemClock())
    transport = InProcessTransport()

    def context() -> Context:
        return Context(Identity.generate(), ledger, transport, SystemClock())

    bank = Actor(Context(operator, ledger, transport, SystemClock()))
    client = Client(context())
    await bank.submit(Deposit(account=client.node_id, amount_nano=1_000_000 * NANO))
    nodes: list[Node] = [Producer(context(), InstantRunner(), slots=4, queue=200) for _ in range(2)]
    nodes += [Validator(context(), InstantEvaluator(), VALIDATOR_PRICE_NANO, queue=400) for _ in range(3)]
    for number, node in enumerate(nodes):
        await fund(bank, node, 10_000 * NANO)
        await node.start(transport.register(f"node-{number}", node.handle))
    for _ in range(5):
        await one_task(client)
    alone = [await one_task(client) for _ in range(ONE_BY_ONE)]
    yield figure("network's own time per task", 1000 * median(alone), "ms", "< 30", "quote to receipt, 3 validators")
    started = time.perf_counter()
    done = await asyncio.gather(*(one_task(client) for _ in range(AT_ONCE)))
    took = time.perf_counter() - started
    yield figure("tasks in flight, all settled", len(done), "tasks", ">= 100", f"{AT_ONCE / took:.0f} tasks/s")
    before = _memory_mb()
    for _ in range(many // 20):
        await asyncio.gather(*(one_task(client) for _ in range(20)))
    yield figure("memory growth over 1,000 tasks", _memory_mb() - before, "MB", "< 20", f"from {before:.0f} MB")
    for node in nodes:
        await node.stop()
    await transport.close()
    await ledger.close()


async def one_task(client: Client) -> float:
    """Seconds from the quote to the receipt."""
    request = SpeechRequest(text="A task whose work takes no time at all.", voice="instant")
    started = time.perf_counter()
    async for _ in client.run(Job([request], SELECTOR, mode=Mode.VERIFIED)):
        pass
    return time.perf_counter() - started


def _memory_mb() -> float:
    """Resident memory now, in MB (peak where the system does not tell)."""
    gc.collect()
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
