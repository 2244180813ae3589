"""Token sets put together: recordings of one speaker end to end."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from antiphon.soundstorm import Example, InMemoryTokenSet, Joined, Revoiced, TokenSet
from antiphon.soundstorm.data import Entry


def _recording(value: int, frames: int, speaker: str) -> Example:
    return Example(np.full(frames, value, np.uint16), np.full((2, frames), value, np.uint16), speaker)


def _joined(recordings: list[Example], frames: int) -> Joined:
    return Joined(InMemoryTokenSet(recordings), [one.speaker for one in recordings], frames)


def test_a_speakers_recordings_follow_each_other_until_there_is_enough() -> None:
    set_ = _joined([_recording(0, 3, "a"), _recording(1, 4, "b"), _recording(2, 2, "a"), _recording(3, 9, "a")], 5)
    assert isinstance(set_, TokenSet)
    assert set_.get(0).semantic.tolist() == [0, 0, 0, 2, 2]
    assert set_.get(1).semantic.tolist() == [3] * 9  # what is too long is cropped later
    assert set_.get(2).semantic.tolist() == [1] * 4  # has no companion
    assert (set_.get(1).speaker, set_.get(1).acoustic.shape) == ("a", (2, 9))
    assert len(set_) == 3


def test_the_last_example_of_a_speaker_is_filled_from_the_first() -> None:
    set_ = _joined([_recording(0, 6, "a"), _recording(1, 2, "a")], 5)
    assert [set_.get(n).semantic.tolist() for n in range(len(set_))] == [[0] * 6, [1, 1] + [0] * 6]


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from("abc")), min_size=1, max_size=12), st.integers(1, 20))
def test_nobody_is_joined_with_another_and_lengths_are_known_beforehand(
    recordings: list[tuple[int, str]], frames: int
) -> None:
    made = [_recording(ord(speaker), length, speaker) for length, speaker in recordings]
    set_ = _joined(made, frames)
    total = sum(one.semantic.shape[0] for one in made)
    assert total <= sum(set_.frames(index) for index in range(len(set_))) <= total + 3 * (frames + 9)
    for index in range(len(set_)):
        joined = set_.get(index)
        assert joined.semantic.shape[0] == set_.frames(index) == joined.acoustic.shape[1]
        assert set(joined.semantic.tolist()) == {ord(joined.speaker)}
        own = sum(other.semantic.shape[0] for other in made if other.speaker == joined.speaker)
        assert set_.frames(index) >= min(frames, own)


def test_a_copy_says_what_another_copy_says() -> None:
    recordings = [_recording(0, 4, "a"), _recording(1, 2, "a-at-2"), _recording(2, 6, "b"), _recording(3, 4, "a-at-v")]
    set_ = Revoiced(InMemoryTokenSet(recordings), ["a/x", "a/x", "b/x", "a/x"])
    assert isinstance(set_, TokenSet)
    made = [set_.get(n) for n in range(len(set_))]
    assert [one.semantic.tolist() for one in made] == [[1] * 4, [3] * 2, [2] * 6, [0] * 4]  # of others, in its own time
    for one, before in zip(made, recordings, strict=True):
        np.testing.assert_array_equal(one.acoustic, before.acoustic)
    assert [set_.frames(n) for n in range(4)] == [4, 2, 6, 4]


def test_copies_of_a_recording_are_known_by_folder_and_name() -> None:
    def saying(speaker: str, name: str) -> str:
        return Entry(path=f"{speaker}/{name}.wav", sha256="", speaker=speaker, licence="", seconds=1.0).saying

    assert saying("anna", "01") == saying("anna-at-0.84", "01") == saying("anna-at-v3.1", "01")
    assert len({saying("anna", "01"), saying("anna", "02"), saying("ben-at-0.84", "01")}) == 3
