"""An order and its answer of 100 KB between a validator and a miner, beside Bittensor's own Dendrite and Axon (10.5).

Signed in btauth/1, sealed, checked against the metagraph; each side in a process of its own, in turns within one run:

    python benchmarks/subnet_exchange.py --peer PYTHON [--seconds 12]

PYTHON is an interpreter that has bittensor==10.5.0, in an environment of its own. Theirs is signed only.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path

from antiphon.bench import exchange
from antiphon.clock import SystemClock
from antiphon.ledger.operations import ServiceOffer
from antiphon.parties.messages import Form, PartBrief
from antiphon.protocol import Identity
from antiphon.services import Request, Service, SpeechRequest
from antiphon.subnet.asking import Asker
from antiphon.subnet.chain import Metagraph, Neuron
from antiphon.subnet.gate import Gate
from antiphon.subnet.hotkeys import Hotkey
from antiphon.subnet.miner import Miner
from antiphon.transport import HttpTransport, serve

REPLY = os.urandom(exchange.REPLY_BYTES)
VALIDATOR, MINER = "//Alice", "//Bob"
BRIEF = PartBrief(request=SpeechRequest(text="hello", voice="af_heart"), seed=1)


class Ready:
    """A runner whose sound is there before it is asked."""

    offers = (ServiceOffer(service=Service.SPEECH, price_nano=0, engine="ready", voices=("af_heart",)),)
    form = Form(rate_hz=24_000, channels=1)

    def check(self, request: Request) -> None:
        """It takes everything."""

    def produce(self, request: Request, seed: int) -> Iterator[bytes]:  # noqa: ARG002 - a runner's
        yield REPLY


class Inline(Executor):
    """No thread for what is there already: Axon's function, too, is called where the request arrived."""

    def submit(self, work: Callable[..., object], /, *given: object, **named: object) -> Future[object]:
        work(*given, **named)
        return Future()


class Members:
    """A metagraph of both."""

    async def metagraph(self) -> Metagraph:
        neurons = tuple(
            Neuron(uid=uid, hotkey=Hotkey.of(uri).ss58, stake_rao=1, permit=True, registered=0, updated=0)
            for uid, uri in enumerate((VALIDATOR, MINER))
        )
        return Metagraph(netuid=1, block=1, tempo=360, epoch=0, last_epoch=0, neurons=neurons)


async def mine() -> None:
    gate = Gate(Members())
    await gate.refresh()
    miner = Miner(
        Hotkey.of(MINER),
        Identity.generate(),
        gate,
        [Ready()],
        SystemClock(),
        netuid=1,
        slots=8,
        queue=64,
        pool=Inline(),
    )
    async with await serve(miner.handle) as server:
        print("ready", server.endpoint.removeprefix("http://"), flush=True)
        await exchange._until_input_ends()


async def ask(endpoint: str, seconds: float, at_once: int) -> tuple[float, ...]:
    neuron = Neuron(
        uid=1, hotkey=Hotkey.of(MINER).ss58, stake_rao=0, permit=False, registered=0, updated=0, endpoint=endpoint
    )
    async with HttpTransport(allow_private=True) as transport:
        asker = Asker(Hotkey.of(VALIDATOR), transport, SystemClock(), netuid=1)
        card = await asker.card(neuron)

        async def one() -> None:
            answer = await asker.ask(neuron, card, BRIEF, deadline_s=10)
            assert len(answer.result) == len(REPLY)

        return await exchange._load(one, seconds, at_once)


def ours(seconds: float, at_once: int) -> exchange._Result:
    me = (sys.executable, str(Path(__file__)))
    with (
        exchange._process(*me, "--serve") as server,
        exchange._process(*me, "--ask", server.words[-1], str(seconds), str(at_once)) as client,
    ):
        pass
    return exchange._result(client.words, server)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", metavar="PYTHON", help="an interpreter with bittensor==10.5.0")
    parser.add_argument("--seconds", type=float, default=12.0, help="for each side and load (default 12)")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--ask", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        exchange._run(mine())
        return
    if given.ask:
        endpoint, seconds, at_once = given.ask
        print("ready", *exchange._run(ask(endpoint, float(seconds), int(at_once))), flush=True)
        return
    for at_once in exchange.AT_ONCE:
        turns = range(exchange.ROUNDS)
        turn_s = given.seconds / exchange.ROUNDS
        sides = {"ours": [], "theirs": []}
        for _ in turns:
            sides["ours"].append(ours(turn_s, at_once))
            if given.peer:
                sides["theirs"].append(exchange._bittensor(turn_s, at_once, given.peer))
        rates = {side: statistics.median(one.rate for one in found) for side, found in sides.items() if found}
        for side, rate in rates.items():
            p50_ms = statistics.median(one.p50_ms for one in sides[side])
            cpu_ms = statistics.median(one.cpu_ms for one in sides[side])
            print(f"{at_once} at once, {side}: {rate:.0f} requests/s, p50 {p50_ms:.2f} ms, CPU {cpu_ms:.2f} ms")
        if "theirs" in rates:
            ratios = [a.rate / b.rate for a, b in zip(sides["ours"], sides["theirs"], strict=True)]
            over = rates["ours"] / rates["theirs"]
            print(f"{at_once} at once: {over:.1f} x (turns {min(ratios):.1f}-{max(ratios):.1f})")


if __name__ == "__main__":
    main()
