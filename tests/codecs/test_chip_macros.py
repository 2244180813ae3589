"""Macros move registers frame by frame as their names say."""

import numpy as np
import pytest

from antiphon.codecs.chip.macros import arpeggio, envelope, slide, sweep, vibrato


def test_an_envelope_rises_falls_holds_and_ends() -> None:
    shape = envelope(20, volume=12, attack=3, decay=4, sustain=0.5, release=3)
    assert shape.tolist() == [3, 6, 9, 12, 10, 9, 8, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 4, 3, 2]


def test_a_plain_envelope_is_its_volume() -> None:
    assert envelope(4, volume=9).tolist() == [9, 9, 9, 9]
    assert envelope(0).tolist() == []


def test_vibrato_waits_then_swings_around_the_pitch() -> None:
    swing = vibrato(120, depth=0.5, rate_hz=6.0, delay=20)
    assert not swing[:21].any()
    assert np.abs(swing).max() == pytest.approx(0.5, abs=0.03)
    assert abs(swing[60:].mean()) < 0.01


def test_an_arpeggio_takes_turns() -> None:
    assert arpeggio(7, (0, 4, 7), step=2).tolist() == [0, 0, 4, 4, 7, 7, 0]
    with pytest.raises(ValueError, match="offsets"):
        arpeggio(7, ())


def test_a_slide_arrives_and_stays() -> None:
    assert slide(5, 60, 64).tolist() == [60, 61, 62, 63, 64]
    assert slide(5, 60, 64, over=2).tolist() == [60, 62, 64, 64, 64]


def test_a_sweep_falls_silent_beyond_the_range() -> None:
    midi = sweep(60, 118.0, semitones_per_s=6.0)
    assert midi[10] == pytest.approx(119.0)
    assert np.isnan(midi[-1])
