"""The walks that the documents tell lead where they say: a reader opens these files and finds these functions."""

from __future__ import annotations

import itertools
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from ledger_market import OPERATOR, Market, task_id

from antiphon.clock import ManualClock
from antiphon.ledger.sql.ledger import SqlLedger

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "antiphon"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
WALKS = re.findall(r"```walk\n(.*?)```", PAGE, re.DOTALL)

Call = tuple[str, str]
"""Module and function."""


def test_six_files_lead_from_a_sentence_to_the_line_that_pays() -> None:
    section = PAGE.split("## From a sentence to the line that pays")[1].split("## ")[0]
    steps = re.findall(r"^\| `([\w/]+\.py)` \| `(\w+)` \|", section, re.MULTILINE)
    assert 3 < len(steps) <= 6
    for path, name in steps:
        code = (SOURCE / path).read_text(encoding="utf-8")
        assert re.search(rf"def {name}\(|\b{name}\(", code), f"{path} has no {name}"


def test_six_files_lead_from_a_metric_to_its_weight() -> None:
    page = (ROOT / "docs" / "judging.md").read_text(encoding="utf-8")
    walk = page.split("**From a metric to its weight**")[1].split("\n\n")[1]
    steps = re.findall(r"^\d\. .*?`([\w/]+\.py)`", walk, re.MULTILINE)
    assert 3 < len(steps) <= 6
    others = re.findall(r"`([\w/]+\.py)`", walk)
    found = {path for path in others if (SOURCE / path).is_file() or (SOURCE / "judges" / path).is_file()}
    assert found == set(others)
    # One metric is met in each of them: it is declared, measured, collected and weighed under one name.
    for path in steps[:4]:
        assert re.search(r"\bDISTILLMOS\b|\bnaturalness\b", (SOURCE / path).read_text(encoding="utf-8")), path


def listed(walk: str) -> list[Call]:
    """Calls of a list in the document: module, functions, and after two spaces what a reader is told."""
    lines = (re.match(r"(\S+) +((?:[\w.]+, )*[\w.]+)(?:  |$)", line) for line in walk.strip().splitlines())
    return [(line[1], name) for line in lines if line for name in line[2].split(", ")]


@contextmanager
def called(names: list[Call]) -> Iterator[None]:
    """Appends every call of a function of ours, in this thread and in those that start meanwhile."""

    def look(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(SOURCE):
            names.append((str(path.relative_to(SOURCE).with_suffix("")), frame.f_code.co_qualname))

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]


@pytest.fixture
async def walked(tmp_path: Path) -> list[Call]:
    """All calls that submitting an `OpenTask` makes, in their order."""
    names: list[Call] = []
    clock = ManualClock()
    with called(names):
        ledger = await SqlLedger.open(tmp_path / "ledger.db", operator=OPERATOR, clock=clock)
        market = Market(ledger, clock)
        await market.found()
        names.clear()
        await market.open(task_id(1))
    await ledger.close()
    return names[names.index(("ledger/sql/ledger", "SqlLedger.submit")) :]


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: listed(walk)[0][1])
def test_a_walk_calls_what_is_listed_in_that_order(walk: str, walked: list[Call]) -> None:
    calls = listed(walk)
    assert len(calls) >= len(walk.strip().splitlines()), "each line names a module and a function"
    own = walked[walked.index(calls[0]) :]
    firsts = [own.index(call) if call in own else -1 for call in calls]
    missing = [call for call, first in zip(calls, firsts, strict=True) if first < 0]
    assert not missing, "docs/architecture.md lists what is not called"
    assert firsts == sorted(firsts), "docs/architecture.md lists another order than that of first calls"


def test_the_lists_have_as_many_returns_as_is_said() -> None:
    told = re.findall(r"^\|.*\| today \| (\d+) \| (\d+) \|", PAGE, re.MULTILINE)
    assert len(told) == len(WALKS) == 2
    for walk, (modules, returns) in zip(WALKS, told, strict=True):
        stays = [module for module, _ in itertools.groupby(module for module, _ in listed(walk))]
        assert (len(set(stays)), len(stays) - len(set(stays))) == (int(modules), int(returns))
