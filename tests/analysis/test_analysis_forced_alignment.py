"""Words of a text in a recording of it, against a synthesiser that knows when it began each."""

from __future__ import annotations

import numpy as np
import pytest

from antiphon.analysis.features import RATE_HZ, mono_16k
from antiphon.analysis.forced_alignment import laid, shared_out, spans
from antiphon.audio import Waveform
from antiphon.audio.stretching import stretch
from antiphon.engines.espeak import EspeakEngine

TEXTS = (
    "The north wind and the sun were disputing which was the stronger, when a traveller came along.",
    "Yesterday evening my brother bought seven bottles of cold milk, and then he walked home through the rain.",
    "Can you believe that nobody noticed the enormous elephant standing quietly in the garden?",
)


@pytest.mark.parametrize(("other", "pace"), [("en-us", 0.8), ("en-us", 1.7), ("en-gb", 1.0), ("en-gb-scotland", 1.2)])
def test_words_are_found_in_another_voice_at_another_pace(other: str, pace: float) -> None:
    engine, errors = EspeakEngine(), []
    for text in TEXTS:
        [reference, known], [said, truth] = (engine.spoken_words(text, tag) for tag in ("en-us", other))
        both = sorted(set(dict(known)) & set(dict(truth)))
        silence = np.zeros((1, said.rate_hz), np.float32)
        shifted = np.concatenate([silence, stretch(said, pace).samples], axis=1)
        found = laid(
            mono_16k(reference), [dict(known)[place] for place in both], mono_16k(Waveform(shifted, said.rate_hz))
        )
        assert found is not None
        errors += [at - 1 - dict(truth)[place] / pace for at, place in zip(found, both, strict=True)]
    assert np.median(np.abs(errors)) <= 0.05
    assert np.percentile(np.abs(errors), 90) <= 0.15


def test_a_pause_belongs_to_no_word() -> None:
    tone = np.sin(np.arange(RATE_HZ) * 0.3).astype(np.float32) / 3
    signal = np.concatenate([tone[:8_000], np.zeros(8_000, np.float32), tone[:8_000]])
    edges = [edge for span in spans([0.0, 0.9], signal) for edge in span]
    assert edges == pytest.approx([0.0, 0.5, 1.0, 1.5], abs=0.021)
    assert shared_out([1, 1, 2], signal) == pytest.approx([0.0, 0.25, 1.0], abs=0.03)


def test_what_holds_no_speech_is_laid_over_nothing() -> None:
    silence = np.zeros(RATE_HZ, np.float32)
    tone = np.sin(np.arange(RATE_HZ) * 0.3).astype(np.float32) / 3
    assert laid(tone, [0.1], silence) is None
    assert laid(silence, [0.1], tone) is None
    assert laid(tone, [0.1], np.tile(tone, 70)) is None
