"""Each thing that is wrong with a collection is found, with its remedy; nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.audio import Waveform
from antiphon.genki.data import Finding, add, check, edited

READY = {"licence": "CC0-1.0", "consent": "my own"}


def problems(collection) -> dict[str, list[str]]:
    """By the file's stem."""
    found: dict[str, list[str]] = {}
    for one in check(collection):
        assert isinstance(one, Finding)
        assert one.what
        assert "antiphon data" in one.remedy
        found.setdefault(collection.load(one.clip).title, []).append(one.problem)
    return found


def test_a_good_collection_has_nothing_to_complain_of(collection, write, melody, folder):
    for seed in range(6):
        write(f"{seed}.wav", melody(seed))
    list(add(collection, folder, READY))
    assert problems(collection) == {}


def test_short_silent_and_clipped_clips_are_found(collection, write, melody, folder):
    write("short.wav", melody(1, 0.5))
    write("silent.wav", Waveform(np.zeros((1, 32_000), np.float32), 16_000))
    write("clipped.wav", Waveform(np.clip(melody(2).samples * 20, -1, 1), 16_000))
    list(add(collection, folder, READY))
    assert problems(collection) == {"short": ["short"], "silent": ["silent"], "clipped": ["clipped"]}


def test_a_missing_licence_and_a_missing_consent_are_found_and_mended(collection, write, melody, folder):
    write("one.wav", melody(1))
    list(add(collection, folder))
    assert problems(collection) == {"one": ["licence", "consent"]}
    (clip,) = collection.ids()
    with collection.changing():
        collection.save(edited(collection.load(clip), READY))
    assert problems(collection) == {}


def test_recordings_that_are_gone_changed_or_corrupt_are_told_apart(collection, write, melody, folder):
    files = [write(f"{name}.wav", melody(seed)) for seed, name in enumerate(("gone", "changed", "corrupt", "link"))]
    list(add(collection, folder, READY))
    files[0].unlink()
    write("changed.wav", melody(9))
    files[2].write_bytes(b"RIFF" + files[2].read_bytes()[20:40])
    files[3].rename(folder / "kept.wav")
    files[3].symlink_to(folder / "kept.wav")
    found = problems(collection)
    assert found == {"gone": ["missing"], "changed": ["changed"], "corrupt": ["corrupt"], "link": ["corrupt"]}


@pytest.mark.parametrize(("name", "gain", "cut"), [("b.mp3", 1.0, 0), ("b.opus", 0.5, 0), ("b.wav", 0.25, 130)])
def test_a_recording_that_is_there_twice_is_found_once(name, gain, cut, collection, write, melody, folder):
    for seed in range(4):
        write(f"{seed}.wav", melody(seed, 5.0))
    write(name, Waveform(melody(2, 5.0).samples[:, cut:] * np.float32(gain), 16_000))
    list(add(collection, folder, READY))
    (twin,) = check(collection)
    assert twin.problem == "duplicate"
    assert collection.load(twin.clip).title in {"2", "b"}


def test_of_three_that_are_one_two_are_to_go(collection, write, melody, folder):
    for gain in (1.0, 0.5, 0.25):
        write(f"{gain}.wav", Waveform(melody(1).samples * np.float32(gain), 16_000))
    list(add(collection, folder, READY))
    found = list(check(collection))
    assert [one.problem for one in found] == ["duplicate"] * 2
    assert len({one.clip for one in found}) == 2


def test_what_of_the_collection_itself_is_damaged_is_found(collection, write, melody, folder, tmp_path):
    for seed in range(2):
        write(f"{seed}.wav", melody(seed))
    list(add(collection, folder, READY))
    first, second = collection.ids()
    collection.sidecar(first).write_bytes(b'{"title": 3}')
    (tmp_path / "home" / "data" / "songs" / "prints" / second).write_bytes(b"odd")
    assert [(one.clip, one.problem) for one in check(collection)] == [(first, "sidecar"), (second, "fingerprint")]
