"""Room tone: quiet, continuous, and the same however the stream is cut."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from antiphon.audio import RoomTone, Waveform, rms_dbfs
from antiphon.audio.room import CLOSING_S, OPENING_S

RATE_HZ = 24_000


@given(st.lists(st.integers(0, 999), max_size=4))
def test_the_floor_is_the_same_for_any_chunking(cuts: list[int]) -> None:
    whole = Waveform(np.zeros((1, 1_000), dtype=np.float32), RATE_HZ)
    room = RoomTone(RATE_HZ)
    edges = [0, *sorted(cuts), 1_000]
    pieces = [room.under(Waveform(whole.samples[:, a:b], RATE_HZ)).samples for a, b in itertools.pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), RoomTone(RATE_HZ).under(whole).samples)


def test_the_floor_is_inaudible_but_not_digital_silence() -> None:
    floor = RoomTone(RATE_HZ).under(Waveform(np.zeros((1, RATE_HZ), dtype=np.float32), RATE_HZ))
    assert -90 < rms_dbfs(floor) < -82
    assert np.any(np.frombuffer(floor.to_pcm16(), dtype="<i2"))


def test_there_is_a_breath_of_quiet_before_and_after() -> None:
    room = RoomTone(RATE_HZ)
    assert room.opening().duration_s == OPENING_S
    assert room.closing().duration_s == CLOSING_S
