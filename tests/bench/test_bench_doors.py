"""`antiphon bench --only doors`: how its figures are taken from what was heard."""

from __future__ import annotations

import pytest

from antiphon.bench.doors import BYTES_PER_S, Heard


def test_a_gap_is_silence_of_whoever_plays_from_the_first_piece_on() -> None:
    second = BYTES_PER_S
    even = Heard(200, ((0.2, second), (0.9, second), (2.1, second)))
    assert even.gap_s == 0.0
    assert even.seconds == 3.0
    late = Heard(200, ((0.2, second), (1.9, second), (2.0, second), (5.0, second)))
    assert late.gap_s == pytest.approx(1.1)  # 0.2 + 1 is over at 1.2 and heard on at 1.9: so 3.9 is the end of three
