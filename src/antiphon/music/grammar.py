"""The exact part of a prompt: tempo, key, meter, length, form and instruments, found by patterns and cut out.

Each reader takes the text and returns what it found, sentences about what it decided, and the text without the words
it understood. Rules: a number beats a word; of two that contradict each other, the first named wins.
"""

from __future__ import annotations

import re
from typing import Generic, NamedTuple, TypeVar

from antiphon.music.meter import METERS

MIN_BPM, MAX_BPM = 30.0, 300.0
FoundT = TypeVar("FoundT")


class Found(NamedTuple, Generic[FoundT]):
    """One thing read: its value (None: not said), notes, and the rest of the text."""

    value: FoundT | None
    notes: tuple[str, ...]
    rest: str


class Key(NamedTuple):
    """`tonic` 0 = C ... 11 = B; all may be unsaid. `church` is the church mode whose third `mode` tells."""

    tonic: int | None
    mode: str | None
    church: str | None = None


_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_UNITS = {word: number for number, word in enumerate(_SMALL.split())}
_TENS = {
    word + "ty": 10 * number
    for number, word in enumerate(("twen", "thir", "for", "fif", "six", "seven", "eigh", "nine"), start=2)
}
_NUMBER_WORDS = "|".join((*_UNITS, *_TENS, "hundred"))
_SPELT = re.compile(rf"\b(?:a\s+)?(?:{_NUMBER_WORDS})(?:[\s-]+(?:and\s+)?(?:{_NUMBER_WORDS}))*\b", re.IGNORECASE)
_NUMBER = r"\d{1,5}(?:[.,]\d{1,3})?"


def spelt_numbers(text: str) -> str:
    """`one hundred and twenty bpm` as `120 bpm`, but only where a number of something musical follows."""
    unit = re.compile(r"[\s-]*(?:bpm|beats?\s+per|seconds?\b|secs?\b|minutes?\b|mins?\b)", re.IGNORECASE)

    def digits(match: re.Match[str]) -> str:
        return str(_value(match[0])) if unit.match(text, match.end()) else match[0]

    return _SPELT.sub(digits, text)


def _value(words: str) -> int:
    total = 0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word == "hundred":
            total = max(total, 1) * 100
        total += _UNITS.get(word, 0) + _TENS.get(word, 0)
    return total


# --- tempo ---------------------------------------------------------------------------------------------------------

_TEMPO = re.compile(
    rf"(?:(?:tempo|speed)\s*(?:of|is|:|=|at)?\s*)?(?<![\d.])(?P<low>{_NUMBER})(?:\s*(?:-|\u2013|to)\s*(?P<high>{_NUMBER}))?"
    r"\s*-?(?:bpm|b\.p\.m\.?|beats?\s+(?:per|a|/)\s*min(?:ute)?s?)"
    rf"|(?:\bbpm|\btempo|\u2669|\u2669\s*=)\s*(?:of|is|:|=|at|around|about)?\s*(?P<after>{_NUMBER})(?![\d:/])",
    re.IGNORECASE,
)


class Tempo(NamedTuple):
    """`low` = `high` when one number was named."""

    low: float
    high: float


def tempo(text: str) -> Found[Tempo]:
    """Beats a minute named as a number or a range."""
    notes: list[str] = []
    found: list[Tempo] = []
    for match in _TEMPO.finditer(text):
        low = _number(match["after"] or match["low"])
        high = _number(match["high"]) if match["high"] else low
        found.append(Tempo(min(low, high), max(low, high)))
    if not found:
        return Found(None, (), text)
    chosen = found[0]
    notes += [
        f"{_bpm(chosen)} and {_bpm(other)} are both named: the first counts." for other in found if other != chosen
    ]
    limited = Tempo(*(min(max(value, MIN_BPM), MAX_BPM) for value in chosen))
    if limited != chosen:
        notes.append(f"{_bpm(chosen)} is outside {MIN_BPM:g}-{MAX_BPM:g} bpm: {_bpm(limited)} is played.")
    return Found(limited, tuple(notes), _TEMPO.sub(" , ", text))


