"""A network of real processes on loopback, started with the documented commands."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO

from antiphon.ledger.base import Ledger
from antiphon.ledger.remote import RemoteLedger
from antiphon.ledger.retrying import RetryingLedger
from antiphon.transport import HttpTransport

PATIENCE_S = 300.0
"""Longest wait for what must come. Not a pace: a machine that does ten things at once is only slower."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Processes:
    """Commands by name; each one's output is kept in a file. `variables` are set for all of them."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.folder = folder
        self.variables: dict[str, str] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: list[IO[bytes]] = []

    def start(
        self, name: str, *words: str, home: Path | None = None, variables: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """`antiphon --home HOME words...` under `name`; what it says is added to the name's log."""
        log = (self.folder / f"{name}.log").open("ab")
        self._logs.append(log)
        command = [sys.executable, "-m", "antiphon", "--home", str(home or self.home), *words]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ANTIPHON_")}
        environment |= self.variables | (variables or {})
        self._running[name] = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        return self._running[name]

    def said(self, name: str) -> str:
        file = self.folder / f"{name}.log"
        return file.read_text() if file.exists() else ""

    def until_said(self, name: str, pattern: str, times: int = 1) -> None:
        """Fails with what it said when that does not come, at once when it has ended."""
        end_s = time.monotonic() + PATIENCE_S
        while len(re.findall(pattern, self.said(name), re.MULTILINE)) < times:
            assert self._running[name].poll() is None, f"{name} has ended: {self.said(name)}"
            assert time.monotonic() < end_s, f"{name} has not said {pattern!r} within {PATIENCE_S} s: {self.said(name)}"
            time.sleep(0.05)

    def rename(self, old: str, new: str) -> None:
        """Call a running process something else from now on, its log included."""
        self._running[new] = self._running.pop(old)
        (self.folder / f"{old}.log").rename(self.folder / f"{new}.log")

    def kill(self, name: str) -> None:
        """As a power cut would: SIGKILL."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def stop(self, name: str, *, within_s: float = PATIENCE_S) -> int:
        """As Ctrl-C would."""
        process = self._running.pop(name)
        process.send_signal(signal.SIGINT)
        return process.wait(within_s)

    def wait(self, name: str, *, within_s: float = PATIENCE_S) -> int:
        return self._running.pop(name).wait(within_s)

    def call(self, *words: str, home: Path | None = None, variables: dict[str, str] | None = None) -> str:
        """Run a command to its end; its stdout. Fails the test unless it exits with 0."""
        name = f"call-{len(self._logs)}"
        process = self.start(name, *words, home=home, variables=variables)
        assert process.wait(PATIENCE_S) == 0, "\n".join(f"{one}: {self.said(one)}" for one in self._logs)
        self._running.pop(name)
        return self.said(name)

    def close(self) -> None:
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            process.wait()
        for log in self._logs:
            log.close()


@contextmanager
def processes(folder: Path) -> Iterator[Processes]:
    made = Processes(folder)
    try:
        yield made
    finally:
        made.close()


def until(holds: Callable[[], bool], what: str, *, within_s: float = PATIENCE_S) -> None:
    end_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end_s, f"not within {within_s} s: {what}"
        time.sleep(0.05)


@asynccontextmanager
async def looking_at(url: str) -> AsyncIterator[Ledger]:
    """The same ledger, seen from the test."""
    async with HttpTransport(allow_private=True) as transport:
        remote = RemoteLedger(lambda where, message, s: transport.request(where, message, deadline_s=s), url)
        with contextlib.suppress(StopAsyncIteration):
            yield RetryingLedger(remote)
