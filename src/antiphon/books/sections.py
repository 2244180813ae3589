"""Where a text, a Markdown document and a page are divided: at their headings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from antiphon.books.book import Section
from antiphon.text import Tell
from antiphon.text.documents import html, markdown, plain, tags

_CHAPTER = re.compile(
    r"(?:(?:chapter|part|book|act|kapitel|teil|chapitre|partie|cap[ií]tulo|capitolo|parte)\s+[\w.-]{1,15}\b"
    r"|prologue|epilogue|preface|foreword|introduction|afterword|prolog|epilog|vorwort|nachwort|prologo|prólogo)"
    r"[^\n]{0,70}",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?…][\"'\u201d\u2019»)]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(?=\S)")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*")
_BEGIN, _END = "\ue000", "\ue001"
_HEADING = re.compile(rf"{_BEGIN}([1-6])([^{_BEGIN}{_END}]*){_END}")
_LEVELS = {f"h{level}": level for level in range(1, 7)}


def of_text(blocks: Iterator[str], tell: Tell) -> Iterator[Section]:
    """Plain text: short paragraphs that are called a chapter, a part or a preface are headings."""
    level, title, held = 0, "", list[str]()
    for paragraph in "".join(plain.speakable(blocks, tell)).split("\n\n"):
        line = " ".join(paragraph.split())
        if (found := _CHAPTER.fullmatch(line)) and (not _SENTENCE_END.search(line) or len(found[0]) < 24):
            yield Section(level, title, "\n\n".join(held))
            level, title, held = 1, line, []
        held.append(paragraph)
    yield Section(level, title, "\n\n".join(held))


def of_markdown(blocks: Iterator[str], tell: Tell) -> Iterator[Section]:
    """Markdown: ATX and underlined headings, outside of code."""
    level, held = 0, list[str]()
    for line_level, line in _levelled(markdown.body(plain.lines(blocks))):
        if line_level:
            yield _markdown(level, held, tell)
            level, held = line_level, []
        held.append(line)
    yield _markdown(level, held, tell)


def of_html(blocks: Iterator[str], tell: Tell) -> Iterator[Section]:
    """A page: h1 to h6. Raises `InputError` for a tag without end."""
    page = _HeadedPage()
    text = "".join(tags.spoken(page, blocks))
    if page.codes:
        tell(f"{page.codes:,} block{'s' if page.codes > 1 else ''} of code left out")
    level, title, begin = 0, "", 0
    for found in _HEADING.finditer(text):
        if not any(char.isalnum() for char in found[2]):
            continue
        yield Section(level, title, _unmarked(text[begin : found.start()]))
        level, title, begin = int(found[1]), " ".join(found[2].split()), found.start()
    yield Section(level, title, _unmarked(text[begin:]))


class _HeadedPage(html.Page):
    """A page whose headings stay marked."""

    def opened(self, tag: str, attributes: dict[str, str]) -> None:
        super().opened(tag, attributes)
        if tag in _LEVELS and not self._skipping:  # nor hidden
            self.out.words(f"{_BEGIN}{_LEVELS[tag]}")

    def ended(self, tag: str) -> None:
        if tag in _LEVELS:
            self.out.words(_END)
        super().ended(tag)

    def said(self, text: str) -> None:
        super().said(_unmarked(text))


def _unmarked(text: str) -> str:
    return _HEADING.sub(r"\2", text).replace(_BEGIN, "").replace(_END, "")


def _markdown(level: int, lines: list[str], tell: Tell) -> Section:
    text = "".join(markdown.speakable(["\n".join(lines)], tell)).strip()
    return Section(level, " ".join(text.partition("\n\n")[0].split()) if level else "", text)


def _levelled(lines: Iterator[str]) -> Iterator[tuple[int, str]]:
    """Each line with the level of the heading that it begins, or 0."""
    fence, held = "", ""  # `held`: a line that the next one may underline
    for line in lines:
        if (underline := _UNDERLINE.fullmatch(line)) and held.strip():
            yield 1 if underline[1][0] == "=" else 2, held
            held = ""
            yield 0, line
            continue
        if held:
            yield 0, held
            held = ""
        if found := _FENCE.match(line):
            fence = "" if fence and found[1].startswith(fence) else fence or found[1]
        if not fence and (heading := _ATX.match(line)):
            yield len(heading[1]), line
        elif not fence and line.strip() and not line.startswith(("    ", "\t", "-", "|", ">")):
            held = line
        else:
            yield 0, line
    if held:
        yield 0, held
