"""Speech from text of any length: sentences become requests, audio comes back joined in one stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Protocol

import msgspec

from antiphon.audio import Joiner, RoomTone, Waveform
from antiphon.audio.shaping import PLAIN, Shape, Shaper
from antiphon.client.client import Client, Job
from antiphon.client.events import Audio, Closed, Missing, Opened, Said, Sound, SoundEvent, Stage
from antiphon.client.job_policy import JobPolicy
from antiphon.economy.types import Mode
from antiphon.engines import registry
from antiphon.errors import InputError
from antiphon.ledger.operations import Selector
from antiphon.services import MIN_SPEED, CloneRequest, Request, Service, SpeechRequest
from antiphon.text import DEFAULT_LIMIT, split_stream

OUTPUT_RATE_HZ = 24_000
FIRST_CHARS = 160
"""The first piece is kept short, so that sound starts early."""
MISSING_PAUSE_S = 1.2
"""Where a sentence is missing: longer than any pause between sentences, so that it is heard."""

MAX_OWN_SPEED = 1.0
"""Faster, engines swallow sounds and miss the pace (docs/figures.md). Nodes speak at this and are judged by it; the
client stretches what they made, and what is to be slower than any node speaks."""


def own_speed(speed: float) -> float:
    """What a node is asked for when the listener wants `speed`."""
    return max(MIN_SPEED, min(speed, MAX_OWN_SPEED))


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence: what is ordered, of whom, the silence after it, and how its sound is shaped for the listener."""

    request: Request
    selector: Selector
    pause_s: float
    shape: Shape = PLAIN

    @property
    def text(self) -> str:
        """As it was ordered."""
        assert isinstance(self.request, (SpeechRequest, CloneRequest))
        return self.request.text

    @property
    def language(self) -> str:
        assert isinstance(self.request, (SpeechRequest, CloneRequest))
        return self.request.language


class Script(Protocol):
    """What `speak` says. `selector` is that of its first line."""

    @property
    def mode(self) -> Mode: ...

    @property
    def seed(self) -> int | None: ...

    @property
    def max_total_nano(self) -> int | None: ...

    @property
    def selector(self) -> Selector: ...

    def lines(self) -> Iterator[Line]:
        """All sentences in order, lazily."""


class OneVoice(Script, Protocol):
    """A script in one voice. `text` comes in blocks of any size."""

    @property
    def text(self) -> Iterable[str]: ...

    @property
    def speed(self) -> float: ...

    def request(self, text: str) -> Request:
        """The order of one sentence."""


@dataclass(frozen=True, slots=True)
class Speech:
    """A text in a named voice; `engine` empty = whoever offers it."""

    text: Iterable[str]
    voice: str
    language: str
    engine: str = ""
    asset: str = ""  # by this model only
    speed: float = 1.0
    options: dict[str, str | int | float | bool] = field(default_factory=dict)
    mode: Mode = Mode.VERIFIED
    seed: int | None = None
    max_total_nano: int | None = None

    @property
    def selector(self) -> Selector:
        service = str(Service.SPEECH)
        return Selector(service=service, language=self.language, engine=self.engine, voice=self.voice, asset=self.asset)

    def request(self, text: str) -> SpeechRequest:
        return SpeechRequest(
            text=text, voice=self.voice, language=self.language, speed=own_speed(self.speed), options=self.options
        )

    def lines(self) -> Iterator[Line]:
        return lines_of(self)


@dataclass(frozen=True, slots=True)
class Passage:
    """Part of a scene. `pause_s`: silence after it; None: as its end has it."""

    script: OneVoice
    pitch: float = 1.0
    gain_db: float = 0.0
    pause_s: float | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """Passages in several voices, one after the other, as one job. Lines of voices that the same nodes serve become
    parts of one task."""

    passages: tuple[Passage, ...]

    @property
    def mode(self) -> Mode:
        return self.passages[0].script.mode

    @property
    def seed(self) -> int | None:
        return self.passages[0].script.seed

    @property
    def max_total_nano(self) -> int | None:
        return self.passages[0].script.max_total_nano

    @property
    def selector(self) -> Selector:
        return self._selectors()[0]

    def lines(self) -> Iterator[Line]:
        first = FIRST_CHARS
        for passage, selector in zip(self.passages, self._selectors(), strict=True):
            last: Line | None = None
            for line in lines_of(passage.script, first, passage.pitch, passage.gain_db):
                if last is not None:
                    yield last
                last, first = replace(line, selector=selector), DEFAULT_LIMIT
            if last is not None:
                yield last if passage.pause_s is None else replace(last, pause_s=passage.pause_s)

    def _selectors(self) -> list[Selector]:
        """Of each passage: without the voice where several voices of an engine speak, so that one task has them."""
        own = [passage.script.selector for passage in self.passages]
        wide = [_of_any_voice(selector) for selector in own]
        served = {there: {one for one, wider in zip(own, wide, strict=True) if wider == there} for there in wide}
        return [there if len(served[there]) > 1 else one for one, there in zip(own, wide, strict=True)]


