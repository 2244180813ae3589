"""STOI, mel distance and codebook use."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.audio.waveform import Waveform
from antiphon.codecs.base import TokenGrid
from antiphon.codecs.neural.measures import codebook_use, mel_distance, stoi
from antiphon.errors import InputError


def _speechlike(seconds: float = 3.0) -> Waveform:
    """Harmonics with syllables of four a second."""
    time = np.arange(int(16_000 * seconds)) / 16_000
    voice = sum(np.cos(2 * np.pi * 120 * k * time + k) / k for k in range(1, 40))
    return Waveform((0.1 * voice * (1 + np.sin(2 * np.pi * 4 * time)))[None].astype(np.float32), 16_000)


def _noisy(wave: Waveform, level: float) -> Waveform:
    noise = np.random.default_rng(0).standard_normal(wave.samples.shape) * level
    return Waveform((wave.samples + noise).astype(np.float32), wave.rate_hz)


def test_a_signal_is_fully_intelligible_as_itself() -> None:
    wave = _speechlike()
    assert stoi(wave, wave) == pytest.approx(1.0, abs=1e-6)
    assert stoi(wave, Waveform(wave.samples * np.float32(0.3), 16_000)) == pytest.approx(1.0, abs=1e-4)


def test_more_noise_is_less_intelligible() -> None:
    wave = _speechlike()
    scores = [stoi(wave, _noisy(wave, level)) for level in (0.01, 0.1, 1.0)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] - scores[2] > 0.2


def test_a_moment_of_audio_has_no_stoi() -> None:
    wave = _speechlike(0.3)
    with pytest.raises(InputError, match="Too little speech"):
        stoi(wave, wave)


def test_mel_distance_is_zero_for_the_same_and_log_two_for_twice_as_loud() -> None:
    wave = _noisy(_speechlike(), 0.05)
    assert mel_distance(wave, wave) == 0.0
    assert mel_distance(wave, Waveform(wave.samples * 2, 16_000)) == pytest.approx(np.log(2), rel=0.02)


def test_codebook_use_counts_codes_and_their_perplexity() -> None:
    tokens = np.array([[0, 1, 2, 3], [5, 5, 5, 5]], np.uint16)
    even, single = codebook_use([TokenGrid(tokens, "any", 50.0)], (8, 8))
    assert (even.share, even.perplexity) == (0.5, pytest.approx(4.0))
    assert (single.share, single.perplexity) == (0.125, pytest.approx(1.0))
