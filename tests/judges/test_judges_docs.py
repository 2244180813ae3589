"""What the pages say of metrics and of the way from one to its weight is so."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

import antiphon
from antiphon.judges.metrics import BUILT_IN

ROOT = Path(__file__).parents[2]
SOURCE = Path(antiphon.__file__).parent


def test_the_page_of_metrics_is_made_of_the_registry() -> None:
    page = runpy.run_path(str(ROOT / "scripts" / "metrics_table.py"))["page"]
    assert (ROOT / "docs" / "metrics.md").read_text() == "\n".join(page()) + "\n"


def test_from_a_metric_to_its_weight_are_at_most_six_files() -> None:
    text = (ROOT / "docs" / "judging.md").read_text()
    walk = text[text.index("**From a metric to its weight**") :].split("\n\n")[1]
    steps = [re.findall(r"`([a-z_/]+\.py)`", line) for line in walk.splitlines()]
    assert len(steps) <= 6
    assert all((SOURCE / file).is_file() for step in steps for file in step[:1])
    declared, measured, run, weighed, decided = ((SOURCE / step[0]).read_text() for step in steps)
    assert "DISTILLMOS = " in declared
    assert "DISTILLMOS.measured(" in measured
    assert "DistillMos" in run
    assert "key=DISTILLMOS.key, weight=" in weighed
    assert "term.weight * term.grade(" in decided


@pytest.mark.parametrize("room", ["economy", "ledger", "protocol", "transport"])
def test_rooms_that_know_no_sound_name_no_metric(room: str) -> None:
    names = re.compile("|".join(rf"\b{re.escape(key)}\b" for key in BUILT_IN))
    named = {str(file): names.findall(file.read_text()) for file in (SOURCE / room).rglob("*.py")}
    assert {file: found for file, found in named.items() if found} == {}
