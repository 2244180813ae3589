"""An EPUB 3 that is read along: each sentence is marked while it is heard. Source: W3C EPUB 3.3, section 9."""

from __future__ import annotations

import contextlib
import time
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from antiphon.audio.writing import output_error
from antiphon.books.binding import picture_form
from antiphon.books.book import Book
from antiphon.books.timeline import Cue, Timeline

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_CONTAINER = (
    f'{_XML}<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="book/package.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
_STYLE = ".heard { background: #ffe08a; color: #000; }\n"
_PICTURES = {"jpeg_pipe": "jpeg", "png_pipe": "png"}


def write_read_along(sound: Path, output: Path, book: Book, timeline: Timeline) -> None:
    """Put the bound `sound` and the text of its cues into one EPUB, whole or not at all. Raises `OutputError`."""
    part = output.with_name(f".{output.name}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as target:
            target.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)  # first, and as it is
            target.writestr("META-INF/container.xml", _CONTAINER)
            for name, content in _files(book, timeline):
                target.writestr(f"book/{name}", content)
            target.write(sound, "book/sound.m4a", zipfile.ZIP_STORED)
        part.replace(output)
    except OSError as error:
        raise output_error(str(output), error) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _files(book: Book, timeline: Timeline) -> Iterator[tuple[str, str | bytes]]:
    language = escape(book.language or "en")
    chapters = [[cue for cue in timeline.cues if cue.chapter == number] for number in range(len(timeline.marks))]
    titles = [mark.title for mark in timeline.marks]
    for number, (title, cues) in enumerate(zip(titles, chapters, strict=True)):
        yield f"chapter-{number}.xhtml", _page(title, language, "".join(_paragraphs(cues)))
        if any(cue.heard for cue in cues):
            yield f"chapter-{number}.smil", _overlay(number, cues)
    links = "".join(f'<li><a href="chapter-{number}.xhtml">{escape(one)}</a></li>' for number, one in enumerate(titles))
    contents = f'<nav epub:type="toc"><ol>{links}</ol></nav>'
    yield "contents.xhtml", _page(book.title, language, contents)
    yield "style.css", _STYLE
    if picture := _PICTURES.get(picture_form(book.cover)):
        yield f"cover.{picture}", book.cover
    yield "package.opf", _package(book, language, chapters)


def _page(title: str, language: str, body: str) -> str:
    return (
        f'{_XML}<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="{language}" '
        f'xml:lang="{language}"><head><title>{escape(title)}</title><link rel="stylesheet" href="style.css"/></head>'
        f"<body>{body}</body></html>"
    )


def _paragraphs(cues: Sequence[Cue]) -> Iterator[str]:
    opened = False
    for number, cue in enumerate(cues):
        yield f'{" " if opened else "<p>"}<span id="s{number}">{escape(cue.text)}</span>'
        opened = not cue.ends_paragraph
        if not opened:
            yield "</p>\n"
    if opened:
        yield "</p>\n"


def _overlay(chapter: int, cues: Sequence[Cue]) -> str:
    pairs = "".join(
        f'<par id="p{number}"><text src="chapter-{chapter}.xhtml#s{number}"/>'
        f'<audio src="sound.m4a" clipBegin="{cue.begin_s:.3f}s" clipEnd="{cue.end_s:.3f}s"/></par>\n'
        for number, cue in enumerate(cues)
        if cue.heard
    )
    return f'{_XML}<smil xmlns="http://www.w3.org/ns/SMIL" version="3.0"><body>{pairs}</body></smil>'


def _package(book: Book, language: str, chapters: Sequence[Sequence[Cue]]) -> str:
    lengths = [sum(round(cue.end_s - cue.begin_s, 3) for cue in cues) for cues in chapters]
    heard = [number for number, length in enumerate(lengths) if length]
    overlays = {one: f' media-overlay="o{one}"' for one in heard}
    cover = _PICTURES.get(picture_form(book.cover), "")
    metadata = [
        f'<dc:identifier id="id">urn:uuid:{uuid.uuid4()}</dc:identifier>',
        f"<dc:title>{escape(book.title)}</dc:title><dc:language>{language}</dc:language>",
        f"<dc:creator>{escape(book.author)}</dc:creator>" if book.author else "",
        f'<meta property="dcterms:modified">{time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}</meta>',
        *(f'<meta property="media:duration" refines="#o{one}">{lengths[one]:.3f}s</meta>' for one in heard),
        f'<meta property="media:duration">{sum(lengths):.3f}s</meta>',
        '<meta property="media:active-class">heard</meta>',
    ]
    manifest = [
        '<item id="nav" href="contents.xhtml" media-type="application/xhtml+xml" properties="nav"/>',
        '<item id="style" href="style.css" media-type="text/css"/>',
        '<item id="sound" href="sound.m4a" media-type="audio/mp4"/>',
        f'<item id="cover" href="cover.{cover}" media-type="image/{cover}" properties="cover-image"/>' if cover else "",
        *(
            f'<item id="c{one}" href="chapter-{one}.xhtml" media-type="application/xhtml+xml"{overlays.get(one, "")}/>'
            for one in range(len(chapters))
        ),
        *(f'<item id="o{one}" href="chapter-{one}.smil" media-type="application/smil+xml"/>' for one in heard),
    ]
    spine = "".join(f'<itemref idref="c{one}"/>' for one in range(len(chapters)))
    return (
        f'{_XML}<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">\n'
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">{"".join(metadata)}</metadata>\n'
        f"<manifest>{''.join(manifest)}</manifest>\n<spine>{spine}</spine></package>"
    )
