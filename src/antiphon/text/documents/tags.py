"""A forgiving reader of tags for HTML, in linear time: no DTD, no entities but the known ones.

Not `html.parser`, which takes minutes for 200 kB of `<a <a <a`.
"""

from __future__ import annotations

import html
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar

from antiphon.errors import InputError
from antiphon.text.documents.composing import Composer

MAX_TAG_CHARS = 1 << 16
MAX_COMMENT_CHARS = 1 << 20
"""Longest tag, and longest comment, that is waited for."""
_FEED_CHARS = 1 << 14

_TAG_END = re.compile(r"[^<>\"']*(?:(?:\"[^\"]*\"|'[^']*')[^<>\"']*)*+>")
_NAME = re.compile(r"</?([a-zA-Z][\w:.-]{0,100})")
_ATTRIBUTE = re.compile(r"([^\s=<>/\"']{1,100})(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>]+)))?")
_REFERENCE = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});?")
_HELD_REFERENCE = re.compile(r"&[#\w]{0,33}\Z")
_SILENT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_WRAPPERS = (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", ">"), ("<!", ">"))
_DOCTYPE_WITH_DECLARATIONS = re.compile(r"<!doctype[^<>\[\]]{0,1000}\[", re.I)
_RAW = frozenset(("script", "style"))
_LONGEST_OPENING = 9


class TagReader:
    """Feeds a `Composer`. Elements named in `unheard` are skipped with everything in them."""

    unheard: ClassVar[frozenset[str]] = frozenset()
    closed_by_nature: ClassVar[frozenset[str]] = frozenset()

    def __init__(self) -> None:
        self.out = Composer()
        self._buffer = ""
        self._raw = ""  # script or style: nothing in it is a tag but its own end
        self._skipping = ""
        self._depth = 0

    @abstractmethod
    def opened(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    @abstractmethod
    def ended(self, tag: str) -> None:
        """An element ends, or an end tag stands alone."""

    def said(self, text: str) -> None:
        """Running text, entities decoded."""
        self.out.words(text)

    def skip(self, tag: str) -> None:
        """Leave out everything until `tag` ends."""
        self._skipping, self._depth = tag, 1

    def feed(self, text: str, *, final: bool = False) -> None:
        """Take the next part of the document. Raises `InputError` for a tag or comment without end."""
        self._buffer += text
        place = 0
        while True:
            if self._raw:
                place, done = self._past_raw(place, final)
            else:
                found = self._buffer.find("<", place)
                ends = found if found >= 0 else len(self._buffer)
                place = self._text(place, ends, final or found >= 0)
                done = found < 0
                if not done:
                    after = self._markup(found, final)
                    done, place = after < 0, found if after < 0 else after
            if done:
                break
        self._buffer = self._buffer[place:]

    # Parts of the source ---------------------------------------------------------------------------------------------

    def _text(self, begin: int, end: int, certain: bool) -> int:
        """Say what stands before a tag; half a reference at the end waits for its other half."""
        text = self._buffer[begin:end]
        if not certain and (held := _HELD_REFERENCE.search(text[-40:])):
            end -= len(held[0])
            text = self._buffer[begin:end]
        if text and not self._skipping:
            self.said(_SILENT.sub("", _REFERENCE.sub(_character, text)))
        return end

    def _markup(self, begin: int, final: bool) -> int:
        """What begins with `<`. Returns where it ends, or -1 if that is not here yet."""
        source = self._buffer
        if len(source) - begin < _LONGEST_OPENING and not final:
            return -1
        if source.startswith(("<!", "<?"), begin):
            return self._declaration(begin, final)
        name = _NAME.match(source, begin)
        if name is None:
            if not self._skipping:
                self.said("<")
            return begin + 1
        found = _TAG_END.match(source, name.end(), name.end() + MAX_TAG_CHARS)
        if found is None:
            # A tag in which another begins was none.
            if source.find("<", name.end(), name.end() + MAX_TAG_CHARS) >= 0 and '"' not in source[name.end() :][:200]:
                return name.end()
            return self._unfinished(begin, MAX_TAG_CHARS, final)
        self._tag(name[1].lower(), source[begin : found.end()], source[name.end() : found.end() - 1])
        return found.end()

    def _declaration(self, begin: int, final: bool) -> int:
        """A comment, a CDATA section, a document type or a processing instruction."""
        source = self._buffer
        if declared := _DOCTYPE_WITH_DECLARATIONS.match(source, begin):
            opening, closing, inside = "", "]>", declared.end()
        else:
            opening, closing = next(pair for pair in _WRAPPERS if source.startswith(pair[0], begin))
            inside = begin + len(opening)
        end = source.find(closing, inside)
        if end < 0:
            return self._unfinished(begin, MAX_COMMENT_CHARS, final)
        if opening == "<![CDATA[" and not self._skipping:
            self.said(_SILENT.sub("", source[inside:end]))
        return end + len(closing)

    def _unfinished(self, begin: int, longest: int, final: bool) -> int:
        if final:
            return len(self._buffer)
        if len(self._buffer) - begin > longest:
            raise InputError(
                f"A tag or comment does not end within {longest:,} characters",
                "Mend the document, or read it as it is with --format-in text.",
            )
        return -1

    def _past_raw(self, begin: int, final: bool) -> tuple[int, bool]:
        end = self._buffer.lower().find(f"</{self._raw}", begin)
        if end < 0:
            return (len(self._buffer) if final else max(begin, len(self._buffer) - _LONGEST_OPENING)), True
        self._raw = ""
        return end, False

    def _tag(self, tag: str, source: str, inside: str) -> None:
        if source.startswith("</"):
            self._end(tag)
            return
        alone = inside.rstrip().endswith("/") or tag in self.closed_by_nature
        if tag in _RAW and not alone:
            self._raw = tag
        if self._skipping:
            self._depth += tag == self._skipping and not alone
        elif tag in self.unheard:
            if not alone:
                self.skip(tag)
        else:
            self.opened(tag, _attributes(inside))
            if alone and self._skipping == tag:
                self._skipping = ""
            elif alone and tag not in self.closed_by_nature:
                self.ended(tag)

    def _end(self, tag: str) -> None:
        if not self._skipping:
            self.ended(tag)
        elif tag == self._skipping:
            self._depth -= 1
            if not self._depth:
                self._skipping = ""


def _attributes(inside: str) -> dict[str, str]:
    return {
        found[1].lower(): html.unescape(found[2] or found[3] or found[4] or "")
        for found in _ATTRIBUTE.finditer(inside[:4096])
    }


def _character(found: re.Match[str]) -> str:
    return _SILENT.sub("", html.unescape(found[0]))


def spoken(reader: TagReader, blocks: Iterable[str]) -> Iterator[str]:
    """What `reader` makes of `blocks`. Raises `InputError` for a tag without end."""
    for block in blocks:
        for begin in range(0, len(block), _FEED_CHARS):
            reader.feed(block[begin : begin + _FEED_CHARS])
            yield reader.out.take()
    reader.feed("", final=True)
    yield reader.out.take()
