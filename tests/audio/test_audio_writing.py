"""Audio is written as it is made, complete or not at all, and comes back as it was."""

import contextlib
import io
import os
import stat
import struct
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from antiphon.audio import (
    FORMATS,
    AudioWriter,
    Tags,
    Waveform,
    encoder_for,
    format_named,
    format_of,
    read,
    rms_dbfs,
    wav_header,
)
from antiphon.errors import InputError, OutputError

RATE = 24_000
CONTAINERS = [name for name in FORMATS if name != "pcm"]


def tones(duration_s: float = 2.0, rate_hz: int = RATE, channels: int = 1) -> Waveform:
    """440 Hz rising in steps to 1,760 Hz, with a little noise."""
    time = np.arange(round(duration_s * rate_hz)) / rate_hz
    octave = 2.0 ** np.floor(3 * time / duration_s)
    noise = np.random.default_rng(1).normal(scale=0.003, size=(channels, time.size))
    return Waveform((0.3 * np.sin(2 * np.pi * 440 * octave * time) + noise).astype(np.float32), rate_hz)


def chunks(waveform: Waveform, size: int = 1_234) -> list[Waveform]:
    return [
        Waveform(waveform.samples[:, start : start + size], waveform.rate_hz)
        for start in range(0, waveform.samples.shape[1], size)
    ]


def slack_s(name: str, rate_hz: int = RATE) -> float:
    """How much longer than its sound a file may be: ADTS says neither what comes before it nor what fills its end."""
    return 0.001 + (2 * 1_024 / FORMATS[name].rate_for(rate_hz) if name == "aac" else 0.0)


def spectrum_db(waveform: Waveform) -> np.ndarray:
    """Power in 40 bands of 100 Hz, in dB."""
    power = np.abs(np.fft.rfft(waveform.samples[0])) ** 2
    band = (np.fft.rfftfreq(waveform.samples.shape[1], 1 / waveform.rate_hz) // 100).astype(int)
    return 10 * np.log10(np.bincount(band, power)[:40] / waveform.samples.shape[1] + 1e-12)


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 24_000, 44_100, 48_000])
def test_every_format_comes_back_with_its_length_and_spectrum(tmp_path: Path, name: str, rate_hz: int) -> None:
    wave = tones(rate_hz=rate_hz)
    path = tmp_path / f"speech.{name}"
    with AudioWriter(path, format_of(path), rate_hz) as writer:
        for chunk in chunks(wave):
            writer.write(chunk)
    back = read(path)
    assert back.rate_hz == FORMATS[name].rate_for(rate_hz)
    assert back.duration_s == pytest.approx(wave.duration_s, abs=slack_s(name, rate_hz))
    strong = spectrum_db(wave) > spectrum_db(wave).max() - 12
    assert np.abs(spectrum_db(back) - spectrum_db(wave))[strong].max() < 1.0


@pytest.mark.parametrize("name", ["wav", "flac"])
def test_lossless_formats_give_back_every_sample(tmp_path: Path, name: str) -> None:
    wave = tones(channels=2)
    with AudioWriter(tmp_path / "a", name, RATE, channels=2) as writer:
        writer.write(wave)
    assert np.abs(read(tmp_path / "a").samples - wave.samples).max() <= 0.5 / 32768 + 1e-6


def test_pcm_is_what_a_waveform_calls_pcm16(tmp_path: Path) -> None:
    wave = tones()
    with AudioWriter(tmp_path / "a.pcm", "pcm", RATE) as writer:
        for chunk in chunks(wave):
            writer.write(chunk)
    assert (tmp_path / "a.pcm").read_bytes() == wave.to_pcm16()
    assert read(tmp_path / "a.pcm").duration_s == wave.duration_s


@pytest.mark.parametrize(
    ("name", "magic"),
    [("wav", b"RIFF"), ("flac", b"fLaC"), ("mp3", b"\xff"), ("opus", b"OpusHead"), ("ogg", b"\x01vorbis")],
)
def test_a_file_is_what_its_name_says(tmp_path: Path, name: str, magic: bytes) -> None:
    with AudioWriter(tmp_path / "a", name, RATE) as writer:
        writer.write(tones(0.5))
    assert magic in (tmp_path / "a").read_bytes()[:64]


