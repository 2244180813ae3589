"""Two workers of a pool beside one, each pinned to a core: sentences a minute when generation is the limit.

    python benchmarks/pool_workers.py --engine kokoro --sentences 24
    python benchmarks/pool_workers.py --engine waiting --sentences 60

`waiting` takes 0.2 s a sentence and computes nothing: what the pool itself costs, also where the cores are busy.
Rounds alternate, so that what else the machine does falls on both. Needs `pip install 'antiphon[nats]'` and the server.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import ClassVar

import msgspec
import numpy as np

from antiphon.audio import Waveform
from antiphon.engines import registry
from antiphon.engines.base import Capabilities, Voice
from antiphon.network.prompts import GrammarPrompts
from antiphon.nodes.pool.runner import PoolRunner
from antiphon.nodes.pool.worker import work
from antiphon.services import Request, SpeechRequest

PORT = 14222
URL = f"nats://127.0.0.1:{PORT}"
WAIT_S = 0.2


class Waiting:
    """Half a second of noise for every sentence, after `WAIT_S`."""

    name: ClassVar[str] = "waiting"

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """None."""

    capabilities = Capabilities(
        service="speech",
        languages=("en-us",),
        voices=(Voice(name="waiting", language="en-us", engine="waiting"),),
        rate_hz=24_000,
        rtf=0.4,
        streams=False,
        seeded=True,
    )

    def check(self, request: Request) -> None:
        """Takes everything."""

    def generate(self, _: Request, seed: int) -> Iterator[Waveform]:
        time.sleep(WAIT_S)
        yield Waveform(np.random.default_rng(seed).uniform(-0.5, 0.5, (1, 12_000)).astype(np.float32), 24_000)


def worker(engine: str, core: int) -> subprocess.Popen[bytes]:
    command = (
        [sys.executable, __file__, "--work"]
        if engine == "waiting"
        else [sys.executable, "-m", "antiphon", "node", "worker", URL, "--engine", engine]
    )
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    os.sched_setaffinity(process.pid, {core})  # before it has any thread but the first
    return process


def minute(pool: PoolRunner, requests: list[SpeechRequest], workers: int) -> float:
    """Sentences a minute. As many as twice the workers are under way, so that none waits for us."""
    began_s = time.perf_counter()
    with ThreadPoolExecutor(2 * workers) as threads:
        made = list(threads.map(lambda one: sum(map(len, pool.produce(one, 1))), requests))
    assert all(made), "a sentence is empty"
    return 60 * len(requests) / (time.perf_counter() - began_s)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", default="kokoro")
    parser.add_argument("--sentences", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        asyncio.run(work(Waiting(), URL, name=str(os.getpid()), slots=1, stopped=asyncio.Event()))
    engine = Waiting() if given.engine == "waiting" else registry.load(given.engine)
    voice = engine.capabilities.voices[0]
    requests = [
        SpeechRequest(text=GrammarPrompts.sentence(number), voice=voice.name, language=voice.language)
        for number in range(0, 1_000_003 * given.sentences, 1_000_003)
    ]
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        server = Path(sys.executable).with_name("nats-server")
        stack.enter_context(
            ended(subprocess.Popen([server, "-js", "-sd", folder, "-p", str(PORT)], stderr=subprocess.DEVNULL))
        )
        time.sleep(1)
        pool = PoolRunner(engine, 1, URL, start_s=240, patience_s=60)
        stack.callback(pool.close)
        found: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(given.rounds):
            for count in (1, 2):
                with ExitStack() as workers:
                    for core in range(count):
                        workers.enter_context(ended(worker(given.engine, core)))
                    minute(pool, requests[: 2 * count], count)  # they have loaded
                    found[count].append(minute(pool, requests, count))
        one, two = median(found[1]), median(found[2])
        print(f"one worker {one:.1f}, two {two:.1f} sentences a minute: {two / one:.2f} times")
        print(f"load {os.getloadavg()[0]:.1f}, {found}")


class ended:  # noqa: N801 - reads as a word
    """A process that ends with the block."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


if __name__ == "__main__":
    main()
