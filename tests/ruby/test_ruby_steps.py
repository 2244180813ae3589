"""Columns of sixteenths: what of a score they keep, and that any tokens are music."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.music import compose, read
from antiphon.music.score import Note
from antiphon.ruby import steps as grid
from antiphon.ruby.scores import piece_of


def heard(note: Note) -> tuple[int, int, int]:
    return note.start, note.length, note.pitch


@pytest.mark.parametrize("prompt", ["boss fight, A minor", "waltz in F major", "jazz, Eb major", "6/8 jig"])
def test_the_composers_pitched_notes_come_back_as_they_were(prompt: str) -> None:
    score = compose(read(prompt), 24, 5, loop=True)
    parts = grid.decode(piece_of(score).columns)
    for name in grid.VOICES:
        wanted = [heard(note) for note in score.track(name).notes if note.length % 6 == 0]
        found = {heard(note) for note in parts[name]}
        assert len([one for one in wanted if one in found]) >= 0.97 * len(wanted)
        chords = {note.start: note.chord for note in score.track(name).notes}
        assert all(note.chord == chords[note.start] for note in parts[name] if chords.get(note.start) in grid.CHORDS)


def test_the_same_melody_in_two_keys_is_the_same_tokens() -> None:
    notes = [Note(0, 12, 60, 96), Note(12, 12, 67, 96)]
    higher = [Note(note.start, note.length, note.pitch + 3, note.velocity) for note in notes]
    one = grid.encode({"lead": notes}, 0, 8)
    other = grid.encode({"lead": higher}, 3, 8)
    assert (one.tokens == other.tokens).all()
    assert [heard(note) for note in grid.decode(other)["lead"]] == [heard(note) for note in higher]


def test_of_strokes_at_once_the_one_that_the_chip_plays_stays() -> None:
    strokes = [Note(0, 6, 36, 90), Note(0, 6, 38, 110), Note(0, 6, 42, 60)]
    found = grid.decode(grid.encode({"drums": strokes}, 0, 4))["drums"]
    assert [note.pitch for note in found] == [38, 42]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), tonic=st.integers(0, 11), steps=st.integers(1, 64))
def test_any_tokens_are_music_that_reads_and_writes_the_same(seed: int, tonic: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    tokens = np.stack([rng.integers(0, size, steps) for size in grid.VOCABULARY]).astype(np.uint16)
    parts = grid.decode(grid.Columns(tokens, tonic))
    assert all(24 <= note.pitch <= 108 for name in grid.VOICES for note in parts[name])
    again = grid.encode(parts, tonic, steps)
    assert [[heard(n) for n in part] for part in grid.decode(again).values()] == [
        [heard(n) for n in part] for part in parts.values()
    ]
