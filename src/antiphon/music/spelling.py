"""How a pitch is written in a key: letter and accidental."""

from __future__ import annotations

from antiphon.music.harmony import SCALES

LETTERS = "CDEFGAB"
_NATURAL = (0, 2, 4, 5, 7, 9, 11)
_TONIC_LETTERS = {
    "major": ("C", "D", "D", "E", "E", "F", "F", "G", "A", "A", "B", "B"),
    "minor": ("C", "C", "D", "E", "E", "F", "F", "G", "G", "A", "B", "B"),
}
_RAISED = frozenset({6, 9, 11})
"""Semitones above the tonic that are written as raised steps where the scale lacks them; others are lowered ones."""


def fifths(tonic: int, mode: str) -> int:
    """Sharps (positive) or flats of the key signature, as `_TONIC_LETTERS` spells the tonic."""
    letter = LETTERS.index(_TONIC_LETTERS[mode][tonic])
    alter = (tonic - _NATURAL[letter] + 6) % 12 - 6
    of_letter = (0, 2, 4, -1, 1, 3, 5)[letter]
    return of_letter + 7 * alter - (3 if mode == "minor" else 0)


def spelt(pitch: int, tonic: int, mode: str) -> tuple[str, int, int]:
    """Letter, semitones of accidental, and octave (C4 = 60) of a MIDI number."""
    first = LETTERS.index(_TONIC_LETTERS[mode][tonic])
    above = (pitch - tonic) % 12
    scale = SCALES[mode]
    if above in scale:
        degree = scale.index(above)
    else:
        neighbour = above - 1 if above in _RAISED and above - 1 in scale else above + 1
        degree = scale.index(neighbour % 12) if neighbour % 12 in scale else scale.index(above - 1)
    letter = (first + degree) % 7
    alter = (pitch - _NATURAL[letter] + 6) % 12 - 6
    return LETTERS[letter], alter, (pitch - alter) // 12 - 1
