"""Tempo and key are found in audio whose tempo and key are known."""

from __future__ import annotations

import numpy as np
import pytest
from music_signals import MAJOR, clicks, note, song, wave

from antiphon.analysis.key import keys_of
from antiphon.analysis.sound import Sound
from antiphon.analysis.tempo import MIN_PULSE, error_of, pulse_of


@pytest.mark.parametrize("bpm", [63.0, 90.0, 117.5, 150.0, 188.0])
def test_the_tempo_of_clicks_is_found_within_half_a_percent(bpm: float) -> None:
    pulse = pulse_of(Sound(wave(clicks(bpm, 12))))
    assert error_of(pulse.best_bpm, bpm) < 0.005
    assert pulse.support(bpm) > 0.9


def test_half_and_double_count_as_the_same_tempo_and_other_tempi_do_not() -> None:
    pulse = pulse_of(Sound(wave(clicks(120, 14))))
    assert min(pulse.support(bpm) for bpm in (60, 120, 240)) > 0.9
    assert max(pulse.support(bpm) for bpm in (70, 83, 104, 135)) < 0.4


def test_a_range_means_the_tempo_itself() -> None:
    pulse = pulse_of(Sound(wave(clicks(72, 14))))
    assert pulse.support_within(60, 80) > 0.9
    assert pulse.support_within(76, 130) < 0.4


def test_white_noise_has_no_pulse() -> None:
    noise = np.random.default_rng(0).standard_normal(44_100 * 12) * 0.1
    assert pulse_of(Sound(wave(noise))).clarity < MIN_PULSE


@pytest.mark.parametrize(("tonic", "mode"), [(0, "major"), (9, "minor"), (6, "major"), (3, "minor"), (10, "major")])
def test_the_key_of_a_song_is_found(tonic: int, mode: str) -> None:
    keys = keys_of(Sound(wave(song(tonic, mode, 110, 12))))
    assert keys is not None
    assert keys.best == tonic + 12 * (mode == "minor")
    assert keys.gap(tonic, mode) == 0
    assert keys.gap((tonic + 6) % 12, mode) > 0.4


def test_a_mistuned_song_keeps_its_key() -> None:
    signal = song(2, "major", 110, 12)
    slow = np.interp(np.arange(0, signal.shape[0] - 1, 2 ** (-0.3 / 12)), np.arange(signal.shape[0]), signal)
    keys = keys_of(Sound(wave(slow)))
    assert keys is not None
    assert keys.best == 2


def test_without_a_mode_either_counts() -> None:
    scale = np.concatenate([note(60 + step, 0.5, 0.4) for step in MAJOR * 3])
    keys = keys_of(Sound(wave(scale)))
    assert keys is not None
    assert keys.gap(0, None) == min(keys.gap(0, "major"), keys.gap(0, "minor"))


def test_silence_has_no_key() -> None:
    assert keys_of(Sound(wave(np.zeros(44_100 * 5)))) is None
