"""The pitch tracker, on signals whose pitch is known."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.analysis.pitch import track_f0

RATE_HZ = 16_000


def _vowel(hz: float, seconds: float = 1.0) -> np.ndarray:
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return (0.1 * sum(np.cos(2 * np.pi * k * hz * time) / k for k in range(1, int(3_000 / hz)))).astype(np.float32)


@pytest.mark.parametrize("hz", [70.0, 110.0, 147.3, 220.0, 333.0, 450.0])
def test_a_steady_vowel_has_its_pitch_within_half_a_percent(hz: float) -> None:
    found = track_f0(_vowel(hz), RATE_HZ, 160)
    inner = slice(5, -5)
    np.testing.assert_allclose(found.f0_hz[inner], hz, rtol=0.005)
    assert found.voicing[inner].min() > 0.9


def test_a_glide_is_followed() -> None:
    hz = np.linspace(120.0, 240.0, RATE_HZ)
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    signal = (0.1 * sum(np.cos(k * phase) / k for k in range(1, 10))).astype(np.float32)
    found = track_f0(signal, RATE_HZ, 160)
    centres = hz[80::160]
    np.testing.assert_allclose(found.f0_hz[5:-5], centres[5:-5], rtol=0.02)


def test_noise_is_hardly_voiced_and_silence_not_at_all() -> None:
    noise = np.random.default_rng(1).standard_normal(RATE_HZ).astype(np.float32) * 0.1
    assert track_f0(noise, RATE_HZ, 160).voicing.mean() < 0.6
    assert track_f0(np.zeros(RATE_HZ, np.float32), RATE_HZ, 160).voicing.max() < 0.01


def test_every_whole_hop_has_a_finite_value() -> None:
    found = track_f0(_vowel(150.0, 0.5), RATE_HZ, 160)
    assert found.f0_hz.shape == found.voicing.shape == (50,)
    assert np.isfinite(found.f0_hz).all()
    assert found.f0_hz.min() > 0
    assert track_f0(np.zeros(100, np.float32), RATE_HZ, 160).f0_hz.shape == (0,)


def test_loudness_does_not_change_the_pitch() -> None:
    loud, quiet = (track_f0(_vowel(180.0) * gain, RATE_HZ, 160) for gain in (1.0, 0.05))
    np.testing.assert_allclose(loud.f0_hz, quiet.f0_hz, rtol=1e-3)
