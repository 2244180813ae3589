"""Repetition, variety, tones and levels of controlled audio."""

from __future__ import annotations

import numpy as np
import pytest
from music_signals import RATE_HZ, clicks, note, song, wave

from antiphon.analysis.levels import levels_of, shortfall
from antiphon.analysis.sound import Sound
from antiphon.analysis.structure import structure_of
from antiphon.analysis.tones import tones_of

NOISE = np.random.default_rng(1).standard_normal(RATE_HZ * 10) * 0.1


def test_a_song_has_both_variety_and_repetition() -> None:
    found = structure_of(Sound(wave(song(0, "major", 120, 14))))
    assert found is not None
    assert found.variety > 0.2
    assert found.repetition > 0.5


def test_a_loop_of_one_bar_has_no_variety_even_with_noise_over_it() -> None:
    bar = song(0, "major", 113, 8)[: round(4 * 60 / 113 * RATE_HZ)]
    loop = np.tile(bar, 6)
    found = structure_of(Sound(wave(loop + np.random.default_rng(0).standard_normal(loop.shape) * 1e-3)))
    assert found is not None
    assert found.variety < 0.03
    assert found.repetition > 0.9


def test_noise_has_no_repetition_and_no_tones() -> None:
    sound = Sound(wave(NOISE))
    found = structure_of(sound)
    assert found is not None
    assert found.repetition < 0.1
    assert tones_of(sound).tonality < 0.02


def test_silence_has_no_structure() -> None:
    assert structure_of(Sound(wave(np.zeros(RATE_HZ * 10)))) is None


def test_a_song_is_tonal_and_a_tone_has_few_pitches() -> None:
    found = tones_of(Sound(wave(song(0, "major", 120, 10))))
    assert found.tonality > 0.8
    assert found.pitches >= 7
    tone = tones_of(Sound(wave(np.sin(2 * np.pi * 110 * np.arange(RATE_HZ * 10) / RATE_HZ) * 0.3)))
    assert tone.pitches <= 2
    assert tone.bandwidth_hz < 1_000


def test_sharper_is_more_energetic_and_higher_is_brighter() -> None:
    calm = levels_of(Sound(wave(note(48, 5, 0.4))))
    sharp = levels_of(Sound(wave(note(48, 5, 0.4) + 0.5 * NOISE[: 5 * RATE_HZ] + clicks(200, 5))))
    high = levels_of(Sound(wave(note(84, 5, 0.4))))
    assert calm is not None
    assert sharp is not None
    assert high is not None
    assert calm.energy < sharp.energy
    assert calm.brightness < high.brightness


def test_nothing_is_too_energetic_for_energetic() -> None:
    assert shortfall(1.0, 0.9) == 0
    assert shortfall(0.5, 0.9) == pytest.approx(0.4)
    assert shortfall(0.1, 0.2) == 0
    assert shortfall(0.7, 0.2) == pytest.approx(0.5)
