"""Echoes of a reference, on real speech."""

from __future__ import annotations

import numpy as np
import pytest
from cloning_standin import SPOKEN, TEXT, say
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.audio import resample
from antiphon.audio.waveform import Waveform
from antiphon.judges.cloning import echo_share
from antiphon.judges.fingerprints import fingerprint

pytestmark = pytest.mark.slow
LIMIT = 0.3


@pytest.fixture(scope="module")
def reference() -> Waveform:
    return Waveform(np.concatenate([say(text).samples for text in SPOKEN], axis=1), 24_000)


@pytest.fixture(scope="module")
def print_(reference: Waveform) -> bytes:
    return fingerprint(reference)


def _part(audio: Waveform, start_s: float, stop_s: float) -> Waveform:
    return Waveform(audio.samples[:, int(start_s * audio.rate_hz) : int(stop_s * audio.rate_hz)], audio.rate_hz)


def test_other_words_in_the_same_voice_are_no_echo(print_: bytes) -> None:
    share = echo_share(say(TEXT), print_)
    assert share is not None
    assert share < 0.15


def test_the_reference_itself_and_any_cut_are_an_echo(reference: Waveform, print_: bytes) -> None:
    for part in (reference, _part(reference, 0.7, 3.1), _part(reference, 4.0, 6.0)):
        share = echo_share(part, print_)
        assert share is not None
        assert share > 0.8


def test_pieces_joined_in_another_order_are_an_echo(reference: Waveform, print_: bytes) -> None:
    starts = (5.1, 0.4, 3.3, 7.0, 1.9)
    joined = Waveform(np.concatenate([_part(reference, s, s + 0.7).samples for s in starts], axis=1), 24_000)
    share = echo_share(joined, print_)
    assert share is not None
    assert share > 0.5


@pytest.mark.parametrize("factor", [0.92, 0.97, 1.05, 1.1])
def test_another_pitch_does_not_hide_an_echo(factor: float, reference: Waveform, print_: bytes) -> None:
    cut = _part(reference, 1.0, 4.0)
    share = echo_share(Waveform(resample(cut, round(24_000 * factor)).samples, 24_000), print_)
    assert share is not None
    assert share > LIMIT


def test_noise_and_gain_do_not_hide_an_echo(reference: Waveform, print_: bytes) -> None:
    cut = _part(reference, 1.0, 4.0)
    noise = np.random.default_rng(1).standard_normal(cut.samples.shape) * cut.samples.std() * 10 ** (-20 / 20)
    share = echo_share(Waveform((0.4 * (cut.samples + noise)).astype(np.float32), 24_000), print_)
    assert share is not None
    assert share > LIMIT


def test_silence_and_clicks_say_nothing(print_: bytes) -> None:
    assert echo_share(Waveform(np.zeros((1, 4_000), np.float32), 16_000), print_) is None
    assert echo_share(Waveform(np.zeros((1, 40_000), np.float32), 16_000), print_) is None
    assert echo_share(say("Yes."), b"") is None


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40_000))
def test_a_share_is_a_share(print_: bytes, seed: int, samples: int) -> None:
    noise = np.random.default_rng(seed).standard_normal((1, samples)).astype(np.float32) * np.float32(0.1)
    share = echo_share(Waveform(noise, 16_000), print_)
    assert share is None or 0 <= share < LIMIT
