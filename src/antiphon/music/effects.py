"""Sound effects for games, by name and a few words, as registers of the sound chip.

Each is what such effects have been on consoles since the eighties: a movement of pitch, duty and volume within a second
(as in sfxr, T. Pettersson 2007). A seed varies pitch, speed and length, so that ten coins do not sound like one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import msgspec
import numpy as np

from antiphon.audio.waveform import Waveform
from antiphon.codecs.base import TokenGrid
from antiphon.codecs.chip import Registers
from antiphon.codecs.chip.macros import envelope, slide, vibrato
from antiphon.errors import InputError

GAIN = 2.6
"""Of what the chip plays: one or two of its voices alone are soft."""

TAIL_FRAMES = 2
"""Silence at the end, so that what rings is not cut."""


class Shape(msgspec.Struct, frozen=True):
    """What words and seed make of an effect: semitones up, times as long, times as loud."""

    up: float
    long: float
    loud: float
    rng: random.Random

    def frames(self, seconds: float) -> int:
        return max(2, round(seconds * self.long * 60))

    def volume(self, most: float) -> float:
        return min(15.0, max(1.0, most * self.loud))

    def midi(self, pitch: float) -> float:
        return min(110.0, max(30.0, pitch + self.up))


Maker = Callable[[Shape], Registers]


def _notes(shape: Shape, pitches: list[float], seconds: float, last_s: float, duty: float = 0.5) -> Registers:
    """Short notes one after the other, the last one longer."""
    lengths = [shape.frames(seconds)] * (len(pitches) - 1) + [shape.frames(last_s)]
    registers = Registers.silent(sum(lengths) + TAIL_FRAMES)
    at = 0
    for pitch, length in zip(pitches, lengths, strict=True):
        loud = envelope(length, volume=shape.volume(13), decay=length, sustain=0.25, release=min(4, length // 2))
        registers = registers.pulse(0, at, midi=np.full(length, shape.midi(pitch)), volume=loud, duty=duty)
        at += length
    return registers


def _sweep(shape: Shape, begin: float, end: float, seconds: float, duty: float = 0.25) -> Registers:
    length = shape.frames(seconds)
    loud = envelope(length, volume=shape.volume(13), decay=length, sustain=0.4, release=min(6, length // 2))
    midi = slide(length, shape.midi(begin), shape.midi(end))
    return Registers.silent(length + TAIL_FRAMES).pulse(0, 0, midi=midi, volume=loud, duty=duty)


def _hiss(
    shape: Shape, begin: float, end: float, seconds: float, *, short: bool = False, sustain: float = 0.0
) -> Registers:
    """Noise that moves from one period (0 bright, 15 dark) to another as it dies away."""
    length = shape.frames(seconds)
    loud = envelope(length, volume=shape.volume(14), decay=length, sustain=sustain, release=min(4, length // 2))
    period = np.clip(np.rint(np.linspace(begin, end, length) - shape.up / 4), 0, 15)
    return Registers.silent(length + TAIL_FRAMES).noise(0, period=period, volume=loud, short=short)


def _coin(shape: Shape) -> Registers:
    first = 83 + shape.rng.choice((-2, 0, 0, 2))
    return _notes(shape, [first, first + shape.rng.choice((5, 5, 7))], 0.07, 0.45)


def _jump(shape: Shape) -> Registers:
    begin = 52 + shape.rng.uniform(-3, 3)
    return _sweep(shape, begin, begin + shape.rng.uniform(14, 20), 0.22)


def _hit(shape: Shape) -> Registers:
    registers = _hiss(shape, 3, 9, 0.16)
    length = min(shape.frames(0.1), registers.frames)
    low = slide(length, shape.midi(50 + shape.rng.uniform(-3, 3)), shape.midi(34))
    return registers.triangle(0, midi=low, volume=envelope(length, volume=shape.volume(14), decay=length, sustain=0.2))


def _explosion(shape: Shape) -> Registers:
    registers = _hiss(shape, shape.rng.uniform(5, 8), 15, 1.1)
    length = shape.frames(0.5)
    low = slide(length, shape.midi(40), shape.midi(26)) + vibrato(length, depth=1.5, rate_hz=11)
    return registers.triangle(0, midi=low, volume=envelope(length, volume=shape.volume(15), decay=length, sustain=0.1))


def _laser(shape: Shape) -> Registers:
    begin = 92 + shape.rng.uniform(-5, 3)
    return _sweep(shape, begin, begin - shape.rng.uniform(30, 40), 0.24, duty=0.125)


def _power_up(shape: Shape) -> Registers:
    root = 60 + shape.rng.choice((0, 2, 4, 5))
    return _notes(shape, [root + step for step in (0, 4, 7, 12, 16, 19, 24)], 0.055, 0.3, duty=0.25)


def _level_up(shape: Shape) -> Registers:
    root = 67 + shape.rng.choice((0, 2, -2))
    registers = _notes(shape, [root, root, root + 4, root + 7, root + 12], 0.11, 0.6)
    length = shape.frames(0.6)
    start = registers.frames - TAIL_FRAMES - length
    loud = envelope(length, volume=shape.volume(10), decay=length, sustain=0.3, release=min(6, length // 2))
    return registers.pulse(1, start, midi=np.full(length, shape.midi(root + 7)), volume=loud, duty=0.25)


def _menu(shape: Shape) -> Registers:
    return _notes(shape, [76 + shape.rng.choice((-1, 0, 1))], 0.05, 0.07, duty=0.125)


def _select(shape: Shape) -> Registers:
    root = 72 + shape.rng.choice((-2, 0, 2))
    return _notes(shape, [root, root + 7], 0.06, 0.18, duty=0.25)


def _cancel(shape: Shape) -> Registers:
    root = 67 + shape.rng.choice((-2, 0, 2))
    return _notes(shape, [root, root - 5], 0.07, 0.16, duty=0.25)


def _error(shape: Shape) -> Registers:
    root = 45 + shape.rng.choice((-1, 0, 1))
    return _notes(shape, [root, root], 0.14, 0.22, duty=0.125)


def _hurt(shape: Shape) -> Registers:
    begin = 62 + shape.rng.uniform(-3, 3)
    registers = _sweep(shape, begin, begin - 17, 0.26, duty=0.5)
    length = min(shape.frames(0.12), registers.frames)
    return registers.noise(0, period=5, volume=envelope(length, volume=shape.volume(9), decay=length, sustain=0.0))


def _step(shape: Shape) -> Registers:
    dark = shape.rng.uniform(8, 11)
    return _hiss(shape, dark, dark + 2, 0.06)


def _door(shape: Shape) -> Registers:
    registers = _sweep(shape, 38, 44 + shape.rng.uniform(-1, 2), 0.5, duty=0.125)
    length = shape.frames(0.08)
    start = registers.frames - TAIL_FRAMES - length
    return registers.noise(
        start, period=11, volume=envelope(length, volume=shape.volume(13), decay=length, sustain=0.0)
    )


def _splash(shape: Shape) -> Registers:
    return _hiss(shape, 9, shape.rng.uniform(1, 3), 0.5, sustain=0.05)


def _alarm(shape: Shape) -> Registers:
    high = 81 + shape.rng.choice((-2, 0, 2))
    return _notes(shape, [high, high - 5] * 3, 0.14, 0.14)


def _engine(shape: Shape) -> Registers:
    length = shape.frames(1.0)
    midi = shape.midi(33) + vibrato(length, depth=1.0, rate_hz=shape.rng.uniform(12, 17))
    loud = envelope(length, volume=shape.volume(12), attack=6, decay=0, sustain=1.0, release=8)
    registers = Registers.silent(length + TAIL_FRAMES).pulse(0, 0, midi=midi, volume=loud, duty=0.125)
    return registers.noise(0, period=14, volume=np.full(length, 3), frames=length)


EFFECTS: dict[str, tuple[Maker, str]] = {
    "coin": (_coin, "coin; pickup; pick up; item; collect; gem; ring; score"),
    "jump": (_jump, "jump; hop; leap; bounce; spring"),
    "hit": (_hit, "hit; punch; kick; thud; bump; slash; sword; attack; smack"),
    "explosion": (_explosion, "explosion; explode; boom; bomb; blast; crash"),
    "laser": (_laser, "laser; shoot; shot; zap; gun; blaster; pew"),
    "power-up": (_power_up, "power-up; power up; powerup; upgrade; bonus; heal; potion"),
    "level-up": (_level_up, "level-up; level up; win; success; achievement; unlock; quest complete"),
    "menu": (_menu, "menu; cursor; move; tick; hover; blip; click; text"),
    "select": (_select, "select; confirm; accept; ok; start; choose"),
    "cancel": (_cancel, "cancel; back; close"),
    "error": (_error, "error; denied; wrong; fail; buzzer"),
    "hurt": (_hurt, "hurt; damage; ouch; die; death; pain"),
    "step": (_step, "step; footstep; walk; footsteps"),
    "door": (_door, "door; gate; creak; chest; open"),
    "splash": (_splash, "splash; water; wave; wind; whoosh; swoosh"),
    "alarm": (_alarm, "alarm; siren; warning; alert"),
    "engine": (_engine, "engine; motor; car; drone; rumble"),
}
"""Effect -> how it is made, and the words that name it."""

_LEVELS: dict[str, dict[float, str]] = {
    "up": {9: "high tiny little bright", 4: "small light young", -5: "big low heavy deep", -10: "huge giant dark"},
    "long": {1.6: "long slow", 2.4: "endless", 0.65: "short quick fast", 1.3: "big huge"},
    "loud": {0.5: "soft quiet gentle", 0.3: "distant faint"},
}


def louder(sound: Waveform) -> Waveform:
    """As loud as effects are in games; the loudest of them stays below full scale."""
    return Waveform(np.clip(sound.samples * np.float32(GAIN), -1, 1), sound.rate_hz)


class Effect(msgspec.Struct, frozen=True):
    """`name` is a key of `EFFECTS`; `notes` tells which words were not understood."""

    name: str
    grid: TokenGrid
    notes: tuple[str, ...]


def effect(prompt: str, seed: int) -> Effect:
    """The effect that a prompt names first, as registers: the same for the same seed.

    Raises `InputError` where it names none.
    """
    words = re.findall(r"[a-z]+", prompt.lower())
    text = " ".join(words)
    found = [
        (match.start(), -len(word), name, word)
        for name, (_, known) in EFFECTS.items()
        for word in known.replace("-", " ").split("; ")
        if (match := re.search(rf"\b{word}s?\b", text))
    ]
    if not found:
        raise InputError(f"{prompt!r} names no effect", f"Name one of: {', '.join(EFFECTS)}.")
    _, _, name, word = min(found)
    rng = random.Random(f"{seed}/{name}")  # noqa: S311 - a sound, not secrets
    level = {
        kind: next((value for value, known in levels.items() if set(known.split()) & set(words)), None)
        for kind, levels in _LEVELS.items()
    }
    shape = Shape(
        up=(level["up"] or 0.0) + rng.uniform(-1, 1),
        long=(level["long"] or 1.0) * rng.uniform(0.9, 1.1),
        loud=level["loud"] or 1.0,
        rng=rng,
    )
    known = {*word.split(), *_KNOWN}
    unknown = [one for one in dict.fromkeys(words) if one not in known and one.removesuffix("s") not in known]
    notes = (f"Not understood: {', '.join(unknown)}.",) if unknown else ()
    return Effect(name, EFFECTS[name][0](shape).grid(), notes)


_SILENT = "a an the of for sound sounds effect effects sfx fx game with and chip chiptune bit retro noise very"
_KNOWN = frozenset(_SILENT.split()).union(*(said.split() for levels in _LEVELS.values() for said in levels.values()))
"""Words that are understood, or say nothing."""
