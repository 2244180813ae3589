"""`antiphon book`: from a document to a file that others read, killed on its way, and refused in one line."""

from __future__ import annotations

import json
import re
import signal
import time
import zipfile

import av
import numpy as np
import pytest
from cli_running import finish, start
from test_cli_resuming import GONE, UNJUDGED, books, counts, kept_files

from antiphon.audio import read

STORY = """---
title: The Tide
author: Ann Example
---
## Out

The tide was out. Two children walked along the wet sand, and neither of them said a word.

[voice hibari] "Look at that boat over there," said Nguyen at last.

## In

In the evening the water came back, and the whole beach was gone.
"""
SENTENCES = 5


def times(text):
    def seconds(found):
        hours, minutes, rest = found.replace(",", ".").split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(rest)

    return [tuple(map(seconds, found)) for found in re.findall(r"(\S+) --> (\S+)", text)]


def onset_s(loud, near_s):
    """When sound begins after a silence, close to `near_s`; `loud` by hundredths of a second."""
    first = max(0, int(near_s * 100) - 15)
    return next(place for place in range(first, len(loud)) if loud[place]) / 100


@pytest.mark.slow
def test_a_story_becomes_a_book_even_when_it_is_killed_on_its_way_and_is_paid_once(tmp_path):
    home = tmp_path / "home"
    (tmp_path / "story.md").write_text(STORY)
    (tmp_path / "names.txt").write_text("Nguyen = win\n")
    command = ["book", str(tmp_path / "story.md"), "-o", str(tmp_path / "b.m4b"), "--voice", "hibari", "--subtitles"]
    command += ["--lexicon", str(tmp_path / "names.txt"), "--read-along"]
    with start(*command, home=home) as process:
        while kept_files(home) < 3 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "b.m4b").exists()
    kept = kept_files(home)
    assert "unfinished job" in finish(*command, home=home).complaint
    ended = finish(*command, "--resume", "--json", home=home)
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert (told["output"], told["chapters"]) == (str(tmp_path / "b.m4b"), 2)
    assert told["kept"] >= kept
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "b.epub", "b.m4b", "b.srt", "b.vtt", "home", "names.txt", "story.md",
    ]  # fmt: skip
    paid, vain = books(home).paid, counts(ended.err, GONE)
    assert SENTENCES + vain <= paid <= SENTENCES + vain + counts(ended.err, UNJUDGED)

    again = json.loads(finish(*command, "--json", "--remake", "2.1", home=home).out)  # its heading
    assert (again["kept"], len(again["parts"])) == (SENTENCES - 1, 1)
    same = json.loads(finish(*command, "--json", home=home).out)  # whole, and kept: nothing is bought
    assert (same["kept"], same["parts"], books(home).paid) == (SENTENCES, [], paid + 1)

    with av.open(str(tmp_path / "b.m4b")) as bound:
        assert (bound.metadata["title"], bound.metadata["artist"]) == ("The Tide", "Ann Example")
        marks = bound.chapters()
        assert [mark["metadata"]["title"] for mark in marks] == ["Out", "In"]
    sound = read(tmp_path / "b.m4b")
    assert sound.duration_s == pytest.approx(same["seconds"], abs=0.06)
    subtitles = (tmp_path / "b.srt").read_text()
    assert ("Nguyen" in subtitles, " win " in subtitles) == (True, False)
    assert len(times((tmp_path / "b.vtt").read_text())) == len(times(subtitles))
    step = sound.rate_hz // 100
    samples = sound.samples[0, : sound.samples.shape[1] // step * step]
    loud = np.abs(samples.reshape(-1, step)).max(axis=1) > 0.005
    begins = [begin for number, (begin, _) in enumerate(times(subtitles)) if not number or begin not in ends(subtitles)]
    assert len(begins) == SENTENCES
    assert max(abs(onset_s(loud, begin) - begin) for begin in begins) <= 0.06
    second = marks[1]["start"] * float(marks[1]["time_base"])
    assert not loud[int(second * 100) - 80 : int(second * 100)].any()


def ends(subtitles):
    return {end for _, end in times(subtitles)}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["b.md", "-o", "b.mp3"], "is no name of an audiobook"),
        (["b.md", "-o", "gone/b.m4b"], "mkdir -p gone"),
        (["gone.md"], "does not exist"),
        (["b.epub"], "no whole EPUB"),
        (["empty.txt"], "no text"),
        (["b.md", "--voice", "nobody"], "nobody"),
        (["b.md", "--chapter-voice", "9=hibari"], "There is no chapter 9"),
        (["b.md", "--chapter-voice", "one"], "is not N=VOICE"),
        (["b.md", "--cover", "b.md"], "neither a JPEG nor a PNG"),
        (["b.md", "--lexicon", "b.md"], "Line 3"),
        (["b.md", "--speed", "9"], "0.25"),
        (["b.docx"], "does not hold it"),
        (["b.md", "--voices", "Anna"], "Line 1 of --voices is no entry of a cast: 'Anna'"),
        (["b.md", "--quotes", "nobody"], "nobody"),
        (["b.md", "--remake", "1.9"], "no paragraph '1.9'"),
        (["b.md", "--remake", "1.2"], "Nothing is kept of 'book.m4b'"),
    ],
)
def test_what_cannot_become_a_book_is_told_in_one_line(words, said, call, tmp_path):
    work = tmp_path / "work"
    (work / "b.md").write_text('# One\n\nA word.\n\n"Yes," said Anna.\n')
    (work / "b.epub").write_bytes(b"PK\x03\x04 and no more")
    (work / "empty.txt").write_text("\n")
    with zipfile.ZipFile(work / "b.docx", "w") as target:
        target.writestr("other", "")
    before = sorted(work.iterdir())
    ended = call("book", *words)
    assert ended.code in {2, 6}
    assert said in ended.complaint
    assert sorted(work.iterdir()) == before


