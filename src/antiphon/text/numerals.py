"""Numbers in English words."""

from __future__ import annotations

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ("", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion")
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}

MAX_DIGITS = 18
"""Longer numbers are read digit by digit."""


def cardinal(number: int, *, british: bool = False) -> str:
    """124 -> "one hundred twenty-four" ("one hundred and twenty-four" in Britain). At most `MAX_DIGITS` digits."""
    if number < 0:
        return f"minus {cardinal(-number, british=british)}"
    if number == 0:
        return "zero"
    words: list[str] = []
    for power in range(len(_SCALES) - 1, -1, -1):
        group = number // 1000**power % 1000
        if not group:
            continue
        if british and words and power == 0 and group < 100:
            words.append("and")
        words.append(_below_thousand(group, british=british))
        if power:
            words.append(_SCALES[power])
    return " ".join(words)


def ordinal(number: int, *, british: bool = False) -> str:
    """21 -> "twenty-first"."""
    words = cardinal(number, british=british)
    cut = max(words.rfind(" "), words.rfind("-")) + 1
    last = words[cut:]
    regular = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return words[:cut] + _ORDINALS.get(last, regular)


def digits(text: str) -> str:
    """ "404" -> "four zero four"; what is no ASCII digit is skipped."""
    return " ".join(_ONES[int(char)] for char in text if char in "0123456789")


def decimal(text: str, *, british: bool = False) -> str:
    """ "1,234.50" -> "one thousand two hundred thirty-four point five zero"; a leading zero is read digit by digit."""
    whole, dot, part = text.replace(",", "").partition(".")
    if not whole and part:
        return f"point {digits(part)}"
    if len(whole) > MAX_DIGITS or (len(whole) > 1 and whole[0] == "0"):
        spoken = digits(whole)
    else:
        spoken = cardinal(int(whole or "0"), british=british)
    return f"{spoken} point {digits(part)}" if dot and part else spoken


def year(number: int, *, british: bool = False) -> str:
    """1999 -> "nineteen ninety-nine", 1905 -> "nineteen oh five", 2007 -> "two thousand seven"."""
    century, rest = divmod(number, 100)
    if not 1000 <= number <= 9999 or (century % 10 == 0 and rest < 10):
        return cardinal(number, british=british)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' + _ONES[rest] if rest < 10 else cardinal(rest)}"


def plural(words: str) -> str:
    """ "ninety" -> "nineties", "hundred" -> "hundreds", "six" -> "sixes"."""
    if words.endswith("y"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith(("x", "s")) else "s")


def roman(text: str) -> int | None:
    """The value of a well-formed Roman numeral, else None."""
    total = 0
    for here, after in zip(text, text[1:] + " ", strict=True):
        value = _ROMAN.get(here)
        if value is None:
            return None
        total += -value if _ROMAN.get(after, 0) > value else value
    return total if 0 < total < 4000 and _to_roman(total) == text else None


def _to_roman(number: int) -> str:
    written = ""
    for value, sign in (
        *((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL")),
        *((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")),
    ):
        written += sign * (number // value)
        number %= value
    return written


def _below_thousand(number: int, *, british: bool) -> str:
    hundreds, rest = divmod(number, 100)
    small = _ONES[rest] if rest < 20 else _TENS[rest // 10] + (f"-{_ONES[rest % 10]}" if rest % 10 else "")
    if not hundreds:
        return small
    return f"{_ONES[hundreds]} hundred" + (f" {'and ' if british else ''}{small}" if rest else "")
