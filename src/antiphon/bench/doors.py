"""The area `doors`: what a client of the HTTP API waits for, hears, and costs the server; `antiphon up` as a process of
its own, asked as any program asks it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import resource
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median

import aiohttp
import numpy as np

from antiphon.bench import cheats
from antiphon.bench.figure import Figure, Step, figure
from antiphon.bench.latency import VOICE
from antiphon.bench.sentences import HELD_OUT
from antiphon.bench.word_timing import word_time_figures
from antiphon.door.network import AsyncNetwork
from antiphon.economy.types import Mode
from antiphon.engines import registry
from antiphon.errors import UnavailableError
from antiphon.services import SpeechRequest

CLIENTS = 8
REQUESTS_A_TRY = 2
"""So that `--tries 1000` asks the 2,000 requests that flat memory is promised for."""
START_S, STOP_S = 240.0, 60.0
BYTES_PER_S = 48_000
"""Of PCM at 24 kHz."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer: when each piece came after the question, in seconds, and its bytes. None came: the status says why.
    `cut`: the order failed after its first sound."""

    status: int
    pieces: tuple[tuple[float, int], ...] = ()
    cut: bool = False

    @property
    def seconds(self) -> float:
        return sum(size for _, size in self.pieces) / BYTES_PER_S

    @property
    def gap_s(self) -> float:
        """The longest silence of somebody who plays it from the first piece on."""
        longest, end_s = 0.0, self.pieces[0][0]
        for came_s, size in self.pieces:
            longest = max(longest, came_s - end_s)
            end_s = max(end_s, came_s) + size / BYTES_PER_S
        return longest


def steps(tries: int) -> tuple[Step, ...]:
    """In the order of `figures`."""
    return (
        Step("first audio byte of a warm streamed sentence over HTTP", 30),
        Step(f"{CLIENTS} clients at once", 40),
        Step(f"memory over {REQUESTS_A_TRY * tries} requests", 0.4 * REQUESTS_A_TRY * tries),
        Step("HTTP beside the Python door", 30),
        Step("word times", 20),
    )


async def figures(profile: str, *, tries: int, peer_python: str | None) -> AsyncIterator[Step | Figure]:  # noqa: ARG001 - the signature of all areas
    """Each step before its figures."""
    first, together, memory, beside, words = steps(tries)
    with tempfile.TemporaryDirectory() as folder:
        async with _up(Path(folder) / "up", profile) as (url, process), aiohttp.ClientSession(url) as client:
            yield first
            async for found in _first_bytes(client):
                yield found
            yield together
            async for found in _together(client):
                yield found
            yield memory
            yield await _memory(client, process, REQUESTS_A_TRY * tries)
            yield beside
            async with AsyncNetwork(Path(folder) / "door", profile=profile) as network:
                yield await _beside(client, network)
    yield words
    for found in word_time_figures():
        yield found


async def _first_bytes(client: aiohttp.ClientSession) -> AsyncIterator[Figure]:
    for text in HELD_OUT[:3]:
        await _ask(client, text)
    engine_s, firsts_s = [], []
    for text in HELD_OUT:
        said = f"Well, {text}"
        engine_s.append(await asyncio.to_thread(_engine_first_s, said))
        firsts_s.append((await _ask(client, said)).pieces[0][0])
    p50, p95 = (float(np.percentile(firsts_s, share)) for share in (50, 95))
    note = f"{len(firsts_s)} sentences of {VOICE}"
    yield figure("first audio byte of a warm streamed sentence, p50", 1000 * p50, "ms", "<= 150", note)
    yield figure("first audio byte of a warm streamed sentence, p95", 1000 * p95, "ms", "<= 300", note)
    beyond_ms = 1000 * (p50 - median(engine_s))
    note = f"the engine's own takes {1000 * median(engine_s):.0f} ms"
    yield figure("first audio byte beyond the engine's own first chunk", beyond_ms, "ms", "<= 60", note)


async def _together(client: aiohttp.ClientSession) -> AsyncIterator[Figure]:
    """Each has eight sentences of its own said."""
    texts = [" ".join(HELD_OUT[n:] + HELD_OUT[:n])[:480] for n in range(CLIENTS)]
    heard = await asyncio.gather(*(_ask(client, text) for text in texts))
    played = [one for one in heard if one.pieces]
    refused = sum(one.status == 503 for one in heard)
    longest_s = max((one.gap_s for one in played), default=None)
    note = f"{len(played)} heard, {refused} refused with 503"
    yield figure(f"longest gap of {CLIENTS} clients at once", longest_s, "s", "<= 0.5", note)
    whole = sum(not one.cut for one in played)
    yield figure("of them heard to the end, or refused", whole + refused, "clients", f">= {CLIENTS}")


async def _memory(client: aiohttp.ClientSession, process: asyncio.subprocess.Process, requests: int) -> Figure:
    name = f"memory growth of the server over {requests} requests"
    before = _memory_mb(process.pid)
    texts = count()
    for _ in range(0, requests, 4):
        await asyncio.gather(*(_ask(client, f"Number {next(texts)}.") for _ in range(4)))
    after = _memory_mb(process.pid)
    if before is None or after is None:
        return figure(name, None, "MB", "< 20", "this system does not tell the memory of a process")
    return figure(name, after - before, "MB", "< 20", f"from {before:.0f} MB")


async def _beside(client: aiohttp.ClientSession, network: AsyncNetwork) -> Figure:
    """In turn, so that a busy machine disturbs both; each sentence to its last sound."""
    http_s, door_s, engine_s = [], [], []
    for number, text in enumerate((*HELD_OUT[:2], *HELD_OUT[:12])):
        said = f"So, {text}"
        began_s = time.perf_counter()
        await asyncio.to_thread(cheats.synthesise, said, VOICE, 0)
        made_s = time.perf_counter()
        await network.say(said, voice=VOICE, mode=Mode.STREAM)
        through_s = time.perf_counter()
        await _ask(client, said)
        if number >= 2:  # the first are for warming up
            http_s.append(time.perf_counter() - through_s)
            door_s.append(through_s - made_s)
            engine_s.append(made_s - began_s)
    added = [100 * (one - other) / own for one, other, own in zip(http_s, door_s, engine_s, strict=True)]
    note = f"generation {1000 * median(engine_s):.0f} ms, by the Python door {1000 * median(door_s):.0f} ms"
    return figure("HTTP beyond the Python door, of generation", median(added), "%", "< 5", note)


def _engine_first_s(text: str) -> float:
    """Until the first chunk of the engine alone."""
    engine = registry.load(registry.engine_for(VOICE))
    began_s = time.perf_counter()
    next(iter(engine.generate(SpeechRequest(text=text, voice=VOICE), 0)))
    return time.perf_counter() - began_s


async def _ask(client: aiohttp.ClientSession, text: str) -> Heard:
    body = {"voice": VOICE, "input": text, "response_format": "pcm"}
    began_s = time.perf_counter()
    async with client.post("/v1/audio/speech", json=body) as answer:
        if answer.status == 503:
            return Heard(503)
        if answer.status != 200:
            raise UnavailableError(f"The server answered {answer.status}: {(await answer.text())[:300]}")
        pieces, cut = [], False
        try:
            async for piece in answer.content.iter_any():
                pieces.append((time.perf_counter() - began_s, len(piece)))  # noqa: PERF401 - what came before a cut stays
        except aiohttp.ClientPayloadError:
            cut = True
        return Heard(200, tuple(pieces), cut)


@contextlib.asynccontextmanager
async def _up(home: Path, profile: str) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """`antiphon up`: where it is, and the process. Raises `UnavailableError` when it does not come up."""
    log = home.with_suffix(".log")
    command = [sys.executable, "-m", "antiphon", "--home", str(home), "--profile", profile]
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command, "up", "--port", "0", "--no-browser", stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        end_s = time.monotonic() + START_S
        while not (found := re.search(r"API at (http\S+)/v1", log.read_text())):
            if process.returncode is not None or time.monotonic() > end_s:
                raise UnavailableError("antiphon up did not start", log.read_text()[-300:])
            await asyncio.sleep(0.05)
        yield found[1], process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_S)


def _memory_mb(process: int) -> float | None:
    """Resident memory of a process now, in MB."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * resource.getpagesize() / 1e6
