"""A score as an NSF file: the chip's registers, frame by frame, for the sound chip of the NES (2A03) and its players.

Source: "NES Music Format Spec" (K. Horton) and the NESdev wiki on the APU. A 6502 program of 80 bytes reads pairs of
register and value from banks of 4 KB. Of our chip it keeps the pitches to the 2A03's periods, volumes and duties;
pans and the triangle's volume it does not have, and sampled drums become bursts of its noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from antiphon.codecs.base import Tokens
from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip.registers import pitch_midi
from antiphon.music.arranger import arrange
from antiphon.music.score import Score

_CPU_HZ = 1_789_773
_FRAME_US = 16_667
_BANK = 4_096
_LOAD, _DATA, _DATA_END = 0x8000, 0x9000, 0xA000
"""A player counts banks in one byte: one of code, 255 of music. Ten minutes, the longest piece, take about 45."""
_END_FRAME, _END_PIECE = 0xFF, 0xFE
_NOISE_CYCLES = (4, 8, 16, 32, 64, 96, 128, 160, 202, 254, 380, 508, 762, 1016, 2034, 4068)
_STROKES = {
    # drum -> noise period, volumes of its frames
    "kick": (14, (13, 9, 5, 2)),
    "snare": (7, (12, 9, 7, 5, 3, 2, 1)),
    "hat": (1, (7, 3, 1)),
    "tom": (12, (12, 9, 7, 5, 3, 1)),
    "clap": (5, (11, 5, 9, 6, 4, 2, 1)),
    "cymbal": (2, (11, 9, 8, 7, 6, 5, 4, 4, 3, 3, 2, 2, 1, 1)),
}


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
    written: dict[int, int] = {}
    music, place = bytearray(), 0
    for frame, registers in enumerate(_frames(tokens)):
        if frame == again:
            place, written = len(music), {}
        for register, value in registers.items():
            if written.get(register) != value:
                music += bytes([register, value])
                written[register] = value
        music.append(_END_FRAME)
    if again is None:
        music += bytes([0x15, 0x00])
        place = len(music)
        music.append(_END_FRAME)
    music.append(_END_PIECE)
    return bytes(music), place


def _frames(tokens: Tokens) -> Iterator[dict[int, int]]:
    """Register (from $4000) -> value, in each frame."""
    midi = {channel: pitch_midi(tokens[2 * channel]) for channel in (0, 1, lay.TRIANGLE)}
    stroke: Iterator[tuple[int, int]] = iter(())
    for frame in range(tokens.shape[1]):
        registers = {0x15: 0x0F}
        for channel in (0, 1):
            registers |= _pulse(4 * channel, float(midi[channel][frame]), int(tokens[2 * channel + 1, frame]))
        registers |= _triangle(float(midi[lay.TRIANGLE][frame]), int(tokens[2 * lay.TRIANGLE + 1, frame]))
        hit, level = (int(tokens[2 * lay.SAMPLE + part, frame]) for part in (0, 1))
        if hit and level:
            stroke = _burst(lay.DRUMS[(hit - 1) // lay.TUNINGS], 1 + (level - 1) // lay.PANS)
        noise, how = (int(tokens[2 * lay.NOISE + part, frame]) for part in (0, 1))
        beaten = next(stroke, None)
        if beaten is not None:
            registers |= {0x0C: 0x30 | beaten[1], 0x0E: beaten[0], 0x0F: 0x08}
        elif noise and how:
            short, period = divmod(noise - 1, len(lay.NOISE_DIVIDERS))
            registers |= {0x0C: 0x30 | (1 + (how - 1) // lay.PANS), 0x0E: short << 7 | _period(period), 0x0F: 0x08}
        else:
            registers[0x0C] = 0x30
        yield registers


def _pulse(base: int, midi: float, voice: int) -> dict[int, int]:
    if not voice or math.isnan(midi):
        return {base: 0x30}
    volume, duty = 1 + (voice - 1) // (len(lay.DUTIES) * lay.PANS), (voice - 1) // lay.PANS % len(lay.DUTIES)
    # What is too low for the timer's eleven bits sounds an octave above.
    timer = _timer(midi, 16)
    return {base: duty << 6 | 0x30 | volume, base + 1: 0x08, base + 2: timer & 0xFF, base + 3: timer >> 8}


def _triangle(midi: float, level: int) -> dict[int, int]:
    if not level or math.isnan(midi):
        return {0x08: 0x80, 0x0B: 0}
    timer = _timer(midi, 32)
    return {0x08: 0xFF, 0x0A: timer & 0xFF, 0x0B: timer >> 8}


def _timer(midi: float, steps: int) -> int:
    timer = round(_CPU_HZ / (steps * 440 * 2 ** ((midi - 69) / 12))) - 1
    while timer > 0x7FF:
        timer = (timer + 1) // 2 - 1
    return max(8, timer)


def _period(place: int) -> int:
    """The 2A03's noise period nearest to one of our dividers."""
    cycles = _CPU_HZ * lay.NOISE_DIVIDERS[place] / lay.RATE_HZ
    return int(np.argmin(np.abs(np.log(np.array(_NOISE_CYCLES) / cycles))))


def _burst(drum: str, volume: int) -> Iterator[tuple[int, int]]:
    period, volumes = _STROKES[drum]
    return iter([(period, max(1, round(one * volume / lay.VOLUMES))) for one in volumes])


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
