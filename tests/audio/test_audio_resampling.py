"""A change of rate keeps duration and pitch, whole or streamed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.audio import Resampler, Waveform, peak_dbfs, resample, rms_dbfs

RATES = st.sampled_from([8_000, 16_000, 22_050, 24_000, 44_100, 48_000])


@settings(max_examples=40)
@given(RATES, RATES, st.integers(1, 2), st.lists(st.integers(0, 5_000), max_size=8))
def test_streamed_equals_offline(from_hz: int, to_hz: int, channels: int, sizes: list[int]) -> None:
    samples = np.random.default_rng(0).normal(scale=0.1, size=(channels, 12_000)).astype(np.float32)
    resampler, parts, start = Resampler(from_hz, to_hz, channels), [], 0
    for size in [*sizes, 12_000]:
        parts.append(resampler.push(Waveform(samples[:, start : start + size], from_hz)).samples)
        start += size
    parts.append(resampler.finish().samples)
    whole = resample(Waveform(samples, from_hz), to_hz)
    assert np.array_equal(np.concatenate(parts, axis=1), whole.samples)
    assert abs(whole.duration_s - 12_000 / from_hz) <= 1 / to_hz


@pytest.mark.parametrize("to_hz", [16_000, 44_100, 48_000])
def test_a_tone_keeps_its_pitch_and_level(to_hz: int) -> None:
    tone = Waveform((0.5 * np.sin(2 * np.pi * 1_000 * np.arange(24_000) / 24_000)).astype(np.float32)[None], 24_000)
    back = resample(tone, to_hz)
    middle = back.samples[0, to_hz // 4 : to_hz * 3 // 4]
    assert np.abs(np.fft.rfft(middle * np.hanning(middle.size))).argmax() * to_hz / middle.size == pytest.approx(1_000)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.002)


def test_levels_of_known_signals() -> None:
    sine = Waveform(np.sin(2 * np.pi * np.arange(4_800) / 48).astype(np.float32)[None], 48_000)
    assert rms_dbfs(sine) == pytest.approx(-3.01, abs=0.01)
    assert peak_dbfs(sine) == pytest.approx(0.0, abs=0.01)
    silence = Waveform(np.zeros((1, 10), dtype=np.float32), 8_000)
    empty = Waveform(np.zeros((1, 0), dtype=np.float32), 8_000)
    assert peak_dbfs(silence) == rms_dbfs(silence) == rms_dbfs(empty) == peak_dbfs(empty) == -120.0


def test_a_waveform_survives_16_bits() -> None:
    wave = Waveform(np.array([[0.0, 0.5, -1.0, 1.5]], dtype=np.float32), 8_000)
    assert Waveform.from_pcm16(wave.to_pcm16(), 8_000).samples.tolist() == [[0.0, 0.5, -1.0, 32767 / 32768]]
