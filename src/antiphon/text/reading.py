"""Reading text that came from outside: a file or standard input, block by block."""

from __future__ import annotations

import re
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from antiphon.errors import InputError
from antiphon.text.encodings import LONGEST_MARK, Decoder, marked

MAX_TEXT_BYTES = 16 << 20
"""Largest text taken by default: about 300 hours of speech."""

_BLOCK_BYTES = 1 << 16

_OTHER_KINDS = (
    (b"%PDF", "a PDF document", "Extract its text first: pdftotext FILE.pdf FILE.txt."),
    (b"PK\x03\x04", "a ZIP, DOCX or EPUB file", "Save it as plain text first."),
    (b"\xd0\xcf\x11\xe0", "an old Office document", "Save it as plain text first."),
    (b"{\\rtf", "an RTF document", "Save it as plain text first."),
    (b"\x1f\x8b", "a gzip archive", "Unpack it first: gunzip FILE."),
    (b"RIFF", "an audio or image file", "Give a text file."),
    (b"ID3", "an audio file", "Give a text file."),
    (b"\x89PNG", "an image", "Give a text file."),
    (b"\xff\xd8\xff", "an image", "Give a text file."),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


Tell = Callable[[str], None]
"""Takes a sentence for people about how their text is read."""


def silent(note: str) -> None:
    """Tell nobody."""


def read_text(source: Path | str | BinaryIO, *, max_bytes: int = MAX_TEXT_BYTES, tell: Tell = silent) -> Iterator[str]:
    """The text of `source` (a path, `-` for standard input, or a binary stream) as blocks, with flat memory.

    UTF-8, UTF-16/32 with a byte order mark, UTF-16 of Latin letters without one, or Windows-1252 (and so Latin-1);
    what had to be guessed is told. A regular file is checked whole before its first block comes, so nobody pays for
    half a book; a stream is checked as it passes. Raises `InputError` for a text that is missing, empty, too large,
    binary, or in another encoding.
    """
    if not isinstance(source, (Path, str)):
        yield from _decoded(source, str(getattr(source, "name", "The input")), max_bytes, tell)
    elif str(source) == "-":
        if sys.stdin.isatty():
            raise InputError("No text was given", "Give it as an argument, with -f FILE, or through a pipe.")
        yield from _decoded(sys.stdin.buffer, "Standard input", max_bytes, tell)
    else:
        path = Path(source)
        with _open(path) as stream:
            if stream.seekable():
                for _ in _decoded(stream, repr(str(path)), max_bytes, silent):
                    pass
                stream.seek(0)
            yield from _decoded(stream, repr(str(path)), max_bytes, tell)


def _open(path: Path) -> BinaryIO:
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise InputError(f"{str(path)!r} is a folder", "Name a text file in it.")
        return path.open("rb")
    except FileNotFoundError as error:
        raise InputError(f"{str(path)!r} does not exist", "Check the name of the text file.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"Cannot read {str(path)!r}: {error}", "Check its name and permissions.") from error


def _decoded(stream: BinaryIO, name: str, max_bytes: int, tell: Tell) -> Iterator[str]:
    taken, spoken, told = 0, False, False
    decoder: Decoder | None = None
    for block in _blocks(stream, name):
        taken += len(block)
        if taken > max_bytes:
            raise InputError(f"{name} has more than {max_bytes:,} bytes of text", "Give it in parts.")
        if decoder is None:
            _refuse_other_kinds(block, name)
            decoder = Decoder(block, name)
        text = _checked(decoder.decode(block), name)
        if decoder.guessed and not told:
            told = True
            tell(f"{decoder.encoding.upper()} by the look of its bytes")
        spoken = spoken or bool(text.strip())
        if text:
            yield text
    if decoder is not None:
        decoder.decode(b"", final=True)
    if not spoken:
        raise InputError(f"{name} holds no text", "Give at least one word.")


def _blocks(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """Blocks as they come (a pipe gives what it has); the first is at least as long as any mark."""
    take = getattr(stream, "read1", stream.read)
    first = b""
    try:
        while block := take(_BLOCK_BYTES):
            if len(first) < 8:
                first += block
                if len(first) < 8:
                    continue
                block, first = first, b"\0" * 8
            yield block
    except OSError as error:
        raise InputError(f"Cannot read {name}: {error.strerror}", "Check its permissions.") from error
    if 0 < len(first) < 8:
        yield first


def _refuse_other_kinds(start: bytes, name: str) -> None:
    if marked(start[:LONGEST_MARK])[0]:
        return
    for magic, kind, hint in _OTHER_KINDS:
        if start.startswith(magic):
            raise InputError(f"{name} is {kind}, not text", hint)


def _checked(text: str, name: str) -> str:
    """`text` without stray control characters; many of them, or a zero, mean a binary file."""
    found = _CONTROL.findall(text)
    if not found:
        return text
    if "\0" in found or len(found) > max(8, len(text) // 100):
        raise InputError(
            f"{name} is binary, not text (it holds control characters such as 0x{ord(found[0]):02x})",
            "Give plain text in UTF-8.",
        )
    return _CONTROL.sub("", text)
