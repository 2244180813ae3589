"""The walk from a sentence to the line that pays leads where it says, in at most six files."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_six_files_lead_from_a_sentence_to_the_line_that_pays() -> None:
    section = PAGE.split("## From a sentence to the line that pays")[1].split("## ")[0]
    steps = re.findall(r"^\| `([\w/]+\.py)` \| `(\w+)` \|", section, re.MULTILINE)
    assert 3 < len(steps) <= 6
    for path, name in steps:
        code = (ROOT / "src" / "antiphon" / path).read_text(encoding="utf-8")
        assert re.search(rf"def {name}\(|\b{name}\(", code), f"{path} has no {name}"
