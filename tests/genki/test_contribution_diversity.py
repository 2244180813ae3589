"""Distance to a reference: worked numbers, and composed styles."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from antiphon.codecs.base import TokenGrid
from antiphon.errors import InputError
from antiphon.genki.contribution.diversity import Statistics, features, frechet, statistics
from antiphon.music import arrange, compose, read


@cache
def composed(prompt: str, first: int, count: int) -> tuple[TokenGrid, ...]:
    return tuple(arrange(compose(read(prompt), 12, seed)) for seed in range(first, first + count))


def test_two_gaussians_of_one_feature_have_the_textbook_distance() -> None:
    one = Statistics(np.array([0.0]), np.array([[4.0]]), 9)
    other = Statistics(np.array([3.0]), np.array([[1.0]]), 9)
    assert frechet(one, other) == pytest.approx(3**2 + (2 - 1) ** 2, abs=1e-4)
    assert frechet(one, one) == pytest.approx(0, abs=1e-9)


def test_a_style_is_nearer_to_itself_than_to_another() -> None:
    waltz, again, techno = composed("calm waltz", 0, 6), composed("calm waltz", 6, 6), composed("techno", 0, 6)
    near, far = frechet(statistics(waltz), statistics(again)), frechet(statistics(waltz), statistics(techno))
    assert near < far / 2


def test_a_silent_piece_has_features_and_one_piece_no_distance() -> None:
    silent = TokenGrid(np.zeros((10, 60), np.uint16), "chip", 60.0)
    assert np.isfinite(features(silent)).all()
    with pytest.raises(InputError, match="2 pieces"):
        statistics([silent])
    with pytest.raises(InputError, match="codec"):
        features(TokenGrid(np.zeros((8, 60), np.uint16), "neural", 50.0))
