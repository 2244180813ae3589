"""`antiphon transition` and `antiphon stinger` as a user runs them."""

from __future__ import annotations

import json

import pytest
import soundfile
from cli_running import finish

from antiphon.music import compose, read, to_midi
from antiphon.music.linking import STINGERS


@pytest.fixture
def work(tmp_path):
    (tmp_path / "work").mkdir(exist_ok=True)
    for name, prompt in (("a", "calm, C major, 90 bpm, waltz"), ("b", "boss fight, 150 bpm, F# minor, 4/4")):
        (tmp_path / "work" / f"{name}.mid").write_bytes(to_midi(compose(read(prompt), 20.0, 3)))
    return tmp_path / "work"


def test_a_transition_lasts_its_bars(call, work):
    assert call("transition", "a.mid", "b.mid", "--midi", "t.mid", "--here").code == 0
    assert (work / "t.mid").read_bytes()[:4] == b"MThd"
    seconds = soundfile.info(work / "transition.wav").duration
    assert 3 * 60 / 150 + 4 * 60 / 150 < seconds < 3 * 60 / 90 + 4 * 60 / 90


def test_every_stinger_there_is_can_be_had(call, work):
    from antiphon.cli.linking import KINDS

    assert KINDS == STINGERS
    for kind in KINDS:
        assert call("stinger", kind, "b.mid", "--here", "-o", f"{kind}.wav").code == 0
    assert len({(work / f"{kind}.wav").read_bytes() for kind in KINDS}) == 4


@pytest.mark.parametrize("data", [b"", b"MThd", b"RIFF1234"])
def test_what_is_no_piece_is_told(call, work, data):
    (work / "c.mid").write_bytes(data)
    for words in (("transition", "a.mid", "c.mid"), ("stinger", "win", "c.mid"), ("stinger", "win", "none.mid")):
        ended = call(*words)
        assert ended.code == 2, ended.err
        assert "Traceback" not in ended.err


@pytest.mark.slow
def test_an_ordered_transition_has_a_receipt(work, tmp_path):
    ended = finish("transition", str(work / "a.mid"), str(work / "b.mid"), "-o", str(tmp_path / "t.wav"), "--json",
                   home=tmp_path)  # fmt: skip
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["parts"][0]["state"] == "valid"
