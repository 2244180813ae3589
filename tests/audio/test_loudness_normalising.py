"""The normaliser: the target is met, the peak is held, silence stays silent, and a stream is one with the whole."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyloudnorm
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.audio import MUSIC_LUFS, SPEECH_EXPECTED_LUFS, SPEECH_LUFS, Normaliser, Waveform, measure
from antiphon.audio.limiting import Limiter

RATE_HZ = 16_000
CEILING = 10 ** (-1.0 / 20)


def tilted(seconds=4.0, rate_hz=RATE_HZ, channels=1, seed=0, *, upto=0.8):
    """Noise, falling by 6 dB an octave above 1 kHz and ending at `upto` of the band, as recorded sound does."""
    size = round(seconds * rate_hz)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal((channels, size)))
    spectrum /= 1 + np.fft.rfftfreq(size, 1 / rate_hz) / 1_000
    spectrum[:, int(upto * spectrum.shape[1]) :] = 0
    return np.fft.irfft(spectrum, size)


def at(lufs, line, rate_hz=RATE_HZ):
    """`line` scaled to a loudness."""
    found = measure(Waveform(line.astype(np.float32), rate_hz)).integrated_lufs
    return Waveform((line * 10 ** ((lufs - found) / 20)).astype(np.float32), rate_hz)


def streamed(wave, normaliser, edges=(), **given):
    stream = normaliser.stream(wave.rate_hz, wave.samples.shape[0], **given)
    edges = [0, *edges, wave.samples.shape[1]]
    parts = [stream.push(Waveform(wave.samples[:, a:b], wave.rate_hz)) for a, b in pairwise(edges)]
    return Waveform(np.concatenate([*(p.samples for p in parts), stream.finish().samples], axis=1), wave.rate_hz)


def true_peak(wave):
    """By another interpolator at 16 times the rate."""
    padded = np.pad(wave.samples, ((0, 0), (200, 200))).T.astype(np.float64)
    fine = soxr.resample(padded, wave.rate_hz, 16 * wave.rate_hz, quality="VHQ")
    return 20 * np.log10(np.abs(fine).max())


@pytest.mark.parametrize("target", [SPEECH_LUFS, MUSIC_LUFS, -23.0])
@pytest.mark.parametrize("lufs", [-32.0, -20.0, -9.0])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_whole_file_meets_its_target(target, lufs, channels):
    out = Normaliser(target).whole(at(lufs, tilted(channels=channels)))
    assert measure(out).integrated_lufs == pytest.approx(target, abs=0.1)
    assert true_peak(out) <= -1.0


@pytest.mark.parametrize("channels", [1, 2])
def test_audio_that_is_right_already_is_not_touched(channels):
    wave = at(-23.0, tilted(8.0, channels=channels))
    assert np.array_equal(Normaliser(-23.0).whole(wave).samples, wave.samples)
    assert streamed(wave, Normaliser(-23.0)).samples == pytest.approx(wave.samples, rel=0.02)
    steady = at(-23.0, np.tile(np.sin(np.arange(8 * RATE_HZ) * 0.3), (channels, 1)))
    assert np.array_equal(streamed(steady, Normaliser(-23.0)).samples, steady.samples)


def test_a_gain_is_all_that_happens_below_the_ceiling():
    wave = at(-35.0, tilted())
    out = Normaliser(-30.0).whole(wave)
    ratio = out.samples[np.abs(wave.samples) > 1e-4] / wave.samples[np.abs(wave.samples) > 1e-4]
    assert np.ptp(ratio) < 1e-5


@settings(max_examples=15)
@given(
    seed=st.integers(0, 1_000),
    lufs=st.floats(-45.0, 0.0),
    channels=st.sampled_from([1, 2]),
    rate_hz=st.sampled_from([8_000, 24_000, 44_100]),
    bursts=st.lists(st.floats(0.0, 1.0), max_size=5),
)
def test_no_true_peak_passes_the_limit(seed, lufs, channels, rate_hz, bursts):
    line = tilted(1.5, rate_hz, channels, seed)
    for place in bursts:
        first = int(place * line.shape[1])
        line[:, first : first + rate_hz // 20] *= 8.0
    wave = at(lufs, line, rate_hz)
    for out in (Normaliser().whole(wave), streamed(wave, Normaliser(), expected_lufs=SPEECH_EXPECTED_LUFS)):
        assert np.abs(out.samples).max() <= CEILING
        assert true_peak(out) <= -0.99


@pytest.mark.parametrize("shape", ["white", "clipped", "square", "impulses"])
def test_the_worst_shapes_stay_under_the_limit_of_the_standards_meter(shape):
    dice = np.random.default_rng(3)
    time = np.arange(2 * RATE_HZ)
    line = {
        "white": dice.standard_normal((2, time.size)),
        "clipped": np.clip(dice.standard_normal((1, time.size)) * 4, -1, 1),
        "square": 2.0 * np.sign(np.sin(2 * np.pi * 443 * time / RATE_HZ))[None],
        "impulses": 5.0 * (dice.random((1, time.size)) < 0.001),
    }[shape]
    out = Normaliser(-5.0).whole(Waveform(line.astype(np.float32), RATE_HZ))
    assert np.abs(out.samples).max() <= CEILING
    assert measure(out).true_peak_dbtp <= -0.9


@settings(max_examples=15)
@given(st.lists(st.integers(0, 3 * RATE_HZ), max_size=40), st.sampled_from([1, 2]))
def test_chunking_changes_no_bit_of_a_stream(cuts, channels):
    wave = at(-24.0, tilted(3.0, channels=channels, seed=4))
    normaliser = Normaliser()
    whole = streamed(wave, normaliser, expected_lufs=-20.0)
    assert whole.samples.shape == wave.samples.shape
    assert np.array_equal(streamed(wave, normaliser, sorted(cuts), expected_lufs=-20.0).samples, whole.samples)


def test_the_first_sound_is_held_back_by_less_than_a_tenth_of_a_second():
    stream = Normaliser().stream(RATE_HZ)
    wave = at(-20.0, tilted(0.1))
    given_out = stream.push(wave).samples.shape[1]
    assert given_out > 0
    most = 0
    for _ in range(50):
        given_out += stream.push(Waveform(wave.samples[:, :333], RATE_HZ)).samples.shape[1]
        most = max(most, wave.samples.shape[1] + (_ + 1) * 333 - given_out)
    assert most <= 0.06 * RATE_HZ


def test_the_gain_of_a_stream_moves_slowly_once_it_has_settled():
    stream = Normaliser().stream(RATE_HZ, expected_lufs=-20.0)
    quiet, loud = at(-26.0, tilted(10.0)), at(-12.0, tilted(10.0))
    gains = []
    for wave in (quiet, loud, quiet):
        for start in range(0, wave.samples.shape[1], RATE_HZ):
            stream.push(Waveform(wave.samples[:, start : start + RATE_HZ], RATE_HZ))
            gains.append(stream.gain_db)
    assert gains[4] == pytest.approx(10.0, abs=0.5)
    assert np.abs(np.diff(gains[4:])).max() <= 1.0 + 1e-9
    assert gains[19] < gains[9] - 5.0


@pytest.mark.parametrize("lufs", [-60.0, -55.0])
def test_noise_and_silence_are_never_raised(lufs):
    noise = at(lufs, tilted(5.0))
    assert np.array_equal(Normaliser().whole(noise).samples, noise.samples)
    assert np.array_equal(streamed(noise, Normaliser()).samples, noise.samples)
    silence = Waveform(np.zeros((2, 5 * RATE_HZ), dtype=np.float32), RATE_HZ)
    assert not streamed(silence, Normaliser(), expected_lufs=-23.0).samples.any()
    assert not Normaliser().whole(silence).samples.any()


def test_gain_has_a_limit():
    assert measure(Normaliser().whole(at(-45.0, tilted()))).integrated_lufs == pytest.approx(-25.0, abs=0.1)
    out = streamed(at(-45.0, tilted(20.0)), Normaliser())
    assert measure(Waveform(out.samples[:, -5 * RATE_HZ :], RATE_HZ)).integrated_lufs == pytest.approx(-25.0, abs=0.5)


def test_channels_keep_their_balance():
    wave = at(-6.0, tilted(channels=2))
    wave = Waveform(wave.samples * np.array([[1.0], [0.25]], dtype=np.float32), RATE_HZ)
    heard = np.abs(wave.samples) > 1e-3
    for out in (Normaliser().whole(wave), streamed(wave, Normaliser())):
        gain = np.where(heard, out.samples / np.where(heard, wave.samples, 1), np.nan)
        both = heard.all(axis=0)
        assert gain[0, both] == pytest.approx(gain[1, both], rel=1e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, -1e20, 1e-40])
@pytest.mark.parametrize("length", [0, 1, 7, 799, 20_000])
def test_whatever_comes_in_finite_and_small_goes_out(value, length):
    wave = Waveform(np.full((2, length), value, dtype=np.float32), RATE_HZ)
    for out in (Normaliser().whole(wave), streamed(wave, Normaliser(), [length // 2])):
        assert out.samples.shape == wave.samples.shape
        assert np.isfinite(out.samples).all()
        assert np.abs(out.samples).max(initial=0.0) <= CEILING


def test_the_limiter_gives_the_gain_back_after_a_peak():
    line = np.full((1, RATE_HZ), 0.1)
    line[0, 4_000] = 3.0
    limiter = Limiter(RATE_HZ, 1, -1.0)
    out = np.concatenate([limiter.push(line), limiter.finish()], axis=1)
    assert out.shape == line.shape
    assert np.array_equal(out[0, :3_500], line[0, :3_500])
    assert np.array_equal(out[0, 7_000:], line[0, 7_000:])
    assert out[0, 4_100] < 0.05


@pytest.mark.parametrize(("lufs", "peak"), [(1.0, -1.0), (-80.0, -1.0), (-16.0, 0.5), (float("nan"), -1.0)])
def test_targets_that_make_no_sense_are_refused(lufs, peak):
    with pytest.raises(ValueError, match="Cannot normalise"):
        Normaliser(lufs, peak)


def test_another_rate_than_announced_is_refused():
    with pytest.raises(ValueError, match="1 channels at 16000 Hz, got 1 at 8000"):
        Normaliser().stream(RATE_HZ).push(Waveform(np.zeros((1, 10), dtype=np.float32), 8_000))


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "voice"), [("hibari", "hibari"), ("espeak", "espeak-en-us")])
def test_half_a_minute_of_speech_comes_out_at_its_target(engine, voice):
    from antiphon.audio import Joiner, RoomTone, resample
    from antiphon.engines import registry
    from antiphon.services import SpeechRequest

    texts = (
        "My grandmother read a long letter from her brother on a cold winter morning.",
        "The ship left the harbour at dawn.",
        "In the end, eleven people stood at the gate: who would have thought so?",
        "Rain fell on the roof of the old mill, and nobody heard it.",
        "A quiet street, a lamp, a dog; that was all he saw before the door was closed.",
        "Please call me back before the office closes today.",
        "She counted seven hundred and twelve steps to the top of the tower.",
        "What is the name of that bird, and why does it sing at night?",
    )
    joiner, speaker = Joiner(24_000), registry.load(engine)
    parts = []
    for text in texts:
        chunks = speaker.generate(SpeechRequest(text=text, voice=voice, language="en-us"), 1)
        parts += [joiner.push(resample(chunk, 24_000)).samples for chunk in chunks]
        parts.append(joiner.end_sentence(0.4).samples)
    speech = RoomTone(24_000).under(Waveform(np.concatenate(parts, axis=1), 24_000))
    assert speech.duration_s > 20.0
    out = streamed(speech, Normaliser(), expected_lufs=SPEECH_EXPECTED_LUFS)
    assert measure(out).integrated_lufs == pytest.approx(SPEECH_LUFS, abs=1.0)
    assert pyloudnorm.Meter(24_000).integrated_loudness(out.samples.T.astype(np.float64)) == pytest.approx(
        SPEECH_LUFS, abs=1.0
    )
    assert true_peak(out) <= -1.0
    whole = Normaliser().whole(speech)
    assert measure(whole).integrated_lufs == pytest.approx(SPEECH_LUFS, abs=0.1)
    assert true_peak(whole) <= -1.0
