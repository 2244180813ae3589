"""Loop points as game engines read them: a `smpl` chunk in WAV, LOOPSTART and LOOPLENGTH in Ogg comments.

Sources: Multimedia Programming Interface and Data Specifications 1.0 (IBM, Microsoft 1991), new RIFF chunks 1994
(`smpl`); RFC 3533 (Ogg pages); RFC 7845 5.2 and Vorbis I 5.2 (comments). The tags are RPG Maker's, in samples.
"""

from __future__ import annotations

import struct

SMPL_BYTES = 68
"""A `smpl` chunk of one loop, with its head."""

_SEGMENTS = 26
"""Where an Ogg page's count of segments stands; their sizes follow."""
_POLYNOMIAL = 0x04C11DB7
_COMMENT_HEADS = (b"OpusTags", b"\x03vorbis")


def smpl_chunk(rate_hz: int, frames: int, first: int = 0) -> bytes:
    """The chunk that loops samples `first` to `frames` for ever; the last one is named itself, played too."""
    period_ns = round(1e9 / rate_hz)
    sampler = (0, 0, period_ns, 60, 0, 0, 0, 1, 0)  # middle C, one loop, no data of a sampler's own
    loop = (
        0,
        0,
        min(first, max(0, frames - 1)),
        max(0, frames - 1),
        0,
        0,
    )  # forward, first and last sample, no fraction, without end
    return struct.pack("<4sI9I6I", b"smpl", SMPL_BYTES - 8, *sampler, *loop)


class LoopTags:
    """Puts the two comments into the second page of an Ogg stream as it passes."""

    def __init__(self, frames: int, first: int = 0) -> None:
        """`first` and `frames`, begin and end in the samples that a decoder gives: for Opus always of 48 kHz."""
        self._comments = [f"LOOPSTART={first}".encode(), f"LOOPLENGTH={frames - first}".encode()]
        self._held: bytes | None = b""

    def push(self, data: bytes) -> bytes:
        """What may go out: nothing before the second page is whole, everything after it as it came."""
        if self._held is None:
            return data
        self._held += data
        first = _page_bytes(self._held, 0)
        second = _page_bytes(self._held, first) if first else 0
        if not second:
            return b""
        whole, self._held = self._held, None
        page = _commented(whole[first : first + second], self._comments)
        return whole[:first] + page + whole[first + second :]


def _page_bytes(data: bytes, start: int) -> int:
    """Length of the page at `start`, or 0 while it is not whole."""
    segments = start + _SEGMENTS
    if len(data) <= segments or len(data) < segments + 1 + data[segments]:
        return 0
    sizes = data[segments + 1 : segments + 1 + data[segments]]
    length = _SEGMENTS + 1 + len(sizes) + sum(sizes)
    return length if len(data) >= start + length else 0


def _commented(page: bytes, comments: list[bytes]) -> bytes:
    """The page whose first packet is the comments, with ours before the others. The packet must end in this page."""
    count = page[_SEGMENTS]
    sizes, body = page[_SEGMENTS + 1 : _SEGMENTS + 1 + count], page[_SEGMENTS + 1 + count :]
    last = next(index for index, size in enumerate(sizes) if size < 255)
    length = sum(sizes[: last + 1])
    packet = _with_comments(body[:length], comments)
    lacing = bytes([255] * (len(packet) // 255) + [len(packet) % 255]) + sizes[last + 1 :]
    head = page[:22] + bytes(4) + bytes([len(lacing)]) + lacing
    whole = head + packet + body[length:]
    return whole[:22] + struct.pack("<I", _crc(whole)) + whole[26:]


def _with_comments(packet: bytes, comments: list[bytes]) -> bytes:
    head = next(len(head) for head in _COMMENT_HEADS if packet.startswith(head))
    vendor = struct.unpack_from("<I", packet, head)[0]
    at = head + 4 + vendor
    count = struct.unpack_from("<I", packet, at)[0]
    ours = b"".join(struct.pack("<I", len(comment)) + comment for comment in comments)
    return packet[:at] + struct.pack("<I", count + len(comments)) + ours + packet[at + 4 :]


def _crc(page: bytes) -> int:
    """RFC 3533's checksum: 32 bits, highest first, from nothing, over the page with a checksum of zero."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ _POLYNOMIAL if value & 0x80000000 else value << 1) & 0xFFFFFFFF
    return value
