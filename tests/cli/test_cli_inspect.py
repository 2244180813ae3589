"""`antiphon inspect`: a picture and numbers, or one clear line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile


@pytest.fixture
def sound(call, tmp_path):
    """A second of tone in the working folder."""
    path = tmp_path / "work" / "tone.wav"
    soundfile.write(path, 0.1 * np.sin(np.arange(16_000) * 0.1), 16_000)
    return path


def test_a_picture_appears_under_the_files_name_and_the_figures_are_told(call, sound):
    ended = call("inspect", "tone.wav", "--no-words")
    assert ended.code == 0
    assert "16 kHz mono" in ended.out
    assert ended.out.splitlines()[-1] == "Picture  tone.wav.png"
    assert sorted(path.name for path in sound.parent.iterdir()) == ["tone.wav", "tone.wav.png"]
    assert (sound.parent / "tone.wav.png").read_bytes()[1:4] == b"PNG"


def test_json_prints_every_number_and_draws_only_when_asked(call, sound):
    told = json.loads(call("inspect", "tone.wav", "--as", "speech", "--no-words", "--json").out)
    assert told["loudness"]["integrated_lufs"] == pytest.approx(-23.0, abs=1.0)
    assert [path.name for path in sound.parent.iterdir()] == ["tone.wav"]
    ended = call("inspect", "tone.wav", "--no-words", "--json", "-o", "both.svg")
    assert json.loads(ended.out)["rate_hz"] == 16_000
    assert (sound.parent / "both.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["none.wav"], 2, "does not exist"),
        (["text.wav"], 2, "not audio"),
        (["empty.wav"], 2, "is empty"),
        (["."], 2, "is a folder"),
        (["tone.wav", "-o", "no/where.png"], 6, "Create it: mkdir -p no"),
        (["tone.wav", "-o", "picture.jpeg"], 2, "End the name in .png or .svg"),
        (["tone.wav", "-o", "folder.png"], 6, "is a folder"),
        (["tone.wav", "--as", "noise"], 2, "speech"),
        ([], 2, "FILE"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(call, sound, arguments, code, told):
    (sound.parent / "text.wav").write_text("hello")
    (sound.parent / "empty.wav").touch()
    (sound.parent / "folder.png").mkdir()
    before = sorted(sound.parent.iterdir())
    ended = call("inspect", *arguments)
    assert ended.code == code
    assert told in ended.complaint
    assert sorted(sound.parent.iterdir()) == before
