"""`antiphon render`: a MIDI file as sound, here or ordered, or one clear line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from cli_running import finish

from antiphon.music import compose, read, to_midi

CUT = b"MThd\0\0\0\6\0\1\0\1\1\340MTrk\0\0\0\x10\0"


@pytest.fixture
def tune(call, tmp_path):
    path = tmp_path / "work" / "tune.mid"
    path.write_bytes(to_midi(compose(read("boss fight, 150 bpm"), 8.0, 1)))
    return path


def test_a_midi_file_becomes_sound(call, tune):
    ended = call("render", "tune.mid", "--here")
    assert ended.code == 0
    sound, rate_hz = soundfile.read(tune.parent / "tune.wav")
    assert len(sound) / rate_hz == pytest.approx(8.5, abs=0.6)
    assert np.abs(sound).max() > 0.1
    assert call("render", "tune.mid", "--here", "-o", "tune.flac", "-q").err == ""


@pytest.mark.parametrize(("data", "told"), [(None, "cannot be read"), (b"", "MIDI"), (b"hello", "MIDI"), (CUT, "MIDI")])
@pytest.mark.parametrize("here", [(), ("--here",)])
def test_what_is_no_midi_file_is_told(call, tmp_path, data, told, here):
    if data is not None:
        (tmp_path / "work" / "tune.mid").write_bytes(data)
    ended = call("render", "tune.mid", "-o", "out.wav", *here)
    assert ended.code != 0
    assert told in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "work" / "out.wav").exists()


def test_a_missing_folder_is_told(call, tune):
    assert "does not exist" in call("render", "tune.mid", "-o", "no/out.wav").err


def test_no_more_is_read_than_a_midi_file_may_have(call):
    ended = call("render", "/dev/zero", "-o", "out.wav")
    assert ended.code != 0
    assert "over 4000000" in ended.err


@pytest.mark.slow
def test_an_ordered_file_is_judged_and_paid_for_and_sounds_as_it_does_here(call, tune, tmp_path):
    ended = finish("render", str(tune), "-o", str(tmp_path / "paid.wav"), "--loudness", "off", "--json", home=tmp_path)
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["figures"]["notes"] > 0.99
    assert told["paid_nano"] > 0
    assert "all accounts sum to 0" in finish("receipt", "verify", told["receipts"][0], home=tmp_path).out
    assert call("render", "tune.mid", "--here", "--loudness", "off").code == 0
    ours, paid = (soundfile.read(path)[0] for path in (tune.parent / "tune.wav", tmp_path / "paid.wav"))
    assert ours.shape == paid.shape
    assert np.abs(ours - paid).max() < 1e-3


@pytest.mark.parametrize("more", [("--engine", "ruby"), ("--engine", "nobody"), ("--option", "tempo=3")])
def test_what_cannot_play_it_is_told_before_anything_is_bought(call, tune, more):
    ended = call("render", "tune.mid", *more)
    assert ended.code == 2, ended.err
    assert more[1].split("=")[0] in ended.complaint


def test_here_nothing_is_ordered(call, tune):
    ended = call("render", "tune.mid", "--here", "--max-cost", "1")
    assert ended.code == 2
    assert "--max-cost" in ended.err
