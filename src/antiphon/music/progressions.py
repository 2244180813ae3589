"""Which chord each bar has: the style's progression, the cadence that the form wants, and chords from outside the key.

Cadences (W. Caplin, *Classical Form*, ch. 3; W. Piston, *Harmony*): half, on the dominant, where a phrase asks;
authentic, V-I, where it answers; plagal, IV-I, in its place (in rock the commonest: T. de Clercq and D. Temperley, "A
corpus analysis of rock harmony", *Popular Music* 30, 2011); deceptive, V-vi, before the last answer.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from antiphon.music.harmony import chords_of_bar, tonic_symbol
from antiphon.music.planning import Plan
from antiphon.music.score import Chord, Section
from antiphon.music.styles import BRIDGES, CHURCH_CHORDS

_DECEPTIVE = 0.35
"""The chance that a section that returns evades its close."""

_WEAK, _MOST_WEAK = 0.15, 0.75
"""The chance that a phrase that asks stops before the dominant: in the strictest dances, and at most."""

_APPLIED = 0.4
"""Of the places that a secondary dominant may take in the most chromatic style, how many it takes."""


def phrases_of(bars: int) -> list[int]:
    """Bars of each phrase: fours, and what is left."""
    return [4] * (bars // 4) + ([bars % 4] if bars % 4 else [])


def ending_of(section: Section, following: str | None) -> str:
    """How a section ends: `closed` on the tonic, `open` on what asks for more, or `onward`, into what follows at once.

    A that is followed by itself asks, and is answered (a period); bridges lead back; what is last leads to the end.
    """
    if following is None or section.letter in ("intro", "break"):
        return "onward"
    answered = section.letter == "A" and following != "A"
    return "closed" if section.bars > 1 and (answered or section.letter in "CE") else "open"


def harmony(plan: Plan, section: Section, following: str | None) -> list[Chord]:
    """The section's chords."""
    symbols = _symbols(plan, section, following)
    chords: list[Chord] = []
    for index, symbol in enumerate(symbols):
        chords += chords_of_bar(symbol, section.start + index * plan.bar, plan.meter, plan.tonic, plan.scale)
    return chords


def _symbols(plan: Plan, section: Section, following: str | None) -> list[str]:
    """A numeral or two for each bar."""
    ending = ending_of(section, following)
    home = tonic_symbol(plan.mode)
    dominant = cadence_chord(plan)
    subdominant = {"dorian": "IV", "lydian": "vi"}.get(plan.scale, "IV" if plan.mode == "major" else "iv")
    if section.letter == "intro":
        return [home] * (section.bars - 1) + ([dominant] if section.bars > 1 else [home])
    if section.letter == "break":
        return ([subdominant] + [dominant] * section.bars)[: section.bars]
    rng = plan.generator(f"harmony {section.letter}")
    four = _progression(plan, section.letter, rng)
    phrases = phrases_of(section.bars)
    evaded = section.repeat > 0 and plan.generator(f"cadence {section.letter} {section.repeat}").random() < _DECEPTIVE
    symbols: list[str] = []
    for index, bars in enumerate(phrases):
        last = index == len(phrases) - 1
        symbols += _phrase(plan, four, bars, ending if last else "inner", evaded=evaded and not last)
    if following is None and plan.brief.ending == "plagal" and not plan.loop:
        symbols[-1] = "IV iv" if plan.mode == "major" else "iv"
    return _applied(plan, symbols, section.letter)


def _progression(plan: Plan, letter: str, rng: random.Random) -> Sequence[str]:
    if plan.scale in CHURCH_CHORDS:
        return rng.choice(CHURCH_CHORDS[plan.scale])
    style = plan.style
    first = rng.choice(style.major_chords if plan.mode == "major" else style.minor_chords)
    return first if letter == "A" else rng.choice(BRIDGES[plan.mode])


