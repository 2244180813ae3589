"""A score as an NSF file: the registers of `apu`, frame by frame, for players of the NES's music.

Source: "NES Music Format Spec" (K. Horton). A 6502 program of 80 bytes reads pairs of register and value from banks of
4 KB.
"""

from __future__ import annotations

from antiphon.codecs.base import Tokens
from antiphon.codecs.chip import layout as lay
from antiphon.music import apu
from antiphon.music.arranger import arrange
from antiphon.music.score import Score

_FRAME_US = 16_667
_BANK = 4_096
_LOAD, _DATA, _DATA_END = 0x8000, 0x9000, 0xA000
"""A player counts banks in one byte: one of code, 255 of music. Ten minutes, the longest piece, take about 45."""
_END_FRAME, _END_PIECE = 0xFF, 0xFE


def to_nsf(score: Score) -> bytes:
    """The file. A loop goes round after its introduction, any other piece ends in silence."""
    tokens = arrange(score).tokens[:, : max(1, round(score.seconds * lay.FRAME_RATE_HZ))]
    again = round(score.second(score.loop_start) * lay.FRAME_RATE_HZ) if score.loop else None
    music, place = _stream(tokens, again)
    banks = 1 + -(-len(music) // _BANK)
    program, init, play = _program(place)
    header = b"NESM\x1a\x01\x01\x01" + b"".join(
        number.to_bytes(2, "little") for number in (_LOAD, _LOAD + init, _LOAD + play)
    )
    for text in (score.prompt, "antiphon", ""):
        header += text.encode("ascii", "replace")[:31].ljust(32, b"\0")
    header += _FRAME_US.to_bytes(2, "little") + bytes([0, 1, 0, 0, 0, 0, 0, 0]) + b"\0\0" + bytes(6)
    return header + program.ljust(_BANK, b"\0") + music.ljust((banks - 1) * _BANK, bytes([_END_FRAME]))


def _stream(tokens: Tokens, again: int | None) -> tuple[bytes, int]:
    """All frames' writes, and the byte at which the player goes on when they end."""
    music, place = bytearray(), 0
    for frame, writes in enumerate(apu.writes(tokens, again)):
        if frame == again:
            place = len(music)
        music += writes
        music.append(_END_FRAME)
    if again is None:
        music += bytes([0x15, 0x00])
        place = len(music)
        music.append(_END_FRAME)
    music.append(_END_PIECE)
    return bytes(music), place


def _program(place: int) -> tuple[bytes, int, int]:
    """The player, and where in it `init` and `play` begin. `place`: the byte of the music to go back to.

    $00-$01 point into the window at $9000, $02 is the bank in it.
    """
    bank, inside = divmod(place, _BANK)
    again = _DATA + inside
    read = bytes.fromhex("A000 B100 E600 D011 E601 48 A501 C9A0 D007 A990 8501 20") + b"\0\0" + bytes.fromhex("68 60")
    turn = bytes.fromhex("E602 A502 8DF95F 60")
    # read: LDY #0; LDA ($00),Y; INC $00; BNE out; INC $01; PHA; LDA $01; CMP #$A0; BNE pull; LDA #$90; STA $01;
    # JSR turn; pull: PLA; out: RTS.  turn: INC $02; LDA $02; STA $5FF9; RTS
    read_at, turn_at = _LOAD, _LOAD + len(read)
    read = read[:-4] + turn_at.to_bytes(2, "little") + read[-2:]
    init = bytes.fromhex("A900 8500 A990 8501 A901 8502 8DF95F A940 8D1740 60")
    jsr = b"\x20" + read_at.to_bytes(2, "little")
    play_at = turn_at + len(turn) + len(init)
    # play: JSR read; CMP #$FF; BEQ done; CMP #$FE; BEQ again; TAX; JSR read; STA $4000,X; JMP play
    # again: set pointer and bank; JMP play.  done: RTS
    jump = b"\x4c" + play_at.to_bytes(2, "little")
    back = bytes([0xA9, again & 0xFF, 0x85, 0x00, 0xA9, again >> 8, 0x85, 0x01, 0xA9, 1 + bank, 0x85, 0x02])
    back += bytes.fromhex("8DF95F") + jump
    loop = jsr + b"\xc9\xff\xf0" + b"\0" + b"\xc9\xfe\xf0\x0a\xaa" + jsr + bytes.fromhex("9D0040") + jump
    done = len(loop) + len(back) - (len(jsr) + 4)
    loop = loop[: len(jsr) + 3] + bytes([done]) + loop[len(jsr) + 4 :]
    program = read + turn + init + loop + back + b"\x60"
    return program, turn_at + len(turn) - _LOAD, play_at - _LOAD
