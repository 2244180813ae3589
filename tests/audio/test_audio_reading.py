"""Audio from outside is taken within limits or refused with advice."""

import io
from pathlib import Path

import numpy as np
import pytest

from antiphon.audio import AudioWriter, Waveform, read, read_blocks
from antiphon.errors import InputError

RATE = 16_000


@pytest.fixture(params=["wav", "flac", "mp3", "opus", "ogg"])
def recording(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"a.{request.param}"
    sine = 0.3 * np.sin(np.arange(3 * RATE, dtype=np.float32) * 0.1)
    with AudioWriter(path, request.param, RATE, channels=2) as writer:
        writer.write(Waveform(np.stack([sine, 0.5 * sine]), RATE))
    return path


def test_blocks_joined_are_the_whole(recording: Path) -> None:
    blocks = [block.samples for block in read_blocks(recording, block_s=0.3)]
    assert max(block.shape[1] for block in blocks) == 4_800
    assert np.array_equal(np.concatenate(blocks, axis=1), read(recording).samples)
    assert blocks[0].shape[0] == 2


def test_a_recording_longer_than_allowed_is_refused(recording: Path) -> None:
    with pytest.raises(InputError, match="longer than 2 s"):
        read(recording, max_s=2)
    with pytest.raises(InputError, match="more than 100"):
        read(recording, max_bytes=100)


def test_a_stream_is_read_like_a_file(recording: Path) -> None:
    assert np.array_equal(read(io.BytesIO(recording.read_bytes())).samples, read(recording).samples)


def test_a_truncated_file_is_refused_or_read_as_far_as_it_goes(recording: Path) -> None:
    data = recording.read_bytes()
    for share in (0.001, 0.1, 0.5, 0.9):
        try:
            back = read(io.BytesIO(data[: int(len(data) * share)]))
        except InputError:
            continue
        assert back.duration_s <= 3.1


def test_damage_never_raises_anything_else(recording: Path) -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        data = bytearray(recording.read_bytes())
        for place in rng.integers(0, len(data), 20):
            data[place] = rng.integers(256)
        try:
            back = read(io.BytesIO(bytes(data)))
        except InputError:
            continue
        assert np.isfinite(back.samples).all()


def test_what_is_no_audio_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"")
    with pytest.raises(InputError, match="is empty"):
        read(path)
    path.write_bytes(b"this is no audio at all")
    with pytest.raises(InputError, match=r"not audio.*Convert it"):
        read(path)
    AudioWriter(path, "wav", RATE).close()
    with pytest.raises(InputError, match="holds no audio"):
        read(path)
    with pytest.raises(InputError, match="does not exist"):
        read(tmp_path / "absent.wav")
    with pytest.raises(InputError, match="is a folder"):
        read(tmp_path)


def test_a_small_file_cannot_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.audio.reading.MAX_SAMPLES", 40_000)
    with AudioWriter(tmp_path / "a.flac", "flac", RATE) as writer:
        writer.write(Waveform(np.zeros((1, 5 * RATE), dtype=np.float32), RATE))
    assert (tmp_path / "a.flac").stat().st_size < 1_000
    with pytest.raises(InputError, match="decodes to more than 40,000"):
        read(tmp_path / "a.flac")
