"""Sound in the containers that phones and browsers record: m4a, mp4, 3gp, webm, amr, aac. FFmpeg reads them (PyAV).

Only named containers and codecs are opened, by their first bytes and not by their names: FFmpeg knows playlists and
other formats that would open further files and addresses, and decoders that nobody needs here.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from antiphon.audio.waveform import Samples
from antiphon.errors import InputError

CODECS = frozenset(
    {"aac", "alac", "amr_nb", "amr_wb", "flac", "mp3", "opus", "vorbis", "ac3", "eac3", "pcm_s16le", "pcm_s16be"}
)
"""Of FFmpeg's, and other PCM."""

MAX_CHANNELS = 8
"""More are refused before a sample is decoded: PyAV reads past its planes beyond eight."""

MAX_STREAMS = 32
MAX_PACKETS = 4_000_000
"""Read in search of sound: a day of video has fewer."""

MAX_WORK_S = 300.0
"""Longest that demuxing and decoding may take in all; an hour of AAC takes seconds."""

HEAD_BYTES = 12
_PROBE_BYTES = 1 << 20
_OPTIONS = {"max_streams": str(MAX_STREAMS), "probesize": str(_PROBE_BYTES), "protocol_whitelist": ""}
_DAMAGED = "Record it again, or convert it to WAV, FLAC, MP3 or Opus."


def container_of(head: bytes) -> str | None:
    """FFmpeg's name of the container that begins with `head`, if it is one of ours."""
    if head[4:8] == b"ftyp" or head[4:8] in (b"moov", b"mdat", b"wide"):
        return "mov"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head.startswith(b"#!AMR"):
        return "amr"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:  # ADTS; the layer bits tell it from MP3
        return "aac"
    return None


class ContainerFile:
    """The first, or best, sound of a container, read forward. Used like a `soundfile.SoundFile`.

    Raises `InputError` when there is no sound, or none that can be decoded.
    """

    def __init__(self, stream: BinaryIO, name: str, container: str, stack: contextlib.ExitStack) -> None:
        import av

        self._name, self._spent_s = name, 0.0
        self._errors: tuple[type[Exception], ...] = (av.FFmpegError, ValueError, EOFError, OSError, NotImplementedError)
        try:
            opened = av.open(stream, "r", format=container, options=dict(_OPTIONS), metadata_errors="replace")
        except self._errors as error:
            raise InputError(f"{name} is damaged or cut short", _DAMAGED) from error
        self._container: Any = stack.enter_context(opened)
        self._frames = self._decoded(self._audio())
        self._held: list[Samples] = []
        first = next(self._frames, None)
        if first is None:
            raise InputError(f"{name} holds no audio", "Check that the recording is not empty.")
        self.samplerate, self.channels = self._rate_hz, first.shape[0]
        self._held.append(first)

    def read(self, frames: int, **_layout: object) -> Samples:
        """At most `frames` next samples, `[frames, channels]`; fewer only at the end."""
        have = sum(block.shape[1] for block in self._held)
        while have < frames and (block := next(self._frames, None)) is not None:
            self._held.append(block)
            have += block.shape[1]
        if not self._held:
            return np.zeros((0, self.channels), np.float32)
        whole = np.concatenate(self._held, axis=1)
        self._held = [whole[:, frames:]] if whole.shape[1] > frames else []
        return whole[:, :frames].T

    def _audio(self) -> Any:
        audio = self._container.streams.best("audio")
        if audio is None:
            raise InputError(f"{self._name} holds no sound", "Give a recording with a sound track.")
        codec = "" if audio.codec_context is None else audio.codec_context.codec.canonical_name
        if codec not in CODECS and not codec.startswith("pcm_"):
            raise InputError(
                f"{self._name} holds sound that cannot be decoded here ({codec or 'unknown or protected'})",
                "Convert it, for example to WAV, FLAC, MP3 or Opus.",
            )
        self._check_channels(audio.codec_context)
        audio.codec_context.thread_count = 1
        return audio

    def _check_channels(self, sound: Any) -> None:
        if sound.layout.nb_channels > MAX_CHANNELS:
            raise InputError(
                f"{self._name} has {sound.layout.nb_channels} channels", f"Convert it to at most {MAX_CHANNELS}."
            )

    def _decoded(self, audio: Any) -> Iterator[Samples]:
        """Blocks `[channels, samples]`, none empty. The first says the rate; none after it may change."""
        import av

        to_float = av.AudioResampler(format="flt")  # interleaved
        self._rate_hz = 0
        try:
            for frame in self._packets(audio):
                if frame.sample_rate != (self._rate_hz or frame.sample_rate):
                    raise InputError(f"{self._name} changes its rate amid the sound", _DAMAGED)
                self._rate_hz = frame.sample_rate
                self._check_channels(frame)
                for plain in to_float.resample(frame):
                    block = np.asarray(plain.to_ndarray(), np.float32).reshape(-1, plain.layout.nb_channels).T
                    if block.shape[1]:
                        yield block
        except self._errors as error:
            raise InputError(f"{self._name} is damaged", _DAMAGED) from error

    def _packets(self, audio: Any) -> Iterator[Any]:
        """Decoded frames, within `MAX_PACKETS` and `MAX_WORK_S` of our own time."""
        packets = self._container.demux(audio)
        for _ in range(MAX_PACKETS):
            began = time.monotonic()
            packet = next(packets, None)
            frames = [] if packet is None else packet.decode()
            self._spent_s += time.monotonic() - began
            if packet is None:
                return
            if self._spent_s > MAX_WORK_S:
                break
            yield from frames
        raise InputError(f"{self._name} takes too long to decode", "Convert it, for example to WAV, FLAC or MP3.")
