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
from string import Template

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
        words = [Template(word).safe_substitute(self._variables) for word in shlex.split(command)]
        if words[0] == "antiphon":
            words[:1] = [sys.executable, "-m", "antiphon"]
        log = self.folder / f"{len(self._running)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(words, cwd=self.folder, env=self._variables, stdout=out, stderr=out)
        process.log = log  # type: ignore[attr-defined]
        self._running.append(process)
        return process

    def started(self, command: str, ready: str) -> None:
        """A process that stays, once it has said `ready`."""
        process, until = self.start(command), time.monotonic() + LIMIT_S
        while ready not in (said := process.log.read_text()):  # type: ignore[attr-defined]
            assert process.poll() is None, said
            assert time.monotonic() < until, f"{command}\n{said}"
            time.sleep(0.05)

    def run(self, command: str) -> str:
        """What it said. `NAME=$(COMMAND)` gives later commands the variable."""
        if named := re.fullmatch(r"(\w+)=\$\((.*)\)", command):
            self._variables[named[1]] = self.run(named[2]).split()[-1]
            return ""
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


def test_the_page_is_a_federation_of_processes_that_survives_kill_9_and_whose_model_earns(machine: Machine) -> None:
    music, cards, (serve,), (explain, *joins), after, vote, publish, (ledger,), nodes, market, _, _ = BLOCKS
    for command in (*music, *cards):
        machine.run(command)
    found = re.search(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert found
    (machine.folder / "plan.toml").write_text(found[1])
    trained(machine, serve, explain, joins)

    assert "2 of 2 rounds of ruby-base" in machine.run(after[0])
    rounds = json.loads(machine.run(after[1]))["rounds"]
    assert [len(one["accepted"]) for one in rounds] == [2, 2]
    assert rounds[1]["loss"] < rounds[0]["loss"]
    names = [
        json.loads((machine.folder / "cards" / f"{one}.json").read_bytes())["contributor"] for one in ("alice", "bob")
    ]
    said = machine.run(after[2])
    assert all(name[:12] in said for name in names)

    said = machine.run(vote[0])
    assert said.count("3 validators of one mind") == 2
    assert "3 drawn validators found the same" in machine.run(vote[1])

    for command in publish:
        machine.run(command)
    machine.started(f"{ledger} --port 0", "Ledger ")
    for command in nodes:
        machine.started(command, " at http://")
    assert "Receipt" in machine.run(market[0])
    assert (machine.folder / "piece.wav").stat().st_size > 8 * 44_100 * 2 * 2
    assert "proven" in machine.run(market[1])
    revenue = json.loads(machine.run(market[2]))
    parts = {part["node"]: part for part in revenue["parts"]}
    assert set(parts) == set(names)
    assert sum(part["earned_nano"] for part in parts.values()) == revenue["earned_nano"] > 0
    assert all(part["earned_nano"] > 0 for part in parts.values())
    (use,) = revenue["uses"]
    assert revenue["proven"] == [use["task"]]
    above = json.loads(machine.run("antiphon --home carol dama list --json"))
    parent = next(row for row in above if row["name"] == "ruby-1")
    assert parent["earned_nano"] > 0
    assert use["ppm"] == 900_000


def trained(machine: Machine, serve: str, explain: str, joins: list[str]) -> None:
    """The rounds, with the coordinator and a contributor killed in the first one."""
    serve += " --port 0"  # the page's own port may be taken here
    at = machine.folder / "carol" / "genki" / "at-federation"
    server = machine.start(serve)
    machine.until(at / "invitation.json", server)
    port = json.loads((at / "invitation.json").read_text())["address"].rpartition(":")[2]
    said = machine.run(explain)
    assert "push-object" in said
    assert "You would learn from 1 pieces." in said
    size = int(re.findall(r"([\d,]+) parameters", said)[0].replace(",", ""))

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
    parties = [machine.start(command) for command in joins]
    assert server.wait(LIMIT_S) == 0, server.log.read_text()  # type: ignore[attr-defined]
    for party in parties:
        assert party.wait(LIMIT_S) == 0, "the last round is over, and everybody was told"
    updates = [file.read_bytes() for file in at.glob("rounds/*/*.update")]
    assert before in updates
    assert all(len(update) <= 0.015 * 4 * size for update in updates)


def test_a_contributor_without_compute_rents_each_round_and_pays_for_it(machine: Machine) -> None:
    """The page's commands, in a round of a small model; the market is the contributor's own."""
    explain, join = BLOCKS[-2]
    (machine.folder / "plan.toml").write_text(
        'name = "federation"\nmodel = "ruby-tiny"\nrounds = 1\nlocal_steps = 2\nmin_parties = 1\n'
    )
    for command in (*BLOCKS[0][:2], BLOCKS[1][0]):
        machine.run(command)
    server, at = (
        machine.start("antiphon --home carol genki serve plan.toml --members cards --port 0"),
        (machine.folder / "carol" / "genki" / "at-federation"),
    )
    machine.until(at / "invitation.json", server)
    assert "all of them can read it" in machine.run(explain)
    dear = machine.start(f"{join.rpartition(' ')[0]} 0.000001")
    assert dear.wait(LIMIT_S) not in (0, 1)
    assert "more than" in dear.log.read_text()  # type: ignore[attr-defined]
    said = machine.run(join)
    assert "rented: " in said
    assert server.wait(LIMIT_S) == 0, server.log.read_text()  # type: ignore[attr-defined]
    (report,) = json.loads(machine.run("antiphon --home carol genki status federation --json"))["rounds"]
    assert len(report["accepted"]) == 1
    assert len(list((machine.folder / "alice" / "home" / "receipts").glob("*.json"))) == 1


def test_three_processes_train_under_masks(machine: Machine) -> None:
    """The page's secure federation: all three end with the last round, and nobody's update lies at the coordinator."""
    serve = f"{BLOCKS[-1][0]} --port 0"
    plan = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[-1]
    (machine.folder / "secure.toml").write_text(plan)
    for command in BLOCKS[0][:2]:
        machine.run(command)
    machine.run('antiphon compose "calm waltz in F major" --seconds 12 --seed 3 --midi kept/waltz.mid -q -o kept/w.wav')
    names = ("alice", "bob", "dora")
    for name in names:
        machine.run(f"antiphon --home {name}/home genki join --card cards/{name}.json")
    server, at = machine.start(serve), machine.folder / "carol" / "genki" / "at-secure"
    machine.until(at / "invitation.json", server)
    parties = [
        machine.start(f"antiphon --home {name}/home genki join {at / 'invitation.json'} --data alice") for name in names
    ]
    assert server.wait(LIMIT_S) == 0, server.log.read_text()  # type: ignore[attr-defined]
    for party in parties:
        assert party.wait(LIMIT_S) == 0, party.log.read_text()  # type: ignore[attr-defined]
    (report,) = json.loads(machine.run("antiphon --home carol genki status secure --json"))["rounds"]
    assert len(report["accepted"]) == 3
    assert not list(at.glob("rounds/*/*.update"))
    said = machine.run("antiphon --home carol genki explain secure --round 1")
    assert "summed under masks" in said
    assert said.count("33.3") == 3


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
