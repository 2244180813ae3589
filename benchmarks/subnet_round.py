"""A validator's cycle over 256 miners on loopback, some of them late, broken, absent or with another's answer.

    python benchmarks/subnet_round.py [--miners 256] [--fan-out 10] [--seconds-of-sound 10]

Every answer is signed for, sealed and opened. In place of our judges stands one that takes no time, so that what is
measured is the round itself: judging adds its own seconds per answer (docs/figures.md), one at a time. Prints the time,
the peak memory of the validator's process before and after, and how the trials ended.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from antiphon.clock import SystemClock
from antiphon.economy.types import Verdict, Vote
from antiphon.ledger.operations import ServiceOffer
from antiphon.network.prompts import GrammarPrompts
from antiphon.nodes.evaluation import Submission
from antiphon.parties.messages import Form
from antiphon.protocol import Identity
from antiphon.services import Request, Service, SpeechRequest
from antiphon.subnet.asking import Asker
from antiphon.subnet.chain import Metagraph, Neuron
from antiphon.subnet.gate import Gate
from antiphon.subnet.hotkeys import Hotkey
from antiphon.subnet.memory import ScoreMemory
from antiphon.subnet.miner import Miner
from antiphon.subnet.orders import SyntheticOrders
from antiphon.subnet.rounds import Rounds
from antiphon.subnet.trials import Trials
from antiphon.transport import HttpTransport, serve

VALIDATOR = "//Alice"
LATE, BROKEN, ABSENT, STALE = "late", "broken", "absent", "stale"
FAULTS = {0: LATE, 1: BROKEN, 2: ABSENT, 3: STALE}  # of each 20 miners, one of each
DEADLINE_S = 3.0


def fault_of(number: int) -> str:
    return FAULTS.get(number % 20, "")


class Runner:
    """Sound that begins with its text, or does what its fault is."""

    offers = (ServiceOffer(service=Service.SPEECH, price_nano=0, languages=("en-us",), voices=("af_heart",)),)
    form = Form(rate_hz=24_000, channels=1)

    def __init__(self, fault: str, seconds: float) -> None:
        self.fault, self.seconds = fault, seconds

    def check(self, request: Request) -> None:
        """It takes everything."""

    def produce(self, request: Request, seed: int) -> Iterator[bytes]:  # noqa: ARG002 - a runner's
        assert isinstance(request, SpeechRequest)
        if self.fault == BROKEN:
            raise RuntimeError("broken")
        if self.fault == LATE:
            time.sleep(2 * DEADLINE_S)
        said = b"another's" if self.fault == STALE else request.text.encode()
        yield said + bytes(len(said) % 2)
        yield bytes(int(self.seconds * 24_000) * 2)


class Judge:
    abilities = {"speech": ()}  # noqa: RUF012

    def vote(self, submission: Submission) -> Vote:
        assert isinstance(submission.request, SpeechRequest)
        good = (submission.result or b"").startswith(submission.request.text.encode())
        return Vote(verdict=Verdict.VALID if good else Verdict.INVALID, score_ppm=900_000 if good else 0)


def graph(endpoints: list[str]) -> Metagraph:
    keys = [Hotkey.of(VALIDATOR), *(Hotkey.of(f"//Miner{number}") for number in range(len(endpoints)))]
    neurons = tuple(
        Neuron(uid=uid, hotkey=key.ss58, stake_rao=int(uid == 0), permit=uid == 0, registered=0, updated=0, endpoint=at)
        for uid, (key, at) in enumerate(zip(keys, ["", *endpoints], strict=True))
    )
    return Metagraph(netuid=1, block=1, tempo=360, epoch=0, last_epoch=0, neurons=neurons)


class Members:
    async def metagraph(self) -> Metagraph:
        return graph([])


async def mine(count: int, seconds: float) -> None:
    gate = Gate(Members())
    await gate.refresh()
    pool = ThreadPoolExecutor(32)
    endpoints = []
    for number in range(count):
        runner = Runner(fault_of(number), seconds)
        miner = Miner(
            Hotkey.of(f"//Miner{number}"), Identity.generate(), gate, [runner], SystemClock(), netuid=1, pool=pool
        )
        server = await serve(miner.handle)
        endpoints.append(server.endpoint.removeprefix("http://"))
        if runner.fault == ABSENT:
            await server.stop()
    print(" ".join(endpoints), flush=True)
    await asyncio.to_thread(sys.stdin.read)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def validate(endpoints: list[str], fan_out: int) -> None:
    members, key, clock = graph(endpoints), Hotkey.of(VALIDATOR), SystemClock()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as judging:
        async with HttpTransport(allow_private=True) as transport:
            orders = SyntheticOrders(GrammarPrompts("round"), Identity.generate(), clock, random.Random(1))
            asker = Asker(key, transport, clock, netuid=1)
            trials = Trials(asker, orders, Judge(), judging, deadlines_s={Service.SPEECH: DEADLINE_S})
            memory = ScoreMemory(Path(folder) / "scores.json")
            rounds = Rounds(
                trials,
                memory,
                Path(folder) / "cycle.json",
                services=[Service.SPEECH],
                rng=random.Random(2),
                fan_out=fan_out,
            )
            before_mb, begun_s, ended, asked = peak_mb(), time.monotonic(), Counter(), set()
            while len(asked) < len(endpoints):
                for one in await rounds.run(lambda: members, key.ss58):
                    asked.add(one.neuron.uid)
                    verdict = f" {one.vote.verdict}" if one.vote else ""
                    ended[f"{fault_of(one.neuron.uid - 1) or 'honest'}: {one.ending}{verdict}"] += 1
            took_s = time.monotonic() - begun_s
    print(f"{len(asked)} miners, {fan_out} at once: {took_s:.1f} s; peak {before_mb:.0f} -> {peak_mb():.0f} MB")
    for words, count in sorted(ended.items()):
        print(f"  {words}: {count}")
    print(f"  with weight: {len(memory.weights_ppm(members))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--miners", type=int, default=256)
    parser.add_argument("--fan-out", type=int, default=10)
    parser.add_argument("--seconds-of-sound", type=float, default=10.0)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(mine(given.miners, given.seconds_of_sound))
        return
    command = [sys.executable, __file__, "--serve", "--miners", str(given.miners)]
    command += ["--seconds-of-sound", str(given.seconds_of_sound)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as miners:
        assert miners.stdout is not None
        asyncio.run(validate(miners.stdout.readline().split(), given.fan_out))
        miners.kill()


if __name__ == "__main__":
    main()
