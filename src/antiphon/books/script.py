"""A chapter as it is spoken: passages as their words are said, cut into sentences and counted by paragraphs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from antiphon.books.book import Chapter, Passage
from antiphon.books.timeline import Line
from antiphon.client.speech import FIRST_CHARS
from antiphon.door.scenes import pause_between
from antiphon.text import DEFAULT_LIMIT, Sentence, split_stream
from antiphon.text.boundaries import PARAGRAPH_PAUSE_S
from antiphon.text.lexicon import Lexicon, Said
from antiphon.text.markup import PLAIN, asked_pause_s, with_pauses
from antiphon.text.markup import Passage as Marked


@dataclass(frozen=True, slots=True)
class Turn:
    """A passage as it is said. `pause_s`: the silence after it, None: as its end has it; `ends_paragraph`: with it."""

    said: Said
    voice: str
    pause_s: float | None
    ends_paragraph: bool


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Chapter and paragraph by number from 1, its words, and which sentences of the book it is, from 0."""

    chapter: int
    number: int
    text: str
    sentences: range

    @property
    def name(self) -> str:
        """As people call it: 3.12."""
        return f"{self.chapter}.{self.number}"


def turns(chapter: Chapter, lexicon: Lexicon) -> list[Turn]:
    """The passages of a chapter in their order."""
    followings = [*chapter.passages[1:], None]
    return [
        Turn(
            lexicon.said("".join(with_pauses([passage.text]))),
            passage.voice,
            None if following is None else _pause_s(passage, following),
            following is None or _apart(passage, following),
        )
        for passage, following in zip(chapter.passages, followings, strict=True)
    ]


def pieces(chapter: Sequence[Turn]) -> Iterator[tuple[int, Sentence]]:
    """What is ordered, as the client cuts it, each with the number of its turn. What cannot be spoken comes, too."""
    first = FIRST_CHARS
    for number, turn in enumerate(chapter):
        for piece in split_stream([turn.said.text], first=first):
            yield number, piece
            first = DEFAULT_LIMIT if piece.spoken else first


def lines(chapter: Sequence[Turn]) -> list[Line]:
    """The sentences of a chapter as they were written, with the silence after each."""
    found, of_turn = list[Line](), list[int]()
    for number, piece in pieces(chapter):
        said = chapter[number].said
        if piece.spoken:
            written = said.written[said.written_place(piece.start) : said.written_place(piece.end)]
            ends = "\n\n" in written[len(written.rstrip()) :]
            found.append(Line(" ".join(written.split()), piece.pause_s, ends))
            of_turn.append(number)
        elif found and of_turn[-1] == number:  # a line of dashes only lengthens the pause before it
            found[-1] = replace(found[-1], pause_s=max(found[-1].pause_s, piece.pause_s))
    for at, (number, following) in enumerate(pairwise([*of_turn, len(chapter)])):
        if number != following:  # the last of its turn
            turn = chapter[number]
            pause_s = found[at].pause_s if turn.pause_s is None else turn.pause_s
            found[at] = replace(found[at], pause_s=pause_s, ends_paragraph=turn.ends_paragraph)
    return found


def paragraphs(chapters: Sequence[Sequence[Turn]]) -> Iterator[Paragraph]:
    """All paragraphs of a book."""
    total = 0
    for number, chapter in enumerate(chapters, start=1):
        held, count, begin = list[str](), 0, total
        for line in lines(chapter):
            held.append(line.text)
            total += 1
            if line.ends_paragraph:
                count += 1
                yield Paragraph(number, count, " ".join(held), range(begin, total))
                held, begin = [], total


def _apart(passage: Passage, following: Passage) -> bool:
    """Whether another paragraph begins with what follows; a mark of voices stands on a line of its own."""
    ends = passage.text[len(passage.text.rstrip()) :]
    begins = following.text[: len(following.text) - len(following.text.lstrip())]
    return "\n" in ends + begins


def _pause_s(passage: Passage, following: Passage) -> float:
    if _apart(passage, following):
        return max(PARAGRAPH_PAUSE_S, asked_pause_s(passage.text))
    return pause_between(Marked(passage.text, passage.voice), Marked(following.text, following.voice), PLAIN)
