"""Where a paragraph quotes somebody. Pure text: marks of quotation, one kind for a book."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_STYLES = {
    "\u201c": re.compile("\u201c[^\u201d]*(?:\u201d|$)"),
    '"': re.compile(r'(?:(?<=[\s(\u2014\u2013-])|^)"[^"]*(?:"|$)'),
    "\u00ab": re.compile("\u00ab[^\u00bb]*(?:\u00bb|$)"),
    "\u00bb": re.compile("\u00bb[^\u00ab]*(?:\u00ab|$)"),
    "\u201e": re.compile("\u201e[^\u201c\u201d]*(?:[\u201c\u201d]|$)"),
    "\u2018": re.compile("(?<!\\w)\u2018(?:[^\u2019]|\u2019(?=\\w))*(?:\u2019(?!\\w)|$)"),
}
"""By the mark that opens. Where a text has several, the inner ones are quotations within speech."""
_ORDER = ("\u201e", "\u201c", '"', "\u00ab", "\u00bb", "\u2018")
_CLOSERS = '\u201d"\u00bb\u00ab\u201c\u2019'
_SPOKEN_END = re.compile(r"[.,!?\u2026;:\u2014\u2013-]['\u2019]?$")


@dataclass(frozen=True, slots=True)
class Quote:
    """What is quoted from `begin` to `end` of its paragraph, marks included. `open`: the next paragraph goes on."""

    begin: int
    end: int
    text: str
    open: bool = False


def style_of(paragraphs: Iterable[str]) -> str:
    """The mark that opens speech in a text; "" where nothing is quoted."""
    counts = dict.fromkeys(_ORDER, 0)
    for paragraph in paragraphs:
        for mark in _ORDER:
            counts[mark] += len(_STYLES[mark].findall(paragraph)) if mark in paragraph else 0
    best = max(counts.values())
    return next(mark for mark in _ORDER if counts[mark] * 2 >= best) if best else ""


def quotes_in(paragraph: str, style: str) -> list[Quote]:
    """What is said in a paragraph. A word in marks that ends without a sign is a name or a doubt: nobody says it."""
    found = list[Quote]()
    for match in _STYLES[style].finditer(paragraph) if style else ():
        text = match[0][1:].rstrip(_CLOSERS)
        closed = match[0][-1:] in _CLOSERS and len(match[0]) > 1
        if not any(map(str.isalnum, text)):
            continue
        alone = not any(map(str.isalnum, paragraph[: match.start()]))
        if closed and not _SPOKEN_END.search(text) and not alone and not _leads(paragraph[: match.start()]):
            continue
        found.append(Quote(match.start(), match.end(), text, not closed))
    return found


def _leads(before: str) -> bool:
    return before.rstrip().endswith((",", ":"))
