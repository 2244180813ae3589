"""A book as one order: passage by passage, each in its voice, with the time of every sentence."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import numpy as np

from antiphon.audio import SPEECH_EXPECTED_LUFS, SPEECH_LUFS, Waveform
from antiphon.books.book import Book, Passage
from antiphon.books.timeline import Follower, Line, Timeline
from antiphon.client.events import Missing, Opened, Sound, SoundEvent, Stage
from antiphon.client.job_policy import JobPolicy
from antiphon.client.speech import FIRST_CHARS, OUTPUT_RATE_HZ, own_speed
from antiphon.door.connecting import Session
from antiphon.door.ordering import Charge, SoundOrder
from antiphon.door.settings import Settings
from antiphon.door.speaking import Say, SayFields
from antiphon.economy.types import Mode
from antiphon.errors import InputError
from antiphon.ledger.operations import Selector
from antiphon.text import Sentence, split_stream
from antiphon.text.lexicon import Lexicon, Said

CHAPTER_PAUSE_S = 1.5
VOICE_PAUSE_S = 0.1
"""Beside the breath of room that ends and begins every passage (.45 s)."""


@dataclass(frozen=True, slots=True)
class _Spoken:
    chapter: int
    said: Said
    order: SoundOrder


@dataclass(frozen=True, slots=True)
class Telling:
    """How a book is told. `fields`: its voice, language, speed and what else every sentence is ordered with; `voices`:
    of chapters, by number from 1; a voice in the text's own markup comes before both."""

    book: Book
    fields: SayFields
    lexicon: Lexicon = field(default_factory=lambda: Lexicon({}))
    voices: Mapping[int, str] = field(default_factory=dict)

    def sentences(self) -> Iterator[str]:
        """What is ordered, sentence by sentence, as it is said."""
        for chapter in self.book.chapters:
            for passage in chapter.passages:
                yield from (piece.text for piece in _pieces(self.lexicon.said(passage.text)))

    def order(self, settings: Settings, timeline: Timeline) -> SoundOrder:
        """All of it, checked as far as it can be before anything starts; `timeline` grows as it is made.

        Raises `InputError` for a voice, language, speed, seed or option that does not exist or fit.
        """
        wrong = next((number for number in self.voices if not 1 <= number <= len(self.book.chapters)), None)
        if wrong is not None:
            raise InputError(f"There is no chapter {wrong}", f"The book has {len(self.book.chapters)}.")
        spoken = [
            self._spoken(settings, number, passage)
            for number, chapter in enumerate(self.book.chapters)
            for passage in chapter.passages
        ]
        units = dict[Selector, int]()
        for one in spoken:
            units[one.order.selector] = units.get(one.order.selector, 0) + len(one.said.text)
        faster = self._speed / own_speed(self._speed)

        def produce(session: Session, policy: JobPolicy) -> AsyncGenerator[SoundEvent, None]:
            return self._produce(spoken, timeline, faster, session, policy)

        return SoundOrder(
            produce=produce,
            selector=spoken[0].order.selector,
            rate_hz=OUTPUT_RATE_HZ,
            charges=tuple(Charge(selector, count) for selector, count in units.items()),
            max_total_nano=self.fields.get("max_cost_nano"),
            loudness_lufs=SPEECH_LUFS,
            expected_lufs=SPEECH_EXPECTED_LUFS,
            streams=self.fields.get("mode") is Mode.STREAM,
        )

    @property
    def _speed(self) -> float:
        return self.fields.get("speed", 1.0)

    def _spoken(self, settings: Settings, number: int, passage: Passage) -> _Spoken:
        said = self.lexicon.said(passage.text)
        wanted = Say(text=said.text, **self.fields)
        if voice := passage.voice or self.voices.get(number + 1, ""):
            wanted = replace(wanted, voice=voice)
        return _Spoken(number, said, replace(wanted, max_cost_nano=None).order(settings))

    async def _produce(
        self, spoken: list[_Spoken], timeline: Timeline, faster: float, session: Session, policy: JobPolicy
    ) -> AsyncGenerator[SoundEvent, None]:
        parts, chapter = 0, -1
        for one in spoken:
            if timeline.samples:
                yield _silence(timeline, CHAPTER_PAUSE_S if one.chapter != chapter else VOICE_PAUSE_S, parts)
            if one.chapter != chapter:
                chapter = one.chapter
                timeline.begin_chapter(self.book.chapters[chapter].title)
            lines = _lines(one.said)
            follower = Follower(timeline, lines, faster)
            async with aclosing(one.order.produce(session, policy)) as events:
                async for event in events:
                    if isinstance(event, Sound):
                        follower.sound(event.audio.samples.shape[1], event.parts)
                    elif isinstance(event, Missing):
                        follower.missing(event.number)
                    yield _moved(event, parts)
            parts += len(lines)


def _silence(timeline: Timeline, seconds: float, parts: int) -> Sound:
    samples = round(seconds * timeline.rate_hz)
    timeline.samples += samples
    return Sound(Waveform(np.zeros((1, samples), dtype=np.float32), timeline.rate_hz), parts)


def _moved(event: SoundEvent, parts: int) -> SoundEvent:
    """An event of a passage before which there were so many sentences, as one of the book."""
    if isinstance(event, Opened):
        return replace(event, first=event.first + parts)
    if isinstance(event, (Stage, Missing)):
        return replace(event, number=event.number + parts)
    if isinstance(event, Sound):
        return replace(event, parts=event.parts + parts)
    return event


def _pieces(said: Said) -> Iterator[Sentence]:
    """As the client cuts them."""
    return (piece for piece in split_stream([said.text], first=FIRST_CHARS) if piece.spoken)


def _lines(said: Said) -> list[Line]:
    found = list[Line]()
    for piece in split_stream([said.text], first=FIRST_CHARS):
        if piece.spoken:
            written = said.written[said.written_place(piece.start) : said.written_place(piece.end)]
            ends = "\n\n" in written[len(written.rstrip()) :]
            found.append(Line(" ".join(written.split()), piece.pause_s, ends))
        elif found:  # a line of dashes only lengthens the pause before it
            found[-1] = replace(found[-1], pause_s=max(found[-1].pause_s, piece.pause_s))
    if found:
        found[-1] = replace(found[-1], ends_paragraph=True)
    return found
