"""The synthesiser: no aliasing, no clicks, no clipping, the same bits in any grouping."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.codecs import TokenGrid, stream
from antiphon.codecs.chip import ChipCodec, Registers, layout
from antiphon.codecs.chip.tables import GAINS, RAMP, increments, noise_steps
from antiphon.errors import InputError

CODEC = ChipCodec()
WINDOW = 1 << 15


def random_grid(seed: int, frames: int) -> TokenGrid:
    generator = np.random.default_rng(seed)
    tokens = np.stack([generator.integers(0, size, frames) for size in layout.VOCABULARY]).astype(np.uint16)
    return TokenGrid(tokens, layout.CODEC, layout.FRAME_RATE_HZ)


def power(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Spectral power of the first WINDOW samples; side lobes below -200 dB."""
    return np.asarray(np.abs(np.fft.rfft(samples[:WINDOW].astype(np.float64) * np.kaiser(WINDOW, 24))) ** 2)


def inharmonic_db(samples: npt.NDArray[np.float32], f0_hz: float) -> float:
    """Energy further than 12 bins from every harmonic, relative to the fundamental's."""
    spectrum = power(samples)
    hz, reach = np.fft.rfftfreq(WINDOW, 1 / layout.RATE_HZ), 12 * layout.RATE_HZ / WINDOW
    away = np.abs(hz - np.rint(hz / f0_hz) * f0_hz) > reach
    fundamental = spectrum[np.abs(hz - f0_hz) <= reach].sum()
    return float(10 * np.log10((spectrum[away].sum() + 1e-30) / fundamental))


@pytest.mark.parametrize("duty", [*layout.DUTIES, None])
def test_no_pitch_has_aliases_above_70_db_below_its_fundamental(duty: float | None) -> None:
    for midi in np.arange(27.0, 119.9, 5.375):  # below 27 the harmonics stand closer than the window can tell
        silent = Registers.silent(60)
        notes = silent.triangle(0, midi=midi, volume=15, pan=0)
        if duty is not None:
            notes = silent.pulse(0, 0, midi=midi, volume=15, duty=duty, pan=0)
        token = int(notes.tokens[4 if duty is None else 0, 0])
        f0_hz = float(increments()[token]) * layout.RATE_HZ / 2**32
        assert inharmonic_db(CODEC.decode(notes.grid()).samples[0, RAMP:], f0_hz) < -70.0, midi


def test_short_noise_has_only_harmonics_of_its_period() -> None:
    samples = CODEC.decode(Registers.silent(60).noise(0, period=0, volume=15, short=True).grid()).samples[0]
    steady = samples[RAMP : RAMP + 93 * 200].astype(np.float64)
    assert np.abs(steady[93:] - steady[:-93]).max() == 0.0
    assert len(np.unique(np.sign(noise_steps()[0, : layout.FRAME_SAMPLES]))) == 2


def test_phase_runs_on_through_a_jump_of_pitch() -> None:
    midi = [60.0] * 30 + [72.0] * 30
    samples = CODEC.decode(Registers.silent(60).triangle(0, midi=midi, volume=15).grid()).samples[0]
    jump = 30 * layout.FRAME_SAMPLES
    usual = np.abs(np.diff(samples[jump + RAMP :])).max()
    assert np.abs(np.diff(samples[jump - 5 : jump + RAMP])).max() < 1.5 * usual


def brightness(samples: npt.NDArray[np.float64]) -> float:
    """Mean amplitude above 8 kHz."""
    return float(np.sqrt((np.abs(np.fft.rfft(samples * np.hanning(256))[47:]) ** 2).mean()))


@pytest.mark.parametrize("change", [{"volume": 5}, {"pan": 2}, {"volume": 0}, {"midi": 64.3}])
def test_a_change_makes_no_click(change: dict[str, float]) -> None:
    """Above 8 kHz a bare step would show at once; what is heard there is 30 dB less than a step of that size."""
    before = {"midi": 45.0, "volume": 15, "pan": 0}
    changed = Registers.silent(60).triangle(0, **before).triangle(30, **(before | change))  # type: ignore[arg-type]
    samples = CODEC.decode(changed.grid()).samples[0].astype(np.float64)
    place = 30 * layout.FRAME_SAMPLES
    step = brightness(GAINS[2] * (np.arange(256) >= 128))
    assert brightness(samples[place - 96 : place + 160]) < 0.03 * step


