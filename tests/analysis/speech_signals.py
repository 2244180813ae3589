"""Signals for the judges' tests that are the same on every machine."""

from __future__ import annotations

import numpy as np

from antiphon.audio.waveform import Samples

RATE_HZ = 16_000


def buzz(seconds: float, *, seed: int = 0) -> Samples:
    """A gliding harmonic tone in syllables, with a little noise: not speech, but with all its ingredients."""
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    pitch = 140 + 40 * np.sin(2 * np.pi * 0.7 * time) + 10 * seed
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    tone = sum(
        np.sin(n * phase) / n**1.2 * (1 + 0.8 * np.sin(2 * np.pi * (0.9 + 0.3 * n) * time)) for n in range(1, 20)
    )
    envelope = np.clip(np.sin(2 * np.pi * 2.3 * time + seed), 0, 1) ** 0.5
    noise = np.random.default_rng(seed).standard_normal(time.size)
    return (0.08 * tone * envelope + 0.002 * noise).astype(np.float32)
