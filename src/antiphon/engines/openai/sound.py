"""The sound of an answer, as it comes: WAV and raw PCM piece by piece, everything else once it is whole.

What came is looked at, not what was asked for: servers answer in the format that they know.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse

import numpy as np

from antiphon.audio.reading import read
from antiphon.audio.waveform import Waveform
from antiphon.errors import InputError, UnavailableError

PCM_RATE_HZ = 24_000
"""OpenAI's `pcm` is mono, 16 bit, at this rate, and says nothing of itself."""

_ELSEWHERE = "Ask another node."
_READ_BYTES = 16 << 10
_MAX_HEADER_BYTES = 1 << 20
_ENDLESS = frozenset({0, 0x7FFFFFFF, 0x7FFFFFFF - 36, 0xFFFFFFFF, 0xFFFFFFFF - 36, 0x7FFFF000, 0xFFFFFFFF - 44})
"""Sizes that a header tells when the length is not known yet."""


def sound_of(answer: HTTPResponse, *, raw: bool, max_s: float) -> Iterator[Waveform]:
    """Mono blocks of an answer; none is empty. `raw`: PCM was asked for.

    Raises `UnavailableError` for what is no sound, is cut off, or does not end after `max_s` seconds.
    """
    seconds = 0.0
    for block in _blocks(_Bytes(answer), raw=raw):
        seconds += block.duration_s
        if seconds > max_s:
            raise UnavailableError(f"The speech server speaks for more than {max_s:.0f} s", _ELSEWHERE)
        if block.samples.shape[1]:
            yield block.mono()


class _Bytes:
    """What a server sends, with what was looked at given back."""

    def __init__(self, answer: HTTPResponse) -> None:
        self._answer, self._held, self._taken = answer, b"", 0

    def more(self) -> bytes:
        """What comes next, of any size; empty at the end."""
        if self._held:
            held, self._held = self._held, b""
            return held
        try:
            piece = self._answer.read1(_READ_BYTES)
        except (HTTPException, OSError, ValueError) as error:
            raise UnavailableError(f"The speech server broke off ({type(error).__name__})", _ELSEWHERE) from error
        if not piece and self._answer.length:  # told in the header, and not sent
            raise UnavailableError("The speech server broke off", _ELSEWHERE)
        return piece

    def exactly(self, count: int) -> bytes:
        """Fewer only at the end."""
        held = b""
        while len(held) < count and (piece := self.more()):
            held += piece
        self._held = held[count:]
        return held[:count]

    def rest(self, most: int) -> bytes:
        whole = bytearray()
        while piece := self.more():
            whole += piece
            if len(whole) > most:
                raise UnavailableError("The speech server's answer has no end", _ELSEWHERE)
        return bytes(whole)


def _blocks(source: _Bytes, *, raw: bool) -> Iterator[Waveform]:
    head = source.exactly(12)
    if head[:4] in {b"RIFF", b"RF64"} and head[8:] == b"WAVE":
        yield from _wav(source)
    elif raw and head[:4] not in {b"fLaC", b"OggS"} and head[:3] != b"ID3":
        yield from _pcm(source, "<i2", PCM_RATE_HZ, 1, head)
    else:
        try:
            yield read(io.BytesIO(head + source.rest(256 << 20)))
        except InputError as error:
            raise UnavailableError(f"The speech server's answer is no sound: {error.what}", _ELSEWHERE) from error


def _wav(source: _Bytes) -> Iterator[Waveform]:
    """RIFF WAVE (Microsoft, "Multimedia Programming Interface", 1991): chunks of 16-bit or float samples."""
    layout: tuple[str, int, int] | None = None
    skipped = 0
    while len(head := source.exactly(8)) == 8:
        name, size = head[:4], struct.unpack("<I", head[4:])[0]
        if name == b"data" and layout is not None:
            yield from _pcm(source, *layout, size=None if size in _ENDLESS else size)
            return
        skipped += size
        if skipped > _MAX_HEADER_BYTES:
            break
        body = source.exactly(size + size % 2)
        if name == b"fmt ":
            layout = _layout(body)
    raise UnavailableError("The speech server's WAV has no samples", _ELSEWHERE)


def _layout(body: bytes) -> tuple[str, int, int]:
    """(dtype, rate, channels) of a `fmt ` chunk."""
    if len(body) >= 16:
        tag, channels, rate_hz, _, _, bits = struct.unpack("<HHIIHH", body[:16])
        if tag == 0xFFFE and len(body) >= 26:
            tag = struct.unpack("<H", body[24:26])[0]
        kind = {(1, 16): "<i2", (1, 32): "<i4", (3, 32): "<f4"}.get((tag, bits))
        if kind and 1 <= channels <= 8 and 4_000 <= rate_hz <= 192_000:
            return kind, rate_hz, channels
    raise UnavailableError(
        "The speech server's WAV is of a kind that is not read here", "Set --engine-option format=flac."
    )


def _pcm(
    source: _Bytes, kind: str, rate_hz: int, channels: int, first: bytes = b"", *, size: int | None = None
) -> Iterator[Waveform]:
    """Whole frames of what comes. `size`: bytes that were promised."""
    frame, held, came = np.dtype(kind).itemsize * channels, first, len(first)
    scale = {"<i2": 2.0**-15, "<i4": 2.0**-31}.get(kind, 1.0)
    while (size is None or came < size) and (piece := source.more()):
        piece = piece if size is None else piece[: size - came]
        came += len(piece)
        held += piece
        ready = len(held) - len(held) % frame
        numbers = np.frombuffer(held[:ready], kind).reshape(-1, channels).T
        held = held[ready:]
        yield Waveform(np.ascontiguousarray(numbers * np.float32(scale), dtype=np.float32), rate_hz)
    if size is not None and came < size:
        raise UnavailableError(f"The speech server sent {came} of {size} bytes", _ELSEWHERE)
