"""Audio back to registers: the identity on the chip's own sound, a fair likeness of any other."""

import io

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from antiphon.audio import AudioWriter, Waveform, read, resample
from antiphon.codecs import Codec, TokenGrid
from antiphon.codecs.chip import ChipCodec, Registers, canonical, layout, rows
from antiphon.codecs.chip.drums import drum_frames
from antiphon.codecs.chip.macros import arpeggio, envelope, slide, vibrato
from antiphon.errors import InputError

CODEC = ChipCodec()
RATE = layout.RATE_HZ


def grid_of(tokens: np.ndarray) -> TokenGrid:
    return TokenGrid(tokens.astype(np.uint16), layout.CODEC, layout.FRAME_RATE_HZ)


def grids(frames: int) -> st.SearchStrategy[TokenGrid]:
    levels = [hnp.arrays(np.uint16, frames, elements=st.integers(0, size - 1)) for size in layout.VOCABULARY]
    return st.tuples(*levels).map(lambda rows: grid_of(np.stack(rows)))


def song(beats: int = 4) -> TokenGrid:
    """A lead with vibrato, an arpeggio, a sliding bass, hats and drums."""
    registers = Registers.silent(beats * 24 + 12)
    for beat in range(beats):
        start, root = beat * 24, (45, 41, 48, 43)[beat % 4]
        lead = root + 24 + (0, 7, 3, 12)[beat % 4] + vibrato(22, depth=0.3, delay=8)
        registers = registers.pulse(0, start, midi=lead, volume=envelope(22, attack=1, decay=8, sustain=0.6, release=6))
        chord = root + 12 + arpeggio(24, (0, 3, 7))
        registers = registers.pulse(1, start, midi=chord, volume=7, duty=0.25, pan=3)
        registers = registers.triangle(start, midi=slide(23, root, root - 1.5, over=20), volume=[13] * 23)
        registers = registers.noise(start + 12, period=1, volume=envelope(5, volume=8, release=4), pan=1)
        registers = registers.drum(start, ("kick", "snare")[beat % 2], volume=13)
    return registers.grid()


def collided(mixed: int) -> TokenGrid:
    """Everything at once on the same or the next pitch, for a few frames."""
    tokens = np.zeros((len(layout.VOCABULARY), 4), dtype=np.uint16)
    tokens[[0, 2, 4]] = mixed
    tokens[[1, 3, 5]] = [[3], [28], [3]]
    tokens[6:8] = [[1], [10]]
    tokens[8:10, 1] = 9, 70
    return grid_of(tokens)


def soft_and_low() -> TokenGrid:
    """Frames that other pitches would fill to within the rounding of 16 bits."""
    tokens = np.zeros((len(layout.VOCABULARY), 4), dtype=np.uint16)
    tokens[0:4] = [[643, 643, 0, 643], [0, 66, 0, 66], [0, 93, 1, 0], [0, 78, 6, 0]]
    return grid_of(tokens)


def test_it_is_a_codec() -> None:
    assert isinstance(CODEC, Codec)
    assert (CODEC.name, CODEC.rate_hz, CODEC.channels, CODEC.frame_rate_hz) == ("chip", 44_100, 2, 60.0)
    assert len(CODEC.vocabulary) <= 16
    assert all(16 <= size <= 1024 for size in CODEC.vocabulary)


@settings(max_examples=12)
@given(grids(4))
@example(soft_and_low())
@example(collided(1))
@example(collided(400))
@example(collided(768))
def test_encoding_what_was_decoded_gives_the_canonical_tokens(grid: TokenGrid) -> None:
    back = CODEC.encode(CODEC.decode(grid))
    assert np.array_equal(back.tokens, canonical(grid).tokens)


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_music_comes_back_through_16_bit_files(form: str) -> None:
    grid, target = song(), io.BytesIO()
    wave = CODEC.decode(grid)
    with AudioWriter(target, form, wave.rate_hz, 2) as writer:
        writer.write(wave)
    back = CODEC.encode(read(io.BytesIO(target.getvalue())))
    assert np.array_equal(back.tokens, grid.tokens)


