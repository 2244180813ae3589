"""VGM files hold the piece: a reader that knows the specification alone plays its registers, and hears its notes."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import pytest

from antiphon.analysis.sound import Sound
from antiphon.audio import Waveform
from antiphon.codecs.chip import ChipCodec, layout, pitch_midi
from antiphon.music import Score, arrange, compose, read, to_vgm

CLOCK_HZ, RATE_HZ, FRAME = 1_789_773, 44_100, 735
DUTIES = (0.125, 0.25, 0.5, 0.75)


def number(file: bytes, offset: int) -> int:
    return int(struct.unpack_from("<I", file, offset)[0])


def log(file: bytes, start: int) -> Iterator[bytes]:
    """The 2A03's registers after each wait, from a place in the file to the end of its commands."""
    registers, at = bytearray(0x18), start
    while file[at] != 0x66:
        if file[at] == 0xB4:
            registers[file[at + 1]] = file[at + 2]
            at += 3
        else:
            assert file[at] == 0x62, "no other command is used"
            at += 1
            yield bytes(registers)


def frames(file: bytes) -> list[bytes]:
    return list(log(file, 0x34 + number(file, 0x34)))


def pulse_hz(registers: bytes, channel: int) -> float:
    """0 where it is silent."""
    base = 4 * channel
    timer = registers[base + 2] | (registers[base + 3] & 7) << 8
    return CLOCK_HZ / (16 * (timer + 1)) if registers[base] & 15 else 0.0


def triangle_hz(registers: bytes) -> float:
    timer = registers[0x0A] | (registers[0x0B] & 7) << 8
    return CLOCK_HZ / (32 * (timer + 1)) if registers[0x08] & 0x7F else 0.0


def played(file: bytes) -> np.ndarray:
    """`[samples]`: two pulse waves and the triangle from their registers, by the formulas of the NESdev wiki."""
    logged = frames(file)
    out = np.zeros(len(logged) * FRAME)
    for channel in range(3):
        hz = np.array([pulse_hz(one, channel) if channel < 2 else triangle_hz(one) for one in logged])
        phase = np.cumsum(np.repeat(hz, FRAME) / RATE_HZ) % 1
        on = np.repeat(hz > 0, FRAME)
        if channel < 2:
            volume = np.repeat([(one[4 * channel] & 15) / 15 for one in logged], FRAME)
            duty = np.repeat([DUTIES[one[4 * channel] >> 6] for one in logged], FRAME)
            out += on * volume * np.where(phase < duty, 1 - duty, -duty)
        else:
            out += on * (2 * np.abs(2 * phase - 1) - 1) / 2
    return (out / 4).astype(np.float32)


@pytest.mark.parametrize("prompt", ["title, 120 bpm", "boss fight, 150 bpm, A minor", "waltz in G major, no drums"])
def test_its_registers_hold_the_pitches_volumes_and_duties_of_the_piece(prompt: str) -> None:
    score = compose(read(prompt), 6.0, 3)
    tokens, logged = arrange(score).tokens, frames(to_vgm(score))
    assert len(logged) == round(score.seconds * 60)
    exact = 0
    for channel in (0, 1, layout.TRIANGLE):
        midi, how = pitch_midi(tokens[2 * channel]), tokens[2 * channel + 1]
        for frame, registers in enumerate(logged):
            found = triangle_hz(registers) if channel == layout.TRIANGLE else pulse_hz(registers, channel)
            if not how[frame] or np.isnan(midi[frame]):
                assert found == 0
                continue
            cents = 1200 * np.log2(found / (440 * 2 ** ((midi[frame] - 69) / 12)))
            cents -= 1200 * round(cents / 1200) if midi[frame] < 34 else 0  # what is too low sounds an octave above
            assert abs(cents) < 20, "the nearest period of the 2A03"
            exact += 1
            if channel != layout.TRIANGLE:
                voice = int(how[frame]) - 1
                assert registers[4 * channel] & 15 == 1 + voice // 20
                assert registers[4 * channel] >> 6 == voice // 5 % 4
    assert exact > 300


def test_what_a_reader_synthesises_from_it_has_the_notes_of_the_piece() -> None:
    score = compose(read("title, no drums, 120 bpm"), 10.0, 3)
    sounds = [ChipCodec().decode(arrange(score)), Waveform(played(to_vgm(score))[None], RATE_HZ)]
    own, theirs = (Sound(one).chroma for one in sounds)
    count = min(len(own), len(theirs))
    own, theirs = (one[:count] - one[:count].mean(axis=0) for one in (own, theirs))
    fits = [float((own * np.roll(theirs, step, axis=1)).sum()) for step in range(12)]
    assert int(np.argmax(fits)) == 0
    assert fits[0] / np.linalg.norm(own) / np.linalg.norm(theirs) > 0.8


def _looped() -> Score:
    return compose(read("rock, 120 bpm, with a 2 bar intro"), 14.0, 1, loop=True)


def test_a_loop_goes_back_to_the_end_of_its_introduction_with_all_registers() -> None:
    score, file = _looped(), to_vgm(_looped())
    whole, again = frames(file), list(log(file, 0x1C + number(file, 0x1C)))
    assert number(file, 0x18) == len(whole) * FRAME
    assert number(file, 0x20) == len(again) * FRAME
    assert len(whole) - len(again) == round(score.second(score.loop_start) * 60) > 0
    for first, second in zip(whole[-len(again) :], again, strict=True):
        assert [pulse_hz(first, n) for n in (0, 1)] == [pulse_hz(second, n) for n in (0, 1)]
        assert triangle_hz(first) == triangle_hz(second)
        assert first[0x0C] == second[0x0C]


def test_its_header_and_tags_are_where_the_specification_has_them() -> None:
    file = to_vgm(compose(read("march"), 4.0, 1))
    assert file[:4] == b"Vgm "
    assert number(file, 0x04) == len(file) - 4
    assert (number(file, 0x08), number(file, 0x84)) == (0x161, CLOCK_HZ)
    assert number(file, 0x1C) == number(file, 0x20) == 0
    at = 0x14 + number(file, 0x14)
    assert file[at : at + 4] == b"Gd3 "
    text = file[at + 12 : at + 12 + number(file, at + 8)].decode("utf-16-le")
    assert at + 12 + number(file, at + 8) == len(file)
    assert text.split("\0")[0] == "march"
    assert text.count("\0") == 11
    assert frames(file)[-1][0x15] == 0x0F, "silenced after the last frame only"
