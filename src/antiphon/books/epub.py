"""EPUB 2 and 3: the spine in its order, titles from the table of contents, tags and cover. Source: W3C EPUB 3.3."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from antiphon.books.archive import Archive, local
from antiphon.books.book import Book, Chapter, Section, chapters_of, one_line
from antiphon.books.sections import of_html
from antiphon.errors import InputError
from antiphon.text import Tell, read_text

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_PAGES = {"application/xhtml+xml", "text/html", "application/x-dtbook+xml"}
_PICTURES = {"image/jpeg", "image/png"}
_FONTS = ("obfuscation", "/pdf/enc#RC")
"""In the algorithms that hide fonts: text is not touched by them."""


def open_epub(file: Path, tell: Tell) -> Book:
    """Raises `InputError` for a book that is broken, encrypted, or has nothing to read."""
    with Archive(file, "EPUB") as archive:
        _refuse_encrypted(archive)
        package = _Package(archive, _package_name(archive))
        title = package.meta("title") or file.stem
        chapters = tuple(one for one in _chapters(package, title, tell) if one.passages)
        if not chapters:
            raise InputError(f"{archive.name} holds no text", "Scanned pages need their text read first (OCR).")
        return Book(title, chapters, package.meta("creator"), package.meta("language"), package.cover())


class _Package:
    """The package document: what the book says of itself, its files and their order."""

    def __init__(self, archive: Archive, name: str) -> None:
        self.archive, self.name, self._root = archive, name, archive.xml(name)
        self.items = {
            item.get("id", ""): item for item in self._all("item") if item.get("id") and item.get("href") is not None
        }
        self._spine = next(self._all("spine"), None)
        if self._spine is None or not len(self._spine):
            raise archive.broken("it has no spine, which says what is read in which order")

    def meta(self, name: str) -> str:
        """The first entry of that name."""
        found = (element.text or "" for element in self._all(name))
        return one_line(next((text for text in found if text.strip()), ""))

    def pages(self) -> Iterator[str]:
        """The files of the spine, but for those beside the text and the table of contents."""
        assert self._spine is not None
        for entry in self._spine:
            item = self.items.get(entry.get("idref", ""))
            if item is None:
                raise self.archive.broken(f"its spine names {entry.get('idref', '')[:80]!r}, which it does not list")
            beside = entry.get("linear") == "no" or "nav" in item.get("properties", "").split()
            if not beside and item.get("media-type", "").lower() in _PAGES:
                yield self.file(item)

    def titles(self) -> dict[str, list[str]]:
        """What the table of contents calls each file, in its order: several where it leads into one."""
        assert self._spine is not None
        found = dict[str, list[str]]()
        ncx = self.items.get(self._spine.get("toc", ""))
        nav = next((item for item in self.items.values() if "nav" in item.get("properties", "").split()), None)
        contents = nav if nav is not None else ncx
        if contents is None:
            return found
        base = self.file(contents)
        for link, title in (_nav_links if nav is not None else _ncx_links)(self.archive.xml(base)):
            if ":" not in link.partition("/")[0]:  # not into the web
                found.setdefault(self.archive.named(base, link), []).append(one_line(title))
        return found

    def cover(self) -> bytes:
        """The cover, if there is one that MP4 can hold."""
        old = next((one.get("content", "") for one in self._all("meta") if one.get("name") == "cover"), "")
        named = (item for item in self.items.values() if "cover-image" in item.get("properties", "").split())
        item = next(named, self.items.get(old))
        if item is None or item.get("media-type") not in _PICTURES or self.file(item) not in self.archive:
            return b""
        return self.archive.read(self.file(item))

    def file(self, item: ElementTree.Element) -> str:
        """The name of an item's file in the archive."""
        return self.archive.named(self.name, item.get("href", ""))

    def _all(self, name: str) -> Iterator[ElementTree.Element]:
        return (element for element in self._root.iter() if local(element) == name)


def _chapters(package: _Package, title: str, tell: Tell) -> Iterator[Chapter]:
    """A page is a chapter, or as many as the table of contents has headings in it; a page without a name goes on."""
    titles, held, name = package.titles(), list[Section](), ""
    for page in package.pages():
        sections = [one for one in _sections(package.archive, page, tell) if one.text.strip()]
        listed = titles.get(page, [])
        headed = next((one.title for one in sections if one.level), "")
        if listed or headed:
            yield from _joined(held, name or title)
            held, name = [], (listed[0] if listed else headed)
        if len(listed) > 1:
            yield from chapters_of(sections, listed[0])
            name = listed[-1]
        else:
            held += sections
    yield from _joined(held, name or title)


def _joined(sections: list[Section], title: str) -> Iterator[Chapter]:
    """Sections as one chapter."""
    return chapters_of([Section(0, "", "\n\n".join(one.text for one in sections))], title)


def _sections(archive: Archive, page: str, tell: Tell) -> list[Section]:
    content = io.BytesIO(archive.read(page))
    if not content.getvalue().strip():
        return []
    content.name = f"{page!r} of {archive.name}"
    return list(of_html(read_text(content), tell))


def _package_name(archive: Archive) -> str:
    if _CONTAINER not in archive:
        raise archive.broken(f"it has no {_CONTAINER}")
    roots = (one.get("full-path", "") for one in archive.xml(_CONTAINER).iter() if local(one) == "rootfile")
    name = next((one for one in roots if one), "")
    if not name:
        raise archive.broken(f"{_CONTAINER} names no package")
    return archive.named("", name)


def _refuse_encrypted(archive: Archive) -> None:
    if "META-INF/rights.xml" in archive or "META-INF/sinf.xml" in archive:
        raise _encrypted(archive)
    if _ENCRYPTION not in archive:
        return
    for method in archive.xml(_ENCRYPTION).iter():
        if local(method) == "EncryptionMethod" and not any(one in method.get("Algorithm", "") for one in _FONTS):
            raise _encrypted(archive)


def _encrypted(archive: Archive) -> InputError:
    return InputError(f"{archive.name} is encrypted (DRM)", "Get the book without copy protection from its seller.")


def _nav_links(root: ElementTree.Element) -> Iterator[tuple[str, str]]:
    navs = [one for one in root.iter() if local(one) == "nav"]
    contents = [one for one in navs if _is_contents(one)]
    for nav in (contents or navs)[:1]:
        for link in nav.iter():
            if local(link) == "a" and link.get("href"):
                yield link.get("href", ""), "".join(link.itertext())


def _is_contents(nav: ElementTree.Element) -> bool:
    return any(key.endswith("}type") and "toc" in value.split() for key, value in nav.items())


def _ncx_links(root: ElementTree.Element) -> Iterator[tuple[str, str]]:
    for point in (one for one in root.iter() if local(one) == "navPoint"):
        label = next((one for one in point if local(one) == "navLabel"), None)
        content = next((one for one in point if local(one) == "content"), None)
        if label is not None and content is not None and content.get("src"):
            yield content.get("src", ""), "".join(label.itertext())
