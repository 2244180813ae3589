"""Which encoding a text has that nobody told of: a byte order mark, zeros in turn, UTF-8, or Windows-1252."""

from __future__ import annotations

import codecs
import re

from antiphon.errors import InputError

_MARKS = (
    # UTF-32 first: its little-endian mark begins with the one of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UTF16_SAMPLE_BYTES = 4096
_UTF16_ZEROS = 0.4
"""Least share of zeros among the high bytes, and most the low bytes may not reach, of UTF-16 without a mark."""
_SINGLE_BYTE_SAMPLE = 1 << 16
_FOREIGN_WORDS = 0.2
"""More words than this without one ASCII letter, and the text is of another alphabet than the Latin one."""
_UNDEFINED = frozenset(b"\x81\x8d\x8f\x90\x9d")
_LETTERS = re.compile(rb"[A-Za-z\xc0-\xd6\xd8-\xf6\xf8-\xff\x8a\x8c\x8e\x9a\x9c\x9e\x9f]+")
_PUNCTUATION = re.compile(rb"[\x80\x82\x84\x85\x91-\x97\xa0-\xbf\x89\x8b\x9b\x99]")
_ASCII_LETTER = re.compile(rb"[A-Za-z]")
# A sign between two letters is a letter of another code page (Polish, Czech, Turkish).
_SIGN_IN_WORD = re.compile(rb"[A-Za-z][\xa1-\xa6\xa8-\xaa\xac\xae-\xb6\xb8-\xba\xbc-\xbf][a-z]")
_ONE_LETTER = re.compile(rb"[\xc0\xc8\xc9\xd3\xe0\xe1\xe8\xe9\xec\xf2\xf3\xf9]")  # words of French, Italian, Spanish
_READABLE = 0.9
"""Least share of high bytes that are letters in Latin words, or punctuation."""
_HIGH = re.compile(rb"[\x80-\xff]")
_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")

LONGEST_MARK = 4


def marked(start: bytes) -> tuple[str, int]:
    """The encoding that a byte order mark names and the mark's length; ("", 0) without one."""
    return next(((encoding, len(mark)) for mark, encoding in _MARKS if start.startswith(mark)), ("", 0))


def unmarked_utf16(start: bytes) -> str:
    """`utf-16-le` or `-be` when every other byte is mostly zero, as with Latin letters; else ""."""
    sample = start[:_UTF16_SAMPLE_BYTES]
    pairs = len(sample) // 2
    if pairs < 2:
        return ""
    even, odd = sample[: pairs * 2 : 2].count(0) / pairs, sample[1 : pairs * 2 : 2].count(0) / pairs
    if odd >= _UTF16_ZEROS and even == 0:
        return "utf-16-le"
    if even >= _UTF16_ZEROS and odd == 0:
        return "utf-16-be"
    return ""


class Decoder:
    """Bytes to text, block by block. Without a mark it stays with ASCII until the first other byte decides.

    `encoding` is what was found. Raises `InputError` for bytes that are no text of it.
    """

    def __init__(self, start: bytes, name: str) -> None:
        """`start`: the first bytes, at least `LONGEST_MARK` of them if there are so many; `name` for messages."""
        self._name = name
        self.encoding, self._mark = marked(start)
        if not self.encoding:
            self.encoding = unmarked_utf16(start)
        self.guessed = bool(self.encoding) and not self._mark
        self._decoder = codecs.getincrementaldecoder(self.encoding)() if self.encoding else None

    def decode(self, block: bytes, *, final: bool = False) -> str:
        block, self._mark = block[self._mark :], 0
        if self._decoder is None:
            if block.isascii():
                return block.decode("ascii")
            self._decide(block)
        assert self._decoder is not None
        try:
            return self._decoder.decode(block, final)
        except UnicodeDecodeError as error:
            raise self._refused(error) from error

    def _decide(self, block: bytes) -> None:
        """UTF-8 if all of it is, and what begins at its end may be; else Windows-1252 if it reads like that."""
        self.encoding = "utf-8"
        try:
            codecs.getincrementaldecoder("utf-8")().decode(block)
        except UnicodeDecodeError:
            if _reads_as_western(block):
                self.encoding, self.guessed = "windows-1252", True
        self._decoder = codecs.getincrementaldecoder(self.encoding)()

    def _refused(self, error: UnicodeDecodeError) -> InputError:
        if self.encoding == "utf-8":
            what = f"{self._name} is not UTF-8 text (byte 0x{error.object[error.start]:02x})"
        else:
            what = f"{self._name} is not whole {self.encoding.upper()} text"
        return InputError(what, "Convert it, for example: iconv -f WINDOWS-1252 -t UTF-8 FILE.")


def _reads_as_western(block: bytes) -> bool:
    """Whether high bytes are letters inside Latin words, or marks beside them, and nothing is damaged UTF-8."""
    sample = block[:_SINGLE_BYTE_SAMPLE]
    if _UNDEFINED.intersection(sample) or _SEQUENCE.search(sample):
        return False
    words = _LETTERS.findall(sample)
    foreign = sum(len(word) > 1 and not _ASCII_LETTER.search(word) for word in words)
    if foreign > _FOREIGN_WORDS * len(words) or _SIGN_IN_WORD.search(sample):
        return False
    inside = sum(
        len(_HIGH.findall(word)) for word in words if _ONE_LETTER.fullmatch(word) or _ASCII_LETTER.search(word)
    )
    readable = inside + len(_PUNCTUATION.findall(sample))
    return readable > 0 and readable >= _READABLE * len(_HIGH.findall(sample))
