"""Epsilon of the Gaussian mechanism: worked numbers, and never above the Renyi bound that others account by."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.genki.rounds.accounting import epsilon


def renyi(noises: list[float], delta: float) -> float:
    """Mironov 2017 (Gaussian: alpha / (2 sigma^2)) with the conversion of Canonne, Kamath and Steinke 2020."""
    total = sum(noise**-2 for noise in noises) / 2
    found = (
        total * alpha + math.log1p(-1 / alpha) - (math.log(delta) + math.log(alpha)) / (alpha - 1)
        for alpha in np.concatenate([1 + np.geomspace(1e-2, 1, 50), np.geomspace(2, 2_000, 400)])
    )
    return max(0.0, min(found))


def test_nothing_released_costs_nothing_and_no_noise_costs_everything() -> None:
    assert epsilon([], 1e-5) == 0
    assert epsilon([1.0, 0.0], 1e-5) == math.inf


def test_worked_numbers() -> None:
    """Analytic Gaussian mechanism of sensitivity 1 at delta 1e-5, by numerical integration of the privacy loss."""
    for noise in (0.7, 1.0, 4.0):
        x = np.linspace(-60, 60, 2_000_001)
        density = np.exp(-((x - 1) ** 2) / (2 * noise**2)) / (noise * math.sqrt(2 * math.pi))
        other = np.exp(-(x**2) / (2 * noise**2)) / (noise * math.sqrt(2 * math.pi))
        found = epsilon([noise], 1e-5)
        assert np.trapezoid(np.maximum(density - math.exp(found) * other, 0), x) == pytest.approx(1e-5, rel=1e-3)


@given(st.lists(st.floats(0.3, 50), min_size=1, max_size=40), st.sampled_from([1e-3, 1e-5, 1e-7]))
def test_it_is_below_the_renyi_bound_and_grows_with_each_release(noises: list[float], delta: float) -> None:
    found = epsilon(noises, delta)
    assert found <= renyi(noises, delta) * 1.001 + 1e-9
    assert found >= epsilon(noises[:-1], delta)
    assert found <= epsilon([0.9 * noise for noise in noises], delta)
