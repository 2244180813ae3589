"""References: what is used of a recording, and which recordings are refused."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from antiphon.audio import read, reference, resample
from antiphon.audio.loudness import rms_dbfs
from antiphon.audio.waveform import Samples
from antiphon.bench.cloning import REFERENCES
from antiphon.errors import InputError

RATE = 16_000


def syllables(seconds: float, seed: int = 0) -> Samples:
    """Bursts of a gliding buzz, four a second: as loud and as broken as speech, at about -20 dBFS."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    hz = 120 + 30 * np.sin(2 * np.pi * 0.7 * t)
    buzz = sum(np.sin(k * 2 * np.pi * np.cumsum(hz) / RATE) / k for k in range(1, 12))
    envelope = np.clip(np.sin(2 * np.pi * 4 * t), 0.003, None)
    breath = rng.normal(0, 1e-2, t.size)  # up to 8 kHz, as in a voice
    return (0.15 * (buzz + breath) * envelope + rng.normal(0, 1e-4, t.size)).astype(np.float32)


def file(samples: np.ndarray, rate: int = RATE, kind: str = "WAV") -> io.BytesIO:
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, format=kind)
    stream.seek(0)
    return stream


def refusal(samples: np.ndarray) -> str:
    with pytest.raises(InputError) as caught:
        reference.prepare(file(samples))
    return caught.value.what


def test_speech_comes_out_mono_at_one_level_and_rate() -> None:
    found = reference.prepare(file(np.stack([syllables(8), syllables(8)], axis=1)))
    assert found.waveform.rate_hz == reference.RATE_HZ
    assert found.waveform.samples.shape[0] == 1
    assert rms_dbfs(found.waveform) == pytest.approx(reference.LEVEL_DBFS, abs=0.1)
    assert found.report.verdict == "good"
    assert found.clip.seconds == pytest.approx(found.report.seconds_used, abs=0.01)


def test_silences_are_cut_and_counted() -> None:
    gap = np.zeros(5 * RATE, np.float32)
    found = reference.prepare(file(np.concatenate([gap, syllables(4), gap, syllables(4), gap])))
    assert 7.5 < found.report.seconds_used < 9
    assert 14 < found.report.seconds_silence < 15.5
    assert found.report.pieces == 2


def test_no_more_than_half_a_minute_is_used_of_a_minute() -> None:
    parts = [np.concatenate([syllables(7, n), np.zeros(RATE, np.float32)]) for n in range(7)]
    found = reference.prepare(file(np.concatenate(parts)))
    assert found.waveform.duration_s <= 30.01
    assert any("best" in remark for remark in found.report.remarks)


def test_a_long_recording_is_not_decoded_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.flac"
    with soundfile.SoundFile(path, "w", RATE, 1) as out:
        for n in range(18):
            out.write(syllables(10, n % 2))
    heard = []
    original = reference.read_blocks

    def counted(source: object) -> object:
        for block in original(source):  # type: ignore[arg-type]
            heard.append(block.duration_s)
            yield block

    monkeypatch.setattr(reference, "read_blocks", counted)
    found = reference.prepare(path)
    assert sum(heard) <= reference.MAX_HEARD_S + 2
    assert "only the first 60 s were heard" in found.report.remarks


def test_channels_that_cancel_are_not_lost() -> None:
    voice = syllables(6)
    assert reference.prepare(file(np.stack([voice, -voice], axis=1))).report.level_dbfs > -30


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
def test_any_format_will_do(kind: str) -> None:
    assert reference.prepare(file(syllables(6), kind=kind)).report.seconds_used > 5


def test_silence_is_refused() -> None:
    assert "silent" in refusal(np.zeros(5 * RATE))


def test_two_seconds_are_refused() -> None:
    assert "only" in refusal(syllables(2))


def test_noise_is_refused() -> None:
    assert "noisy" in refusal(np.random.default_rng(0).normal(0, 0.1, 5 * RATE))


def test_overdriven_speech_is_refused_and_a_little_clipping_remarked() -> None:
    voice = syllables(8) / 0.6
    assert "overdriven" in refusal(np.clip(voice * 30, -1, 1))
    report = reference.prepare(file(np.clip(voice * 1.12 / np.abs(voice).max(), -1, 1))).report
    assert 0 < report.clipped_percent < 30


def test_a_noisy_voice_is_usable_and_told_so() -> None:
    voice = syllables(8)
    report = reference.prepare(file(voice + np.random.default_rng(0).normal(0, 0.02, voice.size))).report
    assert report.verdict == "usable"
    assert 8 < report.snr_db < 20


@pytest.mark.parametrize("blob", [b"", b"RIFF\x00\x00", b"no audio at all" * 100])
def test_a_corrupt_file_is_refused(blob: bytes) -> None:
    with pytest.raises(InputError):
        reference.prepare(io.BytesIO(blob))


@pytest.mark.parametrize(("rate_hz", "verdict"), [(8_000, "usable"), (16_000, "good")])
def test_a_telephones_band_is_told_with_what_it_costs(rate_hz: int, verdict: str) -> None:
    speech = read(REFERENCES / "ivrvoice.opus")
    narrow = resample(speech, rate_hz)
    report = reference.prepare(file(narrow.samples.T, rate_hz)).report
    again = reference.prepare(file(resample(narrow, 48_000).samples.T, 48_000)).report  # its rate no longer tells
    assert report.band_hz == again.band_hz == rate_hz / 2
    assert report.verdict == again.verdict == verdict
    told = [one for one in report.remarks if "telephone" in one]
    assert len(told) == (rate_hz == 8_000)
