"""Word times as files, and where nothing knows a language."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from antiphon.door.word_times import timed, write_beside
from antiphon.errors import OutputError
from antiphon.text.subtitles import TimedWord

WORDS = [TimedWord("Good", 0.1, 0.4), TimedWord("day.", 0.4, 0.9), TimedWord("Then", 2.0, 2.5)]


def test_words_are_written_beside_the_sound(tmp_path: Path) -> None:
    write_beside(tmp_path / "a.mp3", WORDS, ("srt", "vtt", "words"))
    assert (tmp_path / "a.srt").read_text() == (
        "1\n00:00:00,100 --> 00:00:00,900\nGood day.\n\n2\n00:00:02,000 --> 00:00:02,500\nThen\n\n"
    )
    assert (tmp_path / "a.vtt").read_text().startswith("WEBVTT\n\n00:00:00.100 --> 00:00:00.900\nGood day.")
    assert json.loads((tmp_path / "a.words.json").read_text())[1] == {"word": "day.", "start": 0.4, "end": 0.9}
    with pytest.raises(OutputError):
        write_beside(tmp_path / "nowhere" / "a.mp3", WORDS, ("srt",))


def test_a_language_that_nothing_knows_has_words_by_their_letters() -> None:
    tone = np.sin(np.arange(16_000) * 0.3).astype(np.float32) / 3
    found = timed(tone, "aaa - b.", "zz")
    assert [word.text for word in found] == ["aaa", "b."]
    assert found[1].start_s == pytest.approx(0.6, abs=0.03)
    assert timed(tone, "...", "en-us") == []
