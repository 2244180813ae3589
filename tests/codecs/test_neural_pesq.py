"""PESQ, where its package is; and what is said where it is not."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from antiphon.audio import Waveform
from antiphon.bench.clips import recording
from antiphon.codecs.neural.measures import pesq
from antiphon.errors import InputError, ModelError

WAVE = Waveform(recording("librivox").samples[:, :48_000], 16_000)


def noisy(level: float) -> Waveform:
    noise = np.random.default_rng(0).standard_normal(WAVE.samples.shape) * level * WAVE.samples.std()
    return Waveform((WAVE.samples + noise).astype(np.float32), WAVE.rate_hz)


def test_the_same_is_best_and_more_noise_is_worse():
    pytest.importorskip("pesq")
    scores = [pesq(WAVE, noisy(level)) for level in (0.0, 0.03, 0.3)]
    assert scores[0] == pytest.approx(4.644, abs=0.001)  # the scale's upper end (P.862.2)
    assert scores[0] > scores[1] > scores[2] > 1.0


def test_silence_is_refused():
    pytest.importorskip("pesq")
    silence = Waveform(np.zeros((1, 16_000), np.float32), 16_000)
    with pytest.raises(InputError, match="Too little speech"):
        pesq(silence, silence)


def test_without_the_package_the_command_that_brings_it_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pesq", None)
    with pytest.raises(ModelError, match=r"antiphon\[pesq\]"):
        pesq(WAVE, WAVE)
