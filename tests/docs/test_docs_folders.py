"""Measurements lie where CONTRIBUTING says, and somebody who reads docs or code is sent to each."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("Where a measurement or a tool belongs:")[1]
READ = [
    file.read_text(encoding="utf-8")
    for pattern in ("docs/**/*.md", "src/**/*.py", "README.md", "CONTRIBUTING.md")
    for file in ROOT.glob(pattern)
]


def test_every_folder_of_the_table_is_there() -> None:
    folders = re.findall(r"^\| `([\w/]+)/` \|", TABLE, re.MULTILINE)
    assert {"src/antiphon/bench", "benchmarks", "scripts", "runs"} <= set(folders)
    assert all((ROOT / folder).is_dir() for folder in folders)


def test_every_measurement_is_named_where_its_figure_is() -> None:
    files = [*(ROOT / "benchmarks").glob("*.py"), *(ROOT / "scripts").glob("measure_*.py")]
    assert len(files) > 20
    silent = [file.name for file in files if not any(re.search(rf"\b{file.stem}\b", text) for text in READ)]
    assert silent == []


def test_every_room_is_in_the_drawing() -> None:
    drawing = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[1]
    rooms = {path.parent.name for path in (ROOT / "src" / "antiphon").glob("*/__init__.py")}
    rooms |= {path.stem for path in (ROOT / "src" / "antiphon").glob("[a-z]*.py")}
    assert {room for room in rooms if not re.search(rf"\b{room}\b", drawing)} == set()