def _bpm(value: Tempo) -> str:
    return f"{value.low:g} bpm" if value.low == value.high else f"{value.low:g}-{value.high:g} bpm"


def _number(text: str) -> float:
    return float(text.replace(",", "."))


# --- key -----------------------------------------------------------------------------------------------------------

NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MODES = {"minor": "minor", "min": "minor", "maj": "major", "major": "major"}
_CHURCH = {
    "dorian": "minor",
    "phrygian": "minor",
    "aeolian": "minor",
    "locrian": "minor",
    "ionian": "major",
    "lydian": "major",
    "mixolydian": "major",
}
_MODE_WORDS = "|".join((*_MODES, *_CHURCH))
_ACCIDENTAL = r"(?:\s?[-]?(?:sharp|flat)\b|[#\u266f\u266db](?![a-z]))"
_KEY_NAMED = re.compile(
    rf"(?<![A-Za-z0-9#])(?P<note>[A-Ga-g])(?P<sign>{_ACCIDENTAL})?[\s-]*(?:natural\s+|harmonic\s+)?(?P<mode>(?i:{_MODE_WORDS}))\b"
)
_KEY_SHORT = re.compile(r"(?<![A-Za-z0-9#])(?P<note>[A-G])(?P<sign>[#\u266f\u266db])?m(?:in)?(?![A-Za-z0-9])")
_KEY_OF = re.compile(
    rf"\b(?P<lead>(?i:key\s*(?:of|:|=|is)?|in))\s+(?P<note>[A-G])(?P<sign>{_ACCIDENTAL})?(?![A-Za-z0-9#'])"
)
_KEY_ON = re.compile(rf"\bon\s+(?P<note>[A-G])(?P<sign>{_ACCIDENTAL})?(?![A-Za-z0-9#'])")
_NO_MODE = re.compile(
    r"\b(?:no|not|without|never)\s+(?:in\s+|any\s+|a\s+)*(?P<mode>minor|major)\b(?:\s+(?:key|mode|chords?))?",
    re.IGNORECASE,
)
_OTHER = {"minor": "major", "major": "minor"}
_MODE_ALONE = re.compile(
    rf"\b(?:in\s+)?(?:an?\s+)?({_MODE_WORDS})\b(?:[\s-]+(?:key|mode|scale|tonality|chords?))?", re.IGNORECASE
)


def key(text: str) -> Found[Key]:
    """`A minor`, `F# major`, `Bbm`, `key of G`, `in a minor key`, church modes."""
    found: list[tuple[int, Key]] = []
    notes: list[str] = []
    rest = text
    found += [(len(text), Key(None, _OTHER[match["mode"].lower()])) for match in _NO_MODE.finditer(rest)]
    rest = _NO_MODE.sub(lambda m: " " * len(m[0]), rest)
    church = (_KEY_ON,) if _MODE_ALONE.search(rest) else ()
    for pattern in (_KEY_NAMED, _KEY_SHORT, _KEY_OF, *church):
        for match in pattern.finditer(rest):
            if _is_article(match, rest):
                continue
            mode = match.groupdict().get("mode") or ("minor" if pattern is _KEY_SHORT else None)
            found.append((match.start(), Key(_tonic(match), _mode(mode), _church(mode))))
        rest = pattern.sub(lambda m: m[0] if _is_article(m, m.string) else " " * (len(m[0])), rest)
    alone = [(m.start(), Key(None, _mode(m[1]), _church(m[1]))) for m in _MODE_ALONE.finditer(rest)]
    rest = _MODE_ALONE.sub(lambda m: " " * len(m[0]), rest)
    keys = [value for _, value in sorted(found, key=lambda pair: pair[0])]
    for _, value in alone:
        if keys and keys[0].mode is None:
            keys[0] = Key(keys[0].tonic, value.mode, value.church)
        elif not keys or value.mode != keys[0].mode:
            keys.append(value)
    if not keys:
        return Found(None, (), text)
    notes += [
        f"{_key_name(keys[0])} and {_key_name(other)} are both named: the first counts."
        for other in dict.fromkeys(keys[1:])
        if other != keys[0]
    ]
    return Found(keys[0], tuple(dict.fromkeys(notes)), rest)


