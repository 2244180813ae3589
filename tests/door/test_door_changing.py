"""A piece of one's own as an order for Ruby."""

from pathlib import Path

import pytest

from antiphon.door.changing import Change, changed
from antiphon.errors import InputError
from antiphon.music import compose, read, to_midi
from antiphon.ruby.filling import UNKNOWN
from antiphon.ruby.packing import unpacked


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.mid"
    path.write_bytes(to_midi(compose(read("march in C major, 120 bpm"), 16, 1, loop=True)))
    return path


def open_steps(made) -> int:
    return int((unpacked(made.options["given"]) == UNKNOWN[:, None]).any(axis=0).sum())


def test_a_piece_goes_on_in_its_own_tempo_key_and_metre(song: Path) -> None:
    made = changed(song, Change(), seconds=8.0, seed=1)
    assert {name: made.options[name] for name in ("tempo_bpm", "key", "meter")} == {
        "tempo_bpm": 120.0, "key": "C major", "meter": "4/4",
    }  # fmt: skip
    assert made.seconds == pytest.approx(16 + 8 + 0.9, abs=0.1)
    assert open_steps(made) == 0


def test_bars_shares_and_parts_are_open_and_the_length_stays(song: Path) -> None:
    assert open_steps(changed(song, Change(bars=(2, 3)), seconds=None, seed=1)) == 32
    assert open_steps(changed(song, Change(share=0.5), seconds=None, seed=1)) == 64
    assert open_steps(changed(song, Change(part="lead"), seconds=None, seed=1)) == 128
    assert changed(song, Change(part="lead"), seconds=None, seed=1).seconds == pytest.approx(16.9, abs=0.1)


def test_what_cannot_be_changed_is_told(song: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one way"):
        Change(share=0.5, part="lead")
    with pytest.raises(InputError, match="Bars 40"):
        changed(song, Change(bars=(40, 41)), seconds=None, seed=1)
    with pytest.raises(InputError, match="stays as long"):
        changed(song, Change(part="lead"), seconds=9.0, seed=1)
    with pytest.raises(InputError, match="cannot be read"):
        changed(tmp_path / "none.mid", Change(), seconds=None, seed=1)
    with pytest.raises(InputError, match="over 600"):
        changed(song, Change(), seconds=599.0, seed=1)
