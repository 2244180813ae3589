"""The rows of a running job say who does what, and fit every terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from antiphon.cli.board import MAX_ROWS, Board
from antiphon.cli.figures import ant, clock, counted
from antiphon.cli.manuscript import Extent, manuscript_of, measure
from antiphon.client.events import Opened
from antiphon.economy.types import Assignment, Part, PartQuote, Quote, Terms
from antiphon.ledger.records import PartRecord, PartState

NODE = "ab" * 32


def record(index, state, **more):
    terms = (Terms(node=NODE, price_nano=2_000, quality_ppm=500_000),) * 2
    seats = tuple(Terms(node=f"{number}" * 64, price_nano=10, quality_ppm=500_000) for number in range(3))
    return PartRecord(
        task="t",
        part=Part(index=index, units=50),
        state=state,
        assignment=Assignment(index=index, producers=terms, validators=seats, reserve_nano=9_000),
        **more,
    )


def drawn(board, width):
    console = Console(file=io.StringIO(), width=width, height=24, force_terminal=True, color_system=None)
    console.print(board)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def board_of(sentences, states):
    board = Board(lambda: 100.0)
    board.expect(Extent(sentences, 50 * sentences, True, tuple(f"Sentence {n + 1} begins" for n in range(sentences))))
    board.engines = {NODE: "hibari"}
    quote = PartQuote(index=0, producer_nano=1, validators_nano=1, reserve_nano=9)
    board.opened(Opened("t", Quote(parts=(quote,)), 0, len(states)))
    board.parts([record(index, state, **more) for index, (state, more) in enumerate(states)], 3)
    return board


def test_each_of_a_few_sentences_keeps_a_row_with_its_stage_and_its_worker():
    states = [
        (PartState.ASSIGNED, {"attempt": 1}),
        (PartState.DELIVERED, {"commits": {"0": b"", "1": b""}}),
        (PartState.INVALID, {}),
    ]
    first, second, third = drawn(board_of(3, states), 100).splitlines()
    assert "Sentence 1 begins" in first
    assert "making, try 2" in first
    assert "hibari abababab" in first
    assert "judging" in second
    assert "2 of 3 votes" in second
    assert "rejected" in third


def test_of_many_sentences_there_is_a_total_and_rows_for_what_is_in_work():
    states = [(PartState.VALID, {})] * 6 + [(PartState.ASSIGNED, {})] * 10
    lines = drawn(board_of(300, states), 100).splitlines()
    assert lines[0].startswith("6 of 300 sentences, 0:00 of audio, 0 ANT, 0:00")
    assert len(lines) == 1 + MAX_ROWS


@pytest.mark.parametrize("width", [20, 40, 71, 80, 120])
def test_no_row_is_wider_than_the_terminal(width):
    for count in (3, 300):
        lines = drawn(board_of(count, [(PartState.ASSIGNED, {})] * 3), width).splitlines()
        assert max(map(len, lines)) <= width
        assert len(lines) == (3 if count == 3 else 4)


@pytest.mark.parametrize(
    ("nano", "told"),
    [
        (0, "0 ANT"),
        (12, "0.000000012 ANT"),
        (3_640_000, "0.00364 ANT"),
        (1_000 * 10**9, "1,000 ANT"),
        (100 * 10**9, "100 ANT"),
    ],
)
def test_amounts_show_the_digits_that_matter(nano, told):
    assert ant(nano) == told


def test_durations_and_counts_read_as_people_say_them():
    assert [clock(7.9), clock(151), clock(3725)] == ["0:07", "2:31", "1:02:05"]
    assert [counted(1, "sentence"), counted(2_000, "vote")] == ["1 sentence", "2,000 votes"]


def test_a_manuscript_knows_its_extent():
    extent = manuscript_of(("Good morning to everybody here.", "The train is late again today."), None).extent
    assert extent is not None
    assert (extent.sentences, extent.exact) == (2, True)
    assert extent.beginnings[0] == "Good morning to everybody here."


def test_of_a_very_long_text_the_rest_is_estimated():
    sentence = "The train to the north is late again today. "
    whole = measure([sentence * 60_000], len(sentence) * 60_000)
    assert not whole.exact
    assert whole.sentences == pytest.approx(60_000, rel=0.01)


def test_words_in_another_encoding_are_read_and_it_is_told() -> None:
    told: list[str] = []
    manuscript = manuscript_of(("caf\udce9 au lait",), None, tell=told.append)
    assert "".join(manuscript.blocks) == "café au lait"
    assert told == ["WINDOWS-1252 by the look of its bytes"]