@pytest.mark.parametrize("name", CONTAINERS)
def test_too_loud_and_broken_samples_stay_in_range(tmp_path: Path, name: str) -> None:
    samples = np.full((1, RATE), 3.0, dtype=np.float32)
    samples[0, ::7] = np.nan
    samples[0, 1::7] = -np.inf
    with AudioWriter(tmp_path / "a", name, RATE) as writer:
        writer.write(Waveform(samples, RATE))
    assert np.isfinite(read(tmp_path / "a").samples).all()


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_stream_that_cannot_seek_still_gets_a_playable_file(name: str) -> None:
    wave = tones()
    reading, writing = os.pipe()
    received = io.BytesIO()

    def drain() -> None:
        with os.fdopen(reading, "rb") as source:
            received.write(source.read())

    thread = threading.Thread(target=drain)
    thread.start()
    with os.fdopen(writing, "wb", buffering=0) as sink, AudioWriter(sink, name, RATE) as writer:
        for chunk in chunks(wave):
            writer.write(chunk)
    thread.join()
    received.seek(0)
    back = read(received)
    # Without its table an MP3 cannot say how much of its first and last frames is padding.
    assert back.duration_s == pytest.approx(wave.duration_s, abs=0.1 if name == "mp3" else slack_s(name))
    assert rms_dbfs(back) == pytest.approx(rms_dbfs(wave), abs=0.8)


@pytest.mark.parametrize("name", FORMATS)
def test_bytes_leave_while_audio_is_still_coming(name: str) -> None:
    encoder = encoder_for(format_named(name), RATE)
    early = sum(len(encoder.encode(chunk)) for chunk in chunks(tones(1.5), 2_400))
    rest = len(encoder.finish())
    assert early > rest


@pytest.mark.slow
@pytest.mark.parametrize("name", CONTAINERS)
def test_standard_output_of_a_process_is_playable(name: str) -> None:
    program = (
        "import numpy as np; from antiphon.audio import AudioWriter, Waveform\n"
        f"with AudioWriter('-', {name!r}, 24000) as writer:\n"
        "    for _ in range(10): writer.write(Waveform(np.full((1, 2400), .1, np.float32), 24000))\n"
    )
    out = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True).stdout
    assert read(io.BytesIO(out)).duration_s == pytest.approx(1.0, abs=0.1)


def test_an_empty_recording_is_still_a_valid_wav(tmp_path: Path) -> None:
    AudioWriter(tmp_path / "a.wav", "wav", RATE).close()
    assert soundfile.info(tmp_path / "a.wav").frames == 0


def test_wav_header_states_sizes_or_that_they_are_unknown() -> None:
    assert struct.unpack("<I", wav_header(RATE, 1, 1_000)[40:])[0] == 1_000
    assert struct.unpack("<I", wav_header(RATE)[40:])[0] == 0xFFFFFFFF
    assert struct.unpack("<I", wav_header(RATE, 1, 5 << 30)[40:])[0] == 0xFFFFFFFF
    assert wav_header(RATE, 2)[:12] == b"RIFF\xff\xff\xff\xffWAVE"


