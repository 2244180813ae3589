"""PDF: paragraphs as they are read, chapters by the outline or by large type. Source: ISO 32000, read by PDFium."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from antiphon.books import pdf_pages
from antiphon.books.book import Book, Section, chapters_of, one_line, title_in
from antiphon.books.page_layout import Block, Line, paragraphs
from antiphon.books.sections import of_text
from antiphon.errors import InputError
from antiphon.text import Tell
from antiphon.text.documents import plain

MAX_FILE_BYTES = 512 << 20
TIMEOUT_S = 600.0
LARGER = 1.2
"""Type that is so much larger than the body's is a heading."""
MAX_HEADING_CHARS = 120
MAX_UNREADABLE = 0.2
"""With a larger share of characters that are no writing, the fonts say nothing of the letters they draw."""

_OCR = "Have its pages read first (OCR), for instance by ocrmypdf."


class _Page(msgspec.Struct):
    turned: bool
    segments: list[tuple[float, float, float, float, str]]


class _Found(msgspec.Struct):
    title: str
    author: str
    outline: list[tuple[int, str, int]]
    pages: list[_Page]


def open_pdf(file: Path, tell: Tell) -> Book:
    """Raises `InputError` for a document that is broken, locked, too large, or has no text to read."""
    found = _found(file)
    pages = [[Line(*segment, number) for segment in page.segments] for number, page in enumerate(found.pages)]
    _check_text(file, pages, tell)
    turned = frozenset(number for number, page in enumerate(found.pages) if page.turned)
    blocks = paragraphs(pages, turned)
    sections = list(_outlined(blocks, found.outline) or _headed(blocks) or of_text(_blocks(blocks), tell))
    title = one_line(found.title) or title_in(sections) or file.stem
    chapters = tuple(one for one in chapters_of(sections, title) if one.passages)
    if not chapters:
        raise InputError(f"{str(file)!r} holds no text", "Give at least one word.")
    return Book(title, chapters, one_line(found.author))


def _found(file: Path) -> _Found:
    name = repr(str(file))
    if file.stat().st_size > MAX_FILE_BYTES:
        raise InputError(f"{name} is larger than {MAX_FILE_BYTES >> 20} MB", "Give it in parts.")
    command = [sys.executable, "-P", pdf_pages.__file__, str(file)]
    try:
        ended = subprocess.run(command, capture_output=True, check=False, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise _harmful(name) from error
    if ended.returncode == pdf_pages.LOCKED:
        raise InputError(f"{name} is locked with a password", "Save it without one.")
    if ended.returncode == pdf_pages.BROKEN:
        raise InputError(f"{name} is no whole PDF", "Fetch or export it again.")
    if ended.returncode:  # too large, or the parser was ended by the system
        raise _harmful(name)
    return msgspec.json.decode(ended.stdout, type=_Found)


def _harmful(name: str) -> InputError:
    return InputError(f"{name} takes more memory or time to read than a book does", "Print it into a new PDF.")


def _check_text(file: Path, pages: Sequence[Sequence[Line]], tell: Tell) -> None:
    chars = Counter[str]()
    for page in pages:
        for line in page:
            chars.update(line.text)
    silent = sum(not page for page in pages)
    if not any(map(str.isalnum, chars)):
        raise InputError(f"{str(file)!r} holds no text, only pictures of pages", _OCR)
    unreadable = sum(count for char, count in chars.items() if char == "\ufffd" or not char.isprintable())
    if unreadable > MAX_UNREADABLE * sum(chars.values()):
        raise InputError(f"The fonts of {str(file)!r} do not say which letters they draw", _OCR)
    if silent * 2 > len(pages):
        tell(f"{silent:,} of {len(pages):,} pages hold no text: pictures of pages are not read")


def _outlined(blocks: Sequence[Block], outline: Sequence[tuple[int, str, int]]) -> list[Section]:
    """Sections by the bookmarks: from where the title stands on its page, else from the page's first paragraph."""
    starts = list[tuple[int, int, str]]()  # block, level, title
    for level, title, page in outline:
        after = starts[-1][0] if starts else 0
        on_page = [at for at in range(after, len(blocks)) if blocks[at].page == page]
        later = next((at for at in range(after, len(blocks)) if blocks[at].page > page), None)
        start = next((at for at in on_page if _names(title, blocks[at])), on_page[0] if on_page else later)
        if start is not None and _plain(title):
            starts.append((start, min(level, 6), one_line(title)))
    return list(_cut(blocks, starts)) if starts else []


def _headed(blocks: Sequence[Block]) -> list[Section]:
    """Sections by type that is larger than the body's; none where there are fewer than two."""
    sizes = Counter[float]()
    for block in blocks:
        sizes[round(block.size, 1)] += len(block.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    heads = [
        at
        for at, block in enumerate(blocks)
        if block.size >= LARGER * body and len(block.text) <= MAX_HEADING_CHARS and any(map(str.isalpha, block.text))
    ]
    ranks = {size: rank for rank, size in enumerate(sorted({round(blocks[at].size) for at in heads}, reverse=True), 1)}
    starts = [(at, min(ranks[round(blocks[at].size)], 6), one_line(blocks[at].text)) for at in heads]
    return list(_cut(blocks, starts)) if len(starts) > 1 else []


def _cut(blocks: Sequence[Block], starts: Sequence[tuple[int, int, str]]) -> Iterator[Section]:
    yield Section(0, "", _text(blocks[: starts[0][0]]))
    for (begin, level, title), end in zip(starts, [*(one[0] for one in starts[1:]), len(blocks)], strict=True):
        yield Section(level, title, _text(blocks[begin:end]))


def _text(blocks: Sequence[Block]) -> str:
    return "".join(plain.speakable(_blocks(blocks), lambda _: None)).strip()


def _blocks(blocks: Sequence[Block]) -> Iterator[str]:
    return (f"{block.text}\n\n" for block in blocks)


def _names(title: str, block: Block) -> bool:
    wanted, there = _plain(title), _plain(block.text)
    return bool(there) and (there.startswith(wanted) or (len(there) > 3 and wanted.startswith(there)))


def _plain(text: str) -> str:
    return re.sub(r"\W+", "", text).casefold()
