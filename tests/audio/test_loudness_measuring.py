"""Loudness against the EBU's own test signals, two independent meters, and the definition of a stream."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import pairwise

import numpy as np
import pyloudnorm
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.audio import Meter, Waveform, measure, resample
from antiphon.audio.kweighting import KWeighting, biquads
from antiphon.audio.loudness import SILENCE_DBFS

RATE_HZ = 48_000


def sine(parts, rate_hz=RATE_HZ, channels=2, hz=1_000.0):
    """Stereo sine of successive (dBFS, seconds)."""
    level = np.concatenate([np.full(round(s * rate_hz), 10 ** (db / 20)) for db, s in parts])
    line = level * np.sin(2 * np.pi * hz * np.arange(level.size) / rate_hz)
    return Waveform(np.tile(line.astype(np.float32), (channels, 1)), rate_hz)


def rough(rate_hz, seconds=8, channels=2, seed=0):
    """Noise that comes and goes, tilted as sound is; something for every gate."""
    dice = np.random.default_rng(seed)
    size = rate_hz * seconds
    tilt = np.fft.rfft(dice.standard_normal((channels, size)))
    tilt /= 1 + np.fft.rfftfreq(size, 1 / rate_hz) / 1_000
    line = np.fft.irfft(tilt, size)
    line *= 0.1 * (0.02 + np.square(np.sin(np.arange(size) / rate_hz)))
    return Waveform(line.astype(np.float32), rate_hz)


@pytest.mark.parametrize(
    ("parts", "lufs"),
    [
        ([(-23, 20)], -23.0),
        ([(-33, 20)], -33.0),
        ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
    ],
)
@pytest.mark.parametrize("rate_hz", [48_000, 22_050])
def test_integrated_loudness_of_ebu_tech_3341_cases_1_to_5(parts, lufs, rate_hz):
    assert measure(sine(parts, rate_hz)).integrated_lufs == pytest.approx(lufs, abs=0.1)


def test_surround_channels_weigh_as_in_ebu_tech_3341_case_6():
    line = sine([(0, 20)], channels=1).samples
    levels = np.array([-28.0, -28.0, -24.0, -30.0, -30.0])[:, None]
    wave = Waveform((line * 10 ** (levels / 20)).astype(np.float32), RATE_HZ)
    assert measure(wave).integrated_lufs == pytest.approx(-23.0, abs=0.1)


def test_short_term_and_momentary_stand_still_in_ebu_tech_3341_cases_9_and_12():
    short = measure(sine([(-20, 1.34), (-30, 1.66)] * 5)).short_term_lufs
    assert short == pytest.approx(-23.0, abs=0.1)
    momentary = measure(sine([(-20, 0.18), (-30, 0.22)] * 25)).momentary_lufs
    assert momentary[1:] == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize(
    ("divisor", "degrees", "amplitude", "dbtp"),
    [(4, 0, 0.5, -6.0), (4, 45, 0.5, -6.0), (6, 60, 0.5, -6.0), (8, 67.5, 0.5, -6.0), (4, 45, 1.41, 3.0)],
)
def test_true_peak_of_ebu_tech_3341_cases_15_to_19(divisor, degrees, amplitude, dbtp):
    time = np.arange(RATE_HZ)
    line = amplitude * np.sin(2 * np.pi * time / divisor + np.radians(degrees))
    line *= np.minimum(1.0, np.minimum(time, time[::-1]) / 480)
    found = measure(Waveform(line.astype(np.float32)[None], RATE_HZ)).true_peak_dbtp
    assert -0.4 <= found - dbtp <= 0.2


@pytest.mark.parametrize(
    ("levels", "range_lu"), [((-20, -30), 10), ((-20, -15), 5), ((-40, -20), 20), ((-50, -35, -20, -35, -50), 15)]
)
def test_loudness_range_of_ebu_tech_3342_cases_1_to_4(levels, range_lu):
    assert measure(sine([(db, 20) for db in levels])).range_lu == pytest.approx(range_lu, abs=0.1)


def test_the_filters_are_those_that_the_standard_prints_for_48_khz():
    (shelf_b, shelf_a), (pass_b, pass_a) = biquads(48_000)
    assert shelf_b == pytest.approx([1.53512485958697, -2.69169618940638, 1.19839281085285], abs=1e-12)
    assert shelf_a == pytest.approx([1.0, -1.69065929318241, 0.73248077421585], abs=1e-12)
    assert pass_b == pytest.approx([1.0, -2.0, 1.0], abs=1e-12)
    assert pass_a == pytest.approx([1.0, -1.99004745483398, 0.99007225036621], abs=1e-12)


def test_filtering_by_hops_equals_the_recursive_filter():
    scipy_signal = pytest.importorskip("scipy.signal")
    wave = rough(24_000, 3, 1)
    line = wave.samples[0].astype(np.float64)
    for b, a in biquads(24_000):
        line = scipy_signal.lfilter(b, a, line)
    expected = np.square(line).reshape(-1, 2_400).sum(axis=1)
    assert KWeighting(24_000, 1).push(wave.samples)[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_pyloudnorm_measures_the_same(rate_hz, channels):
    # Below 16 kHz its high-pass amplifies by .2 dB more than the standard's at 48 kHz.
    wave = rough(rate_hz, channels=channels)
    theirs = pyloudnorm.Meter(rate_hz).integrated_loudness(wave.samples.T.astype(np.float64))
    ours = measure(wave).integrated_lufs
    assert ours == pytest.approx(theirs, abs=0.1 if rate_hz >= 16_000 else 0.2)


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")
@pytest.mark.parametrize(("rate_hz", "channels"), [(24_000, 1), (44_100, 2), (48_000, 2)])
def test_ffmpeg_measures_the_same(tmp_path, rate_hz, channels):
    wave = rough(rate_hz, 20, channels)
    soundfile.write(tmp_path / "x.wav", wave.samples.T, rate_hz, subtype="FLOAT")
    command = ["ffmpeg", "-nostats", "-i", str(tmp_path / "x.wav"), "-af", "ebur128=peak=true", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr.rpartition("Summary")[2]
    lufs, lra, peak = (float(re.search(rf"{name}:\s+(-?[\d.]+)", said)[1]) for name in ("I", "LRA", "Peak"))
    ours = measure(wave)
    assert ours.integrated_lufs == pytest.approx(lufs, abs=0.1)
    assert ours.range_lu == pytest.approx(lra, abs=0.2)
    assert ours.true_peak_dbtp == pytest.approx(peak, abs=0.3)


def test_a_sound_is_as_loud_at_every_rate():
    wave = resample(rough(48_000), 24_000)
    for rate_hz in (16_000, 44_100, 48_000):
        same = resample(resample(wave, 16_000), rate_hz)
        assert measure(same).integrated_lufs == pytest.approx(measure(resample(wave, 16_000)).integrated_lufs, abs=0.1)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 30_000), max_size=12), st.sampled_from([1, 2]))
def test_a_stream_measures_what_the_whole_does(cuts, channels):
    wave = rough(11_025, 5, channels)
    whole, meter = measure(wave), Meter(11_025, channels)
    edges = sorted({0, wave.samples.shape[1], *(cut for cut in cuts if cut < wave.samples.shape[1])})
    for start, end in pairwise(edges):
        meter.push(Waveform(wave.samples[:, start:end], 11_025))
    streamed = meter.finish()
    assert streamed.integrated_lufs == pytest.approx(whole.integrated_lufs, abs=1e-9)
    assert streamed.true_peak_dbtp == pytest.approx(whole.true_peak_dbtp, abs=1e-5)
    assert streamed.momentary_lufs == pytest.approx(whole.momentary_lufs, abs=1e-9)
    assert streamed.short_term_lufs == pytest.approx(whole.short_term_lufs, abs=1e-9)


def test_silence_and_nothing_have_no_loudness_and_a_click_has_one():
    for samples in (np.zeros((1, 0)), np.zeros((2, 48_000))):
        found = measure(Waveform(samples.astype(np.float32), RATE_HZ))
        assert (found.integrated_lufs, found.range_lu) == (None, None)
        assert found.true_peak_dbtp == SILENCE_DBFS
    short = measure(sine([(-20, 0.3)]))
    assert short.integrated_lufs == pytest.approx(-20.0, abs=0.2)
    assert short.range_lu is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_what_is_no_sound_still_measures_finite(value):
    samples = np.zeros((2, 30_000), dtype=np.float32)
    samples[0, ::7] = value
    found = measure(Waveform(samples, 8_000))
    assert np.isfinite(found.momentary_lufs).all()
    assert np.isfinite(found.true_peak_dbtp)


def test_another_rate_or_layout_than_announced_is_refused():
    with pytest.raises(ValueError, match="2 channels at 8000 Hz, got 1 at 8000"):
        Meter(8_000, 2).push(Waveform(np.zeros((1, 10), dtype=np.float32), 8_000))
