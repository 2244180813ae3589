"""Streaming k-means: what it finds, that it is repeatable, that no centre stays dead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.errors import InputError
from antiphon.soundstorm.semantic_kmeans import _State, assign, fit


def blobs(centres: int, frames: int, seed: int, spread: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(centres, 6)) * 5
    return (middles[rng.integers(centres, size=frames)] + rng.normal(size=(frames, 6)) * spread).astype(np.float32)


def pieces(points: np.ndarray, size: int = 200) -> list[np.ndarray]:
    return [points[start : start + size] for start in range(0, points.shape[0], size)]


def test_well_separated_groups_each_get_a_centre():
    points = blobs(8, 4_000, 0)
    found = fit(lambda: pieces(points), 8, seed=1, passes=3)
    assert found.used == 1.0
    assert found.inertia / points.shape[1] < 0.01
    assert found.perplexity == pytest.approx(8, rel=0.05)
    assert found.counts.sum() == 4_000


def test_the_same_seed_gives_the_same_bits():
    points = blobs(5, 3_000, 2)
    one, other = (fit(lambda: pieces(points), 16, seed=7) for _ in range(2))
    assert one.centres.tobytes() == other.centres.tobytes()
    assert not np.array_equal(one.centres, fit(lambda: pieces(points), 16, seed=8).centres)


def test_how_the_stream_is_cut_does_not_matter_to_statistics():
    points = blobs(4, 2_000, 3)
    one, other = fit(lambda: pieces(points, 100), 4, seed=1), fit(lambda: pieces(points, 999), 4, seed=1)
    np.testing.assert_allclose(one.mean, points.mean(0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(one.std, other.std, rtol=1e-5)


def test_a_dead_centre_is_revived_among_the_worst_served():
    points = blobs(2, 1_000, 4)
    far = np.full((1, 6), 1e3, np.float32)
    state = _State(np.concatenate([points[:1], far]), np.random.default_rng(0))
    for _ in range(25):
        state.step(points)
    assert state.revived == 1
    assert (np.bincount(assign(points, state.centres)[0], minlength=2) > 0).all()


@settings(max_examples=30)
@given(st.integers(1, 40), st.integers(2, 9), st.integers(0, 1_000))
def test_assigned_is_the_nearest(frames: int, centres: int, seed: int):
    rng = np.random.default_rng(seed)
    points, middles = rng.normal(size=(frames, 3)).astype(np.float32), rng.normal(size=(centres, 3)).astype(np.float32)
    nearest, distance = assign(points, middles)
    full = ((points[:, None] - middles[None]) ** 2).sum(-1)
    np.testing.assert_allclose(full[np.arange(frames), nearest], full.min(1), atol=1e-4)
    np.testing.assert_allclose(distance, full.min(1), atol=1e-4)


def test_equal_points_are_no_trouble():
    same = np.ones((50, 3), np.float32)
    found = fit(lambda: [same], 4, seed=0)
    assert np.isfinite(found.centres).all()
    assert set(found.nearest(same).tolist()) == {int(found.nearest(same)[0])}


@pytest.mark.parametrize(
    ("points", "clusters", "says"),
    [
        (np.ones((3, 2), np.float32), 4, "too few"),
        (np.full((9, 2), np.nan, np.float32), 2, "not numbers"),
        (np.ones((9, 2), np.float32), 1, "at least 2"),
        (np.zeros((0, 2), np.float32), 2, "too few"),
    ],
)
def test_what_cannot_be_clustered_is_said(points: np.ndarray, clusters: int, says: str):
    with pytest.raises(InputError, match=says):
        fit(lambda: [points] if points.size else [], clusters, seed=0)
