"""Pitch: known frequencies are found, and silence has none."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.analysis.pitch import pitch
from antiphon.audio.waveform import Samples


def buzz(hz: Samples, seed: int = 0) -> Samples:
    phase = 2 * np.pi * np.cumsum(hz) / 16_000
    tone = sum(np.sin(k * phase) / k for k in range(1, 15))
    return (0.1 * tone + np.random.default_rng(seed).normal(0, 1e-3, hz.size)).astype(np.float32)


@pytest.mark.parametrize("hz", [70.0, 110.0, 180.0, 260.0, 400.0])
def test_a_steady_voice_has_its_pitch(hz: float) -> None:
    track = pitch(buzz(np.full(16_000, hz)))[5:-5]
    assert (track > 0).all()
    assert np.abs(np.log2(track / hz)).max() < 0.01


def test_a_glide_is_followed() -> None:
    hz = np.geomspace(100, 200, 32_000)
    track = pitch(buzz(hz), hop_s=0.0125)
    expected = hz[np.minimum((np.arange(track.size) * 200), 31_999)]
    assert np.abs(np.log2(track / expected))[8:-8].max() < 0.03


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 16_000).astype(np.float32)
    assert (pitch(noise) > 0).mean() < 0.1
    assert not pitch(np.zeros(8_000, np.float32)).any()


def test_frames_come_every_hop() -> None:
    assert pitch(np.zeros(16_000, np.float32), hop_s=0.0125).shape == (80,)
