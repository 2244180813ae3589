"""`antiphon up`, once for all that ask it, and OpenAI's client of it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from postgres_server import PostgresServer, postgres

from antiphon.gateway.database import Storage

__all__ = ["postgres"]

START_S = 240.0


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`antiphon up` as a process of its own, which ends well on Ctrl-C."""
    folder = tmp_path_factory.mktemp("up")
    command = [sys.executable, "-m", "antiphon", "--home", str(folder / "home"), "up", "--port", "0"]
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        end_s = time.monotonic() + START_S
        while not (found := re.search(r"API at (http\S+)/v1", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end_s, log.read_text()
            time.sleep(0.05)
        yield found[1]
        process.send_signal(signal.SIGINT)
        assert process.wait(300) in {0, 130}
        assert "Traceback" not in log.read_text()
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """An empty one of each kind."""
    if request.param == "sqlite":
        return Storage(tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres")
    return Storage(tmp_path, server.new())
