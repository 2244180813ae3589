"""A book as it is read aloud: chapters of passages, each in one voice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_TITLE_CHARS = 200
_VOICE = re.compile(r"^[ \t]*\[voice(?:[ \t]*[: \t][ \t]*([^\[\]\s]{1,200}))?[ \t]*\][ \t]*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Passage:
    """Text without marks, in one voice; `voice` empty: the book's."""

    text: str
    voice: str = ""

    @property
    def spoken(self) -> bool:
        """Whether there is anything to say."""
        return any(char.isalnum() for char in self.text)


@dataclass(frozen=True, slots=True)
class Chapter:
    """Its title, and what is said of it, the title included."""

    title: str
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Book:
    """`cover`: a JPEG or PNG, or empty. `language`: BCP 47, or empty."""

    title: str
    chapters: tuple[Chapter, ...]
    author: str = ""
    language: str = ""
    cover: bytes = b""


@dataclass(frozen=True, slots=True)
class Section:
    """Text from one heading to the next. `level` 1 is the highest; 0: before any heading."""

    level: int
    title: str
    text: str


def chapter(title: str, text: str) -> Chapter:
    """A chapter with the voices of its markup: `[voice NAME]` at the beginning of a line, `[voice]` to go back."""
    found, voice, begin = list[Passage](), "", 0
    for mark in _VOICE.finditer(text):
        found.append(Passage(text[begin : mark.start()], voice))
        voice, begin = mark[1] or "", mark.end()
    found.append(Passage(text[begin:], voice))
    return Chapter(one_line(title), tuple(passage for passage in found if passage.spoken))


def title_in(sections: Iterable[Section]) -> str:
    """The heading that stands alone above all others: it names the whole; "" where none does."""
    headed = [section for section in sections if section.level]
    if not headed:
        return ""
    top = min(section.level for section in headed)
    highest = [section for section in headed if section.level == top]
    return highest[0].title if len(highest) == 1 and headed[0] is highest[0] and len(headed) > 1 else ""


def chapters_of(sections: Iterable[Section], title: str) -> Iterator[Chapter]:
    """Sections as chapters: of the highest level of which there are several. `title` is for what has no heading.

    A heading with nothing under it (a part, the title of the book) is read before the chapter that follows.
    """
    sections = list(sections)
    counts = {level: sum(one.level == level for one in sections) for level in range(1, 7)}
    deepest = next((level for level, count in counts.items() if count > 1), 6)
    text, name, bare = "", "", True  # of the chapter that grows
    for section in sections:
        if 0 < section.level <= deepest and not bare:
            yield chapter(name or title, text)
            text, name, bare = "", "", True
        if section.level and (section.level <= deepest or not name) and bare:
            name = section.title
        text = f"{text}\n\n{section.text}" if text else section.text
        body = section.text.strip().removeprefix(section.title)
        bare = bare and not any(char.isalnum() for char in body)
    if any(char.isalnum() for char in text):
        yield chapter(name or title, text)


def one_line(text: str) -> str:
    """Without line ends, and no longer than a title is."""
    return " ".join(text.split())[:MAX_TITLE_CHARS]
