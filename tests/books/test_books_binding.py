"""What another program reads of a bound book: sound, chapters, tags, cover; and subtitles."""

from __future__ import annotations

import resource
from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition
from book_files import png

from antiphon.audio import AudioWriter, Waveform
from antiphon.books import Book, Chapter, Cue, Mark, bind, srt, webvtt
from antiphon.errors import OutputError

RATE_HZ = 24_000
MARKS = [Mark(0.0, "Out"), Mark(4.0, "In: \u201cback\u201d")]


@pytest.fixture
def sound(tmp_path):
    """Ten seconds; a click at 4 s."""
    wave = np.zeros((1, 10 * RATE_HZ), np.float32)
    wave[0, 4 * RATE_HZ : 4 * RATE_HZ + 240] = 0.8
    with AudioWriter(tmp_path / "book.aac", "aac", RATE_HZ) as writer:
        writer.write(Waveform(wave, RATE_HZ))
    return tmp_path / "book.aac"


def book(cover=b""):
    return Book("The Tide", (Chapter("Out", ()), Chapter("In", ())), "Ann Example", "en", cover)


def test_a_bound_book_has_its_chapters_tags_and_cover_and_its_sound_in_time(sound, tmp_path):
    bind(sound, tmp_path / "book.m4b", book(png()), MARKS, "hibari")
    with av.open(str(tmp_path / "book.m4b")) as bound:
        tags = ("title", "artist", "album", "composer", "genre", "major_brand")
        assert [bound.metadata[tag] for tag in tags] == [
            "The Tide", "Ann Example", "The Tide", "hibari", "Audiobook", "M4B ",
        ]  # fmt: skip
        found = [
            (one["start"] * one["time_base"], one["end"] * one["time_base"], one["metadata"]["title"])
            for one in bound.chapters()
        ]
        assert found[0] == (0, 4, "Out")
        assert found[1][0] == 4
        assert float(found[1][1]) == pytest.approx(10, abs=0.05)
        assert found[1][2] == "In: “back”"
        assert float(Fraction(bound.duration, av.time_base)) == pytest.approx(10, abs=0.05)
        (cover,) = bound.streams.video
        assert cover.disposition & Disposition.attached_pic
        assert [bytes(packet) for packet in bound.demux(cover) if packet.size] == [png()]
        bound.seek(0)
        heard = np.concatenate([frame.to_ndarray() for frame in bound.decode(audio=0)], axis=1)[0]
    assert int(np.argmax(np.abs(heard) > 0.4)) == pytest.approx(4 * RATE_HZ, abs=30)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book.aac", "book.m4b"]


def test_a_cover_that_is_damaged_costs_the_cover_alone(sound, tmp_path):
    bind(sound, tmp_path / "book.m4b", book(png()[:40]), MARKS)
    with av.open(str(tmp_path / "book.m4b")) as bound:
        assert len(bound.streams.audio) == 1


def test_a_full_disk_is_told_and_leaves_nothing_half(sound, tmp_path):
    (tmp_path / "book.m4b").write_bytes(b"an older one")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, hard))
    try:
        with pytest.raises(OutputError, match="disk is full"):
            bind(sound, tmp_path / "book.m4b", book(png()), MARKS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "book.m4b").read_bytes() == b"an older one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book.aac", "book.m4b"]


def test_subtitles_hold_what_a_screen_holds_and_every_word():
    long = " ".join(f"word{number}" for number in range(40))
    cues = [Cue(0.15, 3_601.5, long), Cue(3_602, 3_603, "A <b> & --> c")]
    text = "".join(srt(cues))
    assert text.startswith("1\n00:00:00,150 --> ")
    assert "01:00:02,000 --> 01:00:03,000\nA <b> & -> c\n" in text
    assert text.split().count("word39") == 1
    assert all(len(line) <= 42 for line in text.splitlines())
    assert "A &lt;b&gt; &amp; --&gt; c" in "".join(webvtt(cues))