def test_a_locked_archive_is_told(call, tmp_path):
    file = tmp_path / "work" / "b.epub"
    with zipfile.ZipFile(file, "w") as target:
        target.writestr("META-INF/container.xml", "<container/>")
    raw = file.read_bytes()
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = raw.index(magic) + flags
        raw = raw[:place] + bytes([raw[place] | 1]) + raw[place + 1 :]
    file.write_bytes(raw)
    assert "locked with a password" in call("book", "b.epub").complaint


def test_the_paragraphs_of_a_book_are_listed(call, tmp_path):
    (tmp_path / "work" / "b.md").write_text("# One\n\nA word. Another.\n\nA third.\n\n# Two\n\nThe end.\n")
    ended = call("book", "b.md", "--list", "paragraphs")
    assert ended.out.splitlines() == ["1.1\tOne", "1.2\tA word. Another.", "1.3\tA third.", "2.1\tTwo", "2.2\tThe end."]
    assert not list((tmp_path / "work").glob("*.m4b"))


def test_who_speaks_is_listed_for_a_person_to_correct(call, tmp_path):
    (tmp_path / "work" / "b.txt").write_text('"Yes," said Anna.\n\n"No," said Ben.\n\n"Yes."\n')
    (tmp_path / "work" / "cast.txt").write_text("1.3 = Ben\nBen = am_puck\n")
    assert call("book", "b.txt", "--list", "quotes").out.splitlines() == [
        "1.1 = Anna  # Yes,", "1.2 = Ben  # No,", "1.3 = Anna  # (a guess) Yes."
    ]  # fmt: skip
    told = call("book", "b.txt", "--list", "cast", "--cast", "cast.txt", "--voices", "Anna=af_bella").out
    assert told.splitlines()[1:3] == [
        "Ben = am_puck  # 2 lines, 2 of them named beside the speech",
        "Anna = af_bella  # 1 lines, 1 of them named beside the speech",
    ]
