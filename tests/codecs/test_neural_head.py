"""The source-filter head: formulas against direct sums, and streaming."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.codecs.neural.head import (
    Controls,
    HeadStream,
    band_matrix,
    minimum_phase_matrix,
    pulses,
    render,
)
from antiphon.codecs.neural.layout import CodecConfig

CONFIG = CodecConfig()


def _controls(steps: int, seed: int = 1) -> Controls:
    rng = np.random.default_rng(seed)
    return Controls(
        np.exp2(rng.uniform(6.5, 8.0, steps)).astype(np.float32),
        *(rng.normal(mean, 0.5, (steps, bands)).astype(np.float32)
          for mean, bands in ((-3, CONFIG.harmonic_bands), (-4, CONFIG.noise_bands), (0, CONFIG.phase_bands))),
    )  # fmt: skip


def test_pulses_are_the_sum_of_all_harmonics_below_half_the_rate() -> None:
    hz = np.full(100, 160.0, np.float32)  # 49 whole harmonics: 160 * 50 is half the rate
    made, after = pulses(hz, 160.0, 0.3, 80, 16_000)
    phase = 0.3 + 2 * np.pi * 160.0 / 16_000 * np.arange(1, 8_001)
    direct = sum(np.cos(k * phase) for k in range(1, 50)) * np.sqrt(4 * 160.0 / 16_000)
    np.testing.assert_allclose(made, direct, atol=1e-4)
    assert after == pytest.approx(phase[-1] % (2 * np.pi), abs=1e-6)


@pytest.mark.parametrize("hz", [70.0, 143.0, 391.0])
def test_pulses_have_unit_power_whatever_the_pitch(hz: float) -> None:
    made, _ = pulses(np.full(400, hz, np.float32), hz, 0.0, 80, 16_000)
    assert np.mean(made**2) == pytest.approx(1.0, abs=0.1)


def test_pulses_run_on_from_the_phase_they_ended_with() -> None:
    hz = _controls(40).f0_hz
    whole, _ = pulses(hz, 100.0, 0.0, 80, 16_000)
    head, phase = pulses(hz[:17], 100.0, 0.0, 80, 16_000)
    tail, _ = pulses(hz[17:], float(hz[16]), phase, 80, 16_000)
    np.testing.assert_allclose(np.concatenate([head, tail]), whole, atol=1e-3)


def test_the_phase_of_a_one_tap_filter_is_its_own() -> None:
    # H(z) = 1 + 0.5 z^-1 is minimum phase.
    response = np.fft.rfft([1.0, 0.5], 512)
    phase = np.log(np.abs(response)) @ minimum_phase_matrix(257)
    np.testing.assert_allclose(phase, np.angle(response), atol=1e-5)


def test_bands_interpolate_so_that_a_flat_envelope_stays_flat() -> None:
    matrix = band_matrix(24, 257, 16_000)
    np.testing.assert_allclose(matrix.sum(axis=0), 1.0, atol=1e-6)
    assert matrix[0, 0] == 1.0
    assert matrix[-1, -1] == pytest.approx(1.0)


def test_noise_of_a_flat_envelope_has_its_power() -> None:
    steps = 1_000
    flat = Controls(
        np.full(steps, 100.0, np.float32),
        np.full((steps, CONFIG.harmonic_bands), -14.0, np.float32),
        np.full((steps, CONFIG.noise_bands), np.log(0.1), np.float32),
        np.zeros((steps, CONFIG.phase_bands), np.float32),
    )
    # Four overlapping Hann windows of one noise add up to it exactly.
    assert np.std(render(flat, CONFIG)) == pytest.approx(0.1, rel=0.02)


@settings(max_examples=15)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_pieces_of_any_length_add_up_to_the_whole(lengths: list[int]) -> None:
    total = sum(lengths)
    controls = _controls(total)
    stream, pieces, start = HeadStream(CONFIG), [], 0
    for length in lengths:
        part = slice(start, start + length)
        pieces.append(
            stream.push(
                Controls(controls.f0_hz[part], controls.harmonic[part], controls.noise[part], controls.phase[part])
            )
        )
        start += length
        final = sum(piece.shape[0] for piece in pieces)
        assert final == max(0, start - 3) * CONFIG.step
    pieces.append(stream.finish())
    streamed = np.concatenate(pieces)
    assert streamed.shape == (total * CONFIG.step,)
    np.testing.assert_allclose(streamed, render(controls, CONFIG), atol=1e-4)


def test_nothing_in_gives_nothing_out() -> None:
    stream = HeadStream(CONFIG)
    assert stream.push(_controls(0)).shape == (0,)
    assert stream.finish().shape == (0,)


def test_controls_out_of_bounds_are_held_within_them() -> None:
    wild = np.full((2, CONFIG.controls), 1e6, np.float32)
    held = Controls.split(wild, CONFIG)
    assert held.f0_hz.max() == pytest.approx(600.0)
    assert held.harmonic.max() == pytest.approx(5.0)
    assert np.isfinite(render(Controls.split(-wild, CONFIG), CONFIG)).all()
