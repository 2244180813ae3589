"""SSML 1.1 (W3C), as far as text can carry it: breaks are silences, sub says its alias, say-as is honoured."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import ClassVar

from antiphon.text.documents import tags
from antiphon.text.reading import Tell

_STRENGTHS_S = {"none": 0.0, "x-weak": 0.0, "weak": 0.1, "medium": 0.3, "strong": 0.7, "x-strong": 1.2}
_TIME = re.compile(r"\+?([0-9]{0,6}(?:\.[0-9]{1,6})?)\s*(ms|s)", re.I)
_NOT_FOLLOWED = frozenset(("prosody", "voice", "lang", "phoneme", "audio", "lexicon", "mark"))
_SPELLED = frozenset(("characters", "character", "spell-out", "verbatim", "letters", "digits", "telephone"))
_ORDERS = {"ymd": (0, 1, 2), "mdy": (2, 0, 1), "dmy": (2, 1, 0)}
_LONGEST_SAID = 1_000


class _Speech(tags.TagReader):
    unheard: ClassVar[frozenset[str]] = frozenset(("metadata", "meta", "lexicon", "lookup", "desc", "title"))

    def __init__(self) -> None:
        super().__init__()
        self.not_followed: dict[str, None] = {}
        self._as: tuple[str, str] | None = None  # interpret-as and format of an open say-as
        self._held: list[str] = []

    def opened(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name in _NOT_FOLLOWED or ":" in tag:
            self.not_followed[name] = None
        if name == "break":
            self._break(attributes)
        elif name == "sub":
            if alias := attributes.get("alias", ""):
                self.said(alias)
                self.skip(tag)
        elif name == "say-as":
            self._as = (attributes.get("interpret-as", "").lower(), attributes.get("format", "").lower())
        elif name in {"p", "paragraph", "speak"}:
            self.out.paragraph()

    def ended(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if name == "say-as" and self._as is not None:
            (kind, form), self._as = self._as, None
            text, self._held = "".join(self._held), []
            self.out.words(_said_as(text.strip(), kind, form))
        elif name in {"s", "sentence"}:
            self.out.sentence()
        elif name in {"p", "paragraph"}:
            self.out.sentence()
            self.out.paragraph()

    def said(self, text: str) -> None:
        if self._as is None:
            super().said(text)
        elif sum(map(len, self._held)) < _LONGEST_SAID:
            self._held.append(text)
        else:  # an end tag that never comes
            self.out.words("".join(self._held) + text)
            self._held, self._as = [], None

    def _break(self, attributes: dict[str, str]) -> None:
        found = _TIME.fullmatch(attributes.get("time", "").strip())
        if found and found[1].strip("."):
            seconds = float(found[1]) / (1000 if found[2].lower() == "ms" else 1)
        else:
            seconds = _STRENGTHS_S.get(attributes.get("strength", "medium").lower(), _STRENGTHS_S["medium"])
        if seconds >= 0.05:
            self.out.silence(seconds)


def _said_as(text: str, kind: str, form: str) -> str:
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


def speakable(blocks: Iterable[str], tell: Tell) -> Iterator[str]:
    """The text of an SSML document, in blocks. Raises `InputError` for a tag without end."""
    speech = _Speech()
    yield from tags.spoken(speech, blocks)
    if speech.not_followed:
        tell(f"SSML's {', '.join(sorted(speech.not_followed))} not followed; the words in them are said")
