"""Version, changelog and tags tell the same."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import antiphon

ROOT = Path(__file__).parents[2]
HEADING = re.compile(r"^## (\d+\.\d+\.\d+)(, not yet released)?", re.MULTILINE)


def test_the_version_is_the_changelogs_newest() -> None:
    newest, unreleased = HEADING.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))[0]
    assert antiphon.__version__ == (f"{newest}.dev0" if unreleased else newest)
    assert version("antiphon") == antiphon.__version__


def test_each_tag_of_a_version_is_in_the_changelog() -> None:
    told = {number for number, _ in HEADING.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))}
    tags = subprocess.run(["git", "tag", "--list", "v*"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert {tag.removeprefix("v") for tag in tags.split()} <= told
