"""A voice for each speaker of a book: who is found to speak, and what a person says to it, as `NAME = VOICE`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from antiphon.books.book import Book, Chapter, Passage
from antiphon.books.speakers import UNKNOWN, Said, attributed
from antiphon.errors import InputError
from antiphon.text.reading import read_text

NARRATOR, NOBODY = "narrator", "?"
MAX_LINES = 20_000
MAX_CHARS = 200
_PARAGRAPHS = re.compile(r"(?<=\n\n)(?=[^\n])")
_PLACE = re.compile(r"\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Cast:
    """`voices` by name; a value that is a name itself means that speaker. `corrections`: who speaks in a paragraph."""

    voices: Mapping[str, str] = field(default_factory=dict)
    corrections: Mapping[str, str] = field(default_factory=dict)

    def voice_of(self, name: str) -> str:
        """That speaker's, else that of all who have none; "" is the narrator's. Raises `InputError` for a circle."""
        seen = list[str]()
        while name in self.voices:
            if seen and name == NARRATOR:
                return ""
            if name in seen:
                raise InputError(f"The cast goes round: {' = '.join(seen)}", "Give one of them a voice.")
            seen.append(name)
            name = self.voices[name]
        return name if seen and name != NARRATOR else "" if seen or NOBODY not in self.voices else self.voice_of(NOBODY)

    @property
    def narrator(self) -> str:
        """The voice of all that nobody says; "" where the cast has none."""
        return self.voice_of(NARRATOR) if NARRATOR in self.voices else ""

    @property
    def speaks(self) -> bool:
        """Whether anybody but the narrator has a voice."""
        return any(name != NARRATOR for name in self.voices)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A paragraph of a book by name (3.12), and what is said in it."""

    name: str
    text: str
    said: tuple[Said, ...]


def read_cast(lines: Iterable[str], source: str) -> Cast:
    """Lines `NAME = VOICE`, `NAME = OTHER NAME`, `3.12 = NAME`; from # on is a comment, and nothing after = no entry.

    Raises `InputError` with the line.
    """
    voices, corrections = dict[str, str](), dict[str, str]()
    for number, line in enumerate(lines, start=1):
        entry = line.partition("#")[0].strip()
        name, sign, value = (part.strip() for part in entry.partition("="))
        if number > MAX_LINES or (entry and (not sign or not name or max(len(name), len(value)) > MAX_CHARS)):
            raise InputError(f"Line {number} of {source} is no entry of a cast: {entry[:40]!r}", "Write: NAME = VOICE")
        if value:
            (corrections if _PLACE.fullmatch(name) else voices)[name] = value
    return Cast(voices, corrections)


def read_cast_file(file: Path) -> Cast:
    """Raises `InputError`."""
    return read_cast("".join(read_text(file)).splitlines(), repr(str(file)))


def joined(*casts: Cast) -> Cast:
    """Of several, later ones come first."""
    voices, corrections = dict[str, str](), dict[str, str]()
    for one in casts:
        voices |= one.voices
        corrections |= one.corrections
    return Cast(voices, corrections)


def spoken(book: Book, cast: Cast | None = None) -> list[Spoken]:
    """All paragraphs of a book with their speech; passages in a voice of the text's own markup have none."""
    corrections = cast.corrections if cast is not None else {}
    chapters = [[(one, not passage.voice) for passage in chapter.passages for one in _paragraphs(passage.text)]
                for chapter in book.chapters]  # fmt: skip
    said = attributed([[text if free else "" for text, free in chapter] for chapter in chapters])
    found = list[Spoken]()
    for number, (chapter, quoted) in enumerate(zip(chapters, said, strict=True), start=1):
        names = (f"{number}.{count}" for count in range(1, len(chapter) + 1))
        for (text, _), name, quotes in zip(chapter, names, quoted, strict=True):
            right = corrections.get(name)
            told = tuple(replace(one, speaker=right, sure=True) if right else one for one in quotes)
            found.append(Spoken(name, text, told))
    if strange := set(corrections).difference(one.name for one in found):
        raise InputError(f"The book has no paragraph {min(strange)}", "See them: --list quotes")
    return found


def voiced(book: Book, cast: Cast) -> Book:
    """The book with what is said in the voices of those who say it. Raises `InputError`."""
    if not cast.speaks:
        return book
    paragraphs = iter(spoken(book, cast))
    return replace(book, chapters=tuple(_voiced(chapter, paragraphs, cast) for chapter in book.chapters))


def cast_lines(paragraphs: Sequence[Spoken], cast: Cast) -> Iterator[str]:
    """Who was found, with how many lines, as `read_cast` reads it."""
    lines, sure = Counter[str](), Counter[str]()
    for one in (said for paragraph in paragraphs for said in paragraph.said):
        lines[one.speaker] += 1
        sure[one.speaker] += one.sure
    yield f"{NARRATOR} = {cast.voices.get(NARRATOR, '')}"
    for name, count in lines.most_common():
        if name != UNKNOWN:
            yield f"{name} = {cast.voices.get(name, '')}  # {count} lines, {sure[name]} of them named beside the speech"
    yield f"{NOBODY} = {cast.voices.get(NOBODY, '')}  # {lines[UNKNOWN]} lines of nobody that was found"


def quote_lines(paragraphs: Sequence[Spoken]) -> Iterator[str]:
    """Who speaks in each paragraph, as `read_cast` reads it; what was guessed is marked."""
    for paragraph in paragraphs:
        for one in paragraph.said[:1]:
            guess = "" if one.sure else "(a guess) "
            yield f"{paragraph.name} = {one.speaker or NOBODY}  # {guess}{' '.join(one.quote.text.split())[:60]}"


def _voiced(chapter: Chapter, paragraphs: Iterator[Spoken], cast: Cast) -> Chapter:
    found = list[Passage]()
    for passage in chapter.passages:
        texts = _paragraphs(passage.text)
        pieces = [piece for _, paragraph in zip(texts, paragraphs, strict=False) for piece in _pieces(paragraph, cast)]
        found += [passage] if passage.voice else _merged(pieces)
    return replace(chapter, passages=tuple(found))


def _pieces(paragraph: Spoken, cast: Cast) -> Iterator[Passage]:
    place, held = 0, ""  # signs that belong to what they stand before
    for one in paragraph.said:
        told, quoted = paragraph.text[place : one.quote.begin], paragraph.text[one.quote.begin : one.quote.end]
        if place or Passage(told).spoken:
            yield Passage(told)
        else:
            held = told
        yield Passage(held + quoted, cast.voice_of(one.speaker or NOBODY))
        place, held = one.quote.end, ""
    yield Passage(paragraph.text[place:])


def _merged(pieces: Iterable[Passage]) -> list[Passage]:
    """Neighbours of one voice as one; what has no words belongs to what is before it."""
    found = list[Passage]()
    for piece in pieces:
        if found and (piece.voice == found[-1].voice or not piece.spoken):
            found[-1] = replace(found[-1], text=found[-1].text + piece.text)
        elif found and not found[-1].spoken:
            found[-1] = replace(piece, text=found[-1].text + piece.text)
        elif piece.text:
            found.append(piece)
    return found


def _paragraphs(text: str) -> list[str]:
    """With the blank lines after each; those without words belong to the one before."""
    found = list[str]()
    for one in _PARAGRAPHS.split(text):
        if found and not (any(map(str.isalnum, one)) and any(map(str.isalnum, found[-1]))):
            found[-1] += one
        else:
            found.append(one)
    return found