def _is_article(match: re.Match[str], text: str) -> bool:
    """`in a minor key` speaks of a mode, `in a minor` of the note A."""
    return (
        match["note"] == "a" and re.match(r"\s+(?:key|mode|scale|tonality|chord|mood)", text[match.end() :]) is not None
    )


def _tonic(match: re.Match[str]) -> int:
    sign = (match["sign"] or "").strip(" -").lower()
    shift = {"": 0, "#": 1, "\u266f": 1, "sharp": 1, "b": -1, "\u266d": -1, "flat": -1}[sign]
    return (NATURALS[match["note"].upper()] + shift) % 12


def _mode(word: str | None) -> str | None:
    if word is None:
        return None
    return _CHURCH.get(word.lower()) or _MODES[word.lower()]


def _church(word: str | None) -> str | None:
    """Ionian is major by another name."""
    return word.lower() if word and word.lower() in _CHURCH and word.lower() != "ionian" else None


def _key_name(value: Key) -> str:
    return f"{NAMES[value.tonic] if value.tonic is not None else ''} {value.church or value.mode or ''}".strip()


# --- meter, length, form -------------------------------------------------------------------------------------------

_METER = re.compile(
    r"(?<![\d/])(?P<beats>\d{1,2})\s?/\s?(?P<unit>2|4|8|16)(?![\d/])(?:[\s-]*(?:time|meter|metre|signature))?"
)
_METER_WORDS = re.compile(
    r"\b(?P<three>triple (?:time|meter|metre))|\b(?P<four>common time|four on the floor|4 on the floor)\b"
    r"|\b(?P<two>cut time|alla breve)\b|\b(?P<compound>compound (?:time|meter|metre|duple(?: time| meter| metre)?))\b"
    r"|\b(?P<slip>slip jig)\b|\b(?P<dance>jig|tarantella|siciliana|siciliano|barcarolle)\b",
    re.IGNORECASE,
)
_MEANT = {"three": "3/4", "four": "4/4", "two": "2/4", "compound": "6/8", "slip": "9/8", "dance": "6/8"}
"""Named group -> metre. Dances stay in the text: they say more than their metre."""

_NEAREST = {2: "2/4", 3: "3/4", 5: "5/4", 6: "6/8", 7: "7/8", 9: "9/8", 12: "12/8"}


def meter(text: str) -> Found[str]:
    """A key of `METERS`; others are played as the nearest of them."""
    notes: list[str] = []
    found = []
    for match in sorted((*_METER.finditer(text), *_METER_WORDS.finditer(text)), key=lambda m: m.start()):
        if match.re is _METER:
            beats, unit = int(match["beats"]), int(match["unit"])
            value = f"{beats}/{unit}"
            if value not in METERS:
                value = _NEAREST.get(beats, "4/4")
                notes.append(f"{beats}/{unit} is played as {value}.")
        else:
            value = next(_MEANT[name] for name, said in match.groupdict().items() if said)
        found.append(value)
    if not found:
        return Found(None, (), text)
    if len(set(found)) > 1:
        notes.append(f"Several meters are named: the first, {found[0]}, counts.")
    rest = _METER_WORDS.sub(lambda m: m["dance"] or ("jig" if m["slip"] else " , "), _METER.sub(" , ", text))
    return Found(found[0], tuple(notes), rest)


