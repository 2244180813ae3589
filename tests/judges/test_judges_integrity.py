"""The samples themselves: length, pauses, level, plausibility."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from speech_signals import RATE_HZ, buzz

from antiphon.audio.waveform import Samples, Waveform
from antiphon.judges.fingerprints import History
from antiphon.judges.speech.evidence import Evidence
from antiphon.judges.speech.integrity import IntegrityMeter
from antiphon.services import SpeechRequest

TEXT = "Forty letters stand in this short line of text."


def _evidence(signal: Samples, text: str = TEXT, speed: float = 1.0) -> Evidence:
    request = SpeechRequest(text=text, voice="hibari", speed=speed)
    samples = np.asarray(signal, dtype=np.float32)[None, :]
    return Evidence(request, Waveform(samples, RATE_HZ), RATE_HZ, samples.shape[1])


def _values(evidence: Evidence, history: History | None = None) -> dict[str, float | None]:
    return {m.name: m.value for m in IntegrityMeter(history=history).measure(evidence)}


def test_whole_audio_decodes_and_has_no_length_error() -> None:
    values = _values(_evidence(buzz(3.0)))
    assert values["decodes"] == 1.0
    assert values["length_error"] == 0.0


def test_undecodable_or_empty_audio_measures_nothing_else() -> None:
    good = _evidence(buzz(1.0))
    for audio in (None, Waveform(np.zeros((1, 0), dtype=np.float32), RATE_HZ)):
        measurements = IntegrityMeter().measure(replace(good, audio=audio, cache={}))
        assert measurements[0].value == 0.0
        assert all(m.inconclusive for m in measurements[1:])


def test_a_wrong_declaration_of_length_or_rate_shows() -> None:
    good = _evidence(buzz(2.0))
    assert _values(replace(good, declared_samples=40_000, cache={}))["length_error"] == pytest.approx(0.2)
    assert _values(replace(good, declared_rate_hz=24_000, cache={}))["length_error"] == pytest.approx(1 / 3)


def test_characters_per_second_count_letters_between_first_and_last_sound() -> None:
    tone = 0.1 * np.sin(2 * np.pi * 200 * np.arange(2 * RATE_HZ) / RATE_HZ)
    padded = np.concatenate([np.zeros(RATE_HZ), tone, np.zeros(RATE_HZ)])
    letters = sum(c.isalpha() for c in TEXT)
    assert _values(_evidence(padded))["chars_per_s"] == pytest.approx(letters / 2, rel=0.02)
    assert _values(_evidence(padded, speed=2.0))["chars_per_s"] == pytest.approx(letters / 4, rel=0.02)


def test_numbers_count_as_they_are_spoken() -> None:
    short = _values(_evidence(buzz(2.0), text="77"))["chars_per_s"]
    long = _values(_evidence(buzz(2.0), text="seventy seven"))["chars_per_s"]
    assert short == long


def test_silence_is_all_pause() -> None:
    values = _values(_evidence(np.zeros(2 * RATE_HZ)))
    assert values["silence_share"] == 1.0
    assert values["longest_silence"] == pytest.approx(2.0)
    assert values["level_dbfs"] == -120.0
    assert values["chars_per_s"] is None
    assert values["duplicate"] is None


def test_a_long_pause_is_measured() -> None:
    tone = 0.1 * np.sin(2 * np.pi * 200 * np.arange(RATE_HZ) / RATE_HZ)
    values = _values(_evidence(np.concatenate([tone, np.zeros(RATE_HZ // 2), tone])))
    assert values["longest_silence"] == pytest.approx(0.5, abs=0.03)
    assert values["silence_share"] == pytest.approx(0.2, abs=0.02)
    assert values["level_dbfs"] == pytest.approx(-23.0, abs=0.2)


def test_clipping_and_offset_are_shares_of_full_scale() -> None:
    signal = np.zeros(1000) + 0.25
    signal[:100] = 1.0
    values = _values(_evidence(signal))
    assert values["clipping_share"] == pytest.approx(0.1)
    assert values["dc_offset"] == pytest.approx(0.325, abs=1e-4)


def test_a_copy_for_another_text_is_a_duplicate_and_for_the_same_text_is_not() -> None:
    history = History()
    clip = buzz(3.0)
    assert _values(_evidence(clip), history)["duplicate"] == 0.0
    assert _values(_evidence(clip), history)["duplicate"] == 0.0
    assert _values(_evidence(clip * 0.5, text="Another text."), history)["duplicate"] > 0.9


@settings(max_examples=50)
@given(
    hnp.arrays(np.float32, st.integers(1, 2000), elements=st.floats(-1, 1, width=32)),
    st.text(min_size=1, max_size=20).filter(lambda t: t.strip()),
)
def test_any_samples_and_text_give_figures_or_reasons(samples: Samples, text: str) -> None:
    measurements = IntegrityMeter().measure(_evidence(samples, text))
    assert len(measurements) == 9
    for m in measurements:
        assert (m.value is None) == bool(m.reason)
