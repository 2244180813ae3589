"""HTML: what a reader of the page would say. Headings, paragraphs, items and rows end sentences; code is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import ClassVar

from antiphon.text.documents import tags
from antiphon.text.documents.plain import without_footnotes
from antiphon.text.reading import Tell

_PARAGRAPHS = frozenset(
    "p div section article header footer main aside nav blockquote figure figcaption address dl form fieldset details "
    "summary ul ol table caption hr h1 h2 h3 h4 h5 h6 body pre".split()
)
_SENTENCES = frozenset(("li", "tr", "dt", "dd", "option", "title"))
_OF_SENTENCES = frozenset(("ul", "ol", "dl", "table"))
_CELLS = frozenset(("td", "th"))
_MARK = re.compile(r"\s*[\[(]?(?:[0-9]{1,3}|[a-z]|[*†‡]+|note [0-9]+)[\])]?\s*")
_POWERS = str.maketrans("0123456789-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻")


class Page(tags.TagReader):
    """What a reader of a page would say."""

    unheard: ClassVar[frozenset[str]] = frozenset(
        "script style head noscript template svg math canvas object iframe audio video select datalist rt rp".split()
    )
    closed_by_nature: ClassVar[frozenset[str]] = frozenset(
        "area base br col embed hr img input link meta source track wbr".split()
    )

    def __init__(self) -> None:
        super().__init__()
        self.codes = 0
        self._preformatted = False
        self._raised: list[str] | None = None  # text of an open <sup>
        self._linked = False  # whether that text is a link, or said to be a reference

    def opened(self, tag: str, attributes: dict[str, str]) -> None:
        if "hidden" in attributes or attributes.get("aria-hidden", "").lower() == "true":
            if tag not in self.closed_by_nature:
                self.skip(tag)
        elif tag == "img":
            self.said(attributes.get("alt", ""))
        elif tag == "br":
            self.out.line()
        elif tag == "sup":
            self._raised = []
            self._linked = any(word in attributes.get("class", "").lower() for word in ("ref", "note", "cite"))
        elif tag == "a" and self._raised is not None:
            self._linked = True
        elif tag == "code" and self._preformatted:
            self.codes += 1
            self.skip(tag)
        elif tag == "q":
            self.out.words("“")
        else:
            if tag in _CELLS:
                self.out.cell()  # of the cell before
            self._preformatted = tag == "pre" or (self._preformatted and tag not in _PARAGRAPHS)
            self._divide(tag)

    def ended(self, tag: str) -> None:
        if tag == "sup" and self._raised is not None:
            self._lower()
        elif tag == "q":
            self.out.words("”")
        elif tag in _SENTENCES:
            self.out.sentence()
        elif tag in _CELLS:
            self.out.cell()
        else:
            self._preformatted = self._preformatted and tag != "pre"
            self._divide(tag)

    def said(self, text: str) -> None:
        if self._raised is not None:
            self._raised.append(text[:100])
            if len(self._raised) > 100:  # an end tag that never comes
                self._lower()
        else:
            super().said(without_footnotes(text))

    def _divide(self, tag: str) -> None:
        if tag in _SENTENCES or tag in _OF_SENTENCES:
            self.out.sentence()  # of the item before, whose end tag may be left out
        if tag in _PARAGRAPHS:
            self.out.paragraph()

    def _lower(self) -> None:
        """Raised text: a footnote's mark is left out, a power becomes one, an ordinal's letters stay."""
        text, self._raised = "".join(self._raised or ()), None
        plain = text.strip()
        power = plain.replace("−", "-").lstrip("-").isdecimal()
        after = self.out.last
        if _MARK.fullmatch(text) and (self._linked or not power or not (after.isalnum() or after in ")²³")):
            return
        self.out.words(plain.translate(_POWERS) if power else text)


def speakable(blocks: Iterable[str], tell: Tell) -> Iterator[str]:
    """The text of a page, in blocks. Raises `InputError` for a tag without end."""
    page = Page()
    yield from tags.spoken(page, blocks)
    if page.codes:
        tell(f"{page.codes:,} block{'s' if page.codes > 1 else ''} of code left out")
