"""docs/plugins.md runs as written: a service from outside is installed, ordered, judged and paid, or fined."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "plugins.md"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", GUIDE.read_text(), re.DOTALL)
FILES = {code.splitlines()[0].removeprefix("# "): code for language, code in BLOCKS if language == "python"}
(DECLARED,) = (code for language, code in BLOCKS if language == "toml")

pytestmark = pytest.mark.slow


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The guide's distribution, as pip would install it."""
    folder = tmp_path / "site"
    info = folder / "sonify-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sonify\nVersion: 1.0\n")
    declared = tomllib.loads(DECLARED)
    assert {f"{name}.py" for name in declared["tool"]["setuptools"]["py-modules"]} == set(FILES) - {"order.py"}
    groups = declared["project"]["entry-points"].items()
    lines = (
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in found.items()) for group, found in groups
    )
    (info / "entry_points.txt").write_text("\n".join(lines))
    for name, code in FILES.items():
        (folder / name).write_text(code)
    return folder


def test_an_engine_and_a_judge_take_forty_lines_each() -> None:
    assert max(len(FILES[name].splitlines()) for name in ("sonify.py", "sonify_judge.py")) <= 40


def run(site: Path, *command: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        cwd=site.parent,
        env={**os.environ, "PYTHONPATH": paths, "XDG_DATA_HOME": str(site.parent)},
    )


def explained(site: Path) -> str:
    """What the command line tells of the oldest task."""
    home = ("-m", "antiphon", "--home", "sonification-network", "task")
    *_, first = json.loads(run(site, *home, "list", "--json").stdout)
    told = run(site, *home, "show", first["task"])
    assert told.returncode == 0, told.stderr
    return told.stdout


def test_a_service_from_outside_is_ordered_judged_and_paid(site: Path) -> None:
    done = run(site, str(site / "order.py"))
    assert done.stdout.strip() == "valid 1000000 3", done.stderr
    (told,) = re.findall(r"It prints `(.*?)`", GUIDE.read_text())
    assert told == done.stdout.strip()
    why = explained(site)
    assert "right tones" in why
    assert "all tones" in why
    assert re.search(r"to producer \w+: its price", why)
    assert len(re.findall(r"to validator \w+: fee for a vote with the majority", why)) == 3


@pytest.mark.parametrize(
    ("honest", "cheat", "says"),
    [
        ("n * hz * time_s", "n * 1.1 * hz * time_s", "right tones"),  # out of tune
        ("for hz in hertz(request.text):", "for hz in hertz(request.text)[:-1]:", "all tones"),  # the last is missing
    ],
)
def test_cheats_of_it_are_rejected_and_fined(site: Path, honest: str, cheat: str, says: str) -> None:
    """Producer and validators are of one process here, so only `generate` is bent: what is measured stays true."""
    code = (site / "sonify.py").read_text()
    assert code.count(honest) == 1
    (site / "sonify.py").write_text(code.replace(honest, cheat))
    done = run(site, str(site / "order.py"))
    assert done.returncode != 0
    why = explained(site)
    assert "invalid, by 3 of 3 votes" in why
    assert re.search(f"Failed +{says}: ", why)
    assert re.search(r"from the stake of producer \w+ to the client: penalty", why)


def test_engine_and_judge_are_forty_lines_each() -> None:
    for name in ("sonify.py", "sonify_judge.py"):
        assert len(FILES[name].splitlines()) - 1 <= 40, name
