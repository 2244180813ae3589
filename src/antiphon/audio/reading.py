"""Reading audio that came from outside, block by block, within named limits."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from antiphon.audio.containers import HEAD_BYTES, ContainerFile, container_of
from antiphon.audio.formats import FORMATS
from antiphon.audio.waveform import Samples, Waveform
from antiphon.errors import InputError

MAX_AUDIO_S = 3_600.0
MAX_AUDIO_BYTES = 1 << 30
MAX_AUDIO_CHANNELS = 8
MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 384_000
MAX_SAMPLES = 1 << 28
"""Most samples (over all channels) `read` keeps in memory: 1 GiB of float32. A small file can decode to far more."""

PCM_RATE_HZ = 24_000
"""Rate assumed for headerless files (.pcm, .raw), which cannot say theirs: mono, as our engines make it."""

_BLOCK_S = 1.0


def read(source: Path | str | BinaryIO, *, max_s: float = MAX_AUDIO_S, max_bytes: int = MAX_AUDIO_BYTES) -> Waveform:
    """A whole file as one waveform, `[channels, samples]`.

    Raises `InputError` if it is missing, no audio, damaged, empty, or beyond `max_s` seconds, `max_bytes` bytes or
    `MAX_SAMPLES` samples.
    """
    blocks: list[Samples] = []
    total, rate_hz = 0, 0
    for block in read_blocks(source, max_s=max_s, max_bytes=max_bytes):
        total += block.samples.size
        if total > MAX_SAMPLES:
            raise InputError(
                f"{_name(source)} decodes to more than {MAX_SAMPLES:,} samples", "Give a shorter part or a lower rate."
            )
        blocks.append(block.samples)
        rate_hz = block.rate_hz
    return Waveform(np.concatenate(blocks, axis=1), rate_hz)


def read_blocks(
    source: Path | str | BinaryIO,
    *,
    block_s: float = _BLOCK_S,
    max_s: float = MAX_AUDIO_S,
    max_bytes: int = MAX_AUDIO_BYTES,
) -> Iterator[Waveform]:
    """The same as blocks of `block_s` seconds, with flat memory. `source` is a path or a seekable binary stream.

    At least one block comes, none is empty. Headers are not believed: time is counted on what was decoded.
    """
    with contextlib.ExitStack() as stack:
        file = _open(source, max_bytes, stack)
        name, rate_hz, channels = _name(source), int(file.samplerate), int(file.channels)
        if channels > MAX_AUDIO_CHANNELS or not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise InputError(
                f"{name} has {channels} channels at {rate_hz} Hz",
                f"Convert it to at most {MAX_AUDIO_CHANNELS} channels at {MIN_RATE_HZ}-{MAX_RATE_HZ} Hz.",
            )
        frames, most = 0, int(max_s * rate_hz)
        while True:
            block = _next_block(file, name, max(1, int(block_s * rate_hz)))
            if not block.shape[1]:
                break
            frames += block.shape[1]
            if frames > most:
                raise InputError(f"{name} is longer than {max_s:g} s", "Give a shorter recording.")
            yield Waveform(block, rate_hz)
        if not frames:
            raise InputError(f"{name} holds no audio", "Check that the recording is not empty.")


def _next_block(file: Any, name: str, frames: int) -> Samples:
    import soundfile

    try:
        block = file.read(frames, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        raise InputError(f"{name} is damaged: {error}", "Make or download the file again.") from error
    samples = np.ascontiguousarray(block.T, dtype=np.float32)
    if not np.isfinite(samples).all():
        raise InputError(f"{name} has samples that are no finite numbers", "Export the recording again, as 16-bit WAV.")
    return samples


def _open(source: Path | str | BinaryIO, max_bytes: int, stack: contextlib.ExitStack) -> Any:
    import soundfile

    class Forward(soundfile.SoundFile):  # type: ignore[misc]
        """Reads forward only: a streamed FLAC states no length, and seeking in it fails."""

        def seekable(self) -> bool:
            return False

    name = _name(source)
    stream = stack.enter_context(_open_path(Path(source))) if isinstance(source, (Path, str)) else source
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    if size > max_bytes:
        raise InputError(f"{name} has {size:,} bytes, more than {max_bytes:,}", "Give a shorter or compressed file.")
    if size == 0:
        raise InputError(f"{name} is empty", "Check that the recording was saved.")
    raw = isinstance(source, (Path, str)) and Path(source).suffix.lower() in FORMATS["pcm"].suffixes
    container = None if raw else container_of(stream.read(HEAD_BYTES))
    stream.seek(0)
    if container is not None:
        return ContainerFile(stream, name, container, stack)
    layout: dict[str, Any] = (
        {"format": "RAW", "subtype": "PCM_16", "endian": "LITTLE", "samplerate": PCM_RATE_HZ, "channels": 1}
        if raw
        else {}
    )
    try:
        return stack.enter_context(Forward(stream, "r", **layout))
    except (soundfile.SoundFileError, OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{name} is not audio that can be read here", "Convert it, for example to WAV, FLAC, MP3, Opus or m4a."
        ) from error


def _open_path(path: Path) -> BinaryIO:
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise InputError(f"{str(path)!r} is a folder", "Name an audio file in it.")
        if not stat.S_ISREG(kind):
            raise InputError(f"{str(path)!r} is not a regular file", "Save the recording to a file first.")
        return path.open("rb")
    except FileNotFoundError as error:
        raise InputError(f"{str(path)!r} does not exist", "Check the name of the audio file.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read {str(path)!r}: {error}", "Check its permissions.") from error


def _name(source: Path | str | BinaryIO) -> str:
    return repr(str(source)) if isinstance(source, (Path, str)) else "The audio stream"