# Files: complete or not at all ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_new_file_is_playable_up_to_its_last_write_while_it_grows(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"a.{name}"
    writer = AudioWriter(path, name, RATE)
    wave = tones(8.0)
    for chunk in chunks(wave, 12_000):
        writer.write(chunk)
    copied = tmp_path / f"killed.{name}"
    copied.write_bytes(path.read_bytes())  # what a killed process leaves
    held = read(copied)
    assert wave.duration_s - 2.1 < held.duration_s <= wave.duration_s
    assert rms_dbfs(held) == pytest.approx(rms_dbfs(wave), abs=1)
    writer.close()
    writer.close()
    copied.unlink()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert read(path).duration_s == pytest.approx(wave.duration_s, abs=slack_s(name))


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_file_that_lacks_its_end_can_be_kept(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"a.{name}"
    wave = tones(3.0)
    writer = AudioWriter(path, name, RATE)
    writer.write(wave)
    assert writer.keep(over=False) == path
    writer.abort()
    assert read(path).duration_s == pytest.approx(wave.duration_s, abs=slack_s(name))

    other = AudioWriter(path, name, RATE)
    other.write(tones(1.0))
    beside = tmp_path / f"a.part.{name}"
    assert other.keep(over=False) == beside
    assert read(beside).duration_s == pytest.approx(1.0, abs=slack_s(name))
    assert read(path).duration_s == pytest.approx(wave.duration_s, abs=slack_s(name))
    third = AudioWriter(path, name, RATE)
    third.write(tones(1.0))
    assert third.keep(over=True) == path
    assert read(path).duration_s == pytest.approx(1.0, abs=slack_s(name))


TOLD = Tags(title="Café naïve " * 30, artist="hibari", comment="Made by Antiphon")


@pytest.mark.parametrize("name", ["mp3", "opus", "ogg", "flac"])
@pytest.mark.parametrize("seekable", [True, False])
def test_a_file_tells_what_it_is(tmp_path: Path, name: str, seekable: bool) -> None:
    wave = tones()
    if seekable:
        with AudioWriter(tmp_path / "a", name, RATE, tags=TOLD) as writer:
            writer.write(wave)
        raw = (tmp_path / "a").read_bytes()
    else:
        encoder = encoder_for(format_named(name), RATE, tags=TOLD)
        raw = encoder.encode(wave) + encoder.finish()
    with soundfile.SoundFile(io.BytesIO(raw)) as file:
        assert file.artist == TOLD.artist
        assert file.comment == TOLD.comment
        assert file.title.startswith("Café naïve Café")
        assert not seekable or file.frames / file.samplerate == pytest.approx(wave.duration_s, abs=0.05)


@pytest.mark.parametrize("name", FORMATS)
def test_a_cancelled_run_leaves_no_half_file_and_keeps_the_old_one(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with contextlib.suppress(KeyboardInterrupt), AudioWriter(path, name, RATE) as writer:
        writer.write(tones())
        raise KeyboardInterrupt
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
    assert path.read_bytes() == b"old"


def test_permissions_are_those_of_a_new_file_or_of_the_one_replaced(tmp_path: Path) -> None:
    fresh, old = tmp_path / "fresh.wav", tmp_path / "old.wav"
    old.touch()
    old.chmod(0o640)
    for path in (fresh, old):
        AudioWriter(path, "wav", RATE).close()
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE(old.stat().st_mode) == 0o640


def test_a_link_keeps_pointing_at_the_new_audio(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.wav"
    link.symlink_to(tmp_path / "real" / "a.wav")
    with AudioWriter(link, "wav", RATE) as writer:
        writer.write(tones(0.1))
    assert link.is_symlink()
    assert read(tmp_path / "real" / "a.wav").duration_s == pytest.approx(0.1)


def test_a_missing_folder_a_folder_and_a_closed_reader_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"does not exist.*mkdir -p"):
        AudioWriter(tmp_path / "absent" / "a.wav", "wav", RATE)
    with pytest.raises(OutputError, match=r"is a folder.*Name a file"):
        AudioWriter(tmp_path, "wav", RATE)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Cannot write"):
        AudioWriter(tmp_path / "file" / "b.wav", "wav", RATE)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as sink, pytest.raises(OutputError, match="went away"):
        AudioWriter(sink, "wav", RATE).write(tones())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_is_reported_with_advice(name: str) -> None:
    with (
        pytest.raises(OutputError, match=r"disk is full.*Free some space"),
        AudioWriter(Path("/dev/full"), name, RATE) as writer,
    ):
        writer.write(tones())


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("name", CONTAINERS)
def test_a_disk_that_fills_up_midway_leaves_nothing_or_what_fitted(tmp_path: Path, name: str, kept: bool) -> None:
    resource = pytest.importorskip("resource")
    import signal

    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        writer = AudioWriter(tmp_path / f"a.{name}", name, RATE)
        with pytest.raises(OutputError, match="disk is full"):
            all(writer.write(chunk) is None for chunk in chunks(tones(60.0), RATE))
        if kept:
            assert writer.keep(over=False) == tmp_path / f"a.{name}"
        writer.abort()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    if kept:
        assert read(tmp_path / f"a.{name}").duration_s > 1.0
    else:
        assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_protected_file_or_folder_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch(0o444)
    with pytest.raises(OutputError, match="write-protected"):
        AudioWriter(tmp_path / "a.wav", "wav", RATE)
    tmp_path.chmod(0o555)
    with pytest.raises(OutputError, match="No permission"):
        AudioWriter(tmp_path / "b.wav", "wav", RATE)


def test_the_wrong_rate_or_channels_is_a_programming_error(tmp_path: Path) -> None:
    with AudioWriter(tmp_path / "a.wav", "wav", RATE) as writer:
        with pytest.raises(ValueError, match="24000 Hz"):
            writer.write(tones(rate_hz=16_000))
        with pytest.raises(ValueError, match="1 channels"):
            writer.write(tones(channels=2))
    with pytest.raises(ValueError, match="closed"):
        writer.write(tones())
    with pytest.raises(ValueError, match="mp3 holds 1 to 2"):
        AudioWriter(tmp_path / "b.mp3", "mp3", RATE, channels=6)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.wav"]


def test_an_unknown_format_lists_the_choices_and_the_nearest() -> None:
    with pytest.raises(InputError, match=r"Unknown audio format '.mp4'\. Did you mean mp3\? Formats: wav, flac, mp3"):
        format_of("speech.mp4")
    with pytest.raises(InputError, match="no suffix"):
        format_of("speech")
    assert format_named("MP3") is format_of("a.B.mp3") is FORMATS["mp3"]


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_a_long_recording_is_written_with_flat_memory(tmp_path: Path, name: str) -> None:
    second = tones(1.0)
    with AudioWriter(tmp_path / "a", name, RATE) as writer:
        writer.write(second)
        tracemalloc.start()
        try:
            for _ in range(300 if name in ("wav", "pcm", "flac") else 40):
                writer.write(second)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 2_500_000  # 40 s of sound, if kept, would be 3.8 MB


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("seekable", [True, False])
@pytest.mark.parametrize("first", [0, 2_400])
def test_a_wav_loop_is_in_its_smpl_chunk(channels: int, seekable: bool, first: int) -> None:
    sound = tones(0.5, channels=channels)
    target = io.BytesIO() if seekable else _Pipe()
    with AudioWriter(target, "wav", RATE, channels, tags=Tags(loop_s=0.5, loop_from_s=first / RATE)) as writer:
        for chunk in chunks(sound):
            writer.write(chunk)
    data = target.getvalue()
    found = riff_chunks(data)
    assert list(found) == [b"fmt ", b"smpl", b"data"]
    fields = struct.unpack("<15I", found[b"smpl"])
    assert fields[7] == 1  # loops
    assert fields[10:13] == (0, first, 12_000 - 1)  # forward, first and last sample
    assert len(found[b"data"]) == 12_000 * 2 * channels
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        assert np.abs(file.read(always_2d=True).T - sound.samples).max() < 1e-4


class _Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False


def riff_chunks(data: bytes) -> dict[bytes, bytes]:
    found, at = {}, 12
    while at < len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        found[name] = data[at + 8 : at + 8 + size]
        at += 8 + min(size, len(data)) + size % 2
    return found


@pytest.mark.parametrize(("name", "rate_hz", "length"), [("ogg", 44_100, 88_200), ("opus", 44_100, 96_000)])
def test_an_ogg_loop_is_in_its_comments(tmp_path: Path, name: str, rate_hz: int, length: int) -> None:
    import av

    files = tmp_path / f"plain.{name}", tmp_path / f"loop.{name}"
    for path, loop_s in zip(files, (None, 2.0), strict=True):
        with AudioWriter(
            path, name, rate_hz, 2, tags=Tags("Shop", "Antiphon", loop_s=loop_s, loop_from_s=0.5)
        ) as writer:
            for chunk in chunks(tones(2.0, rate_hz, 2)):
                writer.write(chunk)
    with av.open(str(files[1])) as file:  # FFmpeg drops pages whose checksum is wrong
        told = file.streams.audio[0].metadata | file.metadata
        decoded = sum(frame.samples for frame in file.decode(audio=0))
    assert (told["LOOPSTART"], told["LOOPLENGTH"]) == (str(length // 4), str(length - length // 4))
    assert {key.lower(): value for key, value in told.items()}["title"] == "Shop"
    assert decoded >= length
    plain, looped = (soundfile.read(path)[0] for path in files)
    assert np.array_equal(plain, looped)
    assert looped.shape[0] == length
