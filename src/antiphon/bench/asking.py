"""`antiphon up` as a process of its own, and one answer of it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from antiphon.errors import UnavailableError

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
    def first_s(self) -> float:
        """Raises `UnavailableError` where nothing was heard."""
        if not self.pieces:
            raise UnavailableError(f"The server answered {self.status}")
        return self.pieces[0][0]

    def all_but_s(self, rest_s: float) -> float:
        """When all sound had come but the last `rest_s` of it. Raises `UnavailableError` where it was not whole."""
        if self.cut or not self.pieces:
            raise UnavailableError(f"The server answered {self.status}, {'cut' if self.cut else 'and nothing else'}")
        left = (self.seconds - rest_s) * BYTES_PER_S
        for came_s, size in self.pieces:
            left -= size
            if left <= 0:
                return came_s
        return self.pieces[-1][0]

    @property
    def gap_s(self) -> float:
        """The longest silence of somebody who plays it from the first piece on."""
        longest, end_s = 0.0, self.pieces[0][0]
        for came_s, size in self.pieces:
            longest = max(longest, came_s - end_s)
            end_s = max(end_s, came_s) + size / BYTES_PER_S
        return longest


@dataclass(frozen=True, slots=True)
class Up:
    """A server that runs."""

    client: aiohttp.ClientSession
    process: asyncio.subprocess.Process

    @property
    def memory_mb(self) -> float:
        """Resident now. Raises `UnavailableError` where the system does not tell, or it has ended."""
        try:
            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        except (OSError, IndexError) as error:
            raise UnavailableError("This system does not tell the memory of a process") from error
        return pages * resource.getpagesize() / 1e6


async def ask(up: Up, text: str, voice: str) -> Heard:
    """A text streamed as PCM."""
    body = {"voice": voice, "input": text, "response_format": "pcm"}
    began_s = time.perf_counter()
    async with up.client.post("/v1/audio/speech", json=body) as answer:
        pieces: list[tuple[float, int]] = []
        if answer.status != 200:
            return Heard(answer.status)
        try:
            async for piece in answer.content.iter_any():
                pieces.append((time.perf_counter() - began_s, len(piece)))  # noqa: PERF401 - what came before a cut stays
        except aiohttp.ClientPayloadError:
            return Heard(200, tuple(pieces), cut=True)
        return Heard(200, tuple(pieces))


@contextlib.asynccontextmanager
async def serving(home: Path, profile: str) -> AsyncIterator[Up]:
    """`antiphon up`. Raises `UnavailableError` when it does not come up."""
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
        async with aiohttp.ClientSession(found[1]) as client:
            yield Up(client, process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_S)