def test_another_loudness_does_not_matter() -> None:
    grid = song(2)
    louder = np.rint(CODEC.decode(grid).samples * 1.737 * 32768) / 32768
    assert np.array_equal(CODEC.encode(Waveform(louder.astype(np.float32), RATE)).tokens, grid.tokens)


def test_silence_is_the_empty_grid_and_one_sample_is_one_frame() -> None:
    assert not CODEC.encode(Waveform(np.zeros((2, 735 * 3), dtype=np.float32), RATE)).tokens.any()
    assert CODEC.encode(Waveform(np.full((1, 1), 0.3, dtype=np.float32), RATE)).frames == 1


@pytest.mark.parametrize("samples", [np.zeros((2, 0)), np.full((1, 800), np.nan), np.array([[0.0, np.inf]])])
def test_empty_and_not_finite_audio_is_refused(samples: np.ndarray) -> None:
    with pytest.raises(InputError):
        CODEC.encode(Waveform(samples.astype(np.float32), RATE))


def tune() -> tuple[np.ndarray, list[int], list[int]]:
    """Eight seconds of tones that are not the chip's, with a kick on every half second; melody and bass."""
    melody, bass = [60, 64, 67, 72, 71, 67, 64, 62] * 4, [36, 36, 43, 43] * 4
    audio = np.zeros(8 * RATE)
    for keys, part, fall in ((melody, 0.25, 1.5), (bass, 0.2, 2.0)):
        length = len(audio) // len(keys)
        t = np.arange(length) / RATE
        shape = np.minimum(t / 0.01, 1) * np.minimum((t[-1] - t) / 0.01, 1) * np.exp(-2 * t)
        for index, key in enumerate(keys):
            f0_hz = 440 * 2 ** ((key - 69) / 12)
            tone = sum(np.sin(2 * np.pi * f0_hz * n * t) / n**fall for n in range(1, 7))
            audio[index * length : (index + 1) * length] += part * shape * tone
    kick = drum_frames(9).ravel()
    for start in range(0, len(audio) - len(kick), RATE // 2):
        audio[start : start + len(kick)] += 0.3 * kick
    return audio.astype(np.float32), melody, bass


def test_foreign_music_keeps_its_melody_and_bass() -> None:
    audio, melody, bass = tune()
    foreign = resample(Waveform(np.stack([audio, 0.5 * audio]), RATE), 48_000)
    grid = CODEC.encode(foreign)
    lead, _, triangle, _, sample = rows(grid)
    assert grid.frames == 480
    assert np.array_equal(canonical(grid).tokens, grid.tokens)
    assert (np.abs(lead.pitch - np.repeat(melody, 15)) < 0.3).mean() > 0.8
    assert (np.abs(triangle.pitch - np.repeat(bass, 30)) < 0.3).mean() > 0.9
    assert 10 <= np.count_nonzero(sample.volume) <= 24
    assert np.nanmean(lead.pan) < 2
    left, right = CODEC.decode(grid).samples
    assert 0.2 < np.sqrt((left**2).mean() / (audio**2).mean()) < 2.0
    assert (left**2).mean() > 1.5 * (right**2).mean()


@settings(max_examples=6)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 6]), st.sampled_from([8_000, 44_100]), st.floats(1e-6, 4.0))
def test_no_audio_makes_it_fail(seed: int, channels: int, rate_hz: int, scale: float) -> None:
    noise = np.random.default_rng(seed).normal(scale=scale, size=(channels, 2_000)).astype(np.float32)
    grid = CODEC.encode(Waveform(noise, rate_hz))
    assert CODEC.decode(grid).samples.shape == (2, 735 * grid.frames)


def test_what_follows_the_chips_own_sound_is_transcribed() -> None:
    grid = song(1)
    own = CODEC.decode(grid).samples
    t = np.arange(RATE) / RATE
    tone = np.repeat(0.3 * np.sin(2 * np.pi * 440 * t)[None], 2, axis=0).astype(np.float32)
    back = CODEC.encode(Waveform(np.concatenate([own, tone], axis=1), RATE))
    assert np.array_equal(back.tokens[:, : grid.frames], grid.tokens)
    later = rows(back)[0].pitch[grid.frames + 5 : grid.frames + 55]
    assert np.abs(later - 69).max() < 0.3
