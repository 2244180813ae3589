"""Lines on a pipe say how far a job is, which sentence is missing, and which receipt tells why."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from antiphon.cli import progress as lines
from antiphon.cli.board import Board
from antiphon.cli.manuscript import Extent
from antiphon.cli.progress import Progress
from antiphon.cli.result import Gap
from antiphon.cli.sink import require_room
from antiphon.client.events import Closed, Opened
from antiphon.client.recovery import Recovered
from antiphon.economy.types import Assignment, Part, PartQuote, Quote, Terms
from antiphon.errors import OutputError
from antiphon.ledger.records import PartRecord, PartState

NODE = "ab" * 32
QUOTE = Quote(parts=tuple(PartQuote(index=n, producer_nano=1_000, validators_nano=0, reserve_nano=0) for n in range(4)))


class _Task:
    client = NODE
    rules = type("Rules", (), {"seats": 3})


def closed(*states: PartState) -> Closed:
    terms = (Terms(node=NODE, price_nano=2_000, quality_ppm=500_000),)
    parts = tuple(
        PartRecord(
            task="t",
            part=Part(index=number, units=50),
            state=state,
            assignment=Assignment(index=number, producers=terms, validators=(), reserve_nano=0),
        )
        for number, state in enumerate(states)
    )
    return Closed(_Task(), parts, None)  # type: ignore[arg-type]  # what is told of a task needs no more of it


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Progress:
    monkeypatch.setattr(lines, "FIRST_LINE_S", 0.0)
    monkeypatch.setattr(lines, "LINE_S", 0.0)
    progress = Progress(enabled=True, console=Console(file=io.StringIO(), width=200, highlight=False, soft_wrap=True))
    progress.expect(Extent(20, 1_000, True, tuple(f"Sentence {number + 1}" for number in range(20))))
    return progress


def said(progress: Progress) -> list[str]:
    file = progress._console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue().splitlines()


def test_sentences_are_counted_as_their_sound_is_written_and_missing_ones_are_not(told: Progress) -> None:
    told.sound(2.0, 0)
    told.sound(9.0, 3)
    told.missing(Gap(3, "Sentence 4", "no node delivered"))
    told.sound(12.0, 4)
    assert said(told) == [
        "So far   0:02 of sound, 0 of 20 sentences",
        "So far   0:09 of sound, 3 of 20 sentences",
        "Missing  Sentence 4 (Sentence 4): no node delivered",
        "So far   0:12 of sound, 3 of 20 sentences",
    ]


def test_the_receipt_that_tells_why_is_that_of_the_task_that_failed(told: Progress) -> None:
    told.closed(closed(PartState.VALID, PartState.VALID), Path("before.json"))
    told.missing(Gap(3, "", "no node delivered"))
    told.closed(closed(PartState.VALID, PartState.REFUNDED), Path("its-own.json"))
    told.closed(closed(PartState.VALID), Path("after.json"))
    whys = [line for line in said(told) if "receipt show" in line]
    assert whys == ["Why      Sentence 4: antiphon receipt show its-own.json"]


def test_a_resumed_job_quotes_what_is_still_to_buy(told: Progress) -> None:
    told.taken_up(12, Recovered())
    told.opened(Opened("t", QUOTE, 12, 4), 5_000_000)
    assert said(told)[-1] == "Quote    about 0.000008 ANT for 8 sentences more (at most 0.005 ANT for all)"


def test_the_total_of_a_resumed_job_counts_what_is_kept() -> None:
    board = Board(lambda: 0.0)
    board.expect(Extent(20, 1_000, True))
    board.kept = 12
    board.opened(Opened("t", QUOTE, 12, 4))
    console = Console(file=io.StringIO(), width=100)
    console.print(board)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().startswith("12 of 20 sentences")


def test_little_room_is_told_in_sizes_that_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.cli.sink.shutil.disk_usage", lambda _: type("Usage", (), {"free": 20_480}))
    with pytest.raises(OutputError, match=r"About 72 KB are needed in .*, and 20 KB are free"):
        require_room(1.5, "wav", str(tmp_path / "a.wav"), None)
