"""Our chip's registers as those of the NES's sound chip (2A03).

Source: the NESdev wiki on the APU. Kept are pitches to the 2A03's periods, volumes and duties; pans and the triangle's
volume it does not have, and sampled drums become bursts of its noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from antiphon.codecs.base import Tokens
from antiphon.codecs.chip import layout as lay
from antiphon.codecs.chip.registers import pitch_midi

CPU_HZ = 1_789_773
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


def writes(tokens: Tokens, again: int | None) -> Iterator[bytes]:
    """For each frame pairs of register (from $4000) and value, where it changes; in the frame `again`, to which a
    player goes back, all of them."""
    written: dict[int, int] = {}
    for frame, registers in enumerate(_frames(tokens)):
        if frame == again:
            written = {}
        changed = {register: value for register, value in registers.items() if written.get(register) != value}
        written |= changed
        yield bytes(byte for pair in changed.items() for byte in pair)


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
    timer = round(CPU_HZ / (steps * 440 * 2 ** ((midi - 69) / 12))) - 1
    while timer > 0x7FF:
        timer = (timer + 1) // 2 - 1
    return max(8, timer)


def _period(place: int) -> int:
    """The 2A03's noise period nearest to one of our dividers."""
    cycles = CPU_HZ * lay.NOISE_DIVIDERS[place] / lay.RATE_HZ
    return int(np.argmin(np.abs(np.log(np.array(_NOISE_CYCLES) / cycles))))


def _burst(drum: str, volume: int) -> Iterator[tuple[int, int]]:
    period, volumes = _STROKES[drum]
    return iter([(period, max(1, round(one * volume / lay.VOLUMES))) for one in volumes])
