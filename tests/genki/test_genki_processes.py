"""docs/genki.md, word for word, by processes on loopback that are killed in the middle, and go on."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("flwr", reason="needs antiphon[genki]")
pytest.importorskip("torch", reason="needs antiphon[train]")

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[2] / "docs" / "genki.md").read_text()
BLOCKS = [block.strip().splitlines() for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)]
LIMIT_S = 600


class Machine:
    """A folder in which commands are run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        self._variables = {**os.environ, "HOME": str(folder), "OMP_NUM_THREADS": "1"}

    def start(self, command: str) -> subprocess.Popen[bytes]:
        words = shlex.split(command)
        if words[0] == "antiphon":
            words[:1] = [sys.executable, "-m", "antiphon"]
        log = self.folder / f"{len(self._running)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(words, cwd=self.folder, env=self._variables, stdout=out, stderr=out)
        process.log = log  # type: ignore[attr-defined]
        self._running.append(process)
        return process

    def run(self, command: str) -> str:
        process = self.start(command)
        code = process.wait(LIMIT_S)
        said = str(process.log.read_text())  # type: ignore[attr-defined]
        assert code == 0, f"{command}\n{said}"
        return said

    def until(self, found: Path, of: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + LIMIT_S
        while not found.exists():
            assert of.poll() is None, of.log.read_text()  # type: ignore[attr-defined]
            assert time.monotonic() < until, f"{found} did not come"
            time.sleep(0.05)

    def end(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.kill()
                process.wait()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.end()


def test_the_page_is_a_federation_of_processes_and_survives_kill_9(machine: Machine) -> None:
    music, cards, (serve,), (explain, *joins), status = BLOCKS
    for command in (*music, *cards):
        machine.run(command)
    found = re.search(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert found
    (machine.folder / "plan.toml").write_text(found[1])
    serve += " --port 0"  # the page's own port may be taken here
    at = machine.folder / "carol" / "genki" / "at-federation"

    server = machine.start(serve)
    machine.until(at / "invitation.json", server)
    port = json.loads((at / "invitation.json").read_text())["address"].rpartition(":")[2]
    said = machine.run(explain)
    assert "push-object" in said
    assert "You would learn from 1 pieces." in said

    first = machine.start(joins[0])  # alone: too few for a round, and its update must not be lost
    while not list(at.glob("rounds/00001/*.update")):
        assert server.poll() is None
        time.sleep(0.05)
    server.send_signal(signal.SIGKILL)
    first.send_signal(signal.SIGKILL)
    server.wait()
    first.wait()
    before = next(at.glob("rounds/00001/*.update")).read_bytes()

    server = machine.start(serve.replace("--port 0", f"--port {port}"))
    for command in joins:
        machine.start(command)
    assert server.wait(LIMIT_S) == 0, server.log.read_text()  # type: ignore[attr-defined]
    assert before in [file.read_bytes() for file in at.glob("rounds/00001/*.update")]

    assert "2 of 2 rounds of soundstorm-tiny" in machine.run(status[0])
    rounds = json.loads(machine.run(status[1]))["rounds"]
    assert [len(one["accepted"]) for one in rounds] == [2, 2]
    assert rounds[1]["loss"] < rounds[0]["loss"]
    size = 902_538
    assert all(length <= 0.015 * 4 * size for one in rounds for length in one["bytes"].values())


def test_wrong_files_end_with_what_is_wrong(machine: Machine) -> None:
    (machine.folder / "plan.toml").write_text('model = "no-such"\n')
    (machine.folder / "bad.toml").write_text("rank = -1\n")
    (machine.folder / "cards").mkdir()
    for command, complaint in (
        ("antiphon genki serve plan.toml --members cards", "There is no model 'no-such'"),
        ("antiphon genki serve bad.toml --members cards", "bad.toml is no plan"),
        ("antiphon genki join plan.toml --data cards", "plan.toml is no invitation"),
        ("antiphon genki join", "An invitation and --data are needed"),
        ("antiphon genki status ../x", "is no name for a federation"),
        ("antiphon genki status nothing", "holds no federation"),
    ):
        process = machine.start(command)
        assert process.wait(LIMIT_S) not in (0, 1)
        said = process.log.read_text()  # type: ignore[attr-defined]
        assert complaint in said
        assert "Traceback" not in said
