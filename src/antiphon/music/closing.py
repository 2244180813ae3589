"""How a prompt wants a piece to begin, go on and end: bars, introduction, modulation, ending; read and cut out."""

from __future__ import annotations

import re

from antiphon.music.grammar import Found

MAX_BARS = 400

_BARS = re.compile(r"(?<![\d/.])(?P<bars>\d{1,3})[\s-]*(?:bars?|measures?)\b(?:\s+long)?", re.IGNORECASE)
_END = r"(?:endings?|ends?|finish(?:es)?|stops?|cadence|close)"
_ENDINGS = {
    "plagal": rf"\b(?:{_END}\s+(?:with|on|in)\s+an?\s+)?(?:amen|plagal)\b(?:\s+{_END})?",
    "abrupt": rf"\b(?:abrupt|sudden|hard|cold|clean|dead)\s+{_END}\b|\b{_END}\s+(?:abruptly|suddenly|cold|dead)\b",
    "slowing": r"\b(?:ritardando|rallentando|rit\.|rall\.|rubato)(?:\s+endings?|\s+at\s+the\s+end)?"
    rf"|\bslow(?:s|ing)?\s+down\b(?:\s+(?:at|towards?)\s+the\s+end)?|\bslowing\s+{_END}\b",
}
_ENDING = re.compile("|".join(f"(?P<{name}>{words})" for name, words in _ENDINGS.items()), re.IGNORECASE)
_MODULATION = re.compile(
    r"\b(?:modulat(?:es?|ing|ions?)|key\s+changes?|changes?\s+(?:of\s+)?keys?|truck\s+driver'?s?\s+(?:gear\s+change|modulation))"
    r"\b(?:\s+(?P<way>up|down))?(?:\s+(?:by\s+)?an?\s+(?P<half>half[\s-]?(?:step|tone)|semitone)|\s+(?:by\s+)?an?\s+(?:whole[\s-]?)?"
    r"(?:step|tone))?(?:\s+at\s+the\s+end|\s+(?:for|in)\s+the\s+(?:last|final)\s+\w+)?",
    re.IGNORECASE,
)
_WHOLE_STEP = 2
_INTRO = re.compile(
    r"(?:\b(?P<no>no|without(?:\s+an?)?)\s+)?(?:\b(?P<bars>\d{1,2})[\s-]*(?:bars?|measures?)\s+)?\bintro(?:duction)?s?\b"
    r"(?:\s+of\s+(?P<after>\d{1,2})\s+(?:bars?|measures?))?",
    re.IGNORECASE,
)
_USUAL_INTRO, _LONGEST_INTRO = 4, 16


def bars(text: str) -> Found[int]:
    """How many bars; of several numbers the first, `8-bit` and the like are none."""
    found = [int(match["bars"]) for match in _BARS.finditer(text)]
    if not found or not 1 <= found[0] <= MAX_BARS:
        return Found(None, (), text)
    notes = tuple(f"{found[0]} and {other} bars are both named: the first counts." for other in found[1:])
    return Found(found[0], notes, _BARS.sub(" , ", text))


def intro(text: str) -> Found[int]:
    """Bars of introduction: 4 where no number stands, 0 for `no intro`."""
    match = _INTRO.search(text)
    if match is None:
        return Found(None, (), text)
    count = 0 if match["no"] else min(int(match["bars"] or match["after"] or _USUAL_INTRO), _LONGEST_INTRO)
    return Found(count, (), _INTRO.sub(" , ", text))


def ending(text: str) -> Found[str]:
    """`plagal`, `abrupt` or `slowing`."""
    found = [name for match in _ENDING.finditer(text) for name, said in match.groupdict().items() if said]
    if not found:
        return Found(None, (), text)
    notes = tuple(f"The endings {found[0]} and {name} are both named: the first counts." for name in found[1:])
    return Found(found[0], notes, _ENDING.sub(" , ", text))


def modulation(text: str) -> Found[int]:
    """Semitones by which the last part of the piece is moved; a whole step up where nothing else is said."""
    match = _MODULATION.search(text)
    if match is None:
        return Found(None, (), text)
    steps = (1 if match["half"] else _WHOLE_STEP) * (-1 if (match["way"] or "").lower() == "down" else 1)
    return Found(steps, (), _MODULATION.sub(" , ", text))
