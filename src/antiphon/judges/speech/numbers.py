"""English numbers in words, so that "7%" and "seven percent" compare equal."""

from __future__ import annotations

import re
from typing import Literal, get_args

Reading = Literal["year", "number", "clock", "digits"]
READINGS: tuple[Reading, ...] = get_args(Reading)
"""1984 as "nineteen eighty four" or as a number; 9.30 as a time; 555 as "five five five"."""

_ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_CURRENCIES = {"$": "dollar", "£": "pound", "€": "euro", "¥": "yen"}
_PER_UNIT = {"dollar": "cent", "pound": "penny", "euro": "cent"}

_MONEY = re.compile(r"([$£€¥])\s?(\d[\d,]*)(?:\.(\d\d))?(?!\d)(\s(?:thousand|million|billion|trillion)\b)?")
_CLOCK = re.compile(r"\b(\d{1,2}):(\d\d)\b")
_ORDINAL = re.compile(r"\b(\d[\d,]*)(?:st|nd|rd|th)\b")
_NUMBER = re.compile(r"(?<![\w.])(-)?(\d(?:[\d,]*\d)?)(?:\.(\d+))?")
_POINTED_CLOCK = re.compile(r"\b(\d{1,2})\.([0-5]\d)\b")
_DATE = re.compile(
    r"\b(january|february|march|april|may|june|july|august|september|october|november|december)\s+(\d{1,2})\b(?![:.,]\d)"
)
_GROUPED = re.compile(r"^\d{1,3}(,\d{3})+$")


def cardinal(number: int) -> str:
    """Below 10^15; larger numbers are read digit by digit. No "and", no hyphens."""
    if number >= 10**15:
        return digits(str(number))
    if number < 20:
        return _ONES[number]
    if number < 100:
        ten, one = divmod(number, 10)
        return _TENS[ten] + (f" {_ONES[one]}" if one else "")
    for scale, name in _SCALES:
        if number >= scale:
            head, rest = divmod(number, scale)
            return f"{cardinal(head)} {name}" + (f" {cardinal(rest)}" if rest else "")
    raise AssertionError(number)


def ordinal(number: int) -> str:
    head, _, last = cardinal(number).rpartition(" ")
    word = _ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return f"{head} {word}".strip()


def digits(text: str) -> str:
    return " ".join(_ONES[int(digit)] for digit in text)


def year(number: int) -> str:
    """1066-2099 as people say years: "nineteen oh five", "two thousand nine", "twenty twenty six"."""
    century, rest = divmod(number, 100)
    if century % 10 == 0 and rest < 10:
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def spell_numbers(text: str, reading: Reading = "year") -> str:
    """Replace figures by words. `reading` says how ambiguous ones are meant; see `READINGS`."""
    if reading == "clock":
        text = _POINTED_CLOCK.sub(r"\1:\2", text)
    text = _DATE.sub(lambda m: f"{m[1]} {ordinal(int(m[2]))} ", text)
    text = _MONEY.sub(_money, text)
    text = _CLOCK.sub(_clock, text)
    text = _ORDINAL.sub(lambda m: f" {ordinal(int(m[1].replace(',', '')))} ", text)
    return _NUMBER.sub(lambda m: _number(m, reading), text)


def _money(match: re.Match[str]) -> str:
    name = _CURRENCIES[match[1]]
    whole = int(match[2].replace(",", ""))
    unit = name if whole == 1 or name == "yen" else f"{name}s"
    if match[4]:
        return f" {cardinal(whole)}{match[4]} {name}s "
    spoken = f" {cardinal(whole)} {unit} "
    if match[3] and int(match[3]):
        spoken += f"{cardinal(int(match[3]))} "
        if name in _PER_UNIT:
            spoken += {"cent": "cents", "penny": "pence"}[_PER_UNIT[name]] + " "
    return spoken


def _clock(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    if minute == 0:
        return f" {cardinal(hour)} "
    return f" {cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)} "


def _number(match: re.Match[str], reading: Reading) -> str:
    sign, whole, fraction = match.groups()
    plain = whole.replace(",", "")
    if "," in whole and not _GROUPED.match(whole):
        spoken = " ".join(cardinal(int(piece)) for piece in whole.split(",") if piece)
    elif reading == "year" and not fraction and len(whole) == 4 and 1100 <= int(plain) < 2100:
        spoken = year(int(plain))
    elif (len(plain) > 1 and plain.startswith("0")) or (reading == "digits" and len(plain) > 2):
        spoken = digits(plain)
    else:
        spoken = cardinal(int(plain))
    if fraction:
        spoken += f" point {digits(fraction)}"
    return f" {'minus ' if sign else ''}{spoken} "
