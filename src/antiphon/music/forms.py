"""The form of a piece: which sections follow each other, and how loud each is."""

from __future__ import annotations

import random

from antiphon.music.score import Section

LETTERS = "ABCDE"
FORMS: dict[int, tuple[str, ...]] = {
    1: ("A",),
    2: ("AB", "AA"),
    3: ("ABA",),
    4: ("AABA", "ABCA"),
    5: ("ABACA", "AABBA"),
    6: ("AABABA", "ABACBA", "AABCBA"),
    7: ("AABACAA", "ABACABA"),
    8: ("AABACBAA", "AABBACBA", "ABACABCA"),
}
"""Sections -> forms in which the first returns."""

_LENGTHS = (16, 12, 8, 6, 4, 3, 2, 1)
_MOST_BESIDE = 12
"""Bars of intro and break that a named form may have beside it, before it is played once more instead."""


def sections_of(
    bars: int, structure: str, rng: random.Random, *, loop: bool, bar: int, intro: int | None = None
) -> tuple[tuple[Section, ...], tuple[str, ...]]:
    """Sections that fill `bars` of `bar` ticks, and remarks. `structure` are the letters that the prompt names, `intro`
    the bars of introduction that it asks for (0: none, None: as fits; a loop has one only where it is asked for).
    """
    if bars == 0:
        return (), ((f"The piece is too short for the form {structure}.",) if structure else ())
    asked = min(intro or 0, bars // 2)
    bars -= asked
    notes: tuple[str, ...] = ()
    if structure:
        size, letters = _named(bars, structure)
        if len(letters) < len(structure):
            notes = (f"{bars} bars are too few for {structure}: {letters} is played.",)
        elif len(letters) > len(structure):
            notes = (f"The form {structure} is played {len(letters) // len(structure)} times, to fill the length.",)
    else:
        size = 8 if bars >= 40 else 4 if bars >= 4 else bars
        letters = _free(bars // size, rng)
    rest = bars - size * len(letters)
    # A loop has no beginning: what is left over stands before the last section.
    own = 0 if loop or intro is not None else min(rest, 4, bars // 6)
    if rest - own == 1:
        own = max(0, own - 1)
    plan = [(letter, size) for letter in letters]
    if rest - own:
        plan.insert(max(1, len(plan) - 1), ("break", rest - own))
    if own + asked:
        plan.insert(0, ("intro", own + asked))
    return _placed(plan, bar), notes


def _named(bars: int, structure: str) -> tuple[int, str]:
    """Bars a section, and letters: whole rounds of the form, as few as leave little beside it; or its beginning."""
    if bars < len(structure):
        return 1, structure[:bars]
    options = []
    for size in _LENGTHS:
        once = size * len(structure)
        rests = [(rounds, bars - rounds * once, size) for rounds in range(1, bars // once + 1)]
        options += [(rest > _MOST_BESIDE, rounds, rest, size) for rounds, rest, size in rests]
    _, rounds, _, size = min(options)
    return size, structure * rounds


def _free(count: int, rng: random.Random) -> str:
    """Letters of `count` sections; long pieces are several rounds, each with a contrast of its own."""
    if count in FORMS:
        return rng.choice(FORMS[count])
    letters = "AABA"
    contrast = 2
    while len(letters) < count:
        new = LETTERS[contrast % len(LETTERS)] if contrast % len(LETTERS) else "B"
        letters += f"{new}ABA" if contrast % 2 else f"{new}BAA"
        contrast += 1
    return letters[: count - 1] + "A"


def _placed(plan: list[tuple[str, int]], bar: int) -> tuple[Section, ...]:
    placed: list[Section] = []
    start = 0
    for letter, bars in plan:
        repeat = sum(section.letter == letter for section in placed)
        placed.append(Section(letter, start, bars, repeat))
        start += bars * bar
    return tuple(placed)
