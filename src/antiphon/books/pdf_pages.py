"""What stands on the pages of a PDF: `python pdf_pages.py FILE` prints it as JSON.

A program of its own, for the parser is native code that reads what strangers wrote: whatever it does to itself, the
process that asked goes on. Its memory and time are limited by the system. It imports nothing of this package.
"""

from __future__ import annotations

import ctypes
import json
import resource
import sys
from collections.abc import Iterator
from typing import Any

MAX_PAGES = 10_000
MAX_CHARS = 16 << 20
MAX_OUTLINE = 5_000
MAX_MEMORY_BYTES = 1 << 30
MAX_CPU_S = 300
GAP_EMS = 1.6
"""A wider gap in a line is one between columns."""

LOCKED, BROKEN, TOO_LARGE = 3, 4, 5  # exit codes
_HYPHENS = "\x02\ufffe"
"""How PDFium says that a word is divided at the end of a line."""


class TooLargeError(Exception):
    """More than a book can be."""


def main(file: str) -> int:
    """The exit code; what was found is on stdout."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
    import pypdfium2
    from pypdfium2 import raw

    try:
        document = pypdfium2.PdfDocument(file)
        found = _found(document)
    except pypdfium2.PdfiumError as error:
        return LOCKED if getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD else BROKEN
    except (TooLargeError, MemoryError):
        return TOO_LARGE
    json.dump(found, sys.stdout)
    return 0


def _found(document: Any) -> dict[str, object]:
    if len(document) > MAX_PAGES:
        raise TooLargeError
    pages, chars = list[object](), 0
    for number in range(len(document)):
        page = document[number]
        segments = list(_segments(page.get_textpage()))
        chars += sum(len(segment[4]) for segment in segments)
        if chars > MAX_CHARS:
            raise TooLargeError
        pages.append({"turned": page.get_rotation() % 180 != 0, "segments": segments})
        page.close()
    tags = {name: document.get_metadata_value(name) for name in ("Title", "Author")}
    return {"title": tags["Title"], "author": tags["Author"], "outline": list(_outline(document)), "pages": pages}


def _outline(document: Any) -> Iterator[tuple[int, str, int]]:
    """Level from 1, title, page from 0."""
    for number, mark in enumerate(document.get_toc()):
        if number == MAX_OUTLINE:
            return
        target = mark.get_dest()
        page = target.get_index() if target is not None else None
        if page is not None:
            yield mark.level + 1, mark.get_title(), page


def _segments(text: Any) -> Iterator[tuple[float, float, float, float, str]]:
    """Lines, divided where a gap is as wide as one between columns: left, bottom, right, top, text."""
    from pypdfium2 import raw

    box = raw.FS_RECTF()
    held, edges = list[str](), [0.0, 0.0, 0.0, 0.0]
    for index in range(text.count_chars()):
        char = chr(raw.FPDFText_GetUnicode(text, index))
        if char in "\r\n":
            yield from _whole(held, edges)
            held = []
            continue
        if char in _HYPHENS:
            char = "-"
        if char.isspace() or not raw.FPDFText_GetLooseCharBox(text, index, ctypes.byref(box)):
            held += [" "] if held else []
            continue
        gap = box.left - edges[2]
        if held and abs(gap) > GAP_EMS * max(box.top - box.bottom, 1.0):
            yield from _whole(held, edges)
            held = []
        if not held:
            edges = [box.left, box.bottom, box.right, box.top]
        edges = [
            min(edges[0], box.left),
            min(edges[1], box.bottom),
            max(edges[2], box.right),
            max(edges[3], box.top),
        ]
        held.append(char)
    yield from _whole(held, edges)


def _whole(held: list[str], edges: list[float]) -> Iterator[tuple[float, float, float, float, str]]:
    if text := "".join(held).strip():
        yield (*(round(edge, 1) for edge in edges), text)  # type: ignore[misc]  # four edges


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
