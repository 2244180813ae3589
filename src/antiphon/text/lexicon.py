"""How words are said: `word = said as`, a line each."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from antiphon.errors import InputError
from antiphon.text.reading import read_text

MAX_ENTRIES = 10_000
MAX_ENTRY_CHARS = 200


@dataclass(frozen=True, slots=True)
class Said:
    """A text as it is said, and how its places lie in the one that was written."""

    text: str
    written: str
    said_ends: tuple[int, ...] = ()  # of each change, in the text that is said
    written_ends: tuple[int, ...] = ()

    def written_place(self, place: int) -> int:
        """Where a place of what is said lies in what was written; inside a change: at its end."""
        at = bisect_right(self.said_ends, place)
        if at == 0:
            before = after = 0
        else:
            before, after = self.said_ends[at - 1], self.written_ends[at - 1]
        moved = after + place - before
        return min(moved, self.written_ends[at]) if at < len(self.written_ends) else min(moved, len(self.written))


class Lexicon:
    """Words and what is said for them. One in small letters holds however it is written; another as it is."""

    def __init__(self, entries: dict[str, str]) -> None:
        self._entries = entries
        words = "|".join(re.escape(word) for word in sorted(entries, key=len, reverse=True))
        self._pattern = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) if entries else None

    def said(self, text: str) -> Said:
        """The text with every word as it is said."""
        if self._pattern is None:
            return Said(text, text)
        out, said_ends, written_ends, begin, size = list[str](), list[int](), list[int](), 0, 0
        for found in self._pattern.finditer(text):
            better = self._entries.get(found[0]) or self._entries.get(found[0].lower())
            if better is None:
                continue
            out += (text[begin : found.start()], better)
            size += found.start() - begin + len(better)
            begin = found.end()
            said_ends.append(size)
            written_ends.append(begin)
        return Said("".join((*out, text[begin:])), text, tuple(said_ends), tuple(written_ends))


def read_lexicon(file: Path | str) -> Lexicon:
    """The lexicon in a file. Raises as `read_entries`."""
    return Lexicon(read_entries(file))


def read_entries(file: Path | str) -> dict[str, str]:
    """A file of `word = said as`; what begins with # is a comment. Raises `InputError` with the line."""
    entries = dict[str, str]()
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        word, sign, said = (part.strip() for part in line.partition("="))
        if not sign or not word or not said or max(len(word), len(said)) > MAX_ENTRY_CHARS:
            raise InputError(
                f"Line {number} of {str(file)!r} is no entry of a lexicon: {line.strip()[:40]!r}",
                f"Write: word = said as, each of at most {MAX_ENTRY_CHARS} characters.",
            )
        entries[word] = said
        if len(entries) > MAX_ENTRIES:
            raise InputError(f"{str(file)!r} has more than {MAX_ENTRIES:,} entries", "Leave some out.")
    return entries


def _lines(file: Path | str) -> Iterator[str]:
    return iter("".join(read_text(Path(file))).splitlines())
