from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.economy.beacon import Draws


@given(st.binary(max_size=40), st.integers(1, 10**100))
def test_a_draw_is_below_its_limit_and_repeatable(beacon: bytes, limit: int) -> None:
    first, again = (Draws(beacon, "a").below(limit) for _ in range(2))
    assert first == again
    assert 0 <= first < limit


def test_labels_and_beacons_give_different_streams() -> None:
    streams = {
        tuple(Draws(beacon, label).below(10**9) for _ in range(3))
        for beacon, label in [(b"1", "a"), (b"1", "b"), (b"2", "a"), (b"", "1a"), (b"1a", "")]
    }
    assert len(streams) == 5


def test_small_numbers_are_not_favoured() -> None:
    draws = Draws(b"beacon", "test")
    seen = Counter(draws.below(6) for _ in range(6_000))
    assert sorted(seen) == list(range(6))
    assert max(seen.values()) - min(seen.values()) < 200  # sd of each count is 29


def test_a_draw_from_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="limit must be positive"):
        Draws(b"", "").below(0)
