from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.analysis.dtw import MAX_FRAMES, dtw_distance
from antiphon.errors import InputError

RATE_HZ = 16_000


def tone(seconds: float, hz: float) -> np.ndarray:
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    rising = np.minimum(1.0, 6 * time / seconds)
    return (0.1 * rising * sum(np.sin(2 * np.pi * n * hz * time) / n for n in range(1, 12))).astype(np.float32)


def padded(samples: np.ndarray, before_s: float, after_s: float) -> np.ndarray:
    return np.pad(samples, (int(before_s * RATE_HZ), int(after_s * RATE_HZ)))


def test_a_sound_is_at_distance_0_from_itself_however_loud_and_wherever_it_starts() -> None:
    one = tone(0.5, 150)
    assert dtw_distance(one, one).distance_db == pytest.approx(0.0, abs=1e-3)
    moved = dtw_distance(one, padded(0.3 * one, 0.2, 0.4))
    assert moved.distance_db < 0.5
    assert moved.length_ratio == pytest.approx(1.0, abs=0.03)


def test_the_order_does_not_matter() -> None:
    one, other = tone(0.5, 150), tone(0.4, 210)
    there, back = dtw_distance(one, other), dtw_distance(other, one)
    assert there.distance_db == pytest.approx(back.distance_db, rel=1e-4)
    assert there.length_ratio == pytest.approx(1 / back.length_ratio)


def test_noise_is_far_from_any_tone_and_another_pitch_is_further_than_another_pace() -> None:
    one = tone(0.5, 150)
    noise = 0.05 * np.random.default_rng(1).standard_normal(one.shape).astype(np.float32)
    paced, pitched = dtw_distance(one, tone(0.6, 150)), dtw_distance(one, tone(0.5, 190))
    assert paced.distance_db < 2 < pitched.distance_db < dtw_distance(one, noise).distance_db
    assert paced.length_ratio == pytest.approx(0.5 / 0.6, abs=0.05)


def test_where_there_is_no_sound_or_too_much_nothing_is_measured() -> None:
    with pytest.raises(InputError, match="no sound"):
        dtw_distance(np.zeros(RATE_HZ, np.float32), tone(0.5, 150))
    with pytest.raises(InputError, match="too long"):
        dtw_distance(tone(0.5, 150), tone(MAX_FRAMES / 100 + 1, 150))


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_the_alignment_is_the_cheapest_of_all(count: int, width: int, seed: int) -> None:
    from antiphon.analysis.dtw import _aligned_cost

    dice = np.random.default_rng(seed)
    one, other = (dice.standard_normal((n, 3)).astype(np.float32) for n in (count, width))
    costs = np.sqrt(((one[:, None] - other[None]) ** 2).mean(axis=2))
    total = np.full((count, width), np.inf)
    for n in range(count):
        for m in range(width):
            ways = [costs[0, 0] if n == m == 0 else np.inf]
            ways += [total[n - 1, m - 1] + 2 * costs[n, m]] if n and m else []
            ways += [total[n - 1, m] + costs[n, m]] if n else []
            ways += [total[n, m - 1] + costs[n, m]] if m else []
            total[n, m] = min(ways)
    assert _aligned_cost(one, other) == pytest.approx(total[-1, -1] / (count + width), rel=1e-3, abs=1e-3)
