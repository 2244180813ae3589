"""What `say-as` of SSML makes of a text (W3C note "SSML 1.0 say-as attribute values", and what engines agree on)."""

from __future__ import annotations

import re

_SPELLED = frozenset(("characters", "character", "spell-out", "verbatim", "letters", "digits", "telephone"))
_ORDERS = {"ymd": (0, 1, 2), "mdy": (2, 0, 1), "dmy": (2, 1, 0)}
_AS_IT_IS = frozenset(("cardinal", "number", "time", "currency", "unit", "fraction", "address", "name", "net", "vxml"))
KINDS = _SPELLED | _AS_IT_IS | {"ordinal", "date", "expletive", "bleep"}
"""What may be asked for. Those that change nothing are read by the rules of the language as they are written."""


def said_as(text: str, kind: str, form: str) -> str:
    """`text` as the `interpret-as` of `kind` in a `format` wants it said."""
    if kind in _SPELLED:
        # A letter with a dot is a letter's name to every reader ("A." is no article); figures stand alone.
        letters = re.sub(r"[^\W\d_]", lambda m: f"{m[0].upper()}.", text)
        return " ".join(re.sub(r"([^\W_]\.|[^\w\s])?(\d)", r"\1 \2 ", letters).split())
    if kind == "ordinal" and text.isdecimal():
        return text + _ordinal_ending(int(text[-2:]))
    if kind == "date":
        return _date(text, form)
    if kind in {"expletive", "bleep"}:
        return "bleep"
    return text


def _ordinal_ending(number: int) -> str:
    return "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _date(text: str, form: str) -> str:
    """A date in digits as ISO 8601, which every language's rules read the same; anything else as it is."""
    parts = re.findall(r"[0-9]+", text)
    order = _ORDERS.get(form)
    if form in {"", "yyyymmdd"} and re.fullmatch(r"[0-9]{8}", text):
        parts, order = [text[:4], text[4:6], text[6:]], _ORDERS["ymd"]
    if order is None or len(parts) != 3:
        return text
    year, month, day = (parts[place] for place in order)
    return f"{year}-{month:0>2}-{day:0>2}" if len(year) == 4 else text
