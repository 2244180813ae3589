"""`antiphon render`: a MIDI file as sound, or one clear line."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from antiphon.music import compose, read, to_midi

CUT = b"MThd\0\0\0\6\0\1\0\1\1\340MTrk\0\0\0\x10\0"


@pytest.fixture
def tune(call, tmp_path):
    path = tmp_path / "work" / "tune.mid"
    path.write_bytes(to_midi(compose(read("boss fight, 150 bpm"), 8.0, 1)))
    return path


def test_a_midi_file_becomes_sound(call, tune):
    ended = call("render", "tune.mid")
    assert ended.code == 0
    sound, rate_hz = soundfile.read(tune.parent / "tune.wav")
    assert len(sound) / rate_hz == pytest.approx(8.5, abs=0.6)
    assert np.abs(sound).max() > 0.1
    assert call("render", "tune.mid", "-o", "tune.flac", "-q").err == ""


@pytest.mark.parametrize(("data", "told"), [(None, "cannot be read"), (b"", "MIDI"), (b"hello", "MIDI"), (CUT, "MIDI")])
def test_what_is_no_midi_file_is_told(call, tmp_path, data, told):
    if data is not None:
        (tmp_path / "work" / "tune.mid").write_bytes(data)
    ended = call("render", "tune.mid", "-o", "out.wav")
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
