"""Word documents: paragraphs, and headings by their styles. Source: ECMA-376, part 1, section 17."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from antiphon.books.archive import Archive, local
from antiphon.books.book import Book, Section, chapters_of, one_line, title_in
from antiphon.errors import InputError

_BODY, _PROPERTIES = "word/document.xml", "docProps/core.xml"
_HEADING = re.compile(r"(?:heading|berschrift|titre|titulo|título|titolo)\s*([1-6])$", re.IGNORECASE)


def open_docx(file: Path) -> Book:
    """Raises `InputError` for a document that is broken, or has nothing to read."""
    with Archive(file, "Word") as archive:
        sections = list(_sections(archive.xml(_BODY)))
        tags = _tags(archive) if _PROPERTIES in archive else {}
        title = tags.get("title") or title_in(sections) or file.stem
        chapters = tuple(one for one in chapters_of(sections, title) if one.passages)
        if not chapters:
            raise InputError(f"{archive.name} holds no text", "Give at least one word.")
        return Book(title, chapters, tags.get("creator", ""), tags.get("language", ""))


def _tags(archive: Archive) -> dict[str, str]:
    return {local(one): one_line(one.text or "") for one in archive.xml(_PROPERTIES)}


def _sections(root: ElementTree.Element) -> Iterator[Section]:
    level, title, held = 0, "", list[str]()
    for paragraph in (one for one in root.iter() if local(one) == "p"):
        text = "".join(_words(paragraph)).strip()
        if found := _level(paragraph) if text else 0:
            yield Section(level, title, "\n\n".join(held))
            level, title, held = found, " ".join(text.split()), []
        held.append(text)
    yield Section(level, title, "\n\n".join(held))


def _level(paragraph: ElementTree.Element) -> int:
    """1 to 6 for a heading, else 0; the document's title is a heading of the highest level."""
    for style in (one for one in paragraph.iter() if local(one) == "pStyle"):
        name = next((value for key, value in style.items() if key.endswith("}val")), "")
        if name.lower() in {"title", "titel"}:
            return 1
        return int(found[1]) if (found := _HEADING.search(name)) else 0
    return 0


def _words(paragraph: ElementTree.Element) -> Iterator[str]:
    for one in paragraph.iter():
        name = local(one)
        if name == "t":
            yield one.text or ""
        elif name in {"tab", "br", "cr"}:
            yield " "
