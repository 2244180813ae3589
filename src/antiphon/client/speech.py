"""Speech from text of any length: sentences become requests, audio comes back joined in one stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from antiphon.audio import Joiner, Resampler, RoomTone, Waveform
from antiphon.audio.stretching import Stretcher
from antiphon.client.client import Client, Job
from antiphon.client.events import Audio, Closed, Missing, Opened, Sound, SoundEvent, Stage
from antiphon.client.job_policy import JobPolicy
from antiphon.economy.types import Mode
from antiphon.errors import InputError
from antiphon.ledger.operations import Selector
from antiphon.services import MIN_SPEED, Request, Service, SpeechRequest
from antiphon.text import Sentence, split_stream

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


class Script(Protocol):
    """A text to be spoken, and how. `text` comes in blocks of any size."""

    @property
    def text(self) -> Iterable[str]: ...

    @property
    def speed(self) -> float: ...

    @property
    def mode(self) -> Mode: ...

    @property
    def seed(self) -> int | None: ...

    @property
    def max_total_nano(self) -> int | None: ...

    @property
    def selector(self) -> Selector: ...

    def request(self, text: str) -> Request:
        """The order of one sentence."""


@dataclass(frozen=True, slots=True)
class Speech:
    """A text in a named voice; `engine` empty = whoever offers it."""

    text: Iterable[str]
    voice: str
    language: str
    engine: str = ""
    speed: float = 1.0
    options: dict[str, str | int | float | bool] = field(default_factory=dict)
    mode: Mode = Mode.VERIFIED
    seed: int | None = None
    max_total_nano: int | None = None

    @property
    def selector(self) -> Selector:
        return Selector(service=str(Service.SPEECH), language=self.language, engine=self.engine, voice=self.voice)

    def request(self, text: str) -> SpeechRequest:
        return SpeechRequest(
            text=text, voice=self.voice, language=self.language, speed=own_speed(self.speed), options=self.options
        )


async def speak(client: Client, speech: Script, policy: JobPolicy | None = None) -> AsyncGenerator[SoundEvent, None]:
    """Say it through the network; sound comes at `OUTPUT_RATE_HZ`.

    Closing the stream early cancels and refunds. Memory does not grow with the text.
    """
    pauses: dict[int, float] = {}
    job = Job(
        requests=_requests(speech, pauses),
        selector=speech.selector,
        mode=speech.mode,
        seed=speech.seed,
        max_total_nano=speech.max_total_nano,
        policy=policy,
    )
    stitcher = _Stitcher(pauses, speech.speed / own_speed(speech.speed))
    ended = 0
    async with aclosing(client.run(job)) as events:
        async for event in events:
            if isinstance(event, (Opened, Stage, Missing, Closed)):
                yield event
            if isinstance(event, Missing):
                stitcher.leave_gap()
            if not isinstance(event, Audio):
                continue
            if event.audio is None:
                ended = event.number + 1
            for piece in stitcher.take(event):
                yield Sound(piece, ended)
    for piece in stitcher.finish():
        yield Sound(piece, ended)


class _Stitcher:
    """Sentences of any rate become one stream at `OUTPUT_RATE_HZ`, `faster` than they came, joined, in a quiet room."""

    def __init__(self, pauses: dict[int, float], faster: float) -> None:
        self._pauses, self._faster = pauses, faster
        self._joiner = Joiner(OUTPUT_RATE_HZ)
        self._room = RoomTone(OUTPUT_RATE_HZ)
        self._resampler: Resampler | None = None
        self._stretcher = Stretcher(OUTPUT_RATE_HZ, faster)
        self._rate_hz = 0
        self._begun = False
        self._gap_s = 0.0

    def take(self, event: Audio) -> Iterator[Waveform]:
        """What can be played after this piece, or after the end of a sentence."""
        if event.audio is None:
            yield from self._end_rate()
            yield from self._played(self._joiner.push(self._stretcher.finish()))
            self._stretcher = Stretcher(OUTPUT_RATE_HZ, self._faster)
            pause_s = max(self._pauses.pop(event.number, 0.0), self._gap_s)
            self._gap_s = 0.0
            yield from self._played(self._joiner.end_sentence(pause_s / self._faster))
            return
        if event.audio.rate_hz != self._rate_hz:  # the first piece, or another node took the sentence over
            yield from self._end_rate()
        if self._resampler is None:
            self._rate_hz = event.audio.rate_hz
            self._resampler = Resampler(self._rate_hz, OUTPUT_RATE_HZ)
        yield from self._stretched(self._resampler.push(event.audio))

    def leave_gap(self) -> None:
        """A sentence is missing: a short pause stands in its place."""
        self._gap_s = MISSING_PAUSE_S

    def finish(self) -> Iterator[Waveform]:
        yield from self._played(self._joiner.finish())
        if self._begun:
            yield self._room.closing()

    def _end_rate(self) -> Iterator[Waveform]:
        if self._resampler is not None:
            yield from self._stretched(self._resampler.finish())
            self._resampler = None

    def _stretched(self, piece: Waveform) -> Iterator[Waveform]:
        yield from self._played(self._joiner.push(self._stretcher.push(piece)))

    def _played(self, piece: Waveform) -> Iterator[Waveform]:
        if not piece.samples.shape[1]:
            return
        if not self._begun:
            self._begun = True
            yield self._room.opening()
        yield self._room.under(piece)


def _requests(speech: Script, pauses: dict[int, float]) -> Iterator[Request]:
    """One request a sentence. What cannot be spoken (a line of dashes) only lengthens the pause before it."""
    number = 0
    for sentence in _sentences(speech.text):
        if sentence.spoken:
            pauses[number] = sentence.pause_s
            yield speech.request(sentence.text)
            number += 1
        elif number:
            pauses[number - 1] = max(pauses.get(number - 1, 0.0), sentence.pause_s)
    if number == 0:
        raise InputError("The text has nothing that can be spoken", "Give at least one word.")


def _sentences(text: Iterable[str]) -> Iterator[Sentence]:
    return split_stream(text, first=FIRST_CHARS)
