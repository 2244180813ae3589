"""Streaming encoders: waveform blocks in, container bytes out. No file is touched here.

An encoder never needs to go back in order to be playable: what it returns can be sent down a pipe or a socket as it
is. `patches()` afterwards names the header bytes that become exact once the length is known; a seekable target may
apply them. Memory stays flat: libsndfile writes into a small virtual file that is emptied after every block.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from antiphon.audio.adts import AdtsEncoder
from antiphon.audio.formats import Format
from antiphon.audio.loops import SMPL_BYTES, LoopTags, smpl_chunk
from antiphon.audio.resampling import Resampler
from antiphon.audio.tags import Tags, id3
from antiphon.audio.waveform import Samples, Waveform

MAX_CHANNELS = 8
_BLOCK_S = 1.0
_UNKNOWN_SIZE = 0xFFFFFFFF
_WAV_HEADER_BYTES = 44
_OPUS_DECODED_HZ = 48_000  # RFC 7845, section 4
NO_TAGS = Tags()

Patch = tuple[int, bytes]
"""Offset from the first byte, and the bytes to put there."""


class Encoder(Protocol):
    """`encode` any number of waveforms, then `finish` once; the bytes joined are the container."""

    def encode(self, waveform: Waveform) -> bytes: ...

    def finish(self) -> bytes: ...

    def patches(self) -> list[Patch]:
        """After `finish`: corrections for a target that can seek."""

    def so_far(self, size_bytes: int) -> list[Patch]:
        """At any time: what makes the first `size_bytes` of the container a file by themselves, where it takes that."""


def encoder_for(
    form: Format, rate_hz: int, channels: int = 1, *, seekable: bool = False, tags: Tags = NO_TAGS
) -> Encoder:
    """An encoder for audio of `rate_hz`; it resamples where the format does not know that rate.

    `seekable` says that the patches will be applied; without it nothing is written that only a patch makes valid.
    `tags` are left out where the format has no place for them (wav, pcm and aac; the loop goes into wav,
    ogg and opus). Where patches are not applied, the loop is as long as its tag says; in a wav with them, as it is.
    """
    limit = 2 if form.name in ("mp3", "aac") else MAX_CHANNELS
    if not 1 <= channels <= limit:
        raise ValueError(f"{form.name} holds 1 to {limit} channels, not {channels}")
    stored_hz = form.rate_for(rate_hz)
    inner: Encoder
    if form.name == "wav":
        inner = _Wav(stored_hz, channels, tags)
    elif form.name == "pcm":
        inner = _Pcm()
    elif form.name == "aac":
        inner = AdtsEncoder(stored_hz, channels)
    else:
        inner = _Sndfile(form, stored_hz, channels, seekable=seekable, tags=tags)
    return inner if stored_hz == rate_hz else _Resampled(inner, rate_hz, stored_hz, channels)


def wav_header(rate_hz: int, channels: int = 1, data_bytes: int | None = None) -> bytes:
    """44 bytes of RIFF/WAVE, 16-bit PCM. Without `data_bytes` the sizes say "until the stream ends"."""
    if data_bytes is None or data_bytes > _UNKNOWN_SIZE - 36:
        riff_bytes = data_size = _UNKNOWN_SIZE
    else:
        riff_bytes, data_size = data_bytes + 36, data_bytes
    frame_bytes = 2 * channels
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", riff_bytes, b"WAVE", b"fmt ", 16, 1, channels),
        *(rate_hz, rate_hz * frame_bytes, frame_bytes, 16, b"data", data_size),
    )


def interleaved_pcm16(samples: Samples) -> npt.NDArray[np.int16]:
    """`[channels, samples]` float32 -> `[samples, channels]` int16, clipped; a value that is no number is silence."""
    scaled = np.rint(np.nan_to_num(samples.T, nan=0.0, posinf=1.0, neginf=-1.0) * np.float32(32768.0))
    return np.ascontiguousarray(np.clip(scaled, -32768, 32767).astype("<i2"))


class _Pcm:
    def encode(self, waveform: Waveform) -> bytes:
        return interleaved_pcm16(waveform.samples).tobytes()

    def finish(self) -> bytes:
        return b""

    def patches(self) -> list[Patch]:
        return []

    def so_far(self, size_bytes: int) -> list[Patch]:  # noqa: ARG002 - the protocol's
        return []


class _Wav:
    def __init__(self, rate_hz: int, channels: int, tags: Tags) -> None:
        self._rate_hz, self._channels, self._tags = rate_hz, channels, tags
        self._head_bytes = _WAV_HEADER_BYTES + (SMPL_BYTES if tags.loop_s is not None else 0)
        self._started = False
        self._data_bytes = 0

    def encode(self, waveform: Waveform) -> bytes:
        data = interleaved_pcm16(waveform.samples).tobytes()
        self._data_bytes += len(data)
        return self._head() + data

    def finish(self) -> bytes:
        return self._head()

    def patches(self) -> list[Patch]:
        return [(0, self._header(self._data_bytes))]

    def so_far(self, size_bytes: int) -> list[Patch]:
        frame = 2 * self._channels
        held = max(0, size_bytes - self._head_bytes) // frame * frame
        return [(0, self._header(held))] if size_bytes >= self._head_bytes else []

    def _head(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        return self._header(None)

    def _header(self, data_bytes: int | None) -> bytes:
        """The loop's chunk comes before the sound: one after it would be played by whoever reads a pipe to its end."""
        if self._tags.loop_s is None:
            return wav_header(self._rate_hz, self._channels, data_bytes)
        length = None if data_bytes is None else data_bytes + SMPL_BYTES
        plain = wav_header(self._rate_hz, self._channels, length)
        told, first = (round(at_s * self._rate_hz) for at_s in (self._tags.loop_s, self._tags.loop_from_s))
        frames = told if data_bytes is None else data_bytes // (2 * self._channels)
        size = plain[40:] if data_bytes is None else struct.pack("<I", min(data_bytes, _UNKNOWN_SIZE))
        return plain[:36] + smpl_chunk(self._rate_hz, frames, first) + b"data" + size