def cadence_chord(plan: Plan) -> str:
    """The chord before the tonic: the dominant, in church modes the chord that shows the mode."""
    return {
        "phrygian": "bII",
        "mixolydian": "bVII",
        "aeolian": "VII",
        "dorian": "IV",
        "lydian": "II",
        "locrian": "iv",
    }.get(plan.scale, "V")


def _phrase(plan: Plan, four: Sequence[str], bars: int, ending: str, *, evaded: bool) -> list[str]:
    """A phrase of one to four bars with its cadence. `inner` phrases go round with the progression, or are evaded."""
    home, dominant = tonic_symbol(plan.mode), cadence_chord(plan)
    one, two, three, last = four
    if ending == "closed":
        before = _closing(plan, three, dominant)
        return {1: [home], 2: [before, home], 3: [one, before, home]}.get(bars, [one, two, before, home])
    if ending == "inner":
        if evaded and bars == 4 and plan.scale == plan.mode:
            return [one, two, "V", "vi" if plan.mode == "major" else "VI"]
        return [*four[: bars - 1], _asking(plan, four[bars - 1], "inner")]
    asks = last if last.split()[-1] not in (home, f"{home}7", "Imaj7") and ending == "open" else dominant
    if ending == "onward" and last.startswith(dominant):
        asks = last
    elif ending == "open":
        asks = _asking(plan, asks, "open")
    return {1: [one if ending == "open" else f"{one} {dominant}"], 2: [one, asks], 3: [one, two, asks]}.get(
        bars, [one, two, three, asks]
    )


def _asking(plan: Plan, symbol: str, place: str) -> str:
    """The chord that a phrase stops on to go on: the dominant, or what leads there as well without it: the subdominant,
    in minor the subtonic. In rock these are commoner than V (de Clercq and Temperley 2011); dances keep to V."""
    before, _, last = symbol.rpartition(" ")
    if plan.scale != plan.mode or not last.startswith("V") or last.startswith(("VI", "V7/")):
        return symbol
    rng = plan.generator(f"asking {place} {symbol}")
    if rng.random() >= min(_MOST_WEAK, _WEAK + 2 * plan.style.plagal):
        return symbol
    weak = rng.choice(("IV", "IV", "bVII", "ii") if plan.mode == "major" else ("iv", "VII", "VI"))
    return f"{before} {weak}".strip() if before.split()[-1:] != [weak] else weak


def _closing(plan: Plan, three: str, dominant: str) -> str:
    """The bar before a close: authentic with its preparation where the progression has one, or plagal."""
    if plan.scale != plan.mode:
        return dominant
    rng = plan.generator(f"close {three}")
    if rng.random() < plan.style.plagal:
        return "IV iv" if plan.mode == "major" and rng.random() < 0.4 else "IV" if plan.mode == "major" else "iv"
    prepared = three.split(maxsplit=1)[0] in ("ii", "ii7", "IV", "iv", "iv7", "VI", "bVI", "bII", "II", "ii7")
    return f"{three.split(maxsplit=1)[0]} V7" if prepared else "V7"


# No dominant of the dominant: four bars of it and of V are heard as a key of their own.
_TARGETS = {
    "major": {"ii": "V7/ii", "ii7": "V7/ii", "vi": "V7/vi", "IV": "V7/IV"},
    "minor": {"III": "V7/III", "VI": "V7/VI"},
}


def _applied(plan: Plan, symbols: list[str], letter: str) -> list[str]:
    """A chord that stays for a bar may become, in its second half, the dominant of the next (Piston)."""
    targets = _TARGETS[plan.mode] if plan.scale == plan.mode else {}
    out = list(symbols)
    for index in range(len(symbols) - 1):
        wanted = targets.get(symbols[index + 1].split()[0])
        may = wanted is not None and " " not in symbols[index] and symbols[index] != symbols[index + 1]
        chance = _APPLIED * plan.style.chromatic
        if may and wanted and plan.generator(f"applied {letter} {index % 4} {wanted}").random() < chance:
            out[index] = f"{symbols[index]} {wanted}"
    return out
