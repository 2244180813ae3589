"""Miners that listen on loopback, and runners for them whose work is as good, bad or late as a test wants."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from antiphon.clock import SystemClock
from antiphon.economy.types import Verdict, Vote
from antiphon.ledger.operations import ServiceOffer
from antiphon.nodes.evaluation import Submission
from antiphon.parties.messages import Form
from antiphon.protocol import Identity
from antiphon.services import Request, Service, SpeechRequest
from antiphon.subnet.chain import Metagraph, Neuron
from antiphon.subnet.gate import Gate
from antiphon.subnet.hotkeys import Hotkey
from antiphon.subnet.miner import Miner
from antiphon.transport import serve


@dataclass
class EchoRunner:
    """The text's bytes are its sound. `wait_s` before the first of them."""

    wait_s: float = 0.0
    broken: bool = False
    asked: list[Request] = field(default_factory=list)

    offers = (
        ServiceOffer(service=Service.SPEECH, price_nano=0, languages=("en-us",), engine="echo", voices=("af_heart",)),
    )
    form = Form(rate_hz=24_000, channels=1)

    def check(self, request: Request) -> None:
        self.asked.append(request)

    def produce(self, request: Request, seed: int) -> Iterator[bytes]:
        assert isinstance(request, SpeechRequest)
        time.sleep(self.wait_s)
        if self.broken:
            raise RuntimeError("the engine broke")
        yield said(request.text)
        yield bytes(200) + seed.to_bytes(8, "big")


def said(text: str) -> bytes:
    raw = text.encode()
    return raw + bytes(len(raw) % 2)


class TextEvaluator:
    """Good is what says the ordered text."""

    abilities = {"speech": ()}  # noqa: RUF012

    def vote(self, submission: Submission) -> Vote:
        assert isinstance(submission.request, SpeechRequest)
        good = (submission.result or b"").startswith(said(submission.request.text))
        return Vote(verdict=Verdict.VALID if good else Verdict.INVALID, score_ppm=900_000 if good else 0)


class FixedChain:
    """A metagraph that stands still, for a gate."""

    def __init__(self, metagraph: Metagraph) -> None:
        self.now = metagraph

    async def metagraph(self) -> Metagraph:
        return self.now


def neuron(uid: int, hotkey: str, endpoint: str = "", *, stake_rao: int = 0, registered: int = 1) -> Neuron:
    return Neuron(
        uid=uid,
        hotkey=hotkey,
        stake_rao=stake_rao,
        permit=stake_rao > 0,
        registered=registered,
        updated=registered,
        endpoint=endpoint,
    )


def graph(*neurons: Neuron) -> Metagraph:
    return Metagraph(netuid=1, block=100, tempo=20, epoch=5, last_epoch=100, neurons=neurons)


@asynccontextmanager
async def mining(key: Hotkey, runner: EchoRunner, validators: Metagraph, **given: int) -> AsyncIterator[str]:
    """A miner that listens; ip:port."""
    gate = Gate(FixedChain(validators), min_stake_rao=given.pop("min_stake_rao", 0))  # type: ignore[arg-type]
    await gate.refresh()
    miner = Miner(key, Identity.generate(), gate, [runner], SystemClock(), netuid=1, **given)  # type: ignore[list-item]
    server = await serve(miner.handle)
    try:
        yield server.endpoint.removeprefix("http://")
    finally:
        await server.stop()
        miner.close()
        await asyncio.sleep(0)