def _of_any_voice(selector: Selector) -> Selector:
    """The same for any voice of its engine, and for all its kinds of a language where the engine says so."""
    engine = selector.engine
    if not engine:
        return selector
    family = selector.language.partition("-")[0]
    able = registry.load(engine).capabilities.languages if engine in registry.names() else ()
    return msgspec.structs.replace(selector, voice="", language=family if family in able else selector.language)


def lines_of(script: OneVoice, first: int = FIRST_CHARS, pitch: float = 1.0, gain_db: float = 0.0) -> Iterator[Line]:
    """One line a sentence. What cannot be spoken (a line of dashes) only lengthens the pause before it."""
    shape = Shape(script.speed / own_speed(script.speed), pitch, gain_db)
    last: Line | None = None
    for sentence in split_stream(script.text, first=first):
        if sentence.spoken:
            if last is not None:
                yield last
            last = Line(script.request(sentence.text), script.selector, sentence.pause_s, shape)
        elif last is not None:
            last = replace(last, pause_s=max(last.pause_s, sentence.pause_s))
    if last is not None:
        yield last


async def speak(client: Client, script: Script, policy: JobPolicy | None = None) -> AsyncGenerator[SoundEvent, None]:
    """Say it through the network; sound comes at `OUTPUT_RATE_HZ`.

    Closing the stream early cancels and refunds. Memory does not grow with the text.
    """
    lines: dict[int, Line] = {}  # taken, and not heard to their end
    job = Job(
        requests=_requests(script, lines),
        selector=script.selector,
        mode=script.mode,
        seed=script.seed,
        max_total_nano=script.max_total_nano,
        policy=policy,
        selector_of=lambda number: lines[number].selector,
    )
    stitcher = _Stitcher(lines)
    ended, missing = 0, set[int]()
    async with aclosing(client.run(job)) as events:
        async for event in events:
            if isinstance(event, (Opened, Stage, Missing, Closed)):
                yield event
            if isinstance(event, Missing) and event.number >= ended:  # else it was heard before it was rejected
                missing.add(event.number)
                stitcher.leave_gap()
            if not isinstance(event, Audio):
                continue
            line = lines[event.number]
            if event.audio is None:
                ended = event.number + 1
            for piece in stitcher.take(event):
                yield Sound(piece, ended)
            if event.audio is None and event.number not in missing:
                yield Said(event.number, line.text, line.language)
    for piece in stitcher.finish():
        yield Sound(piece, ended)


class _Stitcher:
    """Sentences of any rate become one stream at `OUTPUT_RATE_HZ`, in the shape of their lines, in a quiet room."""

    def __init__(self, lines: dict[int, Line]) -> None:
        self._lines = lines
        self._joiner = Joiner(OUTPUT_RATE_HZ)
        self._room = RoomTone(OUTPUT_RATE_HZ)
        self._shaper: Shaper | None = None
        self._begun = False
        self._gap_s = 0.0

    def take(self, event: Audio) -> Iterator[Waveform]:
        """What can be played after this piece, or after the end of a sentence."""
        if event.audio is None:
            if self._shaper is not None:
                yield from self._played(self._joiner.push(self._shaper.finish()))
                self._shaper = None
            line = self._lines.pop(event.number)
            pause_s, self._gap_s = max(line.pause_s, self._gap_s), 0.0
            yield from self._played(self._joiner.end_sentence(pause_s / line.shape.faster))
            return
        if self._shaper is None:
            self._shaper = Shaper(OUTPUT_RATE_HZ, self._lines[event.number].shape)
        yield from self._played(self._joiner.push(self._shaper.push(event.audio)))

    def leave_gap(self) -> None:
        """A sentence is missing: a short pause stands in its place."""
        self._gap_s = MISSING_PAUSE_S

    def finish(self) -> Iterator[Waveform]:
        yield from self._played(self._joiner.finish())
        if self._begun:
            yield self._room.closing()

    def _played(self, piece: Waveform) -> Iterator[Waveform]:
        if not piece.samples.shape[1]:
            return
        if not self._begun:
            self._begun = True
            yield self._room.opening()
        yield self._room.under(piece)


def _requests(script: Script, lines: dict[int, Line]) -> Iterator[Request]:
    """The requests of a script; its lines are noted by number."""
    number = -1
    for number, line in enumerate(script.lines()):
        lines[number] = line
        yield line.request
    if number < 0:
        raise InputError("The text has nothing that can be spoken", "Give at least one word.")
