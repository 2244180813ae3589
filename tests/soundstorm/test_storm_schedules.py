"""Schedules by worked numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import InputError
from antiphon.soundstorm.schedules import Pass, left_after, masked_share, passes_of, plan


def test_twelve_levels_take_27_passes() -> None:
    assert passes_of(12) == (16,) + (1,) * 11
    assert len(plan(passes_of(12))) == 27


def test_passes_run_level_by_level_and_number_through() -> None:
    steps = plan((2, 1, 3))
    assert [(s.index, s.level, s.turn) for s in steps] == [
        (0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 2, 0), (4, 2, 1), (5, 2, 2),
    ]  # fmt: skip
    assert [s.last for s in steps] == [False, True, True, False, False, True]


def test_cosine_leaves_these_of_100_tokens_unknown_in_four_passes() -> None:
    # 100 cos(pi/8) = 92.39, 100 cos(pi/4) = 70.71, 100 cos(3 pi/8) = 38.27, then none.
    assert [left_after(Pass(0, 0, turn, 4), 100) for turn in range(4)] == [92, 70, 38, 0]


def test_linear_leaves_the_same_number_less_each_time() -> None:
    assert [left_after(Pass(0, 0, turn, 10), 10, "linear") for turn in range(10)] == list(range(9, -1, -1))


def test_half_way_the_cosine_leaves_the_root_of_a_half() -> None:
    assert masked_share(0.5) == pytest.approx(math.sqrt(0.5))
    assert masked_share(0.0) == 1.0
    assert masked_share(1.0) == 0.0


@given(st.integers(1, 64), st.integers(0, 5_000), st.sampled_from(["cosine", "linear"]))
def test_the_unknown_never_grow_and_end_at_none(turns: int, frames: int, schedule: str) -> None:
    left = [left_after(Pass(0, 0, turn, turns), frames, schedule) for turn in range(turns)]  # type: ignore[arg-type]
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0
    assert not frames or left[0] < frames


@pytest.mark.parametrize("passes", [(), (0, 1), (2_000,)])
def test_impossible_passes_are_refused(passes: tuple[int, ...]) -> None:
    with pytest.raises(InputError):
        plan(passes)
