"""Chords and scales: Roman numerals in major and minor, and the scale that fits a chord."""

from __future__ import annotations

from collections.abc import Sequence

from antiphon.music.meter import Meter
from antiphon.music.score import Chord

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "aeolian": (0, 2, 3, 5, 7, 8, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
}
FAMILY = {mode: "major" if steps[2] == 4 else "minor" for mode, steps in SCALES.items()}
"""Mode -> the mode of its third."""


_MAJOR, _MINOR, _DIMINISHED = (0, 4, 7), (0, 3, 7), (0, 3, 6)
_SEVENTH, _MAJOR_SEVENTH, _MINOR_SEVENTH = (0, 4, 7, 10), (0, 4, 7, 11), (0, 3, 7, 10)
_HALF_DIMINISHED, _FULL_DIMINISHED, _SUS, _AUGMENTED = (0, 3, 6, 10), (0, 3, 6, 9), (0, 5, 7), (0, 4, 8)

CHORDS: dict[str, dict[str, tuple[int, tuple[int, ...]]]] = {
    "major": {
        "I": (0, _MAJOR),
        "I7": (0, _SEVENTH),
        "IV7": (5, _SEVENTH),
        "Imaj7": (0, _MAJOR_SEVENTH),
        "ii": (2, _MINOR),
        "ii7": (2, _MINOR_SEVENTH),
        "II": (2, _MAJOR),
        "iii": (4, _MINOR),
        "iii7": (4, _MINOR_SEVENTH),
        "IV": (5, _MAJOR),
        "IVmaj7": (5, _MAJOR_SEVENTH),
        "iv": (5, _MINOR),
        "V": (7, _MAJOR),
        "V7": (7, _SEVENTH),
        "Vsus": (7, _SUS),
        "vi": (9, _MINOR),
        "vi7": (9, _MINOR_SEVENTH),
        "VI7": (9, _SEVENTH),
        "bVI": (8, _MAJOR),
        "bVII": (10, _MAJOR),
        "vii": (11, _DIMINISHED),
        "v": (7, _MINOR),
        "V7/ii": (9, _SEVENTH),
        "V7/V": (2, _SEVENTH),
        "V7/vi": (4, _SEVENTH),
        "V7/IV": (0, _SEVENTH),
    },
    "minor": {
        "i": (0, _MINOR),
        "i7": (0, _MINOR_SEVENTH),
        "bII": (1, _MAJOR),
        "ii": (2, _DIMINISHED),
        "ii7": (2, _HALF_DIMINISHED),
        "III": (3, _MAJOR),
        "iv": (5, _MINOR),
        "iv7": (5, _MINOR_SEVENTH),
        "v": (7, _MINOR),
        "V": (7, _MAJOR),
        "V7": (7, _SEVENTH),
        "Vsus": (7, _SUS),
        "VI": (8, _MAJOR),
        "VImaj7": (8, _MAJOR_SEVENTH),
        "VII": (10, _MAJOR),
        "vii": (11, _FULL_DIMINISHED),
        "V+": (7, _AUGMENTED),
        "IV": (5, _MAJOR),
        "iim": (2, _MINOR),
        "vii-": (10, _MINOR),
        "io": (0, _DIMINISHED),
        "bV": (6, _MAJOR),
        "V7/iv": (0, _SEVENTH),
        "V7/V": (2, _SEVENTH),
        "V7/III": (10, _SEVENTH),
        "V7/VI": (3, _SEVENTH),
    },
}
"""Mode -> numeral -> root above the tonic, and steps above the root."""


def tonic_symbol(mode: str) -> str:
    return "I" if mode == "major" else "i"


def chords_of_bar(symbols: str, start: int, meter: Meter, tonic: int, mode: str) -> list[Chord]:
    """The harmonies of one bar: `IV V` are two of them, the first the longer where the beats are odd."""
    names = symbols.split()
    beats = -(-meter.beats // len(names))
    first = meter.beat_ticks[beats] if beats < meter.beats else meter.ticks
    found = []
    for index, name in enumerate(names):
        root, steps = CHORDS[FAMILY[mode]][name]
        length = first if index < len(names) - 1 else meter.ticks - first * (len(names) - 1)
        found.append(Chord(start + index * first, length, (tonic + root) % 12, steps, name))
    return found


def scale_at(chord: Chord, tonic: int, mode: str) -> tuple[int, ...]:
    """Seven pitch classes, tonic first: the key's scale, bent to the chord's own notes (V in minor raises the 7th).

    Borrowed chords lower a step, secondary dominants and the dominant in minor raise one.
    """
    scale = [(tonic + step) % 12 for step in SCALES[mode]]
    lowers = chord.symbol.startswith("b") or chord.symbol in ("iv", "v", "I7", "IV7", "V7/IV", "V7/VI", "io", "vii-")
    bend = -1 if lowers else 1
    for tone in chord.classes - set(scale):
        if (tone - bend) % 12 in scale:
            scale[scale.index((tone - bend) % 12)] = tone
    return tuple(scale)


def chord_at(chords: Sequence[Chord], tick: int) -> Chord:
    """The harmony at a tick, the last one after them all."""
    return next((chord for chord in chords if chord.start <= tick < chord.start + chord.length), chords[-1])


def pitch_of(index: int, scale: tuple[int, ...], tonic: int) -> int:
    """MIDI number of step `index` of a scale; index 0 is the tonic of octave 4 (C4 = 60)."""
    octave, degree = divmod(index, 7)
    return 60 + tonic + 12 * octave + (scale[degree] - tonic) % 12


def index_near(pitch: int, tonic: int) -> int:
    """The scale step whose pitch lies near a MIDI number."""
    return round((pitch - 60 - tonic) * 7 / 12)


def chord_index_near(index: int, chord: Chord, scale: tuple[int, ...], *, upward: bool = True) -> int:
    """The step nearest to `index` that belongs to the chord; of two equally near ones, the upper if `upward`."""
    order = (0, 1, -1, 2, -2, 3, -3) if upward else (0, -1, 1, -2, 2, -3, 3)
    for shift in order:
        if scale[(index + shift) % 7] in chord.classes:
            return index + shift
    return index
