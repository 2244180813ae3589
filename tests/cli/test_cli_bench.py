"""`antiphon bench` tells how far it is, keeps what it has measured, and ends on the first signal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_running import Ended, finish, start

from antiphon.bench import network, running


def _children(parent: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


def _gone(process: int) -> bool:
    for _ in range(100):
        try:
            os.kill(process, 0)
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except (ProcessLookupError, FileNotFoundError):
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False


def _until(process: subprocess.Popen[bytes], mark: bytes) -> bytes:
    """What it says on stderr up to a line with `mark`."""
    assert process.stderr is not None
    said = b""
    for line in process.stderr:
        said += line
        if mark in line:
            return said
    raise AssertionError(said.decode())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "mark", "code"),
    [(signal.SIGINT, b"[1/", 130), (signal.SIGTERM, b"[2/", 143), (signal.SIGHUP, b"[1/", 129)],
)
def test_the_first_signal_ends_it_and_all_it_has_started_and_leaves_valid_figures(
    number: signal.Signals, mark: bytes, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "figures.json"
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    # Step 1 is the command itself in new processes, step 2 is models in native threads.
    with start(*("bench", "--only", "network", "--tries", "1", "--json", str(file)), home=tmp_path) as process:
        said = _until(process, mark)
        assert f"{len(network.steps(1))} steps, about".encode() in said
        time.sleep(1.5)  # amid the work
        (child,) = _children(process.pid)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert err.count(b"antiphon: ") == 1
    kept = json.loads(file.read_text())
    assert kept["complete"] is False
    assert len(kept["figures"]) == (1 if mark == b"[2/" else 0) == len(out.splitlines())
    assert _gone(child)
    assert list(scratch.iterdir()) == []
    assert sorted(one.name for one in tmp_path.iterdir() if one.suffix != ".log") == ["figures.json", "scratch"]


@pytest.mark.slow
def test_a_measurement_does_not_outlive_the_command_that_was_killed(tmp_path: Path) -> None:
    with start("bench", "--only", "soundstorm", home=tmp_path) as process:
        _until(process, b"[1/")
        (child,) = _children(process.pid)
        process.kill()
        process.communicate(timeout=60)
    assert _gone(child)


def test_a_file_that_cannot_be_written_is_known_before_anything_is_measured(
    call: Callable[..., Ended], tmp_path: Path
) -> None:
    ended = call("bench", "--json", str(tmp_path / "no" / "such" / "place.json"))
    assert ended.code == 6
    assert "cannot be written" in ended.complaint
    assert "[1/" not in ended.err


@pytest.mark.slow
def test_an_error_of_the_measurement_is_the_commands_own(tmp_path: Path) -> None:
    ended = finish("--profile", "nonsense", "bench", "--only", "network", home=tmp_path)
    assert ended.code == 2
    assert "nonsense" in ended.complaint


def test_every_area_says_its_steps_beforehand() -> None:
    for area in running.AREAS:
        few, many = running.steps(area, 1), running.steps(area, 100)
        assert len(few) == len(many) >= 2
        shorter = sum(step.about_s for step in few) < sum(step.about_s for step in many)
        assert shorter == (area not in {"chain", "genki"})  # the same each time
