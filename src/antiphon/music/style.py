"""What makes a style: a table of levels, progressions and patterns."""

from __future__ import annotations

import msgspec


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """One style. Levels are 0..1. Progressions are four bars of Roman numerals; two in a bar are joined by a space.

    `minor` is the chance of a minor key where the prompt names none. `bass`, `backing` and `drums` name patterns of
    `bass`, `backing` and `drums`; one of each is chosen per piece or section.
    """

    tempo_bpm: tuple[int, int]
    minor: float
    energy: float
    brightness: float
    density: float
    bass: tuple[str, ...]
    backing: tuple[str, ...]
    drums: tuple[str, ...]
    major_chords: tuple[tuple[str, str, str, str], ...]
    minor_chords: tuple[tuple[str, str, str, str], ...]
    meter: str = "4/4"
    syncopation: float = 0.2
    swing: bool = False
    plagal: float = 0.15  # of closes that are plagal
    chromatic: float = 0.4  # of leading notes that may be a semitone below their goal
    leaps: float = 0.3
    lead_duties: tuple[float, ...] = (0.5, 0.25)
    staccato: float = 0.2