class _Resampled:
    def __init__(self, inner: Encoder, rate_hz: int, stored_hz: int, channels: int) -> None:
        self._inner = inner
        self._resampler = Resampler(rate_hz, stored_hz, channels)

    def encode(self, waveform: Waveform) -> bytes:
        return self._inner.encode(self._resampler.push(waveform))

    def finish(self) -> bytes:
        return self._inner.encode(self._resampler.finish()) + self._inner.finish()

    def patches(self) -> list[Patch]:
        return self._inner.patches()

    def so_far(self, size_bytes: int) -> list[Patch]:
        return self._inner.so_far(size_bytes)


class _Tape:
    """The virtual file libsndfile writes to: new bytes wait in `fresh`; writes behind the head become patches."""

    def __init__(self) -> None:
        self.fresh = bytearray()
        self.patches: list[Patch] = []
        self._position = 0
        self._end = 0

    def write(self, data: bytes) -> int:
        data = bytes(data)
        if self._position == self._end:
            self.fresh += data
            self._end += len(data)
        else:
            self.patches.append((self._position, data))
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self._end)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, _size: int = -1) -> bytes:
        return b""

    def take(self) -> bytes:
        taken = bytes(self.fresh)
        self.fresh.clear()
        return taken


class _Sndfile:
    """FLAC, MP3, Ogg Opus and Ogg Vorbis through libsndfile."""

    _CODINGS: dict[str, dict[str, Any]] = {  # noqa: RUF012
        "flac": {"format": "FLAC", "subtype": "PCM_16"},
        # Constant bit rate (64 kbit/s at 24 kHz): a variable one without its table at the start, as on a pipe, makes
        # players guess the length from the first frame, and some stop there.
        "mp3": {
            "format": "MP3",
            "subtype": "MPEG_LAYER_III",
            "bitrate_mode": "CONSTANT",
            "compression_level": 0.6,
        },
        "opus": {"format": "OGG", "subtype": "OPUS"},
        "ogg": {"format": "OGG", "subtype": "VORBIS"},
    }
    _PAGE_LATENCY_MS = 200.0
    _SET_OGG_PAGE_LATENCY_MS = 0x1302  # sndfile.h

    def __init__(self, form: Format, rate_hz: int, channels: int, *, seekable: bool, tags: Tags) -> None:
        import soundfile

        self._tape = _Tape()
        # libsndfile would put an MP3's tags at its end, in 30 characters each.
        self._head = self._unwritten_head = id3(tags) if form.name == "mp3" else b""
        self._exact = form.name == "flac"
        self._loop = _loop_tags(form, rate_hz, tags)
        self._block = max(1, int(rate_hz * _BLOCK_S))
        self._drop_empty_frame = form.name == "mp3" and not seekable
        self._file = soundfile.SoundFile(
            self._tape, "w", samplerate=rate_hz, channels=channels, **self._CODINGS[form.name]
        )
        if form.name == "opus":
            self._ask_for_short_pages(soundfile)
        if form.name != "mp3":
            for field, value in tags.fields().items():
                setattr(self._file, field, value)

    def encode(self, waveform: Waveform) -> bytes:
        return b"".join(self._encode_blocks(waveform.samples))

    def finish(self) -> bytes:
        self._file.close()
        return self._take()

    def patches(self) -> list[Patch]:
        return [(offset + len(self._head), data) for offset, data in self._tape.patches]

    def so_far(self, size_bytes: int) -> list[Patch]:  # noqa: ARG002 - frames and pages stand for themselves
        return []

    def _encode_blocks(self, samples: Samples) -> Iterator[bytes]:
        for start in range(0, samples.shape[1], self._block):
            block = samples[:, start : start + self._block]
            if self._exact:
                self._file.write(interleaved_pcm16(block))
            else:
                clean = np.clip(np.nan_to_num(block.T, nan=0.0), -1.0, 1.0)
                self._file.write(np.ascontiguousarray(clean, dtype=np.float32))
            yield self._take()

    def _take(self) -> bytes:
        taken = self._tape.take()
        if self._loop is not None:
            taken = self._loop.push(taken)
        if self._drop_empty_frame and taken:
            # The first frame is room for a table of contents that only a patch would fill; decoders would play it
            # as 24 ms of silence.
            self._drop_empty_frame = False
            taken = taken[_mp3_frame_bytes(taken) :]
        head, self._unwritten_head = self._unwritten_head, b""
        return head + taken

    def _ask_for_short_pages(self, soundfile: Any) -> None:
        # libsndfile gathers a second of Opus per Ogg page; a listener would wait for it. Not in soundfile's public
        # interface, so an absent command only costs latency.
        with contextlib.suppress(AttributeError):
            latency = soundfile._ffi.new("double*", self._PAGE_LATENCY_MS)
            soundfile._snd.sf_command(self._file._file, self._SET_OGG_PAGE_LATENCY_MS, latency, 8)


def _loop_tags(form: Format, rate_hz: int, tags: Tags) -> LoopTags | None:
    if tags.loop_s is None or form.name not in {"ogg", "opus"}:
        return None
    decoded_hz = _OPUS_DECODED_HZ if form.name == "opus" else rate_hz
    return LoopTags(round(tags.loop_s * decoded_hz), round(tags.loop_from_s * decoded_hz))


def _mp3_frame_bytes(data: bytes) -> int:
    """Length of the empty layer III frame that `data` begins with, or 0. Source: ISO 11172-3, 2.4.1.3; 13818-3."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return 0
    version = data[1] >> 3 & 3  # 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
    rates_kbit = (
        (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
        if version == 3
        else (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
    )
    index = data[2] >> 2 & 3
    if index == 3:
        return 0
    rate_hz = (44_100, 48_000, 32_000)[index] >> (0 if version == 3 else 1 if version == 2 else 2)
    length = (144 if version == 3 else 72) * rates_kbit[data[2] >> 4] * 1000 // rate_hz + (data[2] >> 1 & 1)
    return length if len(data) >= length and not any(data[4:length]) else 0
