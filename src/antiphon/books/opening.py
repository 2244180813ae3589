"""A document of any kind as a book."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from antiphon.books.book import Book, Section, chapters_of, title_in
from antiphon.books.docx import open_docx
from antiphon.books.epub import open_epub
from antiphon.books.pdf import open_pdf
from antiphon.books.sections import of_html, of_markdown, of_text
from antiphon.errors import InputError
from antiphon.text import Tell, guess, read_text

EPUB, DOCX, PDF, TEXT, MARKDOWN, HTML = FORMATS = ("epub", "docx", "pdf", "text", "markdown", "html")
_SECTIONS: dict[str, Callable[[Iterator[str], Tell], Iterator[Section]]] = {
    TEXT: of_text,
    MARKDOWN: of_markdown,
    HTML: of_html,
}
_TAG = re.compile(r"^(title|author|language|lang)[ \t]*:[ \t]*[\"']?([^\n\"']{1,200})[\"']?[ \t]*$", re.I | re.M)
_PAGE_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,300})</title>", re.I)
_PAGE_LANGUAGE = re.compile(r"<html[^>]{0,500}\blang=[\"']([\w-]{2,20})", re.I)
_TAGS_CHARS = 4_096


def open_book(file: Path, form: str | None, tell: Tell) -> Book:
    """The book in `file`, in the format `form` (one of `FORMATS`; None: the one it looks like).

    Raises `InputError` for what is missing, broken, encrypted, empty or of another kind.
    """
    if not file.is_file():
        raise InputError(f"{str(file)!r} does not exist" if not file.exists() else f"{str(file)!r} is no file",
                         "Check the name of the book.")  # fmt: skip
    form = form or _form_of(file)
    if form == EPUB:
        return open_epub(file, tell)
    if form == DOCX:
        return open_docx(file)
    if form == PDF:
        return open_pdf(file, tell)
    return _open_text(file, form, tell)


def _form_of(file: Path) -> str | None:
    suffix = file.suffix.lower()
    if suffix in {".epub", ".docx", ".pdf"}:
        return suffix[1:]
    return TEXT if suffix == ".txt" else None


def _open_text(file: Path, form: str | None, tell: Tell) -> Book:
    blocks = read_text(file, tell=tell)
    first = next(blocks, "")
    if form is None:
        form = guess(str(file), first)
        tell(f"read as {form}")
    if form not in _SECTIONS:
        raise InputError(f"{str(file)!r} is {form}, and no book", f"To read it aloud: antiphon say --file {file}")
    tags = _tags(form, first[:_TAGS_CHARS])
    sections = list(_SECTIONS[form](itertools.chain([first], blocks), tell))
    title = tags.get("title") or title_in(sections) or file.stem
    chapters = tuple(one for one in chapters_of(sections, title) if one.passages)
    if not chapters:
        raise InputError(f"{str(file)!r} has nothing that can be spoken", "Give at least one word.")
    return Book(title, chapters, tags.get("author", ""), tags.get("language", tags.get("lang", "")))


def _tags(form: str, start: str) -> dict[str, str]:
    """What a page's head, a front matter or the first lines of a text say of it."""
    if form == HTML:
        import html

        found = {"title": _PAGE_TITLE.search(start), "language": _PAGE_LANGUAGE.search(start)}
        return {name: " ".join(html.unescape(one[1]).split()) for name, one in found.items() if one is not None}
    if form == MARKDOWN:
        if not start.startswith("---"):
            return {}
        start = start.partition("\n")[2].partition("\n---")[0]
    return {found[1].lower(): found[2].strip() for found in _TAG.finditer(start)}
