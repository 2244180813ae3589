"""A score as a VGM file: a log of what is written to the NES's sound chip, for players of many consoles' music.

Source: "VGM specification" 1.61 (vgmrips.net) and "GD3" 1.00. The registers are those of `apu`, as in NSF files.
"""

from __future__ import annotations

import struct

from antiphon.codecs.chip import layout as lay
from antiphon.music import apu
from antiphon.music.arranger import arrange
from antiphon.music.score import Score

_VERSION, _HEAD_BYTES = 0x161, 0x100
_WRITE, _WAIT_FRAME, _END = 0xB4, 0x62, 0x66
"""To a register of the 2A03; 735 samples, one frame; the last command."""


def to_vgm(score: Score) -> bytes:
    """The file. A loop goes round after its introduction, any other piece ends in silence."""
    tokens = arrange(score).tokens[:, : max(1, round(score.seconds * lay.FRAME_RATE_HZ))]
    frames = tokens.shape[1]
    again = round(score.second(score.loop_start) * lay.FRAME_RATE_HZ) if score.loop else None
    log, place = bytearray([_WRITE, 0x17, 0x40]), 0
    for frame, writes in enumerate(apu.writes(tokens, again)):
        if frame == again:
            place = len(log)
        for at in range(0, len(writes), 2):
            log += bytes([_WRITE]) + writes[at : at + 2]
        log.append(_WAIT_FRAME)
    if again is None:
        log += bytes([_WRITE, 0x15, 0x00])
    log.append(_END)
    tags = _tags(score)
    head = bytearray(_HEAD_BYTES)
    head[:4] = b"Vgm "
    numbers = {
        0x04: _HEAD_BYTES + len(log) + len(tags) - 0x04,
        0x08: _VERSION,
        0x14: _HEAD_BYTES + len(log) - 0x14,
        0x18: frames * lay.FRAME_SAMPLES,
        0x1C: 0 if again is None else _HEAD_BYTES + place - 0x1C,
        0x20: 0 if again is None else (frames - again) * lay.FRAME_SAMPLES,
        0x24: round(lay.FRAME_RATE_HZ),
        0x34: _HEAD_BYTES - 0x34,
        0x84: apu.CPU_HZ,
    }
    for offset, number in numbers.items():
        struct.pack_into("<I", head, offset, number)
    return bytes(head + log + tags)


def _tags(score: Score) -> bytes:
    """Title, game, system, author (each in English and in Japanese), date, who made the file, notes."""
    lines = (score.prompt, "", "", "", "Nintendo Entertainment System", "", "antiphon", "", "", "antiphon", "")
    text = "".join(line.replace("\0", " ") + "\0" for line in lines).encode("utf-16-le", "replace")
    return b"Gd3 " + struct.pack("<II", 0x100, len(text)) + text
