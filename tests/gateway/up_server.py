"""`antiphon up` as a process of its own."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

START_S = 240.0


@dataclass(frozen=True, slots=True)
class Up:
    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def end(self) -> None:
        """As Ctrl-C does; it ends well."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(60) in {0, 130}
        assert "Traceback" not in self.log.read_text()


@contextlib.contextmanager
def up(home: Path, *options: str) -> Iterator[Up]:
    """Served until it is ended, or killed when the test has done."""
    command = [sys.executable, "-m", "antiphon", "--home", str(home), "up", "--port", "0", *options]
    log = home.with_name(f"{home.name}.log")
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        end_s = time.monotonic() + START_S
        while not (found := re.search(r"API at (http\S+)/v1", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end_s, log.read_text()
            time.sleep(0.05)
        yield Up(found[1], process, log)
    finally:
        process.kill()
        process.wait()


def ended(client: httpx.Client, task: str, limit_s: float = 120.0) -> dict[str, Any]:
    """A task once it has ended and its cost is final."""
    end_s = time.monotonic() + limit_s
    while True:
        found: dict[str, Any] = client.get(f"/api/v1/tasks/{task}").json()
        if found["ended_ms"] and found["paid_final"]:
            return found
        assert time.monotonic() < end_s, found
        time.sleep(0.1)