_CLOCK = re.compile(r"(?<![\d:])(?P<min>\d{1,2}):(?P<sec>[0-5]\d)(?![\d:])(?:\s*(?:min(?:ute)?s?|long))?")
_HALF_MINUTE = re.compile(r"\bhalf\s+a\s+minute\b|\bhalf[\s-]minute\b", re.IGNORECASE)
_MINUTE_HALF = re.compile(r"\b(?:a|1)\s+minute\s+and\s+a\s+half\b|\b1\.5\s+min(?:ute)?s?\b", re.IGNORECASE)
_MINUTES = re.compile(
    rf"\b(?P<min>{_NUMBER}|a)[\s-]*(?:minutes?|mins?)\b(?:\s*(?:and\s+)?(?P<sec>\d{{1,2}})[\s-]*(?:seconds?|secs?|s)\b)?(?:\s+long)?",
    re.IGNORECASE,
)
_SECONDS = re.compile(rf"\b(?P<sec>{_NUMBER})[\s-]*(?:seconds?|secs?|s)\b(?:\s+long)?", re.IGNORECASE)


def length(text: str) -> Found[float]:
    """Seconds."""
    found: list[tuple[int, float]] = []
    rest = text
    for pattern in (_CLOCK, _MINUTE_HALF, _HALF_MINUTE, _MINUTES, _SECONDS):
        found += [(match.start(), _seconds(pattern, match.groupdict())) for match in pattern.finditer(rest)]
        rest = pattern.sub(lambda m: "," * len(m[0]), rest)
    if not found:
        return Found(None, (), text)
    values = [value for _, value in sorted(found)]
    others = [value for value in values if value != values[0]]
    notes = tuple(f"{values[0]:g} s and {value:g} s are both named: the first counts." for value in others)
    return Found(values[0], notes, rest)


def _seconds(pattern: re.Pattern[str], groups: dict[str, str | None]) -> float:
    if pattern is _HALF_MINUTE:
        return 30.0
    if pattern is _MINUTE_HALF:
        return 90.0
    minutes = groups.get("min")
    first = 0.0 if minutes is None else 1.0 if minutes.lower() == "a" else _number(minutes)
    return 60 * first + _number(groups.get("sec") or "0")


_LETTERS = re.compile(r"(?<![A-Za-z])A(?:[\s-]?[A-E]['\u2019]?){1,11}(?![A-Za-z#])")
_PARTS = re.compile(r"\b(verse|chorus|refrain|bridge|pre-chorus|prechorus|middle eight|hook)\b", re.IGNORECASE)
_FORMS = {"rondo": "ABACA", "ternary": "ABA", "binary": "AABB", "strophic": "AAA"}
_FORM_WORDS = re.compile(rf"\b({'|'.join(_FORMS)})\b(?:\s+form)?", re.IGNORECASE)
_PART_LETTER = {"verse": "A", "chorus": "B", "refrain": "B", "hook": "B"}


def structure(text: str) -> Found[str]:
    """Section letters, in the order of first mention: `AABA`, `verse chorus verse`, `rondo`."""
    found: list[tuple[int, str]] = []
    for match in _LETTERS.finditer(text):
        letters = re.sub(r"[^A-E]", "", match[0])
        if len(letters) > 1 and len(set(letters)) == ord(max(letters)) - ord("A") + 1:
            found.append((match.start(), letters))
    found += [(match.start(), _FORMS[match[1].lower()]) for match in _FORM_WORDS.finditer(text)]
    parts = list(_PARTS.finditer(text))
    if len(parts) > 1:
        found.append((parts[0].start(), "".join(_PART_LETTER.get(part[1].lower(), "C") for part in parts)))
    rest = _PARTS.sub(" ", _FORM_WORDS.sub(" ", _LETTERS.sub(" ", text)))
    if not found:
        return Found(None, (), rest)
    forms = [form for _, form in sorted(found)]
    notes = tuple(f"The forms {forms[0]} and {form} are both named: the first counts." for form in forms[1:])
    return Found(forms[0], notes, rest)
