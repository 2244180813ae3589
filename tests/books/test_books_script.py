"""A book is cut as the client cuts it, whatever its voices and pauses, and counted by paragraphs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.books import Book, Lexicon, Telling, script
from antiphon.books.book import chapter
from antiphon.door.settings import Settings
from antiphon.errors import InputError

TEXT = """One is here, and it is the first of them all. Two.

[voice bm_george] Three, said Nguyen [pause 2s] and went.

- - -

Four.
[voice]

Five and six. * * *

"""


def told(text):
    return Telling(Book("b", (chapter("A", text), chapter("B", text))), {"voice": "hibari"}, Lexicon({"Nguyen": "win"}))


def test_paragraphs_are_counted_by_chapters_and_marks_of_voices_divide_them():
    found = list(told(TEXT).paragraphs())
    assert [(one.name, one.text) for one in found[:4]] == [
        ("1.1", "One is here, and it is the first of them all. Two."),
        ("1.2", "Three, said Nguyen and went."),
        ("1.3", "Four."),
        ("1.4", "Five and six. * * *"),
    ]
    assert found[4].name == "2.1"
    assert [number for one in found for number in one.sentences] == list(range(len(list(told(TEXT).sentences()))))


PIECES = ["One. ", "Two, said Nguyen", "\n\n", "[voice bm_george] ", "\n[voice]\n", "- - -", "[pause 300ms]", ' "No!" ']


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(lambda parts: "A. " + "".join(parts)))
@settings(max_examples=60)
def test_the_lines_of_the_timeline_are_those_that_are_ordered(tmp_path_factory, text):
    telling = told(text)
    scenes = telling._scenes(Settings(home=tmp_path_factory.getbasetemp()))
    ordered = [(line.text, line.pause_s) for scene in scenes for line in scene.lines()]
    lines = [line for turns in telling._turns() for line in script.lines(turns)]
    assert [text for text, _ in ordered] == list(telling.sentences())
    assert [pause_s for _, pause_s in ordered] == [line.pause_s for line in lines]
    assert lines[-1].ends_paragraph


def test_a_paragraph_that_there_is_not_is_named():
    with pytest.raises(InputError, match=r"no paragraph '1\.9'"):
        told(TEXT).named(["1.2", "1.9"])
