"""docs/economics.md tells what the study beside it holds."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from antiphon.economy.types import NANO
from antiphon.simulation.charts import draw
from antiphon.simulation.strategies import DISHONEST
from antiphon.simulation.study import Study

DOCS = Path(__file__).parents[2] / "docs"
STUDY = msgspec.json.decode((DOCS / "economics" / "study.json").read_bytes(), type=Study)
PAGE = (DOCS / "economics.md").read_text(encoding="utf-8")


def test_the_table_of_gains_is_the_study() -> None:
    rows = {
        words[0]: words[1:4]
        for words in (
            [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| ")
        )
        if words[0] in DISHONEST
    }
    assert set(rows) == set(DISHONEST)
    for one in STUDY.comparisons:
        tasks, issued = one.tasks_nano - one.honest_tasks_nano, one.issued_nano - one.honest_issued_nano
        told = [f"{tasks / NANO:+.3f}", f"{issued / NANO:+.3f}", f"{one.profit_nano / NANO:+.3f}"]
        assert [cell.split()[0].strip("*") for cell in rows[one.strategy]] == told, one.strategy


def test_every_chart_of_the_study_is_shown_and_can_be_drawn_again(tmp_path: Path) -> None:
    drawn = {path.name for path in draw(STUDY, tmp_path)}
    shown = set(re.findall(r"\(economics/([\w.]+)\)", PAGE))
    assert drawn == shown == {path.name for path in (DOCS / "economics").iterdir()}
