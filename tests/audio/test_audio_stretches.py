"""Recordings are cut in their pauses, and nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.audio import Waveform
from antiphon.audio.stretches import LEAST_S, stretches

RATE_HZ = 8_000


@settings(max_examples=50)
@given(seconds=st.floats(0.01, 30), longest_s=st.floats(2.0, 12), seed=st.integers(0, 99))
def test_stretches_put_end_to_end_are_the_recording(seconds: float, longest_s: float, seed: int) -> None:
    samples = np.random.default_rng(seed).standard_normal((1, max(1, int(seconds * RATE_HZ)))).astype(np.float32)
    pieces = list(stretches(Waveform(samples, RATE_HZ), longest_s))
    assert np.array_equal(np.concatenate([piece.samples for piece in pieces], axis=1), samples)
    assert all(piece.duration_s <= longest_s for piece in pieces)
    if len(pieces) > 1:
        assert all(piece.duration_s >= LEAST_S - 1 / RATE_HZ for piece in pieces)


def test_a_cut_falls_into_the_pause() -> None:
    samples = np.random.default_rng(0).standard_normal((1, 10 * RATE_HZ)).astype(np.float32)
    samples[:, 4 * RATE_HZ : 4 * RATE_HZ + 2_000] *= 1e-3
    first, *_ = stretches(Waveform(samples, RATE_HZ), 6.0)
    assert first.duration_s == pytest.approx(4.125, abs=0.13)
