"""Recordings as phones and browsers make them, real ones, and files that are made to hurt."""

from __future__ import annotations

import contextlib
import io
import random
import struct
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from antiphon.audio import containers, read, resample
from antiphon.audio.reading import read_blocks
from antiphon.audio.reference import prepare
from antiphon.bench.cloning import REFERENCES
from antiphon.errors import InputError

SECONDS = 8
SPEECH = read(REFERENCES / "librivox.opus")

KINDS = {  # suffix: codec, rate, container, video beside it, likeness to the original's envelope
    "m4a": ("aac", 44_100, "ipod", None, 0.98),
    "mp4": ("aac", 48_000, "mp4", "libx264", 0.98),
    "mov": ("alac", 48_000, "mov", None, 0.98),
    "webm": ("libopus", 48_000, "webm", "libvpx", 0.98),
    "mkv": ("pcm_s16le", 48_000, "matroska", None, 0.98),
    "amr": ("libopencore_amrnb", 8_000, "amr", None, 0.9),
    "3gp": ("libopencore_amrnb", 8_000, "3gp", None, 0.9),
    "aac": ("aac", 44_100, "adts", None, 0.98),
}


def recording(kind: str, *, channels: int = 1, sound: bool = True) -> bytes:
    """`SECONDS` of speech in a real file of that kind."""
    codec, rate_hz, container, video, _ = KINDS[kind]
    blob = io.BytesIO()
    layout = {1: "mono", 2: "stereo", 16: "hexadecagonal"}[channels]
    with av.open(blob, "w", format=container) as made:
        pictures = made.add_stream(video, rate=5) if video else None
        track = made.add_stream(codec, rate=rate_hz, layout=layout) if sound else None
        if pictures is not None:
            pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
            for shade in range(10):
                picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 20 * shade, np.uint8), format="rgb24")
                made.mux(pictures.encode(picture))
            made.mux(pictures.encode())
        if track is not None:
            mono = resample(SPEECH, rate_hz).samples[0, : SECONDS * rate_hz]
            pcm = np.repeat((mono * 32_767).astype(np.int16), channels)[None]
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm), format="s16", layout=layout)
            frame.sample_rate = rate_hz
            for plain in av.AudioResampler(format=track.codec_context.format).resample(frame):
                made.mux(track.encode(plain))
            made.mux(track.encode())
    return blob.getvalue()


def envelope(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    hop = rate_hz // 50
    count = (SECONDS - 1) * 50
    return np.sqrt(np.mean(np.square(samples[: count * hop].reshape(count, hop)), axis=1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_phones_recording_is_read_whole(kind: str, tmp_path: Path) -> None:
    _, rate_hz, _, _, likeness = KINDS[kind]
    file = tmp_path / f"me.{kind}"
    file.write_bytes(recording(kind))
    heard = read(file)
    assert heard.rate_hz == rate_hz
    assert heard.duration_s == pytest.approx(SECONDS, abs=0.1)
    wanted = envelope(resample(SPEECH, rate_hz).samples[0], rate_hz)
    shifted = [
        np.corrcoef(wanted, envelope(heard.samples[0, delay:], rate_hz))[0, 1]
        for delay in range(0, rate_hz // 20, rate_hz // 200)  # AAC and AMR begin with a delay
    ]
    assert max(shifted) > likeness


def test_it_is_read_block_by_block_in_both_channels() -> None:
    blocks = list(read_blocks(io.BytesIO(recording("m4a", channels=2)), block_s=0.5))
    assert {block.samples.shape for block in blocks[:-1]} == {(2, 22_050)}
    assert sum(block.duration_s for block in blocks) == pytest.approx(SECONDS, abs=0.1)
    assert np.allclose(blocks[3].samples[0], blocks[3].samples[1], atol=0.02)


@pytest.mark.parametrize("kind", ["m4a", "mp4", "webm", "amr"])
def test_a_phones_recording_is_a_reference(kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"me.{kind}"
    file.write_bytes(recording(kind))
    report = prepare(file).report
    assert report.seconds_used > 6
    told = "telephone" in " ".join(report.remarks)
    assert (report.verdict, told) == (("usable", True) if kind == "amr" else ("good", False))


def refused(blob: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read(io.BytesIO(blob))
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    return caught.value.what


def test_a_video_without_sound_says_so() -> None:
    assert "holds no sound" in refused(recording("mp4", sound=False))


@pytest.mark.parametrize("kind", KINDS)
def test_a_recording_that_is_cut_short_gives_what_there_is_or_one_line(kind: str) -> None:
    whole = recording(kind)
    for size in (4, 12, 100, len(whole) // 2):
        try:
            heard = read(io.BytesIO(whole[:size]))
        except InputError:
            continue
        assert size > 100
        assert heard.duration_s < SECONDS


def test_sixteen_channels_are_too_many() -> None:
    assert "16 channels" in refused(recording("mkv", channels=16))


def test_a_header_that_claims_a_hundred_years_is_not_believed() -> None:
    whole = bytearray(recording("m4a"))
    for box in (b"mvhd", b"mdhd", b"tkhd"):
        at = whole.find(box)
        duration = at + (20 if box != b"tkhd" else 24)
        whole[duration : duration + 4] = struct.pack(">I", 0xFFFF_FFF0)
    assert read(io.BytesIO(bytes(whole))).duration_s == pytest.approx(SECONDS, abs=0.1)


def test_more_seconds_than_allowed_are_not_decoded() -> None:
    with pytest.raises(InputError, match="longer than 3 s"):
        read(io.BytesIO(recording("webm")), max_s=3.0)


def test_work_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MAX_WORK_S", 0.0)
    assert "too long to decode" in refused(recording("m4a"))


def test_a_playlist_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret.m4a").write_bytes(recording("m4a"))
    for text in (
        "#EXTM3U\n#EXT-X-TARGETDURATION:8\n#EXTINF:8,\nsecret.m4a\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile secret.m4a\n",
    ):
        list_file = tmp_path / "list.m4a"
        list_file.write_text(text)
        with pytest.raises(InputError, match="not audio that can be read"):
            read(list_file)


@pytest.mark.parametrize("kind", ["m4a", "webm", "amr"])
def test_damaged_bytes_give_sound_or_one_line_and_no_words_of_the_library(
    kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    whole, rng = recording(kind), random.Random(9)
    for _ in range(40):
        damaged = bytearray(whole)
        for _ in range(rng.choice((1, 5, 50))):
            damaged[rng.randrange(rng.choice((64, len(damaged))))] = rng.randrange(256)
        with contextlib.suppress(InputError):
            read(io.BytesIO(bytes(damaged)))
    assert capfd.readouterr() == ("", "")


def test_nothing_of_it_is_loaded_for_what_needs_it_not() -> None:
    code = "import sys, antiphon.audio as a; a.read(sys.argv[1]); sys.exit('av' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code, str(REFERENCES / "june.opus")], check=False)
    assert ended.returncode == 0
