"""Pace without pitch: what comes out is as long as asked, as high and as loud as before, whatever pieces it came in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.audio import Waveform, read, resample
from antiphon.audio.stretching import Stretcher, stretch
from antiphon.bench.cloning import REFERENCES

RATE = 24_000
SPEECH = resample(read(REFERENCES / "librivox.opus"), RATE)
SPEEDS = (0.5, 0.75, 1.25, 1.6, 2.0)


def part(seconds: float) -> Waveform:
    return Waveform(SPEECH.samples[:, : round(seconds * RATE)], RATE)


@pytest.mark.parametrize("speed", SPEEDS)
def test_a_tone_keeps_its_pitch_and_its_level(speed: float) -> None:
    sine = Waveform((0.3 * np.sin(2 * np.pi * 150 * np.arange(2 * RATE) / RATE)).astype(np.float32)[None], RATE)
    out = stretch(sine, speed)
    assert out.samples.shape == (1, round(2 * RATE / speed))
    middle = out.samples[0, 1_000:-2_000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(middle.size)))
    assert spectrum.argmax() * RATE / middle.size == pytest.approx(150, abs=2)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.02)


@pytest.mark.parametrize("speed", SPEEDS)
def test_words_come_in_the_same_order_at_the_new_pace(speed: float) -> None:
    said, out = part(6).samples[0], stretch(part(6), speed).samples[0]
    hop = RATE // 20
    loud = [np.sqrt(np.mean(said[i : i + hop] ** 2)) for i in range(0, said.size - hop, hop)]
    step = hop / speed
    heard = [np.sqrt(np.mean(out[round(n * step) : round((n + 1) * step)] ** 2)) for n in range(len(loud))]
    assert np.corrcoef(loud, heard)[0, 1] > 0.95


def test_speed_one_changes_nothing() -> None:
    assert np.array_equal(stretch(part(1), 1.0).samples, part(1).samples)


@settings(max_examples=25)
@given(
    speed=st.floats(0.25, 4.0),
    sizes=st.lists(st.integers(0, 5_000), min_size=0, max_size=8),
)
def test_pieces_do_not_show(speed: float, sizes: list[int]) -> None:
    whole = Waveform(SPEECH.samples[:, : sum(sizes)], RATE)
    stretcher, at, out = Stretcher(RATE, speed), 0, []
    for size in sizes:
        out.append(stretcher.push(Waveform(SPEECH.samples[:, at : at + size], RATE)).samples)
        at += size
    out.append(stretcher.finish().samples)
    joined = np.concatenate(out, axis=1)
    assert joined.shape[1] == (whole.samples.shape[1] if speed == 1 else round(whole.samples.shape[1] / speed))
    assert np.array_equal(joined, stretch(whole, speed).samples)


def test_memory_does_not_grow_with_the_sound() -> None:
    stretcher = Stretcher(RATE, 1.7)
    for _ in range(200):
        stretcher.push(part(0.1))
    assert stretcher._held.size < RATE // 4


def test_what_is_no_pace_is_refused() -> None:
    for speed in (0.0, 0.2, 4.1, float("nan")):
        with pytest.raises(ValueError, match="outside"):
            Stretcher(RATE, speed)
