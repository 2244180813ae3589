"""Text put together from the parts of a document: words, ends of sentences and paragraphs, silences."""

from __future__ import annotations

import re

from antiphon.text.boundaries import pause

_SPACE = re.compile(r"[ \t\n\r\f\v\x85\u2028\u2029\u3000]+")
_ENDED = re.compile(r"[.!?…。！？:;,।۔؟]['\"”’»)\]]*$")
_NO_TEXT = str.maketrans("", "", " ,\n")
_LAST = 64


class Composer:
    """Collects what is said; `take` hands over what is certain. White space collapses as in HTML."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._tail = ""  # the end of what was said, to know whether a sentence is over
        self._gap = ""  # white space that comes before the next word, if one comes

    def words(self, text: str) -> None:
        """Running text; a silence or an end before it has been asked for stays."""
        text = _SPACE.sub(" ", text)
        if text.startswith(" "):
            self._gap = self._gap or " "
        core = text.strip(" ")
        if core:
            self._put(core)
            if text.endswith(" "):
                self._gap = " "

    def sentence(self) -> None:
        """What was said is a sentence, whether its writer ended it or not."""
        self._close(".")
        self._gap = self._gap if "\n" in self._gap else "\n"

    def line(self) -> None:
        """A new line within a paragraph."""
        self._gap = self._gap if "\n" in self._gap else "\n"

    def cell(self) -> None:
        """A table cell is over: a comma before the next one."""
        if self._tail and "\n" not in self._gap:
            self._gap = " " if _ENDED.search(self._tail) else ", "

    def paragraph(self) -> None:
        """A blank line."""
        if self._tail:
            self._gap = "\n\n" + self._gap.translate(_NO_TEXT)

    def silence(self, seconds: float) -> None:
        """A silence asked for."""
        if self._tail:
            self._gap = self._gap.rstrip(" ") + pause(seconds) + " "

    @property
    def said(self) -> bool:
        """Whether anything was."""
        return bool(self._tail)

    @property
    def last(self) -> str:
        """The last character said, "" after a gap."""
        return "" if self._gap else self._tail[-1:]

    @property
    def gap(self) -> str:
        """What lies between what was said and the next word: ends of lines, silences."""
        return self._gap if self._tail else ""

    def take(self) -> str:
        """All that was composed since the last time. A gap waits for what follows it."""
        text = "".join(self._parts)
        self._parts.clear()
        return text

    def _close(self, mark: str) -> None:
        if self._tail and not _ENDED.search(self._tail) and "\n" not in self._gap:
            self._gap, gap = "", self._gap
            self._put(mark)
            self._gap = gap.translate(_NO_TEXT)

    def _put(self, text: str) -> None:
        self._parts += (self._gap if self._tail else "", text)
        self._gap = ""
        self._tail = (self._tail + text)[-_LAST:]
