"""What is written into registers is what rows show, and canonical grids are those that sound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from antiphon.codecs import TokenGrid
from antiphon.codecs.chip import ChipCodec, Registers, canonical, frames_of, layout, pitch_midi, pitch_tokens, rows


def grids(frames: int = 8) -> st.SearchStrategy[TokenGrid]:
    levels = [hnp.arrays(np.uint16, frames, elements=st.integers(0, size - 1)) for size in layout.VOCABULARY]
    return st.tuples(*levels).map(lambda rows: TokenGrid(np.stack(rows), layout.CODEC, layout.FRAME_RATE_HZ))


def test_a_pulse_shows_the_pitch_volume_duty_and_pan_it_was_given() -> None:
    grid = Registers.silent(10).pulse(1, 3, midi=[60.0, 60.5, 61.13], volume=[15, 7, 0], duty=0.125, pan=4).grid()
    row = rows(grid)[1]
    assert row.channel == "pulse2"
    assert row.pitch[3:5].tolist() == [60.0, 60.5]
    assert row.volume.tolist() == [0, 0, 0, 15, 7, 0, 0, 0, 0, 0]
    assert row.kind[3:5].tolist() == [0.125, 0.125]
    assert row.pan[3:5].tolist() == [4, 4]
    assert np.isnan(row.pitch[5])


def test_every_channel_is_read_back_from_its_row() -> None:
    written = (
        Registers.silent(4)
        .triangle(0, midi=36.25, volume=9, pan=1)
        .noise(1, period=[3, 14], volume=5, short=[True, False])
        .drum(2, "tom", volume=11, tuning=-8, pan=3)
    )
    _, _, triangle, noise, sample = rows(written.grid())
    assert triangle.pitch.tolist() == [36.25] * 4
    assert triangle.volume.tolist() == [9.0] * 4
    assert noise.pitch[1:3].tolist() == [3, 14]
    assert noise.kind[1:3].tolist() == [1, 0]
    assert (sample.pitch[2], sample.kind[2], sample.volume[2], sample.pan[2]) == (-8, layout.DRUMS.index("tom"), 11, 3)


def test_a_nan_pitch_and_a_volume_of_0_are_silence() -> None:
    grid = Registers.silent(2).pulse(0, 0, midi=[np.nan, 60.0], volume=[15, 0]).grid()
    assert not grid.tokens.any()


def test_builders_do_not_change_what_they_started_from_and_drop_what_is_beyond_the_end() -> None:
    empty = Registers.silent(5)
    longer = empty.triangle(3, midi=[40.0] * 9, volume=4)
    assert not empty.tokens.any()
    assert rows(longer.grid())[2].volume.tolist() == [0, 0, 0, 4, 4]


@pytest.mark.parametrize(
    "write",
    [
        lambda r: r.pulse(2, 0, midi=60, volume=1),
        lambda r: r.pulse(0, -1, midi=60, volume=1),
        lambda r: r.pulse(0, 0, midi=60, volume=16),
        lambda r: r.pulse(0, 0, midi=60, volume=1, duty=0.3),
        lambda r: r.triangle(0, midi=60, volume=1, pan=5),
        lambda r: r.noise(0, period=16, volume=1),
        lambda r: r.drum(0, "gong"),
        lambda r: r.drum(0, "kick", tuning=8),
    ],
)
def test_values_out_of_range_are_refused(write: object) -> None:
    with pytest.raises(ValueError, match="is"):
        write(Registers.silent(4))  # type: ignore[operator]


def test_pitches_are_eighths_of_a_semitone_clamped_to_the_range() -> None:
    assert pitch_midi(pitch_tokens([24.0, 69.06, 119.875])).tolist() == [24.0, 69.0, 119.875]
    assert pitch_midi(pitch_tokens([0.0, 200.0])).tolist() == [24.0, 119.875]
    assert pitch_tokens(np.nan) == 0
    assert frames_of(0.5) == 30


@settings(max_examples=20)
@given(grids())
def test_canonical_sounds_the_same_and_is_its_own_canonical(grid: TokenGrid) -> None:
    codec, once = ChipCodec(), canonical(grid)
    assert np.array_equal(canonical(once).tokens, once.tokens)
    assert np.array_equal(codec.decode(once).samples, codec.decode(grid).samples)
    pairs = once.tokens.reshape(5, 2, -1)
    assert np.array_equal(pairs[:, 0] > 0, pairs[:, 1] > 0)