def test_a_change_of_duty_is_no_louder_than_the_edges_of_the_pulse() -> None:
    changed = Registers.silent(60).pulse(0, 0, midi=45.0, volume=15).pulse(0, 30, midi=45.0, volume=15, duty=0.25)
    samples = CODEC.decode(changed.grid()).samples[0].astype(np.float64)
    spans = [brightness(samples[start : start + 256]) for start in range(735, 50 * 735, 64)]
    change = range(30 * 735 - 256, 30 * 735 + 64, 16)
    assert max(brightness(samples[start : start + 256]) for start in change) < 1.2 * float(np.quantile(spans, 0.9))


def test_pans_keep_their_power_and_sides() -> None:
    powers, ratios = [], []
    for pan in range(layout.PANS):
        left, right = CODEC.decode(Registers.silent(20).triangle(0, midi=69, volume=15, pan=pan).grid()).samples
        powers.append(float((left**2).sum() + (right**2).sum()))
        ratios.append(float(np.abs(right).max() / max(np.abs(left).max(), 1e-9)))
    assert np.ptp(powers) < 1e-3 * powers[0]
    assert ratios[0] == 0.0
    assert ratios[2] == pytest.approx(1.0)
    assert all(low < high for low, high in itertools.pairwise(ratios))


def test_no_registers_can_clip() -> None:
    assert sum(GAINS) < 1.0
    loudest = [np.abs(CODEC.decode(random_grid(seed, 120)).samples).max() for seed in range(5)]
    full = Registers.silent(60).triangle(0, midi=24, volume=15, pan=0).noise(0, period=0, volume=15, pan=0)
    for pulse in range(2):
        full = full.pulse(pulse, 0, midi=24.0 + np.arange(60) % 3, volume=15, duty=0.125, pan=0)
    loudest.append(np.abs(CODEC.decode(full.drum(0, "kick", pan=0).grid()).samples).max())
    assert max(loudest) < 1.0


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(1, 130), st.integers(1, 70))
def test_streamed_equals_offline_bit_for_bit(seed: int, frames: int, piece: int) -> None:
    grid = random_grid(seed, frames)
    whole = CODEC.decode(grid).samples
    assert whole.shape == (2, 735 * frames)
    parts = [part.samples for part in stream(CODEC, grid, piece)]
    assert np.array_equal(np.concatenate(parts, axis=1), whole)


def test_the_same_tokens_are_the_same_bits_again() -> None:
    grid = random_grid(3, 40)
    assert np.array_equal(CODEC.decode(grid).samples, CODEC.decode(grid).samples)


def test_no_frames_are_no_samples() -> None:
    assert CODEC.decode(Registers.silent(0).grid()).samples.shape == (2, 0)
    assert CODEC.decoder().finish().samples.shape == (2, 0)


def test_foreign_and_out_of_range_tokens_are_refused() -> None:
    grid = Registers.silent(2).grid()
    with pytest.raises(InputError, match="codec"):
        CODEC.decode(TokenGrid(grid.tokens, "neural", 60.0))
    with pytest.raises(InputError, match="levels"):
        CODEC.decode(TokenGrid(grid.tokens[:4], layout.CODEC, 60.0))
    wrong = grid.tokens.copy()
    wrong[0, 1] = 769
    with pytest.raises(InputError, match="level 0"):
        CODEC.decode(TokenGrid(wrong, layout.CODEC, 60.0))
    with pytest.raises(InputError, match="level 0"):
        CODEC.decoder().push(wrong)


def test_a_drum_sounds_to_its_end_and_a_stroke_ends_it() -> None:
    alone = CODEC.decode(Registers.silent(60).drum(0, "cymbal").grid()).samples[0]
    cut = CODEC.decode(Registers.silent(60).drum(0, "cymbal").drum(10, "hat").grid()).samples[0]
    late = 30 * layout.FRAME_SAMPLES
    assert np.abs(alone[late : late + 735]).max() > 1e-3
    assert not cut[late:].any()
