"""Markdown (CommonMark with tables): words without marks. Links and images by their text; code blocks left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from antiphon.text.documents import html
from antiphon.text.documents.composing import Composer
from antiphon.text.documents.plain import lines, without_footnotes
from antiphon.text.reading import Tell, silent

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_CHUNK_CHARS = 1 << 13
"""A document is parsed in chunks cut at blank lines, so that memory stays flat and hostile nesting costs little."""
_LONGEST_CHUNK = 1 << 15
MAX_NESTING = 20

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]{1,40}\](?::[ \t]?)?")
_REFERENCE = re.compile(r"\[([^\[\]\n]{1,300})\]\[[^\[\]\n]{0,100}\]")
_TASK = re.compile(r"\[[ xX]\]\s+")


def speakable(blocks: Iterable[str], tell: Tell) -> Iterator[str]:
    """The text of a Markdown document, in blocks."""
    speaker = _Speaker()
    for chunk in _chunks(body(lines(blocks))):
        yield from speaker.speak(chunk)
    if speaker.codes:
        tell(f"{speaker.codes:,} block{'s' if speaker.codes > 1 else ''} of code left out")


def body(source: Iterator[str]) -> Iterator[str]:
    """Lines without the front matter (YAML between two lines of dashes at the very beginning)."""
    first = next(source, "")
    held = [first]
    if first.strip() == "---":
        for line in source:
            held.append(line)
            if line.strip() in {"---", "..."}:
                held.clear()
                break
            if len(held) > 200 or not (":" in line or line[:1] in " -#" or not line.strip()):
                break
    yield from held
    yield from source


def _chunks(source: Iterable[str]) -> Iterator[str]:
    held: list[str] = []
    size, fence = 0, ""
    for line in source:
        held.append(line)
        size += len(line) + 1
        if found := _FENCE.match(line):
            if not fence:
                fence = found[1]
            elif found[1].startswith(fence):
                fence = ""
        if (size > _CHUNK_CHARS and not fence and not line.strip()) or size > _LONGEST_CHUNK:
            yield "\n".join(held)
            held, size = ([fence], len(fence)) if fence else ([], 0)
    if held:
        yield "\n".join(held)


class _Speaker:
    """Tokens of one parser to text."""

    def __init__(self) -> None:
        self._out = Composer()
        self._parser = _parser()
        self._ordered: list[int | None] = []  # next number of each open list; None: it has none
        self.codes = 0

    def speak(self, source: str) -> Iterator[str]:
        source = _FOOTNOTE.sub("", source)
        if source.count("<!--") > source.count("-->"):
            source = source.replace("<!--", "")  # each would be searched for its end to the end
        for token in self._parser.parse(source):
            self._token(token)
            if text := self._out.take():
                yield text
        self._out.paragraph()

    def _token(self, token: Token) -> None:
        kind = token.type
        if kind == "inline":
            self._inline(token.children or [])
        elif kind in {"fence", "code_block"}:
            self.codes += 1
        elif kind == "html_block":
            self._html(token.content)
        elif kind in {"bullet_list_open", "ordered_list_open"}:
            self._ordered.append(int(token.attrs.get("start", 1)) if kind.startswith("ordered") else None)
            self._out.line()
        elif kind in {"bullet_list_close", "ordered_list_close"}:
            self._ordered.pop()
            self._out.paragraph()
        elif kind == "list_item_open":
            self._item()
        elif kind in {"list_item_close", "tr_close"}:
            self._out.sentence()
        elif kind in {"td_close", "th_close"}:
            self._out.cell()
        elif kind == "paragraph_close" and token.hidden:
            self._out.sentence()
        elif kind in {"paragraph_close", "heading_close", "hr", "table_close", "blockquote_close"}:
            self._out.paragraph()

    def _item(self) -> None:
        self._out.line()
        number = self._ordered[-1]
        if number is not None:
            self._out.words(f"{number}. ")
            self._ordered[-1] = number + 1

    def _inline(self, children: Sequence[Token]) -> None:
        for place, child in enumerate(children):
            if child.type == "text":
                text = _REFERENCE.sub(r"\1", without_footnotes(child.content))
                self._out.words(_TASK.sub("", text) if not place else text)
            elif child.type in {"code_inline", "image"}:
                self._out.words(child.content)
            elif child.type == "softbreak":
                self._out.words(" ")
            elif child.type == "hardbreak":
                self._out.line()

    def _html(self, content: str) -> None:
        for text in html.speakable([content], silent):
            self._out.words(text)
        self._out.paragraph()


def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"maxNesting": MAX_NESTING, "html": True}).enable(["table", "strikethrough"])
