"""A read-along EPUB holds every sentence, says when each is heard, and is read by our own reader of EPUBs."""

from __future__ import annotations

import zipfile
from xml.etree import ElementTree

import pytest
from book_files import png

from antiphon.books import Book, Chapter, Mark, open_book, write_read_along
from antiphon.books.timeline import Follower, Line, Timeline

RATE_HZ = 1_000


@pytest.fixture
def written(tmp_path):
    """Two chapters; the second sentence of the first is missing."""
    timeline = Timeline(RATE_HZ)
    for title, lines in (
        ("A & B", [Line("One <i>.", 0.3), Line("Lost.", 0.3, True), Line("Two.", 0.3, True)]),
        ("C", [Line("Three.", 0.3, True)]),
    ):
        timeline.begin_chapter(title)
        follower = Follower(timeline, lines, 1.0)
        if len(lines) > 1:
            follower.missing(1)
        for ended in range(len(lines) + 1):
            follower.sound(2 * RATE_HZ, ended)
    (tmp_path / "sound.m4b").write_bytes(b"sound" * 100)
    book = Book("The Tide", (Chapter("A & B", ()), Chapter("C", ())), "Ann", "en-GB", png())
    write_read_along(tmp_path / "sound.m4b", tmp_path / "book.epub", book, timeline)
    return tmp_path / "book.epub", timeline


def test_every_sentence_is_in_it_and_the_heard_ones_have_their_times(written):
    file, timeline = written
    assert timeline.marks == [Mark(0.0, "A & B"), Mark(8.0, "C")]
    with zipfile.ZipFile(file) as archive:
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        assert archive.read("book/sound.m4a") == b"sound" * 100
        page = ElementTree.fromstring(archive.read("book/chapter-0.xhtml"))
        spans = {one.get("id"): one.text for one in page.iter() if one.tag.endswith("}span")}
        assert spans == {"s0": "One <i>.", "s1": "Lost.", "s2": "Two."}
        assert sum(one.tag.endswith("}p") for one in page.iter()) == 2
        overlay = ElementTree.fromstring(archive.read("book/chapter-0.smil"))
        targets = [one.get("src") for one in overlay.iter() if one.tag.endswith("}text")]
        assert targets == ["chapter-0.xhtml#s0", "chapter-0.xhtml#s2"]
        clips = [(one.get("clipBegin"), one.get("clipEnd")) for one in overlay.iter() if one.tag.endswith("}audio")]
        heard = [cue for cue in timeline.cues if cue.heard and cue.chapter == 0]
        assert clips == [(f"{cue.begin_s:.3f}s", f"{cue.end_s:.3f}s") for cue in heard]


def test_it_is_read_again_as_the_book_that_it_is(written):
    book = open_book(written[0], None, lambda _: None)
    assert (book.title, book.author, book.language, book.cover) == ("The Tide", "Ann", "en-GB", png())
    assert [(one.title, one.passages[0].text.split()) for one in book.chapters] == [
        ("A & B", ["One", "<i>.", "Lost.", "Two."]),
        ("C", ["Three."]),
    ]
