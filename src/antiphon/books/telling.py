"""A book as one order: chapter by chapter, each passage in its voice, with the time of every sentence."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import numpy as np

from antiphon.audio import SPEECH_EXPECTED_LUFS, SPEECH_LUFS, Waveform
from antiphon.books import script
from antiphon.books.book import Book
from antiphon.books.script import Paragraph, Turn
from antiphon.books.timeline import Follower, Timeline
from antiphon.client.cloning import ClonedSpeech
from antiphon.client.events import Missing, Opened, Sound, SoundEvent, Stage
from antiphon.client.job_policy import JobPolicy
from antiphon.client.speech import OUTPUT_RATE_HZ, Passage, Scene, Speech, own_speed, speak
from antiphon.door.connecting import Session
from antiphon.door.ordering import Charge, SoundOrder
from antiphon.door.scenes import charges_of
from antiphon.door.settings import Settings
from antiphon.door.speaking import Say, SayFields
from antiphon.economy.types import Mode
from antiphon.errors import InputError
from antiphon.ledger.operations import Selector
from antiphon.services import Request
from antiphon.text.lexicon import Lexicon

CHAPTER_PAUSE_S = 1.5
"""Beside the breath of room that ends and begins every chapter (.45 s)."""


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
        return (piece.text for turns in self._turns() for _, piece in script.pieces(turns) if piece.spoken)

    def paragraphs(self) -> Iterator[Paragraph]:
        """All that is said, by paragraphs."""
        return script.paragraphs(self._turns())

    def named(self, names: Iterable[str]) -> list[Paragraph]:
        """The paragraphs of those names. Raises `InputError` for one that there is not."""
        found = {one.name: one for one in self.paragraphs()}
        for name in names:
            if name not in found:
                hint = "Paragraphs are called CHAPTER.NUMBER; see them: --list paragraphs"
                raise InputError(f"The book has no paragraph {name[:20]!r}", hint)
        return [found[name] for name in dict.fromkeys(names)]

    def requests(self, settings: Settings) -> Iterator[Request]:
        """What is ordered, sentence by sentence. Raises as `order`."""
        return (line.request for scene in self._scenes(settings) for line in scene.lines())

    def order(self, settings: Settings, timeline: Timeline) -> SoundOrder:
        """All of it, checked as far as it can be before anything starts; `timeline` grows as it is made.

        Raises `InputError` for a voice, language, speed, seed or option that does not exist or fit.
        """
        wrong = next((number for number in self.voices if not 1 <= number <= len(self.book.chapters)), None)
        if wrong is not None:
            raise InputError(f"There is no chapter {wrong}", f"The book has {len(self.book.chapters)}.")
        scenes = self._scenes(settings)
        units = dict[Selector, int]()
        for charge in (charge for scene in scenes for charge in charges_of(scene)):
            units[charge.selector] = units.get(charge.selector, 0) + charge.units

        def produce(session: Session, policy: JobPolicy) -> AsyncGenerator[SoundEvent, None]:
            return self._produce(scenes, timeline, session, policy)

        return SoundOrder(
            produce=produce,
            selector=scenes[0].passages[0].script.selector,
            rate_hz=OUTPUT_RATE_HZ,
            charges=tuple(Charge(selector, count) for selector, count in units.items()),
            max_total_nano=self.fields.get("max_cost_nano"),
            loudness_lufs=SPEECH_LUFS,
            expected_lufs=SPEECH_EXPECTED_LUFS,
            streams=self.fields.get("mode") is Mode.STREAM,
        )

    def _turns(self) -> list[list[Turn]]:
        return [script.turns(chapter, self.lexicon) for chapter in self.book.chapters]

    def _scenes(self, settings: Settings) -> list[Scene]:
        """A chapter each."""
        voices, scenes = dict[str, Speech | ClonedSpeech](), list[Scene]()
        for number, turns in enumerate(self._turns(), start=1):
            passages = list[Passage]()
            for turn in turns:
                voice = turn.voice or self.voices.get(number, "")
                if voice not in voices:
                    voices[voice] = self._in_voice(settings, voice)
                passages.append(Passage(replace(voices[voice], text=(turn.said.text,)), pause_s=turn.pause_s))
            scenes.append(Scene(tuple(passages)))
        return scenes

    def _in_voice(self, settings: Settings, voice: str) -> Speech | ClonedSpeech:
        """A script in that voice, checked; its text comes later."""
        wanted = replace(Say(text="a", **self.fields), max_cost_nano=None)
        wanted = replace(wanted, voice=voice) if voice else wanted
        wanted.order(settings)
        return wanted.one_voice(settings)

    async def _produce(
        self, scenes: list[Scene], timeline: Timeline, session: Session, policy: JobPolicy
    ) -> AsyncGenerator[SoundEvent, None]:
        parts, speed = 0, self.fields.get("speed", 1.0)
        for chapter, scene, turns in zip(self.book.chapters, scenes, self._turns(), strict=True):
            if timeline.samples:
                yield _silence(timeline, CHAPTER_PAUSE_S, parts)
            timeline.begin_chapter(chapter.title)
            lines = script.lines(turns)
            follower = Follower(timeline, lines, speed / own_speed(speed))
            async with aclosing(speak(session.client, scene, policy)) as events:
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
