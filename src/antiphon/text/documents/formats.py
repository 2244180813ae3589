"""The formats of documents, which one a text is, and the text of any of them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from antiphon.errors import InputError
from antiphon.text.documents import html, markdown, plain, ssml, subtitles
from antiphon.text.reading import MAX_TEXT_BYTES, Tell, read_text, silent

TEXT, MARKDOWN, HTML, SRT, SSML = FORMATS = ("text", "markdown", "html", "srt", "ssml")

_READERS: dict[str, Callable[[Iterable[str], Tell], Iterator[str]]] = {
    TEXT: plain.speakable,
    MARKDOWN: markdown.speakable,
    HTML: html.speakable,
    SRT: subtitles.speakable,
    SSML: ssml.speakable,
}
_SUFFIXES = {
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".srt": SRT,
    ".vtt": SRT,
    ".ssml": SSML,
}
_SAMPLE_CHARS = 1 << 14

_SSML_START = re.compile(r"\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--.{0,1000}?-->\s*)?<speak[\s>]", re.S)
_HTML_START = re.compile(r"\s*(?:<\?xml[^>]{0,200}\?>\s*)?<(?:!doctype\s+html|html|head|body)[\s>]", re.I)
_HTML_TAGS = (
    "a|abbr|article|b|blockquote|code|div|em|h[1-6]|i|li|ol|p|pre|section|small|span|strong|sub|sup|table|td|u|ul"
)
_HTML_PAIR = re.compile(rf"<({_HTML_TAGS})(?:\s[^<>]{{0,500}})?>[^<>]{{0,2000}}</(?:{_HTML_TAGS})>", re.I)
_SRT_START = re.compile(r"\s*(?:WEBVTT\b|(?:\d+[ \t]*\r?\n)?(?:\d{1,3}:)?\d\d:\d\d[,.]\d{3}[ \t]+-->)")
_MARKDOWN_SIGNS = tuple(
    re.compile(pattern, re.M)
    for pattern in (
        r"^ {0,3}#{1,6} +\S",  # heading
        r"^ {0,3}(?:```|~~~)",  # code
        r"\[[^\[\]\n]{1,200}\]\((?:https?://|[./#\w])[^()\s]{0,300}\)",  # link
        r"(?<![\w*])\*\*[^\s*][^*\n]{0,200}\*\*(?![\w*])",  # bold
        r"^ {0,3}\|?(?: *:?-{3,}:? *\|)+(?: *:?-{3,}:? *)?\s*$",  # table
        r"^\S[^\n]{0,100}\r?\n(?:={4,}|-{4,})[ \t]*\r?$",  # underlined heading
        r"\[\^[\w-]{1,20}\]",  # footnote
    )
)


def guess(name: str, start: str) -> str:
    """The format of a text that begins with `start`, in a file called `name` (or "")."""
    by_name = _SUFFIXES.get(Path(name).suffix.lower()) if name else None
    if by_name:
        return by_name
    sample = start[:_SAMPLE_CHARS]
    if _SSML_START.match(sample):
        return SSML
    if _HTML_START.match(sample):
        return HTML
    if _SRT_START.match(sample):
        return SRT
    if any(sign.search(sample) for sign in _MARKDOWN_SIGNS):
        return MARKDOWN  # which may hold HTML
    return HTML if _HTML_PAIR.search(sample) else TEXT


def read_document(
    source: Path | str | BinaryIO,
    *,
    form: str | None = None,
    max_bytes: int = MAX_TEXT_BYTES,
    tell: Tell = silent,
) -> Iterator[str]:
    """`read_text`, without the marks of its format (one of `FORMATS`; None: the one it looks like, which is told).

    What is left out (code, times, tags without a voice) is told too. Raises `InputError` like `read_text`, for an
    unknown format, and for a document with nothing to say.
    """
    if form is not None and form not in FORMATS:
        raise InputError(f"{form!r} is no format of a text", f"Choose one of: {', '.join(FORMATS)}.")
    blocks = read_text(source, max_bytes=max_bytes, tell=tell)
    if form is None:
        first = next(blocks, "")
        form = guess("" if not isinstance(source, (Path, str)) else str(source), first)
        tell(f"read as {form} (a guess; --format-in {'|'.join(FORMATS)} to choose)")
        blocks = itertools.chain([first], blocks)
    spoken = False
    for block in _READERS[form](blocks, tell):
        spoken = spoken or bool(block.strip())
        if block:
            yield block
    if not spoken:
        raise InputError(f"This {form} document has nothing that can be spoken", "Give at least one word of text.")
