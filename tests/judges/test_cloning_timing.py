"""Timing of a converted recording against its source."""

from __future__ import annotations

import numpy as np
import pytest
from cloning_standin import SPOKEN, TEXT, say

from antiphon.audio import resample
from antiphon.audio.waveform import Waveform
from antiphon.judges.cloning.timing import duration_error, same_time

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def source() -> Waveform:
    return say(TEXT)


def test_a_filtered_and_slightly_late_copy_keeps_the_time(source: Waveform) -> None:
    dull = np.convolve(source.samples[0], np.ones(12) / 12)[: source.samples.shape[1]]
    late = Waveform(np.roll(dull, int(0.04 * source.rate_hz)).astype(np.float32)[None], source.rate_hz)
    found = same_time(late, source)
    assert found is not None
    assert found > 0.9
    assert duration_error(late, source) == 0


def test_other_words_do_not(source: Waveform) -> None:
    other = say(SPOKEN[0])
    fitted = resample(other, round(other.rate_hz * source.duration_s / other.duration_s))
    found = same_time(Waveform(fitted.samples, source.rate_hz), source)
    assert found is not None
    assert found < 0.7


def test_length_counts(source: Waveform) -> None:
    half = Waveform(source.samples[:, : source.samples.shape[1] // 2], source.rate_hz)
    assert duration_error(half, source) == pytest.approx(0.5, abs=0.01)


def test_silence_has_no_time(source: Waveform) -> None:
    assert same_time(Waveform(np.zeros_like(source.samples), source.rate_hz), source) is None
